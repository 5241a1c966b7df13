// Package eshop is the composition root: it makes a whole shop of the answers to
// its ports. A program that brings stores of its own imports it, fills Stores,
// and serves Shop.Handler; cmd/eshop is one such program.
//
//	shop, err := eshop.New(eshop.Stores{Products: store, …}, eshop.Options{SecretKey: key, …})
//	go shop.Run(ctx)
//	http.ListenAndServe(":8080", shop.Handler)
package eshop

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"eshop/domain"
	"eshop/port"
	"eshop/usecase"
	"eshop/web"
	"eshop/web/api"
	"eshop/web/asset"
	"eshop/web/live"
	"eshop/web/page"
	"eshop/web/problem"
	"eshop/web/session"
)

// Stores is one answer to each port; all must be set. Package port says which of
// them one store must answer together.
type Stores struct {
	Products      port.Products
	Stock         port.Stock
	Catalog       port.Catalog
	Carts         port.Carts
	Wishlists     port.Wishlists
	Orders        port.Orders
	Payments      port.Payments
	Users         port.Users
	Sessions      port.Sessions
	Conversations port.Conversations
	Contacts      port.Contacts
	Pictures      port.Pictures
	Limits        port.Limits
	Events        port.Events
}

// Options is what a shop needs besides its stores. SecretKey, Passwords and
// DecodeImage must be set; every other field has a default.
type Options struct {
	SecretKey   usecase.SecretKey // MinSecretKey bytes or more, the same on all servers of a shop
	Passwords   usecase.Passwords
	DecodeImage usecase.DecodeImage

	Info page.ShopInfo
	// Pricing is the same on all servers of a shop: domain.DefaultPricing unless set.
	Pricing domain.Pricing
	// PictureBytes is how many a picture that staff add may have: domain.DefaultPictureBytes unless set, and
	// domain.MaxPictureBytes at most.
	PictureBytes int
	// StaffSessions is how long sessions of the staff live: DefaultStaffSessions unless set.
	StaffSessions domain.StaffSessions
	// SessionIdle is after how long without use everybody else's session ends: domain.SessionIdle unless set, and at most.
	SessionIdle time.Duration
	// Rates is how often may be tried what strangers try; one that is not set is that of usecase.DefaultRates.
	Rates usecase.Rates

	Clock     usecase.Clock     // Now unless set
	NewID     usecase.NewID     // version 7 UUIDs unless set
	NewSecret usecase.NewSecret // 260 random bits unless set

	Log     *slog.Logger          // slog.Default() unless set
	Metrics prometheus.Registerer // where the shop's metrics are registered; nowhere unless set
	Tracer  trace.Tracer          // makes a span of each request; none unless set

	// Required and Helpful are the dependencies that /ready asks, by name. A server
	// without a required one is not ready, without a helpful one it is degraded.
	Required, Helpful map[string]web.Check

	// Sweep removes what has ended from the stores; Run calls it once a minute.
	Sweep func(ctx context.Context, now time.Time) error

	// DrainDelay is how long Drain lets a balancer notice that /ready is 503 before
	// it tells sockets to leave.
	DrainDelay time.Duration
}

// MinSecretKey is the least length of a secret key in bytes: that of the hash that it keys.
const MinSecretKey = 32

// DefaultStaffSessions ends a session of the staff before whoever finds the desk left, and
// once a working day is over.
var DefaultStaffSessions = domain.StaffSessions{Idle: 30 * time.Minute, Most: 12 * time.Hour}

// Now is the time in UTC, in microseconds, which is what databases keep: an order
// then bears the same times for who placed it and for who reads it.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

const (
	settleEvery = time.Second
	// tellEvery keeps an outage from filling the log.
	tellEvery   = time.Minute
	sweepEvery  = time.Minute
	passTimeout = 30 * time.Second
	// warmEvery is between two reads of the catalog that keep it near. They take one in
	// warmShare of the time at most, and happen well within the time that is kept.
	warmEvery        = 30 * time.Second
	warmShare        = 50
	warmAtLeastEvery = 5 * time.Minute
	// warmTimeout bounds such a read.
	warmTimeout = 2 * time.Minute
	// chatDrainTimeout is longer than a socket that does not read is waited for.
	chatDrainTimeout = 8 * time.Second
)

// Shop is one server of a shop.
type Shop struct {
	// Handler answers every request. It must be served by HTTP/1.1 for the chat's
	// WebSockets, and behind a proxy wrapped by web.Proxies.Believe.
	Handler http.Handler
	// UseCases is the shop without a web, for commands and tests.
	UseCases *usecase.Shop

	chat    *live.Hub
	health  *web.Health
	options Options
}

// New makes a shop. It fails when something required is not set, and names all of it.
func New(stores Stores, options Options) (*Shop, error) {
	options = options.withDefaults()
	useCases, err := UseCases(stores, options)
	if err := errors.Join(err, asset.Check()); err != nil {
		return nil, err
	}
	cookies := session.New(useCases.Account)
	health := web.NewHealth(options.Required, options.Helpful)
	chat := live.New(cookies, useCases.Chat, options.Metrics, options.Log)
	handler := web.NewServer(web.Parts{
		Name: options.Info.ServerName, Assets: options.Info.Assets, PictureBytes: options.PictureBytes, Cookies: cookies,
		Pages: page.New(options.Info, cookies, useCases), API: api.New(cookies, useCases, options.Info.Assets),
		Chat: chat, Health: health, Metrics: web.NewMetrics(options.Metrics), Tracer: options.Tracer, Log: options.Log,
	})
	return &Shop{handler, useCases, chat, health, options}, nil
}

// UseCases makes the use cases of a shop alone, with the same checks as New.
func UseCases(s Stores, options Options) (*usecase.Shop, error) {
	o := options.withDefaults()
	missing := append(unset("Stores", s), unset("Options", o, "Sweep", "Tracer")...)
	if len(o.SecretKey) < MinSecretKey {
		missing = append(missing, fmt.Errorf("Options.SecretKey must have %d bytes or more", MinSecretKey))
	}
	missing = append(missing, o.outOfBounds()...)
	if len(missing) > 0 {
		return nil, fmt.Errorf("eshop: %w", errors.Join(missing...))
	}
	return &usecase.Shop{
		Catalog:  usecase.NewCatalog(usecase.CatalogDeps{Products: s.Products, Catalog: s.Catalog, Pictures: s.Pictures}),
		Cart:     usecase.NewCart(usecase.CartDeps{Carts: s.Carts, Products: s.Products, NewID: o.NewID, Pricing: o.Pricing}),
		Wishlist: usecase.NewWishlist(usecase.WishlistDeps{Wishlists: s.Wishlists, Products: s.Products, Clock: o.Clock, NewID: o.NewID, Pricing: o.Pricing}),
		Checkout: usecase.NewCheckout(usecase.CheckoutDeps{
			Carts: s.Carts, Orders: s.Orders, Payments: s.Payments, Events: s.Events, Limits: s.Limits,
			Clock: o.Clock, NewID: o.NewID, SecretKey: o.SecretKey, Pricing: o.Pricing, Rates: o.Rates,
		}),
		Account: usecase.NewAccount(usecase.AccountDeps{
			Users: s.Users, Sessions: s.Sessions, Carts: s.Carts, Wishlists: s.Wishlists, Orders: s.Orders,
			Conversations: s.Conversations, Limits: s.Limits, Events: s.Events, Passwords: o.Passwords, SecretKey: o.SecretKey,
			StaffSessions: o.StaffSessions, SessionIdle: o.SessionIdle, Rates: o.Rates, ShopName: o.Info.Name, Note: o.note, Clock: o.Clock, NewID: o.NewID, NewSecret: o.NewSecret,
		}),
		Inventory: usecase.NewInventory(usecase.InventoryDeps{
			Products: s.Products, Stock: s.Stock, Catalog: s.Catalog, Pictures: s.Pictures, Events: s.Events, DecodeImage: o.DecodeImage, PictureBytes: o.PictureBytes,
			Note: o.note, Clock: o.Clock, Pricing: o.Pricing,
		}),
		Fulfillment: usecase.NewFulfillment(usecase.FulfillmentDeps{Orders: s.Orders, Payments: s.Payments, Events: s.Events, Note: o.note, Clock: o.Clock}),
		Chat: usecase.NewChat(usecase.ChatDeps{
			Conversations: s.Conversations, Orders: s.Orders, Events: s.Events, Limits: s.Limits, Rates: o.Rates, Note: o.note, Clock: o.Clock, NewID: o.NewID,
		}),
		Contact: usecase.NewContact(usecase.ContactDeps{Contacts: s.Contacts, Limits: s.Limits, Rates: o.Rates, Note: o.note, Clock: o.Clock, NewID: o.NewID}),
		Pricing: o.Pricing, PictureBytes: o.PictureBytes,
	}, nil
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = Now
	}
	if o.NewID == nil {
		// Version 7 sorts by time, which keeps the stores' indexes compact.
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.NewSecret == nil {
		// rand.Text gives 130 bits.
		o.NewSecret = func() string { return rand.Text() + rand.Text() }
	}
	if o.StaffSessions == (domain.StaffSessions{}) {
		o.StaffSessions = DefaultStaffSessions
	}
	if o.PictureBytes == 0 {
		o.PictureBytes = domain.DefaultPictureBytes
	}
	if o.SessionIdle == 0 {
		o.SessionIdle = domain.SessionIdle
	}
	o.Rates = o.Rates.OrDefaults()
	if o.Pricing == (domain.Pricing{}) {
		o.Pricing = domain.DefaultPricing()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	return o
}

// outOfBounds names the options that a shop cannot go by.
func (o Options) outOfBounds() []error {
	var wrong []error
	if o.PictureBytes < 1 || o.PictureBytes > domain.MaxPictureBytes {
		wrong = append(wrong, fmt.Errorf("Options.PictureBytes must be from 1 to %d", domain.MaxPictureBytes))
	}
	if o.SessionIdle < domain.SessionTouch || o.SessionIdle > domain.SessionIdle {
		wrong = append(wrong, fmt.Errorf("Options.SessionIdle must be from %v to %v", domain.SessionTouch, domain.SessionIdle))
	}
	if p := o.Pricing; !p.Currency.Valid() || p.Delivery < 0 || p.FreeFrom < 0 {
		wrong = append(wrong, errors.New("Options.Pricing must have a currency that a shop may sell in, and no sum below zero"))
	}
	return wrong
}

// note logs an act that matters for security, with the request that it belongs to.
func (o Options) note(ctx context.Context, a usecase.Act) {
	log, ok := problem.LogOf(ctx)
	if !ok {
		log = o.Log
	}
	log.Info("act", "what", a.What, "by", a.By.Username, "by_id", a.By.ID, "on", a.On, "how", a.How)
}

// unset names the interfaces, functions and pointers of a struct that are nil.
func unset(name string, of any, optional ...string) []error {
	var missing []error
	for field, value := range reflect.ValueOf(of).Fields() {
		switch value.Kind() {
		case reflect.Interface, reflect.Func, reflect.Pointer:
			if value.IsNil() && !slices.Contains(optional, field.Name) {
				missing = append(missing, fmt.Errorf("%s.%s is not set", name, field.Name))
			}
		}
	}
	return missing
}

// Check asks the required dependencies whether they answer.
func (s *Shop) Check(ctx context.Context) error { return s.health.Check(ctx) }

// Run settles orders that nobody asks for any more, delivers the chat and sweeps,
// until ctx ends. A server runs it for as long as it serves; end ctx only after Drain.
func (s *Shop) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { s.chat.Run(ctx) })
	all.Go(func() { s.repeat(ctx, settleEvery, "settling orders", s.settle) })
	all.Go(func() { s.repeat(ctx, settleEvery, "refunding orders", s.refund) })
	all.Go(func() { s.warm(ctx) })
	all.Go(func() { s.health.Watch(ctx, s.options.Log) })
	if s.options.Sweep != nil {
		all.Go(func() { s.repeat(ctx, sweepEvery, "removing what has ended", s.sweep) })
	}
}

// Drain makes the server leave: /ready is 503, answers close their connections,
// and sockets are told to come back elsewhere. Requests are still answered; shut
// the HTTP server down after it. It fails when sockets have not left in time.
func (s *Shop) Drain(ctx context.Context) error {
	s.health.Drain()
	select {
	case <-time.After(s.options.DrainDelay):
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, chatDrainTimeout)
	defer cancel()
	return s.chat.Drain(ctx)
}

func (s *Shop) settle(ctx context.Context) error {
	settled, err := s.UseCases.Checkout.Settle(ctx)
	if settled > 0 {
		s.options.Log.Info("orders settled", "count", settled)
	}
	return err
}

func (s *Shop) refund(ctx context.Context) error {
	refunded, err := s.UseCases.Fulfillment.FinishRefunds(ctx)
	if refunded > 0 {
		s.options.Log.Info("orders refunded", "count", refunded)
	}
	return err
}

func (s *Shop) sweep(ctx context.Context) error { return s.options.Sweep(ctx, s.options.Clock()) }

// warm reads again and again what the shop must be able to show while its stores are away.
func (s *Shop) warm(ctx context.Context) {
	for {
		begun := time.Now()
		bounded, cancel := context.WithTimeout(ctx, warmTimeout)
		err := s.UseCases.Catalog.Warm(bounded)
		cancel()
		if err != nil && ctx.Err() == nil {
			s.options.Log.Warn("the catalog could not be kept near; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(max(warmEvery, warmShare*time.Since(begun)), warmAtLeastEvery)):
		}
	}
}

// repeat makes a pass each time that every has passed, until ctx ends. What fails is told once a minute.
func (s *Shop) repeat(ctx context.Context, every time.Duration, what string, pass func(ctx context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var told time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, passTimeout)
		err := pass(bounded)
		cancel()
		if err != nil && ctx.Err() == nil && time.Since(told) >= tellEvery {
			told = time.Now()
			s.options.Log.Warn(what+" failed; trying again", "error", err)
		}
	}
}
