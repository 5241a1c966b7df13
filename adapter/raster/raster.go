// Package raster checks pictures by decoding them: JPEG and PNG with the standard
// library, WebP with golang.org/x/image.
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
	// decodeTimeout is shorter than nginx waits for an answer.
	decodeTimeout = 2 * time.Second
	// chunk is how many bytes are decoded between checks of the context. A few bytes can
	// cause a lot of work.
	chunk = 512
)

// Raster decodes one picture at a time, since each takes the memory of its pixels. Make one
// with New.
type Raster struct {
	slot chan struct{}
}

// New returns a Raster.
func New() *Raster { return &Raster{make(chan struct{}, 1)} }

// Decode implements usecase.DecodeImage. It checks the size in the header before it
// allocates memory for pixels. The pixels stay as they are. A JPEG, which is what cameras
// make, loses its metadata, such as the place; PNG and WebP keep theirs.
func (r *Raster) Decode(ctx context.Context, content []byte) (domain.Picture, error) {
	if len(content) > domain.MaxPictureBytes {
		return domain.Picture{}, invalid("must have no more than %d kB", domain.MaxPictureBytes/1000)
	}
	// Metadata goes first, so that the checks see exactly what is kept.
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
	ctx, cancel := context.WithTimeout(ctx, decodeTimeout)
	defer cancel()
	select {
	case r.slot <- struct{}{}:
		defer func() { <-r.slot }()
	case <-ctx.Done():
		return domain.Picture{}, ctx.Err()
	}
	_, _, err = image.Decode(contextReader{ctx, bytes.NewReader(content)})
	switch {
	case ctx.Err() != nil:
		return domain.Picture{}, ctx.Err()
	case err != nil:
		return domain.Picture{}, invalid("must be a whole picture; this one is cut off or damaged")
	}
	return domain.NewPicture(kind, content), nil
}

// contextReader fails when ctx ends, which stops the decoding of content made to take long.
type contextReader struct {
	ctx     context.Context
	content *bytes.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.content.Read(p[:min(len(p), chunk)])
}

func invalid(format string, args ...any) error {
	return domain.InvalidFields(map[string]string{"picture": fmt.Sprintf(format, args...)})
}
