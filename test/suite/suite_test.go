// Package suite shows what the suites of port/porttest are for: a team's own
// adapter that breaks a promise is told which one.
package suite

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
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

// The suites below run in a process of their own, for they fail.
const asked = "ESHOP_RUN_BROKEN_ADAPTER"

func TestBrokenAdapter(t *testing.T) {
	switch os.Getenv(asked) {
	case "sharing":
		porttest.Carts(t, func(*testing.T) port.Carts { return &sharing{Store: memory.NewStore()} })
	case "twice":
		porttest.Orders(t, func(*testing.T) porttest.Shop {
			s := twice{memory.NewStore()}
			return porttest.Shop{Orders: s, Products: s, Carts: s}
		})
	case "late":
		porttest.Sessions(t, func(*testing.T) port.Sessions { return late{memory.NewStore()} })
	}
}

func TestSuites_NameThePromiseThatAnAdapterBreaks(t *testing.T) {
	for adapter, promise := range map[string]string{
		"sharing": "changing_what_went_in_or_came_out_changes_nothing_that_is_kept",
		"twice":   "a_repeat_returns_the_order_and_does_nothing,_whatever_is_in_the_cart_by_then",
		"late":    "Session_that_is_cancelled_is_an_error_without_an_effect",
	} {
		t.Run(adapter, func(t *testing.T) {
			t.Parallel()
			suite := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenAdapter$", "-test.v", "-test.timeout=60s")
			suite.Env = append(os.Environ(), asked+"="+adapter)
			said, err := suite.CombinedOutput()
			require.Error(t, err, "the suite passes an adapter that breaks a promise")
			var broken []string
			for _, line := range regexp.MustCompile(`--- FAIL: TestBrokenAdapter/(\S+)`).FindAllStringSubmatch(string(said), -1) {
				broken = append(broken, line[1])
			}
			assert.True(t, slices.Contains(broken, promise), "%q is not among the broken promises: %q", promise, broken)
			assert.Less(t, len(broken), 25, "so many promises are named that none stands out: %q", broken)
		})
	}
}
