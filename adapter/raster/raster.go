// Package raster tells a picture from anything else by opening it with Go's
// decoders: JPEG and PNG of the standard library, WebP of golang.org/x/image.
package raster

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/jpeg" // the formats that Decode knows
	_ "image/png"
	"time"

	_ "golang.org/x/image/webp"

	"eshop/domain"
)

var types = map[string]domain.PictureType{"jpeg": domain.JPEG, "png": domain.PNG, "webp": domain.WebP}

const (
	// openTime bounds the opening of a picture, so that nginx hears of it in time.
	openTime = 2 * time.Second
	// sip is how much is decoded between looks at the time: a few bytes can make much work.
	sip = 512
)

// Raster opens one picture at a time, for each takes the memory of its pixels. Make it with New.
type Raster struct {
	slot chan struct{}
}

// New makes a Raster.
func New() *Raster { return &Raster{make(chan struct{}, 1)} }

// Develop answers usecase.DevelopPicture. What the header says is judged before
// memory is taken for a single pixel. The pixels stay as they are; a JPEG, which is
// what cameras make, loses what it says about the place and the like. PNG and WebP
// are kept with all that they say.
func (r *Raster) Develop(ctx context.Context, content []byte) (domain.Picture, error) {
	if len(content) > domain.MaxPictureBytes {
		return domain.Picture{}, invalid("must have no more than %d kB", domain.MaxPictureBytes/1000)
	}
	// Before anything is judged by it, so that what is judged is what is kept.
	if bytes.HasPrefix(content, []byte{0xff, startOfImage}) {
		content = withoutMetadata(content)
	}
	header, format, err := image.DecodeConfig(bytes.NewReader(content))
	kind, ok := types[format]
	if err != nil || !ok {
		return domain.Picture{}, invalid("must be a JPEG, PNG or WebP picture")
	}
	if header.Width < 1 || header.Height < 1 || header.Width > domain.MaxPicturePixels/header.Height {
		return domain.Picture{}, invalid("must have no more than %d million pixels", domain.MaxPicturePixels/1_000_000)
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	select {
	case r.slot <- struct{}{}:
		defer func() { <-r.slot }()
	case <-ctx.Done():
		return domain.Picture{}, ctx.Err()
	}
	_, _, err = image.Decode(whileWanted{ctx, bytes.NewReader(content)})
	switch {
	case ctx.Err() != nil:
		return domain.Picture{}, ctx.Err()
	case err != nil:
		return domain.Picture{}, invalid("must be a whole picture; this one is cut off or damaged")
	}
	return domain.NewPicture(kind, content), nil
}

// whileWanted ends with ctx, which ends a decoding that content was made to draw out.
type whileWanted struct {
	ctx     context.Context
	content *bytes.Reader
}

func (w whileWanted) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.content.Read(p[:min(len(p), sip)])
}

func invalid(format string, args ...any) error {
	return domain.InvalidFields(map[string]string{"picture": fmt.Sprintf(format, args...)})
}
