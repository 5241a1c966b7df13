package port

import (
	"context"
	"time"

	"eshop/domain"
)

// Placement says for whom an order is placed, and by which call.
type Placement struct {
	Owner domain.OwnerID
	// Key and Fingerprint tell a repeat from a new order: Key is the caller's, and
	// Fingerprint stands for all that the caller sent with it.
	Key         string
	Fingerprint string
	// Adopted says that the key is also looked for among the orders that the owner has
	// adopted: who buys as a guest and signs in repeats the purchase as an account.
	Adopted bool
	// Lease is for how long the caller alone asks for the payment of the new order.
	Lease time.Duration
}

// Lease says which order the caller asks the gateway about, and for how long. An order
// can be leased when its last lease has ended.
type Lease struct {
	Order    domain.OrderID     // "" is the order whose lease ended first
	Status   domain.OrderStatus // that the order must have, Pending or Refunding; "" is Pending
	EndedFor time.Duration      // for how long its last lease must have ended
	For      time.Duration
}

// BuildOrder makes an order of a cart and those of its products that are on sale.
type BuildOrder func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error)

// OrderFilter chooses orders. Its zero value chooses all.
type OrderFilter struct {
	Owner domain.OwnerID
	// Status is that of the orders chosen. "" is every status but Cancelled: an attempt
	// that was not paid is no order, and is listed where it is asked for alone.
	Status domain.OrderStatus
}

// Orders keeps orders, and takes and returns the stock that they stand for.
type Orders interface {
	// PlaceOrder makes an order of the owner's cart, all or nothing: build makes it
	// of the cart and those of its products that are there, and it has no number yet; its lines are taken from stock, with a movement each
	// and counted as sold; the cart is emptied, keeping its version; and the key is kept.
	//
	// When the owner's key is kept already, or an adopted order's if the placement says
	// so, the order that it made comes back, the owner's own first, and placed is false; with another fingerprint it is ErrConflict
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

	// TransitionOrder passes the order to change, keeps its new status, payment and
	// history, and makes the effects that change returns, in one transaction:
	// ReturnStock goes back into stock, with a movement a line, and no longer counts
	// as sold, though products that were discontinued are passed over; RestoreCart is
	// merged into the cart of the order's owner; FreeKey frees its key; TakeNumber gives
	// an order that has no number the next of a sequence, which no other order has or had;
	// EndLease ends its lease, and LeasedUntil is zero then. It returns the order and the
	// effects that were made. It fails with ErrConflict `stock_bounds`, and keeps nothing,
	// when stock that goes back would pass domain.MaxStock.
	//
	// Transitions of one order happen one after another. When change fails nothing is
	// kept and its error comes back. change may run more than once and must not call
	// the store.
	TransitionOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error)

	// LeaseOrder leases an order to the caller and returns it: until the lease
	// has ended, by the store's clock, nobody else gets it. ErrNotFound when there is
	// none to lease. Of any number of calls at once, on any servers, one gets an order.
	LeaseOrder(ctx context.Context, lease Lease) (domain.Order, error)

	// AdoptOrders makes all orders of one owner another's; their keys stay as they were made.
	AdoptOrders(ctx context.Context, from, into domain.OwnerID) error
}
