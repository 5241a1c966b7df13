package page_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	"eshop/web/page"
	"eshop/web/session"
)

// trouble is how the store behaves of all that is kept for somebody.
type trouble int32

const (
	none trouble = iota
	away
	hanging
)

// personalStore is every port that knows somebody, in trouble when the test says so.
type personalStore struct {
	sessionStore
	userStore
	cartStore
	conversationStore
	of [4]*atomic.Int32 // the trouble of each
}

type (
	sessionStore interface{ port.Sessions }
	userStore    interface{ port.Users }
	cartStore    interface{ port.Carts }
)

// The parts of a personalStore.
const (
	ofSessions = iota
	ofUsers
	ofCarts
	ofConversations
)

func (s personalStore) answer(ctx context.Context, part int) error {
	switch trouble(s.of[part].Load()) {
	case away:
		return domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "away")
	case hanging:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (s personalStore) set(what trouble, parts ...int) {
	for _, part := range parts {
		s.of[part].Store(int32(what))
	}
}

func (s personalStore) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	if err := s.answer(ctx, ofSessions); err != nil {
		return domain.Session{}, err
	}
	return s.sessionStore.Session(ctx, key, now)
}

// touchless is a store of sessions whose reads are near and whose writes are in trouble.
type touchless struct{ personalStore }

func (s touchless) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	return s.sessionStore.Session(ctx, key, now)
}

func (s touchless) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	if err := s.answer(ctx, ofSessions); err != nil {
		return err
	}
	return s.sessionStore.TouchSession(ctx, key, expires)
}

func (s personalStore) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	if err := s.answer(ctx, ofUsers); err != nil {
		return domain.User{}, err
	}
	return s.userStore.User(ctx, id)
}

func (s personalStore) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	if err := s.answer(ctx, ofCarts); err != nil {
		return domain.Cart{}, err
	}
	return s.cartStore.Cart(ctx, owner)
}

func (s personalStore) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	if err := s.answer(ctx, ofConversations); err != nil {
		return domain.Conversation{}, err
	}
	return s.conversationStore.ConversationOf(ctx, owner)
}

// openInTrouble opens a shop whose personal stores can be in trouble.
func openInTrouble(t *testing.T, sessions func(personalStore) port.Sessions) (*shop, personalStore) {
	var store personalStore
	s := open(t, func(p *parts) {
		store = personalStore{p.Sessions, p.Users, p.Carts, p.Conversations, [4]*atomic.Int32{new(atomic.Int32), new(atomic.Int32), new(atomic.Int32), new(atomic.Int32)}}
		p.Sessions, p.Users, p.Carts, p.Conversations = sessions(store), store, store, store
		sayAll(p)
	})
	s.AddAccount("anna", domain.Customer)
	return s, store
}

// everybodysPages returns the address of each page that is the same for everybody: all
// that can be read, but those of this list.
func everybodysPages(t *testing.T) []string {
	personal := []string{"/wishlist", "/cart", "/checkout", "/orders", "/orders/{number}", "/account", "/chat", "/admin"}
	r := mux.NewRouter()
	page.New(page.ShopInfo{}, &session.Cookies{}, nil).Mount(r)
	var paths []string
	require.NoError(t, r.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		methods, _ := route.GetMethods()
		if err != nil || methods[0] != http.MethodGet || strings.HasPrefix(path, "/admin/") {
			return err
		}
		for _, p := range personal {
			if p == path {
				return nil
			}
		}
		paths = append(paths, path)
		return nil
	}))
	for i, path := range paths {
		paths[i] = strings.NewReplacer("{slug}", lamp.Slug, "/media/p/{name}", "/products?category=lighting", "/search/suggest", "/search/suggest?q=la", "/logo/{hash}", "/").Replace(path)
	}
	return append(paths, "/products?q=desk", "/products/none")
}

// unread is after how long the reads that no page waits for have ended.
const unread = 3 * time.Second

// median is far below how long a page waits that did not know yet that the stores are slow.
const median = 100 * time.Millisecond

func TestPages_WithoutWhatStandsBesideThem(t *testing.T) {
	pages := everybodysPages(t)
	require.Contains(t, pages, "/")
	require.Contains(t, pages, "/contact")
	parts := map[string][]int{
		"the sessions": {ofSessions}, "the accounts": {ofUsers}, "the carts": {ofCarts}, "the conversations": {ofConversations},
		"all of it": {ofSessions, ofUsers, ofCarts, ofConversations},
	}
	for name, part := range parts {
		for how, what := range map[string]trouble{"away": away, "hanging": hanging} {
			t.Run(name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					defer time.Sleep(unread)
					s, store := openInTrouble(t, func(p personalStore) port.Sessions { return p })
					guest, anna, stranger := s.visitor(), s.signedIn("anna"), s.visitor()
					guest.add(lamp, 2)
					anna.add(lamp, 3)
					store.set(what, part...)
					for visitor, b := range map[string]*browser{"guest": guest, "anna": anna, "stranger": stranger} {
						for i, path := range pages {
							begun := time.Now()
							a := b.ask(path)
							took := time.Since(begun)
							if path != "/products/none" {
								assert.Less(t, a.status, http.StatusBadRequest, "%s, %s", visitor, path)
							}
							assert.LessOrEqual(t, took, 300*time.Millisecond, "%s, %s", visitor, path)
							if i > 0 {
								assert.Less(t, took, median, "%s, %s", visitor, path)
							}
							assert.Empty(t, a.header["Set-Cookie"])
						}
					}
					assert.Empty(t, stranger.get("/").all("data-incomplete"), "who has nothing misses nothing")
					if name != "the accounts" {
						a := guest.get("/")
						assert.NotEmpty(t, a.all("data-incomplete"))
						assert.Empty(t, a.all("data-cart-count"), "a number that is not known is not shown")
						assert.Empty(t, a.all("data-bubble"))
					}
					assert.NotEmpty(t, anna.get("/").all("data-incomplete"))

					store.set(none, part...)
					time.Sleep(unread)
					for range 2 {
						guest.get("/")
					}
					assert.Equal(t, "2", guest.get("/").of("data-cart-count"), "the first quick read ends the hurry")
					assert.Equal(t, "3", anna.get("/").of("data-cart-count"))
					assert.Empty(t, anna.get("/").all("data-incomplete"))
				})
			})
		}
	}
	t.Run("behind a balancer, another server is asked for a page that is about what is late", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			defer time.Sleep(unread)
			s, store := openInTrouble(t, func(p personalStore) port.Sessions { return p })
			anna := s.signedIn("anna")
			anna.add(lamp, 3)
			store.set(hanging, ofCarts)
			anna.behindBalancer = true
			anna.ask("/cart").is(http.StatusBadGateway)
		})
	})
	t.Run("the page of a cart that cannot be read is not that of an empty one", func(t *testing.T) {
		s, store := openInTrouble(t, func(p personalStore) port.Sessions { return p })
		anna := s.signedIn("anna")
		anna.add(lamp, 3)
		for _, part := range []int{ofSessions, ofUsers, ofCarts} {
			store.set(away, part)
			for _, path := range []string{"/cart", "/checkout"} {
				a := anna.ask(path).is(http.StatusServiceUnavailable)
				assert.NotEmpty(t, a.header.Get("Retry-After"))
			}
			anna.post("/cart/add", url.Values{"product_id": {string(lamp.ID)}, "quantity": {"1"}})
			store.set(none, part)
		}
	})
}

func TestPages_ASessionThatIsDueForItsTouch(t *testing.T) {
	for how, what := range map[string]trouble{"away": away, "hanging": hanging} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer time.Sleep(unread)
				s, store := openInTrouble(t, func(p personalStore) port.Sessions { return touchless{p} })
				anna := s.signedIn("anna")
				anna.add(lamp, 3)
				s.Wait(2 * time.Hour)
				store.set(what, ofSessions)
				begun := time.Now()
				a := anna.get("/")
				assert.LessOrEqual(t, time.Since(begun), 300*time.Millisecond)
				assert.Contains(t, a.body, "anna", "the account's name is there")
				assert.Equal(t, "3", anna.get("/cart").of("data-cart-count"))
			})
		})
	}
}
