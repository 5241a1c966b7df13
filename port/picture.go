package port

import (
	"context"

	"eshop/domain"
)

// Pictures keeps the pictures of goods for as long as a product shows them, and for
// PictureKept after.
type Pictures interface {
	// PutPicture keeps a picture, whole before it returns. One whose name is kept
	// already changes nothing, so any number of servers may put the same at once.
	PutPicture(ctx context.Context, p domain.Picture) error

	// Picture returns the picture called name, or ErrNotFound.
	Picture(ctx context.Context, name domain.PictureName) (domain.Picture, error)
}
