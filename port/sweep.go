package port

import (
	"context"
	"time"

	"eshop/domain"
)

// How long records are kept that nobody needs any more. Orders, their charges and the
// movements of stock are kept for ever.
const (
	// SweepAfter is how long after its end a session is deleted. It is longer than the
	// clocks of servers ever differ.
	SweepAfter = 24 * time.Hour
	// GuestKept is how long a guest's cart and wishlist are kept after the last sign of a
	// guest who has no session: by then nobody can come back to them.
	GuestKept = domain.SessionIdle + SweepAfter
	// ConversationKept and ContactKept are a year, within which most disputes about an order end.
	ConversationKept = 365 * 24 * time.Hour // after the conversation's last change
	ContactKept      = 365 * 24 * time.Hour // after it was sent
	// PictureKept is how long a picture is kept that no product shows: a product that was
	// removed by mistake is put on sale again within that time, and caches have let go of it.
	PictureKept = 30 * 24 * time.Hour
)

// Sweeper deletes what nobody needs any more, so that records do not grow for ever.
type Sweeper interface {
	// Sweep deletes what has been kept for as long as the constants say by the time now:
	// sessions, carts and wishlists of guests without a session, conversations with all
	// their messages, contact messages, and pictures that no product shows. What a store
	// does not date itself is dated by the first sweep that finds it so. Sweep deletes
	// all that there is unless ctx ends before. Any number of servers may sweep at once.
	Sweep(ctx context.Context, now time.Time) error
}
