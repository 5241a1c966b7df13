package raster

import (
	"bytes"
	"encoding/binary"
)

// The markers of a JPEG's segments that matter here.
const (
	restart      = 0xd0 // and the next seven; neither these nor startOfImage have a length
	startOfImage = 0xd8
	endOfImage   = 0xd9
	startOfScan  = 0xda
	app0         = 0xe0
	app1         = 0xe1
	app2         = 0xe2
	app14        = 0xee
	app15        = 0xef
	comment      = 0xfe
)

// withoutMetadata returns a JPEG without what cameras and programs write about a picture,
// such as the place, and without anything after its end. Pixels, colours and orientation
// stay. What is not a JPEG does not become one.
func withoutMetadata(jpeg []byte) []byte {
	kept := make([]byte, 0, len(jpeg))
	for at := 0; at+1 < len(jpeg); {
		marker := jpeg[at+1]
		if jpeg[at] != 0xff || marker == 0x00 || marker == 0xff {
			at++ // padding
			continue
		}
		if marker == endOfImage {
			return append(kept, 0xff, endOfImage)
		}
		end := at + 2
		if marker < restart || marker > startOfImage {
			if end+2 > len(jpeg) {
				break
			}
			end += int(binary.BigEndian.Uint16(jpeg[end:]))
			if end < at+4 || end > len(jpeg) {
				break
			}
		}
		switch segment := jpeg[at:end]; marker {
		case app1:
			kept = append(kept, orientationSegment(segment)...)
		case startOfScan:
			end += scanLength(jpeg[end:])
			kept = append(kept, jpeg[at:end]...)
		default:
			if !isMetadata(marker, segment[min(4, len(segment)):]) {
				kept = append(kept, segment...)
			}
		}
		at = end
	}
	return kept
}

// scanLength returns the number of bytes of pixels before the next segment.
func scanLength(pixels []byte) int {
	for at := 0; at+1 < len(pixels); at++ {
		if next := pixels[at+1]; pixels[at] == 0xff && next != 0x00 && next != 0xff && (next < restart || next >= startOfImage) {
			return at
		}
	}
	return len(pixels)
}

// isMetadata reports whether a segment is not needed to show the picture.
func isMetadata(marker byte, content []byte) bool {
	switch marker {
	case app0:
		return !bytes.HasPrefix(content, []byte("JFIF\x00"))
	case app2:
		return !bytes.HasPrefix(content, []byte("ICC_PROFILE\x00"))
	case app14:
		return !bytes.HasPrefix(content, []byte("Adobe"))
	}
	return marker == comment || app1 <= marker && marker <= app15
}

const orientationTag = 0x0112

// orientationSegment returns an Exif segment with the orientation of the picture and nothing
// else, or nil when the picture is upright or segment does not say.
func orientationSegment(segment []byte) []byte {
	tiff, ok := bytes.CutPrefix(segment[4:], []byte("Exif\x00\x00"))
	if !ok || len(tiff) < 8 {
		return nil
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return nil
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return nil
		}
		if turn := order.Uint16(entries[8:]); order.Uint16(entries) == orientationTag && turn > 1 && turn <= 8 {
			return append([]byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"),
				byte(turn), 0, 0, 0, 0, 0, 0)
		}
		entries = entries[12:]
	}
	return nil
}
