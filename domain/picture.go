package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// A picture may have so many bytes and pixels, of which a shop may allow fewer bytes, and by default does.
// nginx refuses bodies of more than 8 MiB.
const (
	MaxPictureBytes     = 6_000_000
	DefaultPictureBytes = 900_000
	MaxPicturePixels    = 16_000_000
)

// PictureType is a kind of picture that every browser shows: the ending of its name.
type PictureType string

// The kinds of pictures.
const (
	JPEG PictureType = "jpg"
	PNG  PictureType = "png"
	WebP PictureType = "webp"
)

var mediaTypes = map[PictureType]string{JPEG: "image/jpeg", PNG: "image/png", WebP: "image/webp"}

// Picture is a photograph of goods. It never changes: other content has another name.
type Picture struct {
	Name    PictureName
	Content []byte
}

// PictureName is the SHA-256 of a picture's content in hexadecimal digits, and its type.
type PictureName string

// NewPicture names a picture by what is in it.
func NewPicture(kind PictureType, content []byte) Picture {
	sum := sha256.Sum256(content)
	return Picture{PictureName(hex.EncodeToString(sum[:]) + "." + string(kind)), content}
}

// Clone returns a copy that shares no memory with p.
func (p Picture) Clone() Picture {
	p.Content = slices.Clone(p.Content)
	return p
}

var pictureName = regexp.MustCompile(`^[0-9a-f]{64}\.(jpg|png|webp)$`)

// Valid reports whether a picture can have the name.
func (n PictureName) Valid() bool { return pictureName.MatchString(string(n)) }

// URL is the picture's address within the shop.
func (n PictureName) URL() string { return pictureRoot + string(n) }

// PictureAt returns the name of the picture at an address within the shop; ok is
// false when no picture of the shop's own can be there.
func PictureAt(url string) (name PictureName, ok bool) {
	rest, ok := strings.CutPrefix(url, pictureRoot)
	name = PictureName(rest)
	return name, ok && name.Valid()
}

const pictureRoot = "/media/p/"

// MediaType is what a picture with the name is sent as; "" when none can have it.
func (n PictureName) MediaType() string {
	if !n.Valid() {
		return ""
	}
	return mediaTypes[PictureType(n[2*sha256.Size+1:])]
}
