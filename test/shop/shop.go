// Package shop opens a whole shop in memory, for tests by whole requests and of
// use cases: quick passwords, ids in order, and a clock that the test turns on.
package shop

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop"
	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/raster"
	"eshop/domain"
	"eshop/port"
	"eshop/usecase"
)

// Opened is when every shop opens.
var Opened = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Password is that of every account that AddAccount makes.
const Password = "correct horse"

// Passwords keeps passwords as they are: quick, and good for nothing but tests.
type Passwords struct{}

// Hash returns password with a mark before it.
func (Passwords) Hash(_ context.Context, password string) (string, error) {
	return "plain " + password, nil
}

// Matches reports whether Hash made hash of password.
func (Passwords) Matches(_ context.Context, hash, password string) (bool, error) {
	return hash == "plain "+password, nil
}

// Parts is what a shop is made of. A test may put in its own before the shop opens.
type Parts struct {
	eshop.Stores
	eshop.Options
}

// PartsOf returns the parts of a shop on store, with the time of the process.
func PartsOf(store *memory.Store) Parts {
	var ids atomic.Int64
	return Parts{
		eshop.Stores{
			Products: store, Stock: store, Catalog: store, Carts: store, Wishlists: store, Orders: store, Payments: demopay.New(demopay.NewMemoryLedger(eshop.Now)),
			Users: store, Sessions: store, Conversations: store, Contacts: store, Pictures: store, Limits: store, Events: store,
		},
		eshop.Options{
			SecretKey: usecase.SecretKey("a secret of thirty-two bytes, yes"), Passwords: Passwords{}, DecodeImage: raster.New().Decode,
			NewID:     func() string { return fmt.Sprintf("id-%d", ids.Add(1)) },
			NewSecret: func() string { return fmt.Sprintf("secret-%d", ids.Add(1)) },
			Log:       slog.New(slog.DiscardHandler),
		},
	}
}

// UseCases makes the use cases of p.
func (p Parts) UseCases(t testing.TB) *usecase.Shop {
	t.Helper()
	shop, err := eshop.UseCases(p.Stores, p.Options)
	require.NoError(t, err)
	return shop
}

// Shop is one server on stores in memory. It is drained when its test ends.
type Shop struct {
	*eshop.Shop
	Store   *memory.Store
	Log     *Log
	Metrics *prometheus.Registry

	t     testing.TB
	later atomic.Int64 // how far the clock was turned on
}

// Open opens a shop that sells products.
func Open(t testing.TB, products []domain.Product, changes ...func(*Parts)) *Shop {
	t.Helper()
	s := &Shop{Store: memory.NewStore(), Log: new(Log), Metrics: prometheus.NewRegistry(), t: t}
	p := PartsOf(s.Store)
	p.Clock = func() time.Time { return Opened.Add(time.Duration(s.later.Load())) }
	s.Store.Clock = p.Clock
	p.Payments = demopay.New(demopay.NewMemoryLedger(p.Clock))
	p.Options.Log, p.Options.Metrics = slog.New(slog.NewTextHandler(s.Log, nil)), s.Metrics
	p.Info.ServerName, p.Info.Phone, p.Info.Email = "shop-1", "+1 (555) 010-0200", "hello@shop.example"
	for _, change := range changes {
		change(&p)
	}
	var err error
	s.Shop, err = eshop.New(p.Stores, p.Options)
	require.NoError(t, err)
	require.NoError(t, s.Store.PutProducts(context.Background(), products))
	t.Cleanup(func() { assert.NoError(t, s.Drain(context.Background())) })
	return s
}

// Wait turns the shop's clock on.
func (s *Shop) Wait(d time.Duration) { s.later.Add(int64(d)) }

// Product returns the product as it is now.
func (s *Shop) Product(id domain.ProductID) domain.Product {
	s.t.Helper()
	p, err := s.Store.Product(context.Background(), string(id))
	require.NoError(s.t, err)
	return p
}

// SetStock makes the product's stock n, behind the shoppers' backs.
func (s *Shop) SetStock(id domain.ProductID, n int) {
	s.t.Helper()
	_, err := s.Store.ChangeStock(context.Background(), domain.StockMovement{Product: id, Delta: n - s.Product(id).Stock, Reason: domain.StockCorrected, At: Opened}, "")
	require.NoError(s.t, err)
}

// Orders returns all orders of the shop, the newest first.
func (s *Shop) Orders() []domain.Order {
	s.t.Helper()
	orders, _, err := s.Store.Orders(context.Background(), port.OrderFilter{}, domain.Page{Number: 1, Size: 100})
	require.NoError(s.t, err)
	return orders
}

// AddAccount adds an account with Password. Shoppers know staff by the same name.
func (s *Shop) AddAccount(name string, role domain.Role) {
	s.t.Helper()
	hash, err := Passwords{}.Hash(context.Background(), Password)
	require.NoError(s.t, err)
	require.NoError(s.t, s.Store.AddUser(context.Background(), domain.User{
		ID: domain.UserID("u-" + name), Username: name, Email: name + "@mail.example", Role: role, PasswordHash: hash, DisplayName: name,
	}))
}

// Log is what a shop logs. Many may write at once.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

// String returns all that was logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
