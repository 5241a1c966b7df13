package page_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/raster"
	"eshop/domain"
	"eshop/port"
	"eshop/usecase"
	"eshop/web/page"
	"eshop/web/session"
)

const (
	home     = "http://shop.example"
	maxBody  = 1 << 20
	goodCard = "4242424242424242"
)

// lamp, desk, cup and rug are what every test's shop sells; the rug is sold out.
var (
	lamp = domain.Product{
		ID: "p-lamp", Slug: "oak-desk-lamp", Name: "Oak Desk Lamp", Description: "A warm light.\n\nMade of oak.",
		Category: domain.Category{Slug: "lighting", Name: "Lighting"}, Subcategory: domain.Category{Slug: "desk-lamps", Name: "Desk lamps"},
		Price: domain.Dollars(1234), Stock: 12, Images: []domain.Image{{URL: "/media/lamp.svg", Alt: "Oak Desk Lamp"}},
		Rating: domain.Rating{Sum: 9, Count: 2},
	}
	desk = domain.Product{
		ID: "p-desk", Slug: "birch-desk", Name: "Birch Desk",
		Category: domain.Category{Slug: "furniture", Name: "Furniture"}, Subcategory: domain.Category{Slug: "desks", Name: "Desks"},
		Price: domain.Dollars(123450), Stock: 200,
	}
	cup = domain.Product{
		ID: "p-cup", Slug: "blue-cup", Name: "Blue Cup",
		Category: domain.Category{Slug: "kitchen", Name: "Kitchen"}, Subcategory: domain.Category{Slug: "cups", Name: "Cups"},
		Price: domain.Dollars(450), Stock: 3,
	}
	rug = domain.Product{
		ID: "p-rug", Slug: "wool-rug", Name: "Wool Rug",
		Category: domain.Category{Slug: "textiles", Name: "Textiles"}, Subcategory: domain.Category{Slug: "rugs", Name: "Rugs"},
		Price: domain.Dollars(7900),
	}
)

// plain keeps passwords as they are, which is quick.
type plain struct{}

func (plain) Hash(_ context.Context, password string) (string, error) {
	return "plain " + password, nil
}

func (plain) Matches(_ context.Context, hash, password string) (bool, error) {
	return hash == "plain "+password, nil
}

// parts are what a shop is made of; a test may put in its own before it opens.
type parts struct {
	carts     port.Carts
	wishlists port.Wishlists
	payments  port.Payments
}

// shop is all pages on the memory adapters.
type shop struct {
	t       testing.TB
	store   *memory.Store
	handler http.Handler
	later   *atomic.Int64 // how far the clock was turned on
}

// open gives a shop that sells lamp, desk, cup and rug.
func open(t testing.TB, changes ...func(*parts)) *shop {
	t.Helper()
	store := memory.NewStore()
	s := &shop{t: t, store: store, later: new(atomic.Int64)}
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return start.Add(time.Duration(s.later.Load())) }
	p := parts{store, store, demopay.New(clock, demopay.NewMemoryLedger())}
	for _, change := range changes {
		change(&p)
	}
	require.NoError(t, store.PutProducts(t.Context(), []domain.Product{lamp, desk, cup, rug}))

	var made atomic.Int64
	newID := func() string { return fmt.Sprintf("id-%d", made.Add(1)) }
	newSecret := func() string { return fmt.Sprintf("secret-%d", made.Add(1)) }
	account := usecase.NewAccount(store, store, p.carts, p.wishlists, store, store, store, plain{}, clock, newID, newSecret)
	visits := session.New(account)
	r := mux.NewRouter()
	page.New(page.Shop{ServerName: "shop-1", Phone: "+1 (555) 010-0200", Email: "hello@shop.example"}, visits,
		usecase.NewCatalog(store, store), usecase.NewCart(p.carts, store, newID), usecase.NewWishlist(p.wishlists, store, clock, newID),
		usecase.NewCheckout(p.carts, store, p.payments, store, clock, newID, usecase.SecretKey("a secret of thirty-two bytes, yes")),
		account, usecase.NewContact(store, store, clock, newID), usecase.NewChat(store, store, store, store, clock, newID),
		usecase.NewInventory(store, store, store, raster.New().Decode, clock),
		usecase.NewFulfillment(store, p.payments, store, clock)).Mount(r)
	s.handler = http.MaxBytesHandler(visits.Middleware(r), maxBody)
	return s
}

// wait turns the shop's clock on.
func (s *shop) wait(d time.Duration) { s.later.Add(int64(d)) }

func (s *shop) product(id domain.ProductID) domain.Product {
	s.t.Helper()
	p, err := s.store.Product(context.Background(), string(id))
	require.NoError(s.t, err)
	return p
}

// sell takes all but left of a product off the shelf behind the shoppers' backs.
func (s *shop) sell(id domain.ProductID, left int) {
	s.t.Helper()
	_, err := s.store.ChangeStock(context.Background(), id, left-s.product(id).Stock, domain.StockCorrected, time.Unix(0, 0))
	require.NoError(s.t, err)
}

// orders are all orders of the shop, the newest first.
func (s *shop) orders() []domain.Order {
	s.t.Helper()
	orders, _, err := s.store.Orders(context.Background(), port.OrderFilter{}, domain.Page{Number: 1, Size: 100})
	require.NoError(s.t, err)
	return orders
}

func (s *shop) messages() []domain.Contact {
	s.t.Helper()
	messages, _, err := s.store.Contacts(context.Background(), domain.Page{Number: 1, Size: 100})
	require.NoError(s.t, err)
	return messages
}

const password = "correct horse"

// account gives the shop an account with password.
func (s *shop) account(name string, role domain.Role) {
	s.t.Helper()
	hash, err := plain{}.Hash(context.Background(), password)
	require.NoError(s.t, err)
	require.NoError(s.t, s.store.AddUser(context.Background(), domain.User{
		ID: domain.UserID("u-" + name), Username: name, Email: name + "@mail.example", Role: role, PasswordHash: hash,
	}))
}

// RoundTrip sends a request to the shop without a network between.
func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := r.Clone(r.Context())
	asked.RequestURI, asked.RemoteAddr = r.URL.RequestURI(), "192.0.2.7:1234"
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, asked)
	return recorder.Result(), nil
}
