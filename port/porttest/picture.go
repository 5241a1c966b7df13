package porttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Pictures holds an adapter to the promises of port.Pictures. open gives a store without a picture.
func Pictures(t *testing.T, open func(*testing.T) (a, b port.Pictures)) {
	run(t, open, inTurns, keepingPictures)
}

func keepingPictures(t *testing.T, open func(t *testing.T) turns[port.Pictures]) {
	t.Run("a picture that is not there is not found", func(t *testing.T) {
		pictures := open(t)
		for _, name := range []domain.PictureName{aPicture(0).Name, "", "none.jpg", `x' OR '1'='1`} {
			_, err := pictures().Picture(t.Context(), name)
			requireCode(t, err, domain.ErrNotFound, domain.CodeNotFound)
		}
		putPictures(t, pictures, aPicture(0))
		_, err := pictures().Picture(t.Context(), aPicture(1).Name)
		requireCode(t, err, domain.ErrNotFound, domain.CodeNotFound)
	})
	t.Run("a picture is kept byte by byte, whatever its size", func(t *testing.T) {
		pictures := open(t)
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		var want []domain.Picture
		for _, content := range [][]byte{
			{0}, []byte(`\x00 '";--` + "\x00\xff"), all, bytes.Repeat(all, 300), bytes.Repeat(all[:250], domain.MaxPictureBytes/250),
		} {
			for _, kind := range []domain.PictureType{domain.JPEG, domain.PNG, domain.WebP} {
				want = append(want, domain.NewPicture(kind, content))
			}
		}
		putPictures(t, pictures, want...)
		for _, p := range want {
			requirePicture(t, pictures, p)
			requirePicture(t, pictures, p) // of two servers the other one too
		}
	})
	t.Run("a picture whose name is kept already changes nothing", func(t *testing.T) {
		pictures := open(t)
		other := domain.Picture{Name: aPicture(0).Name, Content: []byte("other")}
		putPictures(t, pictures, aPicture(0), aPicture(1), aPicture(0), other, other)
		requirePicture(t, pictures, aPicture(0))
		requirePicture(t, pictures, aPicture(1))
	})
	t.Run("of many that put one at once all succeed, and it is kept whole", func(t *testing.T) {
		pictures := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) { errs[i] = pictures().PutPicture(t.Context(), aPicture(0)) })
		require.NoError(t, errors.Join(errs...))
		requirePicture(t, pictures, aPicture(0))
	})
	t.Run("of many that are put at once none is lost", func(t *testing.T) {
		pictures := open(t)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) { errs[i] = pictures().PutPicture(t.Context(), aPicture(i)) })
		require.NoError(t, errors.Join(errs...))
		for i := range errs {
			requirePicture(t, pictures, aPicture(i))
		}
	})
	t.Run("who reads while a picture is put sees the whole of it or nothing", func(t *testing.T) {
		pictures := open(t)
		want := domain.NewPicture(domain.JPEG, bytes.Repeat([]byte("whole"), 100_000))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			if i%4 == 0 {
				errs[i] = pictures().PutPicture(t.Context(), want)
				return
			}
			switch got, err := pictures().Picture(t.Context(), want.Name); {
			case errors.Is(err, domain.ErrNotFound):
			case err != nil:
				errs[i] = err
			case !bytes.Equal(want.Content, got.Content):
				errs[i] = fmt.Errorf("%d bytes of %d", len(got.Content), len(want.Content))
			}
		})
		require.NoError(t, errors.Join(errs...))
		requirePicture(t, pictures, want)
	})
	t.Run("changing what went in or came out changes nothing that is kept", func(t *testing.T) {
		pictures := open(t)
		given := aPicture(0).Clone()
		putPictures(t, pictures, given)
		given.Content[0]++
		for range 4 {
			got, err := pictures().Picture(t.Context(), given.Name)
			require.NoError(t, err)
			require.Equal(t, aPicture(0), got)
			got.Content[0]++
			_ = append(got.Content[:1], "spoilt"...)
		}
		requirePicture(t, pictures, aPicture(0))
	})
	for name, call := range map[string]func(context.Context, turns[port.Pictures]) error{
		"PutPicture": func(ctx context.Context, pictures turns[port.Pictures]) error {
			return pictures().PutPicture(ctx, aPicture(1))
		},
		"Picture": func(ctx context.Context, pictures turns[port.Pictures]) error {
			_, err := pictures().Picture(ctx, aPicture(0).Name)
			return err
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			pictures := open(t)
			putPictures(t, pictures, aPicture(0))
			err := call(cancelled(t), pictures)
			require.Error(t, err)
			require.NotErrorIs(t, err, domain.ErrNotFound)
			requirePicture(t, pictures, aPicture(0))
			_, err = pictures().Picture(t.Context(), aPicture(1).Name)
			require.ErrorIs(t, err, domain.ErrNotFound)
		})
	}
}

// aPicture is picture number n, which no decoder would open: stores do not look.
func aPicture(n int) domain.Picture {
	return domain.NewPicture(domain.JPEG, slices.Concat([]byte("\xff\xd8picture "), []byte{byte(n)}, bytes.Repeat([]byte{0, 255}, 5000)))
}

func putPictures(t *testing.T, pictures turns[port.Pictures], all ...domain.Picture) {
	t.Helper()
	for _, p := range all {
		require.NoError(t, pictures().PutPicture(t.Context(), p))
	}
}

func requirePicture(t *testing.T, pictures turns[port.Pictures], want domain.Picture) {
	t.Helper()
	got, err := pictures().Picture(t.Context(), want.Name)
	require.NoError(t, err)
	assert.Equal(t, want.Name, got.Name)
	require.True(t, bytes.Equal(want.Content, got.Content), "%d bytes came back of %d", len(got.Content), len(want.Content))
}
