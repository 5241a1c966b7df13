package page_test

import (
	"context"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"eshop/domain"
	"eshop/port"
)

// reads counts what pages ask the store for.
type reads struct {
	mu    sync.Mutex
	calls map[string]int
}

func (n *reads) count(call string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls[call]++
}

// of returns what ask asks for.
func (n *reads) of(ask func()) map[string]int {
	n.mu.Lock()
	n.calls = map[string]int{}
	n.mu.Unlock()
	ask()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls
}

type countedCarts struct {
	port.Carts
	*reads
}

func (c countedCarts) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	c.count("cart")
	return c.Carts.Cart(ctx, owner)
}

type countedConversations struct {
	conversationStore
	*reads
}

func (c countedConversations) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	c.count("conversation")
	return c.conversationStore.ConversationOf(ctx, owner)
}

// productStore and conversationStore are ports under names that none of their methods has.
type (
	productStore      interface{ port.Products }
	conversationStore interface{ port.Conversations }
)

type countedProducts struct {
	productStore
	*reads
}

func (c countedProducts) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	c.count("products")
	return c.productStore.Products(ctx, ids)
}

func TestPages_ReadEachRowOnce(t *testing.T) {
	counted := &reads{calls: map[string]int{}}
	s := open(t, func(p *parts) {
		p.Carts = countedCarts{p.Carts, counted}
		p.Conversations = countedConversations{p.Conversations, counted}
		p.Products = countedProducts{p.Products, counted}
	})
	s.AddAccount("anna", domain.Customer)
	b := s.signedIn("anna")
	b.add(lamp, 1)
	b.write("Hello?")
	for path, want := range map[string]map[string]int{
		"/cart":     {"cart": 1, "conversation": 1, "products": 1},
		"/checkout": {"cart": 1, "conversation": 1, "products": 1},
		"/chat":     {"cart": 1, "conversation": 1},
		"/contact":  {"cart": 1, "conversation": 1},
	} {
		t.Run(path, func(t *testing.T) {
			assert.Equal(t, want, counted.of(func() { b.get(path) }))
		})
	}
	t.Run("a change of the cart prices nothing", func(t *testing.T) {
		assert.Empty(t, counted.of(func() { b.post("/cart/add", url.Values{"product_id": {string(cup.ID)}}).leadsTo("/cart?done=added") }))
	})
}
