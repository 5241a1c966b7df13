// Package suite shows what the suites of port/porttest are for: a team's own
// adapter that breaks a promise is told which one.
package suite

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port"
	"eshop/port/porttest"
)

// sharing is a team's first try at an adapter: its carts share memory with whoever asks for them.
type sharing struct {
	*memory.Store
	last sync.Map // of carts, by owner
}

func (s *sharing) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	cart, err := s.Store.UpdateCart(ctx, owner, change)
	if err == nil {
		s.last.Store(owner, cart)
	}
	return cart, err
}

func (s *sharing) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	if cart, ok := s.last.Load(owner); ok && ctx.Err() == nil {
		return cart.(domain.Cart), nil
	}
	return s.Store.Cart(ctx, owner)
}

// twice is another: it places an order again when it is asked again.
type twice struct {
	*memory.Store
}

func (s twice) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	p.Key += time.Now().String()
	return s.Store.PlaceOrder(ctx, p, build)
}

// late is a third: it answers long after the caller has gone.
type late struct {
	*memory.Store
}

func (s late) Session(_ context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	return s.Store.Session(context.Background(), key, now)
}

// caching is a fourth, right as long as there is one server: each keeps the carts that it has seen.
type caching struct {
	*memory.Store
	seen sync.Map // carts, by owner
}

func (s *caching) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	if cart, ok := s.seen.Load(owner); ok && ctx.Err() == nil {
		return cart.(domain.Cart).Clone(), nil
	}
	cart, err := s.Store.Cart(ctx, owner)
	if err == nil {
		s.seen.Store(owner, cart.Clone())
	}
	return cart, err
}

func (s *caching) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	defer s.seen.Delete(owner)
	return s.Store.UpdateCart(ctx, owner, change)
}

func (s *caching) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	defer s.seen.Clear()
	return s.Store.MergeCart(ctx, from, into)
}

// locking is a fifth, right as long as there is one server: what happens one after another is up to a lock of the process.
type locking struct {
	*memory.Store
	mu sync.Mutex
}

func (s *locking) UpdateWishlist(ctx context.Context, owner domain.OwnerID, change func(*domain.Wishlist) error) (domain.Wishlist, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.Wishlist(ctx, owner)
	if err != nil {
		return list, err
	}
	if err := change(&list); err != nil {
		return list, err
	}
	time.Sleep(time.Millisecond) // as long as a network takes
	return s.Store.UpdateWishlist(ctx, owner, func(kept *domain.Wishlist) error {
		*kept = list.Clone()
		return nil
	})
}

func (s *locking) MergeWishlist(ctx context.Context, from, into domain.OwnerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.MergeWishlist(ctx, from, into)
}

// The suites below run in a process of their own, for they fail.
const asked = "ESHOP_RUN_BROKEN_ADAPTER"

func TestBrokenAdapter(t *testing.T) {
	switch os.Getenv(asked) {
	case "sharing":
		porttest.Carts(t, func(*testing.T) (port.Carts, port.Carts) {
			s := &sharing{Store: memory.NewStore()}
			return s, s
		})
	case "twice":
		porttest.Orders(t, func(*testing.T) (porttest.Shop, porttest.Shop) {
			s := twice{memory.NewStore()}
			shop := porttest.Shop{Orders: s, Products: s, Stock: s, Carts: s}
			return shop, shop
		})
	case "late":
		porttest.Sessions(t, func(*testing.T) (port.Sessions, port.Sessions) {
			s := late{memory.NewStore()}
			return s, s
		})
	case "caching":
		porttest.Carts(t, func(*testing.T) (port.Carts, port.Carts) {
			s := memory.NewStore()
			return &caching{Store: s}, &caching{Store: s}
		})
	case "locking":
		porttest.Wishlists(t, func(*testing.T) (port.Wishlists, port.Wishlists) {
			s := memory.NewStore()
			return &locking{Store: s}, &locking{Store: s}
		})
	}
}

func TestSuites(t *testing.T) {
	for adapter, promises := range map[string][]string{
		"sharing": {
			"one_server/changing_what_went_in_or_came_out_changes_nothing_that_is_kept",
			"two_servers/changing_what_went_in_or_came_out_changes_nothing_that_is_kept",
		},
		"twice":   {"one_server/a_repeat_returns_the_order_and_does_nothing,_whatever_is_in_the_cart_by_then"},
		"late":    {"one_server/Session_that_is_cancelled_is_an_error_without_an_effect"},
		"caching": {"two_servers/a_cart_is_kept_as_it_was_left,_its_lines_in_the_order_they_were_added"},
		"locking": {"two_servers/changes_of_many_at_once_happen_one_after_another"},
	} {
		t.Run("an adapter that breaks a promise is told which: "+adapter, func(t *testing.T) {
			t.Parallel()
			suite := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenAdapter$", "-test.v", "-test.timeout=60s")
			suite.Env = append(os.Environ(), asked+"="+adapter)
			said, err := suite.CombinedOutput()
			require.Error(t, err, "the suite passes an adapter that breaks a promise")
			broken := map[string][]string{}
			for _, line := range regexp.MustCompile(`--- FAIL: TestBrokenAdapter/((\w+)/\S+)`).FindAllStringSubmatch(string(said), -1) {
				broken[line[2]] = append(broken[line[2]], line[1])
			}
			for _, promise := range promises {
				servers, _, _ := strings.Cut(promise, "/")
				assert.Contains(t, broken[servers], promise)
			}
			if strings.HasPrefix(promises[0], "two") {
				assert.Empty(t, broken["one_server"], "one server alone keeps every promise")
			}
			for servers := range broken {
				assert.Less(t, len(broken[servers]), 25, "so many promises are named that none stands out: %q", broken[servers])
			}
		})
	}
}
