package port

import (
	"context"
	"time"

	"eshop/domain"
)

// Placement is what makes one call of PlaceOrder different from another.
type Placement struct {
	Owner domain.OwnerID
	// Key and Fingerprint tell a repeat from a new order: Key is the caller's, and
	// Fingerprint stands for all that the caller sent with it.
	Key         string
	Fingerprint string
}

// BuildOrder makes an order of a cart and those of its products that are on sale.
type BuildOrder func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error)

// OrderFilter chooses orders. Its zero value chooses all.
type OrderFilter struct {
	Owner  domain.OwnerID
	Status domain.OrderStatus
}

// Orders keeps orders, and takes and returns the stock that they stand for.
type Orders interface {
	// PlaceOrder makes an order of the owner's cart, all or nothing: build makes it
	// of the cart and those of its products that are there; the order gets its
	// number from a sequence; its lines are taken from stock, with a movement each
	// and counted as sold; the cart is emptied, keeping its version; and the key is kept.
	//
	// When the owner's key is kept already the order that it made comes back, and
	// placed is false; with another fingerprint it is ErrConflict
	// `idempotency_key_reused`. Of any number of calls with one key, on any
	// servers, one places. When build fails, or stock does not suffice
	// (`out_of_stock`, with every shortage), nothing is kept, the key neither.
	// build may run more than once and must not call the store.
	PlaceOrder(ctx context.Context, p Placement, build BuildOrder) (order domain.Order, placed bool, err error)

	// Order returns the order; ErrNotFound when there is none.
	Order(ctx context.Context, id domain.OrderID) (domain.Order, error)

	// OrderByNumber returns the order; ErrNotFound when there is none.
	OrderByNumber(ctx context.Context, number domain.OrderNumber) (domain.Order, error)

	// Orders returns a page of the orders chosen, the newest first, and how many there are in all.
	Orders(ctx context.Context, filter OrderFilter, page domain.Page) ([]domain.Order, int, error)

	// UpdateOrder passes the order to change, keeps the result and returns it.
	// Updates of one order happen one after another. When change fails nothing is
	// kept and its error comes back. change may run more than once. It may change the status, the payment,
	// the history and the claim. When the order comes into a
	// status that returns stock, then its lines go back into stock, with a
	// movement each, and no longer count as sold; when that status is Cancelled, its
	// key is free again and its lines are merged back into its owner's cart.
	// Products that are gone are passed over.
	UpdateOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) error) (domain.Order, error)

	// ClaimOrders returns at most limit pending orders, the oldest first, whose claim
	// ended before now, and claims them until the time given. Of any number of
	// calls at once, one gets an order.
	ClaimOrders(ctx context.Context, now, until time.Time, limit int) ([]domain.Order, error)

	// AdoptOrders makes all orders of one owner another's; their keys stay as they were made.
	AdoptOrders(ctx context.Context, from, into domain.OwnerID) error
}
