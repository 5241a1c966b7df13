package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/port"
)

// TestStore_ManyChangesOfOneOwner has one call hold a row, and more than all connections
// want it: they must hold none, wait only so many, and keep nobody else waiting.
func TestStore_ManyChangesOfOneOwner(t *testing.T) {
	store := openAt(t, migrated(t))
	conversation, err := store.StartConversation(t.Context(), domain.Conversation{ID: "c", Owner: "guest:a", State: domain.ConversationOpen, ChangedAt: noon})
	require.NoError(t, err)
	putStock(t, store, 99)
	for _, owner := range []domain.OwnerID{"guest:a", "guest:b"} {
		require.NoError(t, store.AddUser(t.Context(), domain.User{ID: domain.UserID(owner), Username: string(owner), Email: string(owner) + "@mail.example", Role: domain.Customer}))
		_, _, err := buy(t.Context(), store, owner, "an order")
		require.NoError(t, err)
	}
	for name, change := range map[string]func(ctx context.Context, owner domain.OwnerID, hold func()) error{
		"account": func(ctx context.Context, owner domain.OwnerID, hold func()) error {
			_, err := store.UpdateUser(ctx, domain.UserID(owner), func(*domain.User) error { hold(); return nil })
			return err
		},
		"order": func(ctx context.Context, owner domain.OwnerID, hold func()) error {
			_, _, err := store.TransitionOrder(ctx, domain.OrderID(string(owner)+" an order"), func(*domain.Order) (domain.Effects, error) { hold(); return domain.Effects{}, nil })
			return err
		},
		"cart": func(ctx context.Context, owner domain.OwnerID, hold func()) error {
			_, err := store.UpdateCart(ctx, owner, func(c *domain.Cart) error { hold(); c.Version++; return nil })
			return err
		},
		"wishlist": func(ctx context.Context, owner domain.OwnerID, hold func()) error {
			_, err := store.UpdateWishlist(ctx, owner, func(*domain.Wishlist) error { hold(); return nil })
			return err
		},
		"cart that becomes an order": func(ctx context.Context, owner domain.OwnerID, hold func()) error {
			_, _, err := store.PlaceOrder(ctx, port.Placement{Owner: owner, Key: "k", Lease: time.Second}, func(domain.Cart, map[domain.ProductID]domain.Product) (domain.Order, error) {
				hold()
				return domain.Order{}, domain.CartEmpty()
			})
			if errors.Is(err, domain.ErrConflict) {
				return nil
			}
			return err
		},
		"conversation": func(ctx context.Context, owner domain.OwnerID, hold func()) error {
			id := conversation.ID
			if owner != "guest:a" {
				id = "another"
			}
			_, err := store.UpdateConversation(ctx, id, func(*domain.Conversation) error { hold(); return nil })
			if errors.Is(err, domain.ErrNotFound) {
				return nil
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			held, release := make(chan struct{}), make(chan struct{})
			var (
				once sync.Once
				all  sync.WaitGroup
			)
			failures := make(chan error, postgres.MostWaiting+1)
			hold := func() { once.Do(func() { close(held); <-release }) }
			for range postgres.MostWaiting + 1 {
				all.Go(func() { failures <- change(t.Context(), "guest:a", hold) })
			}
			<-held
			require.Eventually(t, func() bool { return store.Waiting() == postgres.MostWaiting+1 }, 5*time.Second, time.Millisecond)
			// The pool itself may use others for a moment. Who waited with one would keep it.
			require.Eventually(t, func() bool { return store.Acquired() == 1 }, 5*time.Second, time.Millisecond, "who waits holds no connection")

			err := change(t.Context(), "guest:a", func() {})
			var limited *domain.Error
			require.ErrorAs(t, err, &limited)
			assert.Equal(t, domain.ErrLimited, limited.Kind)
			assert.Positive(t, limited.RetryAfter)

			require.NoError(t, change(t.Context(), "guest:b", func() {}), "another owner waits for nobody")

			close(release)
			all.Wait()
			close(failures)
			for err := range failures {
				require.NoError(t, err)
			}
			assert.Zero(t, store.Waiting())
		})
	}
}

// TestStore_ACrowdAtARowThatAnotherServerHas has a crowd at one server want a row that
// another holds for longer than the crowd has time: each is told that there are too many,
// which counts against no server.
func TestStore_ACrowdAtARowThatAnotherServerHas(t *testing.T) {
	url := migrated(t)
	one, two := openAt(t, url), openAt(t, url)
	held, release := make(chan struct{}), make(chan struct{})
	var first, crowd sync.WaitGroup
	first.Go(func() {
		_, err := one.UpdateCart(t.Context(), "guest:a", func(*domain.Cart) error { close(held); <-release; return nil })
		assert.NoError(t, err)
	})
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
	defer cancel()
	for range 20 {
		crowd.Go(func() {
			_, err := two.UpdateCart(ctx, "guest:a", func(*domain.Cart) error { return nil })
			assert.ErrorIs(t, err, domain.ErrLimited)
		})
	}
	crowd.Wait()
	alone, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := two.UpdateCart(alone, "guest:a", func(*domain.Cart) error { return nil })
	require.ErrorIs(t, err, domain.ErrUnavailable, "one who is alone has another server to ask")
	close(release)
	first.Wait()
}

// TestStore_WritersLeaveConnectionsToReaders has writers wait for each other's rows with
// every connection that they may have.
func TestStore_WritersLeaveConnectionsToReaders(t *testing.T) {
	store := openAt(t, migrated(t))
	release := make(chan struct{})
	var all sync.WaitGroup
	for n := range 3 * store.Stats().MaxConns {
		all.Go(func() {
			_, err := store.UpdateCart(t.Context(), domain.OwnerID(fmt.Sprint("guest:", n)), func(*domain.Cart) error { <-release; return nil })
			assert.NoError(t, err)
		})
	}
	require.Eventually(t, func() bool { return store.Acquired() >= store.Stats().MaxConns/2 }, 5*time.Second, time.Millisecond)
	for range 20 {
		_, err := store.Cart(t.Context(), "guest:reader")
		require.NoError(t, err)
	}
	close(release)
	all.Wait()
}
