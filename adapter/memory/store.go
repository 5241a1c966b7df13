// Package memory answers the ports from the memory of one process: the whole shop
// with nothing else installed, and the fake of every test. It keeps the very
// promises that the other adapters keep, but what it holds ends with the process,
// and no second server sees it.
//
// The records lie under one lock, so a method is a transaction. What goes in and
// what comes out are copies.
package memory

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Store keeps everything that a shop keeps. Make one with NewStore.
type Store struct {
	mu sync.RWMutex

	products  map[domain.ProductID]*product
	bySlug    map[string]*product
	movements map[domain.ProductID][]domain.StockMovement
	changes   changes
	index     index

	carts     map[domain.OwnerID]domain.Cart
	wishlists map[domain.OwnerID]domain.Wishlist

	orders      map[domain.OrderID]*order
	byNumber    map[domain.OrderNumber]*order
	allOrders   []*order // the oldest first, as are ordersOf
	ordersOf    map[domain.OwnerID][]*order
	pending     map[domain.OrderID]*order
	placements  map[placement]placed
	lastOrderNo int

	users   map[domain.UserID]domain.User
	byLogin map[string]domain.UserID

	sessions     map[domain.SessionKey]domain.Session
	limits       map[string]time.Time
	sessionBroom broom
	limitBroom   broom
	latest       atomic.Int64 // the latest time that any caller gave, in nanoseconds

	contacts    []domain.Contact // the newest first
	contactKept map[domain.ContactID]bool

	pictures map[domain.PictureName]domain.Picture

	// Both lead to the same talks. One that was adopted is found by its old id and owner too.
	talks  map[domain.ConversationID]*talk
	talkOf map[domain.OwnerID]*talk

	news news
}

var (
	_ port.Products  = (*Store)(nil)
	_ port.Carts     = (*Store)(nil)
	_ port.Wishlists = (*Store)(nil)
	_ port.Orders    = (*Store)(nil)
	_ port.Users     = (*Store)(nil)
	_ port.Sessions  = (*Store)(nil)
	_ port.Limits    = (*Store)(nil)
	_ port.Events    = (*Store)(nil)
	_ port.Contacts  = (*Store)(nil)
	_ port.Pictures  = (*Store)(nil)

	_ port.Conversations = (*Store)(nil)
)

// NewStore makes a store with nothing in it.
func NewStore() *Store {
	return &Store{
		products:    map[domain.ProductID]*product{},
		bySlug:      map[string]*product{},
		movements:   map[domain.ProductID][]domain.StockMovement{},
		changes:     changes{last: map[domain.ProductID]int64{}},
		index:       newIndex(),
		carts:       map[domain.OwnerID]domain.Cart{},
		wishlists:   map[domain.OwnerID]domain.Wishlist{},
		orders:      map[domain.OrderID]*order{},
		byNumber:    map[domain.OrderNumber]*order{},
		ordersOf:    map[domain.OwnerID][]*order{},
		pending:     map[domain.OrderID]*order{},
		placements:  map[placement]placed{},
		lastOrderNo: 10_000,
		users:       map[domain.UserID]domain.User{},
		byLogin:     map[string]domain.UserID{},
		sessions:    map[domain.SessionKey]domain.Session{},
		limits:      map[string]time.Time{},
		contactKept: map[domain.ContactID]bool{},
		pictures:    map[domain.PictureName]domain.Picture{},
		talks:       map[domain.ConversationID]*talk{},
		talkOf:      map[domain.OwnerID]*talk{},
		news:        news{followers: map[domain.Topic]map[chan domain.Event]bool{}},
	}
}

// pageOf cuts a page out of all.
func pageOf[T any](all []T, page domain.Page) []T {
	from := min(max(page.Offset(), 0), len(all))
	return slices.Clone(all[from:min(from+page.Size, len(all))])
}

// sawTime notes what time callers say it is: the store has no clock of its own.
func (s *Store) sawTime(now time.Time) {
	for at := now.UnixNano(); ; {
		latest := s.latest.Load()
		if at <= latest || s.latest.CompareAndSwap(latest, at) {
			return
		}
	}
}

func (s *Store) latestTime() time.Time { return time.Unix(0, s.latest.Load()) }

// broom says when what has ended is to be swept out of a map: each time that the
// map has doubled, so that a write pays for it only a little.
type broom struct{ next int }

const sweepFrom = 1024

func (b *broom) due(size int) bool { return size >= max(b.next, sweepFrom) }

func (b *broom) swept(size int) { b.next = 2 * size }
