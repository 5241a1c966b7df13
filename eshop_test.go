package eshop_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop"
	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/near"
	"eshop/domain"
	"eshop/port"
	testshop "eshop/test/shop"
	"eshop/usecase"
)

func TestNew(t *testing.T) {
	t.Run("names everything that is missing at once", func(t *testing.T) {
		_, err := eshop.New(eshop.Stores{}, eshop.Options{SecretKey: []byte("short")})
		require.Error(t, err)
		for _, missing := range []string{
			"Stores.Products", "Stores.Carts", "Stores.Wishlists", "Stores.Orders", "Stores.Payments", "Stores.Users", "Stores.Sessions",
			"Stores.Conversations", "Stores.Contacts", "Stores.Pictures", "Stores.Limits", "Stores.Events",
			"Options.SecretKey", "Options.Passwords", "Options.DecodeImage",
		} {
			assert.ErrorContains(t, err, missing)
		}
		for _, optional := range []string{"Clock", "Log", "Metrics", "Sweep"} {
			assert.NotContains(t, err.Error(), "Options."+optional)
		}
	})
	t.Run("names what a shop cannot go by", func(t *testing.T) {
		p := testshop.PartsOf(memory.NewStore())
		p.PictureBytes, p.SessionIdle, p.Pricing = domain.MaxPictureBytes+1, -time.Hour, domain.Pricing{Delivery: 499}
		_, err := eshop.New(p.Stores, p.Options)
		for _, wrong := range []string{"Options.PictureBytes", "Options.SessionIdle", "Options.Pricing"} {
			assert.ErrorContains(t, err, wrong)
		}
	})
	t.Run("one rate that is set leaves the others as they are", func(t *testing.T) {
		most := port.Limit{Burst: 1, Every: time.Hour}
		want := usecase.DefaultRates()
		want.Contact = most
		assert.Equal(t, want, usecase.Rates{Contact: most}.OrDefaults())
		p := testshop.PartsOf(memory.NewStore())
		p.Rates.Contact = most
		shop, err := eshop.New(p.Stores, p.Options)
		require.NoError(t, err)
		answer := post(shop, "", "/auth/register", `{"username":"jane","email":"jane@example.com","password":"a-very-long-password"}`)
		assert.Equal(t, http.StatusCreated, answer.Code, answer.Body.String())
		require.NoError(t, shop.Drain(t.Context()))
	})
	t.Run("fills in what has a default", func(t *testing.T) {
		p := testshop.PartsOf(memory.NewStore())
		shop, err := eshop.New(p.Stores, eshop.Options{SecretKey: p.SecretKey, Passwords: p.Passwords, DecodeImage: p.DecodeImage})
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, status(shop, "/"))
		assert.Equal(t, http.StatusOK, status(shop, "/ready"))
		require.NoError(t, shop.Drain(t.Context()))
	})
}

func TestShop_Run(t *testing.T) {
	t.Run("sweeps by the shop's clock, and ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			swept := make(chan time.Time, 1)
			p := testshop.PartsOf(memory.NewStore())
			p.Clock = func() time.Time { return testshop.Opened }
			p.Sweep = func(_ context.Context, now time.Time) error {
				swept <- now
				return nil
			}
			shop, err := eshop.New(p.Stores, p.Options)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				shop.Run(ctx)
				close(ended)
			}()
			time.Sleep(61 * time.Second)
			assert.Equal(t, testshop.Opened, <-swept)
			require.NoError(t, shop.Drain(t.Context()))
			cancel()
			<-ended
		})
	})
	t.Run("tells of an outage once a minute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			log := new(testshop.Log)
			p := testshop.PartsOf(memory.NewStore())
			p.Log, p.Orders = slog.New(slog.NewTextHandler(log, nil)), awayOrders{p.Orders}
			shop, err := eshop.New(p.Stores, p.Options)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { shop.Run(ctx) })
			time.Sleep(150 * time.Second)
			assert.Equal(t, 3, strings.Count(log.String(), "settling orders failed"))
			assert.Equal(t, 3, strings.Count(log.String(), "refunding orders failed"))
			require.NoError(t, shop.Drain(t.Context()))
			cancel()
			running.Wait()
		})
	})
	t.Run("finishes the purchases and refunds that nobody waits for any more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := memory.NewStore()
			p := testshop.PartsOf(store)
			gateway := &cashier{Payments: p.Payments}
			p.Payments = gateway
			require.NoError(t, store.PutProducts(t.Context(), []domain.Product{{ID: "tea", Slug: "tea", Name: "Tea", Price: domain.Money{Amount: 500, Currency: "USD"}, Stock: 5}}))
			shop, err := eshop.New(p.Stores, p.Options)
			require.NoError(t, err)
			buy := func(owner domain.OwnerID, card string) domain.OrderID {
				_, err := shop.UseCases.Cart.Add(t.Context(), owner, "tea", 1, "")
				require.NoError(t, err)
				order, _, err := shop.UseCases.Checkout.Buy(t.Context(), owner, "a key", domain.Purchase{
					Email: "ann@mail.example", Method: domain.DemoCard, Card: domain.NewCard(card, "12/40", "123"),
					ShippingAddress: domain.Address{Name: "Ann", Line1: "1 Main St", City: "Springfield", PostalCode: "12345", Country: "US"},
				})
				require.NoError(t, err)
				return order.ID
			}
			status := func(id domain.OrderID) domain.OrderStatus {
				order, err := store.Order(t.Context(), id)
				require.NoError(t, err)
				return order.Status
			}
			settled, returned := buy("ann", demopay.HangsThenPays), buy("ben", "4242 4242 4242 4242")
			paid, err := store.Order(t.Context(), returned)
			require.NoError(t, err)
			gateway.away.Store(true)
			_, _ = shop.UseCases.Fulfillment.Move(t.Context(), domain.User{ID: "u-sue", Role: domain.Staff}, paid.Number, domain.Refunded, "a key")
			require.Equal(t, domain.Refunding, status(returned))
			require.Equal(t, domain.Pending, status(settled))
			gateway.away.Store(false)

			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { shop.Run(ctx) })
			time.Sleep(15 * time.Second)
			assert.Equal(t, domain.Refunded, status(returned))
			assert.Equal(t, domain.Paid, status(settled))
			require.NoError(t, shop.Drain(t.Context()))
			cancel()
			running.Wait()
		})
	})
}

// awayOrders are orders of which none can be leased.
type awayOrders struct{ orderStore }

// orderStore is embedded by a name that is none of its methods'.
type orderStore interface{ port.Orders }

func (awayOrders) LeaseOrder(context.Context, port.Lease) (domain.Order, error) {
	return domain.Order{}, domain.ErrUnavailable
}

// cashier is a payment gateway that may be away.
type cashier struct {
	port.Payments
	away atomic.Bool
}

func (c *cashier) Refund(ctx context.Context, order domain.OrderID) error {
	if c.away.Load() {
		return domain.ErrUnavailable
	}
	return c.Payments.Refund(ctx, order)
}

func TestShop_Drain(t *testing.T) {
	t.Run("the server is not ready, and still answers, closing its connections", func(t *testing.T) {
		shop := testshop.Open(t, nil)
		require.NoError(t, shop.Drain(t.Context()))
		assert.Equal(t, http.StatusServiceUnavailable, status(shop.Shop, "/ready"))
		w := httptest.NewRecorder()
		shop.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, "close", w.Header().Get("Connection"))
	})
	t.Run("waits for the balancer no longer than its context", func(t *testing.T) {
		p := testshop.PartsOf(memory.NewStore())
		p.DrainDelay = time.Hour
		shop, err := eshop.New(p.Stores, p.Options)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_ = shop.Drain(ctx) // only that it returns counts
		assert.Equal(t, http.StatusServiceUnavailable, status(shop, "/ready"))
	})
}

func status(shop *eshop.Shop, path string) int {
	w := httptest.NewRecorder()
	shop.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code
}

// absent is a store that is away, hangs, or is slow: what of PostgreSQL a page or a call needs.
type absent struct {
	*memory.Store
	away  atomic.Bool
	hangs atomic.Pointer[time.Time] // until it has noticed that, after which it is away
	delay atomic.Int64
}

// noticedAfter is how long adapter/postgres takes to notice that the database hangs.
const noticedAfter = 1300 * time.Millisecond

func (s *absent) answer(ctx context.Context) error {
	delay := time.Duration(s.delay.Load())
	if until := s.hangs.Load(); until != nil {
		delay = time.Until(*until)
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if s.away.Load() {
		return domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "away")
	}
	return nil
}

func (s *absent) Product(ctx context.Context, ref string) (domain.Product, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Product{}, err
	}
	return s.Store.Product(ctx, ref)
}

func (s *absent) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Store.Products(ctx, ids)
}

func (s *absent) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Found{}, err
	}
	return s.Store.Search(ctx, q)
}

func (s *absent) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Store.Suggest(ctx, text, limit)
}

func (s *absent) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Store.Categories(ctx)
}

func (s *absent) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Session{}, err
	}
	return s.Store.Session(ctx, key, now)
}

func (s *absent) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	if err := s.answer(ctx); err != nil {
		return err
	}
	return s.Store.TouchSession(ctx, key, expires)
}

func (s *absent) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	if err := s.answer(ctx); err != nil {
		return domain.User{}, err
	}
	return s.Store.User(ctx, id)
}

func (s *absent) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Cart{}, err
	}
	return s.Store.Cart(ctx, owner)
}

func (s *absent) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Cart{}, err
	}
	return s.Store.UpdateCart(ctx, owner, change)
}

func (s *absent) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Conversation{}, err
	}
	return s.Store.ConversationOf(ctx, owner)
}

const (
	manyProducts = 1200
	categories   = 6
)

// productAt is one of many, the n-th by how often it was sold.
func productAt(n int) domain.Product {
	category := fmt.Sprint("room-", n%categories)
	return domain.Product{
		ID: domain.ProductID(fmt.Sprintf("p-%04d", n)), Slug: fmt.Sprint("pot-", n), Name: fmt.Sprint("Pot ", n), Stock: 9, Sold: manyProducts - n,
		Category: domain.Category{Slug: category, Name: category}, Subcategory: domain.Category{Slug: "pots", Name: "Pots"}, Price: domain.Dollars(500),
	}
}

// catalogPaths are what a shop can show while its store is away: of the most sold products each every-th.
func catalogPaths(every int) []string {
	paths := []string{
		"/", "/products", "/products?sort=newest", "/api/products/", "/api/products", "/api/products/categories",
		"/products?q=pot+7", "/api/products?q=pot+7", "/search/suggest?q=po", "/products?min_price=100&page=2", // asked for before
	}
	for n := range categories {
		paths = append(paths, fmt.Sprint("/products?category=room-", n), fmt.Sprint("/api/products/?category=room-", n))
	}
	for n := 0; n < 1000; n += every {
		paths = append(paths, fmt.Sprint("/products/pot-", n), fmt.Sprint("/api/products/pot-", n), fmt.Sprintf("/api/products/p-%04d", n))
	}
	return paths
}

// TestShop_WhileTheStoreIsAway is about one server without a shared cache.
func TestShop_WhileTheStoreIsAway(t *testing.T) {
	for name, trouble := range map[string]struct {
		away, hangs bool
		delay       time.Duration
	}{"away": {away: true}, "hanging": {away: true, hangs: true}, "slow": {delay: 300 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &absent{Store: memory.NewStore()}
				p := testshop.PartsOf(store.Store)
				p.Products, p.Catalog = near.NewCatalog(store, store)
				p.Sessions, p.Users = near.NewSessions(store), near.NewUsers(store)
				p.Carts, p.Conversations = store, store
				var all []domain.Product
				for n := range manyProducts {
					all = append(all, productAt(n))
				}
				require.NoError(t, store.PutProducts(t.Context(), all))
				require.NoError(t, store.AddUser(t.Context(), domain.User{ID: "u-anna", Username: "anna", Email: "anna@mail.example", PasswordHash: "plain " + testshop.Password}))
				require.NoError(t, store.AddUser(t.Context(), domain.User{ID: "u-clerk", Username: "clerk", Email: "clerk@mail.example", Role: domain.Staff, PasswordHash: "plain " + testshop.Password}))
				shop, err := eshop.New(p.Stores, p.Options)
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { shop.Run(ctx) })
				defer func() {
					require.NoError(t, shop.Drain(context.Background()))
					cancel()
					running.Wait()
					time.Sleep(10 * time.Second) // reads that nobody waits for have ended
				}()
				visitors := map[string]string{
					"stranger": "",
					"guest":    cookieOf(t, post(shop, "", "/api/cart/add", `{"product_id":"p-0001","quantity":1}`)),
					"anna":     cookieOf(t, post(shop, "", "/auth/login", `{"username":"anna","password":"`+testshop.Password+`"}`)),
				}
				visitors["clerk"] = cookieOf(t, post(shop, "", "/auth/login", `{"username":"clerk","password":"`+testshop.Password+`"}`))
				time.Sleep(time.Minute)
				for _, path := range catalogPaths(1000) {
					require.Equal(t, http.StatusOK, get(shop, visitors["anna"], path).Code, path)
					require.Equal(t, http.StatusOK, get(shop, visitors["guest"], path).Code, path)
				}
				time.Sleep(9 * time.Minute)
				store.away.Store(trouble.away)
				store.delay.Store(int64(trouble.delay))
				if trouble.hangs {
					noticed := time.Now().Add(noticedAfter)
					store.hangs.Store(&noticed)
				}
				if trouble.away {
					begun := time.Now()
					a := post(shop, visitors["anna"], "/api/cart/add", `{"product_id":"p-0001","quantity":1}`)
					assert.Equal(t, http.StatusServiceUnavailable, a.Code)
					assert.NotEmpty(t, a.Header().Get("Retry-After"))
					assert.Less(t, time.Since(begun), 2*time.Second)
				}
				if trouble.hangs {
					noticed := time.Now().Add(noticedAfter)
					store.hangs.Store(&noticed)
				}
				for _, later := range []time.Duration{0, 90 * time.Second, 10*time.Minute - 90*time.Second} {
					time.Sleep(later)
					for name, cookie := range visitors {
						every := 50
						if name == "stranger" {
							every = 1
						}
						var took []time.Duration
						for _, path := range catalogPaths(every) {
							begun := time.Now()
							assert.Equal(t, http.StatusOK, get(shop, cookie, path).Code, "%s asks for %s, %v later", name, path, later)
							took = append(took, time.Since(begun))
						}
						slices.Sort(took)
						assert.Less(t, took[len(took)/2], 100*time.Millisecond, "the median, %v later", later)
						assert.Less(t, took[len(took)-1], 2*time.Second, "the longest, %v later", later)
						t.Logf("%s, %v later: median %v, longest %v", name, later, took[len(took)/2], took[len(took)-1])
					}
					if !trouble.away {
						continue
					}
					for _, answer := range []func() *httptest.ResponseRecorder{
						func() *httptest.ResponseRecorder { return get(shop, "", "/products/pot-1199") },
						func() *httptest.ResponseRecorder { return get(shop, "", "/api/products/pot-1199") },
						func() *httptest.ResponseRecorder { return get(shop, "", "/products?q=nobody+asked") },
						func() *httptest.ResponseRecorder { return get(shop, visitors["anna"], "/cart") },
						func() *httptest.ResponseRecorder { return get(shop, visitors["guest"], "/api/cart/") },
						func() *httptest.ResponseRecorder {
							return post(shop, visitors["anna"], "/api/cart/add", `{"product_id":"p-0001","quantity":1}`)
						},
						func() *httptest.ResponseRecorder {
							return post(shop, "", "/api/cart/add", `{"product_id":"p-0001","quantity":1}`)
						},
					} {
						begun := time.Now()
						a := answer()
						assert.Equal(t, http.StatusServiceUnavailable, a.Code)
						assert.NotEmpty(t, a.Header().Get("Retry-After"))
						assert.Empty(t, a.Header().Get("Set-Cookie"))
						assert.Less(t, time.Since(begun), 2*time.Second)
					}
				}
				store.away.Store(false)
				store.hangs.Store(nil)
				store.delay.Store(0)
				time.Sleep(time.Minute)
				page := get(shop, visitors["guest"], "/")
				assert.NotContains(t, page.Body.String(), "data-incomplete", "all is as before")
				assert.Contains(t, page.Body.String(), "data-bubble")
			})
		})
	}
}

func get(shop *eshop.Shop, cookie, path string) *httptest.ResponseRecorder {
	return ask(shop, httptest.NewRequest(http.MethodGet, path, nil), cookie)
}

func post(shop *eshop.Shop, cookie, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return ask(shop, r, cookie)
}

func ask(shop *eshop.Shop, r *http.Request, cookie string) *httptest.ResponseRecorder {
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	}
	w := httptest.NewRecorder()
	shop.Handler.ServeHTTP(w, r)
	return w
}

func cookieOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	for _, cookie := range w.Result().Cookies() {
		if cookie.Name == "session" {
			return cookie.Value
		}
	}
	require.Fail(t, "no session was begun")
	return ""
}
