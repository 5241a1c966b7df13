package raster_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/raster"
	"eshop/domain"
)

func TestRaster_Decode_FindsTheTypeInTheContent(t *testing.T) {
	r := raster.New()
	for name, c := range map[string]struct {
		content []byte
		kind    domain.PictureType
		media   string
	}{
		"JPEG":                  {aJPEG(t), domain.JPEG, "image/jpeg"},
		"JPEG in several scans": {progressive(16, 16, 3), domain.JPEG, "image/jpeg"},
		"PNG":                   {aPNG(t), domain.PNG, "image/png"},
		"WebP":                  {lossy(t), domain.WebP, "image/webp"},
		"WebP without loss":     {lossless(t), domain.WebP, "image/webp"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := r.Decode(t.Context(), c.content)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(c.content, got.Content), "nothing in it had to go")
			assert.Equal(t, domain.NewPicture(c.kind, c.content).Name, got.Name)
			assert.Equal(t, c.media, got.Name.MediaType())
			again, err := r.Decode(t.Context(), c.content)
			require.NoError(t, err)
			assert.Equal(t, got.Name, again.Name)
		})
	}
}

func TestRaster_Decode_RefusesWhatIsNoPicture(t *testing.T) {
	moving := new(bytes.Buffer)
	require.NoError(t, gif.Encode(moving, drawn(), nil))
	for name, content := range map[string][]byte{
		"nothing":                  nil,
		"text":                     []byte("a picture, honestly"),
		"a drawing with a script":  []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"a page with a script":     []byte(`<!doctype html><script>alert(1)</script>`),
		"a script after a start":   []byte("\xff\xd8\xff<script>alert(1)</script>"),
		"a GIF":                    moving.Bytes(),
		"bytes of the sort":        []byte("RIFF\x1a\x00\x00\x00WEBPVP8 "),
		"a picture that was spilt": slices.Concat(aPNG(t)[:50], []byte{0xff}, aPNG(t)[51:]),
		"too many bytes":           slices.Concat(aPNG(t), make([]byte, domain.MaxPictureBytes)),
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, content) })
	}
	for name, whole := range map[string][]byte{"JPEG": aJPEG(t), "PNG": aPNG(t), "WebP": lossy(t), "WebP without loss": lossless(t)} {
		t.Run("any part of a "+name, func(t *testing.T) {
			for n := range len(whole) - 1 { // the last byte may be padding
				requireRefused(t, whole[:n])
			}
		})
	}
}

func TestRaster_Decode_AllocatesNothingForAPictureThatIsTooLarge(t *testing.T) {
	r := raster.New()
	for name, bomb := range map[string][]byte{
		"JPEG": bytes.Replace(aJPEG(t), []byte{0, 20, 0, 30}, []byte{0xea, 0x60, 0xea, 0x60}, 1),
		"PNG":  pngHeader(60_000, 60_000),
		"WebP": slices.Concat([]byte("RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"), []byte{0x3f, 0x9c, 0, 0x3f, 0x9c, 0}),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := r.Decode(t.Context(), bomb)
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, "16 million pixels")
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		})
	}
}

func TestRaster_Decode_CountsPixelsInTheHeader(t *testing.T) {
	for size, said := range map[[2]uint32]string{
		{4000, 4000}: "cut off", {16_000_000, 1}: "cut off", {4000, 4001}: "16 million pixels", {1, 16_000_001}: "16 million pixels",
	} {
		_, err := raster.New().Decode(t.Context(), pngHeader(size[0], size[1]))
		require.ErrorContains(t, err, said, size)
	}
}

func TestRaster_Decode_EndsWithItsContext(t *testing.T) {
	r := raster.New()
	t.Run("when a picture was made to take long", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := r.Decode(ctx, progressive(4000, 4000, 18_000))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(start), 2*time.Second)
	})
	t.Run("and is free for the next one", func(t *testing.T) {
		_, err := r.Decode(t.Context(), aPNG(t))
		require.NoError(t, err)
	})
	t.Run("when it has ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.Decode(ctx, aPNG(t))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestRaster_Decode_RemovesMetadataOfAJPEG(t *testing.T) {
	for name, c := range map[string]struct {
		exif []byte
		turn int
	}{
		"upright":                {exif(binary.BigEndian, 1), 0},
		"on its side":            {exif(binary.BigEndian, 6), 6},
		"upside down":            {exif(binary.LittleEndian, 3), 3},
		"the other way round":    {exif(binary.LittleEndian, 8), 8},
		"turned in no known way": {exif(binary.LittleEndian, 9), 0},
		"without a word of it":   {[]byte("MM\x00*\x00\x00\x00\x08\x00\x00 N 52 31"), 0},
		"a table that is cut":    {[]byte("MM\x00*\x00\x00\x00\x08\xff\xff N 52 31"), 0},
		"a table elsewhere":      {[]byte("II*\x00\xff\xff\xff\xff N 52 31"), 0},
		"cut off":                {[]byte("II*"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			whole := aJPEG(t)
			said := slices.Concat(whole[:2],
				segment(0xe0, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"),
				segment(0xe1, "Exif\x00\x00"+string(c.exif)),
				segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<x> N 52 31 </x>"),
				segment(0xe2, "ICC_PROFILE\x00\x01\x01colours"), segment(0xe2, "MPF\x00 N 52 31"),
				segment(0xed, "Photoshop 3.0\x00 N 52 31"), segment(0xfe, "N 52 31"),
				whole[2:], []byte("<script>"), whole[:2], segment(0xe1, "N 52 31"), whole[2:])
			got, err := raster.New().Decode(t.Context(), said)
			require.NoError(t, err)
			assert.NotContains(t, string(got.Content), "N 52 31")
			assert.NotContains(t, string(got.Content), "script")
			assert.Contains(t, string(got.Content), "ICC_PROFILE\x00\x01\x01colours")
			assert.Equal(t, c.turn, turnOf(got.Content))
			assert.Equal(t, decoded(t, whole), decoded(t, got.Content))

			again, err := raster.New().Decode(t.Context(), got.Content)
			require.NoError(t, err)
			assert.Equal(t, got.Name, again.Name)
		})
	}
}

func FuzzRaster_Decode(f *testing.F) {
	for _, seed := range [][]byte{aJPEG(f), aPNG(f), lossy(f), lossless(f), progressive(16, 16, 3),
		slices.Concat(aJPEG(f)[:2], segment(0xe1, "Exif\x00\x00"+string(exif(binary.BigEndian, 6))), aJPEG(f)[2:])} {
		f.Add(seed)
	}
	r := raster.New()
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := r.Decode(t.Context(), content)
		if err != nil {
			require.ErrorIs(t, err, domain.ErrInvalid)
			return
		}
		again, err := r.Decode(t.Context(), got.Content)
		require.NoError(t, err, "what is kept is a picture")
		require.Equal(t, got.Name, again.Name, "which has nothing left to lose")
	})
}

func requireRefused(t *testing.T, content []byte) {
	t.Helper()
	_, err := raster.New().Decode(t.Context(), content)
	require.ErrorIs(t, err, domain.ErrInvalid, "%q", content[:min(len(content), 100)])
	var e *domain.Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Fields["picture"])
}

// drawn is a picture 30 wide and 20 high, no two parts of which are alike.
func drawn() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 30, 20))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i / 7)
	}
	return m
}

func aJPEG(t testing.TB) []byte {
	out := new(bytes.Buffer)
	require.NoError(t, jpeg.Encode(out, drawn(), nil))
	return out.Bytes()
}

func aPNG(t testing.TB) []byte {
	out := new(bytes.Buffer)
	require.NoError(t, png.Encode(out, drawn()))
	return out.Bytes()
}

func lossy(t testing.TB) []byte {
	frame, err := base64.StdEncoding.DecodeString("VlA4ICgAAABwAQCdASoDAAIAAsBMJaACdAFAAAD+7HDdcXNkYa/+N4/yXf277KAA")
	require.NoError(t, err)
	return slices.Concat([]byte("RIFF\x34\x00\x00\x00WEBP"), frame)
}

func lossless(t testing.TB) []byte {
	whole, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAkAAEAcQERGIiP4HAA==")
	require.NoError(t, err)
	return whole
}

// pngHeader is how a picture of that size would begin.
func pngHeader(width, height uint32) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	head = append(binary.BigEndian.AppendUint32(head, height), 8, 6, 0, 0, 0)
	return binary.BigEndian.AppendUint32(slices.Concat([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head), crc32.ChecksumIEEE(head))
}

// progressive is a gray JPEG whose every scan says nothing new of all its blocks, in a few bytes.
func progressive(width, height uint16, scans int) []byte {
	out := slices.Concat([]byte{0xff, 0xd8},
		segment(0xdb, "\x00"+strings.Repeat("\x01", 64)),
		segment(0xc2, string(slices.Concat([]byte{8}, binary.BigEndian.AppendUint16(nil, height), binary.BigEndian.AppendUint16(nil, width), []byte{1, 1, 0x11, 0}))),
		segment(0xc4, "\x00\x01"+strings.Repeat("\x00", 16)),        // the bit 0: no difference
		segment(0xc4, "\x10\x01"+strings.Repeat("\x00", 15)+"\xe0"), // the bit 0: nothing in as many blocks as the next 14 bits say, and 16,384
	)
	blocks := (int(width) + 7) / 8 * ((int(height) + 7) / 8)
	out = slices.Concat(out, segment(0xda, "\x01\x01\x00\x00\x00\x00"), make([]byte, blocks/8+1))
	scan := slices.Concat(segment(0xda, "\x01\x01\x00\x01\x3f\x00"), make([]byte, (blocks/16_384+1)*15/8+1))
	return slices.Concat(out, bytes.Repeat(scan, scans), []byte{0xff, 0xd9})
}

func segment(marker byte, content string) []byte {
	return slices.Concat([]byte{0xff, marker}, binary.BigEndian.AppendUint16(nil, uint16(len(content)+2)), []byte(content))
}

// exif says which side of a picture is up, and where it was taken.
func exif(order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}, turn uint16) []byte {
	out := []byte("MM")
	if order.String() == binary.LittleEndian.String() {
		out = []byte("II")
	}
	out = order.AppendUint32(order.AppendUint16(out, 42), 8)
	out = order.AppendUint16(out, 2)
	for _, entry := range []struct{ tag, value uint16 }{{0x0100, 30}, {0x0112, turn}} {
		out = order.AppendUint32(order.AppendUint16(order.AppendUint16(out, entry.tag), 3), 1)
		out = order.AppendUint16(order.AppendUint16(out, entry.value), 0)
	}
	return append(order.AppendUint32(out, 0), " N 52 31"...)
}

// turnOf is the turn that the only entry of a JPEG's Exif segment says; 0 without one.
func turnOf(content []byte) int {
	_, tiff, ok := bytes.Cut(content, []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"))
	if !ok {
		return 0
	}
	return int(binary.BigEndian.Uint16(tiff))
}

func decoded(t *testing.T, content []byte) image.Image {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(content))
	require.NoError(t, err)
	return m
}
