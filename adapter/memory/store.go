// Package memory implements the ports in the memory of one process. It runs the whole
// shop with nothing else installed, and is the fake of every test. It keeps the same
// promises as the other adapters, but its data ends with the process and no second
// server sees it.
//
// One lock guards all records, so every method is a transaction. Arguments and results
// are copied.
package memory

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Store implements every port that keeps records. Make one with NewStore.
type Store struct {
	// Clock is what leases and limits go by. Who replaces it does so before the first call.
	Clock func() time.Time

	mu sync.RWMutex

	products  map[domain.ProductID]*product
	bySlug    map[string]*product
	movements map[domain.ProductID][]domain.StockMovement
	stockKeys map[domain.IdempotencyKey]stockChange
	changes   changes
	index     index

	carts     map[domain.OwnerID]domain.Cart
	wishlists map[domain.OwnerID]domain.Wishlist

	orders         map[domain.OrderID]*order
	byNumber       map[domain.OrderNumber]*order
	allOrders      []*order // the oldest first, as are ordersOf
	ordersOf       map[domain.OwnerID][]*order
	leasable       map[domain.OrderID]*order
	placements     map[placement]placed
	placedOrders   int
	numberedOrders int

	users   map[domain.UserID]domain.User
	byLogin map[string]domain.UserID

	sessions       map[domain.SessionKey]domain.Session
	limits         map[string]time.Time
	sessionSweeper sweeper
	limitSweeper   sweeper
	latest         atomic.Int64 // the latest time that any caller gave, in nanoseconds

	contacts   []domain.Contact // the newest first
	contactIDs map[domain.ContactID]bool

	pictures map[domain.PictureName]domain.Picture

	// Since when a sweep finds guests without a session, and pictures that no product shows.
	guestsAway      map[domain.OwnerID]time.Time
	picturesUnshown map[domain.PictureName]time.Time

	// Both hold the same conversations. One that was adopted is also found by its old ID and owner.
	conversations  map[domain.ConversationID]*conversation
	conversationOf map[domain.OwnerID]*conversation

	subscriptions subscriptions
}

var (
	_ port.Products  = (*Store)(nil)
	_ port.Stock     = (*Store)(nil)
	_ port.Catalog   = (*Store)(nil)
	_ port.Carts     = (*Store)(nil)
	_ port.Wishlists = (*Store)(nil)
	_ port.Orders    = (*Store)(nil)
	_ port.Users     = (*Store)(nil)
	_ port.Sessions  = (*Store)(nil)
	_ port.Limits    = (*Store)(nil)
	_ port.Events    = (*Store)(nil)
	_ port.Contacts  = (*Store)(nil)
	_ port.Pictures  = (*Store)(nil)
	_ port.Sweeper   = (*Store)(nil)

	_ port.Conversations = (*Store)(nil)
)

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{
		Clock:          time.Now,
		products:       map[domain.ProductID]*product{},
		bySlug:         map[string]*product{},
		movements:      map[domain.ProductID][]domain.StockMovement{},
		stockKeys:      map[domain.IdempotencyKey]stockChange{},
		changes:        changes{last: map[domain.ProductID]int64{}},
		index:          newIndex(),
		carts:          map[domain.OwnerID]domain.Cart{},
		wishlists:      map[domain.OwnerID]domain.Wishlist{},
		orders:         map[domain.OrderID]*order{},
		byNumber:       map[domain.OrderNumber]*order{},
		ordersOf:       map[domain.OwnerID][]*order{},
		leasable:       map[domain.OrderID]*order{},
		placements:     map[placement]placed{},
		numberedOrders: 10_000,
		users:          map[domain.UserID]domain.User{},
		byLogin:        map[string]domain.UserID{},
		sessions:       map[domain.SessionKey]domain.Session{},
		limits:         map[string]time.Time{},
		contactIDs:     map[domain.ContactID]bool{},
		pictures:       map[domain.PictureName]domain.Picture{},
		conversations:  map[domain.ConversationID]*conversation{},
		conversationOf: map[domain.OwnerID]*conversation{},
		subscriptions:  subscriptions{byTopic: map[domain.Topic]map[chan domain.Event]bool{}},
	}
}

// pageOf returns one page of all.
func pageOf[T any](all []T, page domain.Page) []T {
	from := min(max(page.Offset(), 0), len(all))
	return slices.Clone(all[from:min(from+page.Size, len(all))])
}

// sawTime records the time that a caller gave, since the store has no clock of its own.
func (s *Store) sawTime(now time.Time) {
	for at := now.UnixNano(); ; {
		latest := s.latest.Load()
		if at <= latest || s.latest.CompareAndSwap(latest, at) {
			return
		}
	}
}

func (s *Store) latestTime() time.Time { return time.Unix(0, s.latest.Load()) }

// sweeper decides when expired entries are removed from a map: whenever the map has
// doubled, so that the cost of a write stays constant on average.
type sweeper struct{ next int }

const sweepFrom = 1024

func (s *sweeper) due(size int) bool { return size >= max(s.next, sweepFrom) }

func (s *sweeper) swept(size int) { s.next = 2 * size }
