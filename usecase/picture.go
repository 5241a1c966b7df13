package usecase

import (
	"cmp"
	"context"
	"fmt"

	"eshop/domain"
)

// DecodeImage makes a picture of what somebody sent, whatever it is called: a whole
// JPEG, PNG or WebP within the bounds of the domain. What is not needed to show it
// may be left out. Anything else is ErrInvalid with the field "picture". It stops
// soon after ctx ends.
type DecodeImage func(ctx context.Context, content []byte) (domain.Picture, error)

// image keeps the picture of edit and returns it as an image of the product; none
// when edit has no picture. The same content again is the same picture.
func (s *Inventory) image(ctx context.Context, edit ProductEdit) ([]domain.Image, error) {
	if len(edit.Picture) == 0 {
		return nil, nil
	}
	if len(edit.Picture) > s.deps.PictureBytes {
		return nil, domain.InvalidFields(map[string]string{"picture": fmt.Sprintf("must have no more than %d kB", s.deps.PictureBytes/1000)})
	}
	picture, err := s.deps.DecodeImage(ctx, edit.Picture)
	if err != nil {
		return nil, err
	}
	if err := s.deps.Pictures.PutPicture(ctx, picture); err != nil {
		return nil, err
	}
	return []domain.Image{{URL: picture.Name.URL(), Alt: cmp.Or(edit.Alt, edit.To.Name)}}, nil
}

// Picture returns a picture that staff added, by its name.
func (c *Catalog) Picture(ctx context.Context, name domain.PictureName) (domain.Picture, error) {
	if !name.Valid() {
		return domain.Picture{}, domain.NotFound("picture")
	}
	return c.deps.Pictures.Picture(ctx, name)
}
