package history_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/history"
)

var (
	lamp    = history.Object{Kind: history.Stock, ID: "lamp"}
	cart    = history.Object{Kind: history.Cart, ID: "ann"}
	key     = history.Object{Kind: history.Key, ID: "k"}
	session = history.Object{Kind: history.Session, ID: "ann's browser"}
)

type lines = history.Lines

// clock goes on by a second with each call that begins or ends.
func clock() func() time.Duration {
	now := time.Duration(0)
	return func() time.Duration {
		now += time.Second
		return now
	}
}

// did is a call that was answered before anything else was asked.
func did(h *history.History, client int, object history.Object, ask, answer any) {
	h.Call(client, object, ask).Answer(answer)
}

func TestHistory_Check(t *testing.T) {
	for name, one := range map[string]struct {
		possible bool
		play     func(h *history.History)
	}{
		"stock that was taken is gone": {true, func(h *history.History) {
			h.Begin(lamp, 2)
			did(h, 1, lamp, history.Take{N: 1}, nil)
			did(h, 2, lamp, history.Take{N: 1}, nil)
			h.Call(3, lamp, history.Take{N: 1}).Refuse()
			did(h, 4, lamp, history.Give{N: 1}, nil)
			did(h, 5, lamp, history.Look{}, 1)
			did(h, 6, lamp, history.Count{Delta: 5}, 6)
		}},
		"stock is not sold twice": {false, func(h *history.History) {
			h.Begin(lamp, 1)
			did(h, 1, lamp, history.Take{N: 1}, nil)
			did(h, 2, lamp, history.Take{N: 1}, nil)
		}},
		"nobody is refused what is there": {false, func(h *history.History) {
			h.Begin(lamp, 2)
			h.Call(1, lamp, history.Take{N: 2}).Refuse()
		}},
		"somebody may be refused what another gives back": {true, func(h *history.History) {
			h.Begin(lamp, 1)
			hold := h.Call(1, lamp, history.Hold{N: 1})
			h.Call(2, lamp, history.Take{N: 1}).Refuse()
			did(h, 2, lamp, history.Look{}, 0)
			did(h, 3, lamp, history.Count{Delta: 2}, 2)
			hold.Answer(nil)
			did(h, 3, lamp, history.Take{N: 3}, nil)
		}},
		"and none once it is back": {false, func(h *history.History) {
			h.Begin(lamp, 1)
			did(h, 1, lamp, history.Hold{N: 1}, nil)
			h.Call(2, lamp, history.Take{N: 1}).Refuse()
		}},
		"staff are told what there is": {false, func(h *history.History) {
			h.Begin(lamp, 1)
			did(h, 1, lamp, history.Count{Delta: 2}, 2)
		}},
		"two who count at once are not told the same": {false, func(h *history.History) {
			one, two := h.Call(1, lamp, history.Count{Delta: 1}), h.Call(2, lamp, history.Count{Delta: 1})
			one.Answer(1)
			two.Answer(1)
		}},
		"what was never answered may have happened": {true, func(h *history.History) {
			h.Begin(lamp, 1)
			h.Call(1, lamp, history.Take{N: 1})
			h.Call(2, lamp, history.Take{N: 1}).Refuse()
		}},
		"and may happen late": {true, func(h *history.History) {
			h.Begin(lamp, 1)
			h.Call(1, lamp, history.Take{N: 1})
			did(h, 2, lamp, history.Look{}, 1)
			did(h, 2, lamp, history.Look{}, 0)
		}},
		"but once": {false, func(h *history.History) {
			h.Begin(lamp, 2)
			h.Call(1, lamp, history.Take{N: 1})
			did(h, 2, lamp, history.Look{}, 0)
		}},
		"what is settled does not happen late": {false, func(h *history.History) {
			h.Begin(lamp, 1)
			h.Call(1, lamp, history.Take{N: 1}).Doubt()
			did(h, 2, lamp, history.Look{}, 1)
			did(h, 2, lamp, history.Look{}, 0)
		}},
		"nobody is shown the past": {false, func(h *history.History) {
			h.Begin(lamp, 3)
			did(h, 1, lamp, history.Take{N: 1}, nil)
			did(h, 2, lamp, history.Look{}, 3)
		}},
		"but from a cache, as old as was promised": {true, func(h *history.History) {
			h.Begin(lamp, 3)
			did(h, 1, lamp, history.Take{N: 1}, nil)
			h.CallSince(2*time.Second, 2, lamp, history.Look{}).Answer(3)
		}},
		"and no older": {false, func(h *history.History) {
			h.Begin(lamp, 3)
			did(h, 1, lamp, history.Take{N: 1}, nil)
			did(h, 2, lamp, history.Look{}, 2)
			h.CallSince(2*time.Second, 2, lamp, history.Look{}).Answer(3)
		}},
		"a cart holds what was put into it": {true, func(h *history.History) {
			h.Begin(cart, lines{"cup": 1})
			did(h, 1, cart, history.Add{Product: "lamp", N: 2}, lines{"cup": 1, "lamp": 2})
			did(h, 1, cart, history.Put{Product: "cup", N: 0}, lines{"lamp": 2})
			h.Call(1, cart, history.Add{Product: "lamp", N: 99}).Refuse()
			did(h, 1, cart, history.Look{}, lines{"lamp": 2})
			did(h, 1, cart, history.Empty{}, lines{"lamp": 2})
			did(h, 1, cart, history.Look{}, lines{})
			did(h, 1, cart, history.Fill{Lines: lines{"lamp": 2}}, lines{"lamp": 2})
		}},
		"nothing is put twice": {false, func(h *history.History) {
			did(h, 1, cart, history.Add{Product: "lamp", N: 1}, lines{"lamp": 1})
			did(h, 1, cart, history.Look{}, lines{"lamp": 2})
		}},
		"two at once are both in it": {false, func(h *history.History) {
			one, two := h.Call(1, cart, history.Add{Product: "lamp", N: 1}), h.Call(2, cart, history.Add{Product: "cup", N: 1})
			one.Answer(lines{"lamp": 1})
			two.Answer(lines{"cup": 1})
		}},
		"an order takes the cart as it is": {false, func(h *history.History) {
			did(h, 1, cart, history.Add{Product: "lamp", N: 1}, lines{"lamp": 1})
			did(h, 1, cart, history.Empty{}, lines{"lamp": 2})
		}},
		"a cart is emptied once": {false, func(h *history.History) {
			did(h, 1, cart, history.Add{Product: "lamp", N: 1}, lines{"lamp": 1})
			did(h, 1, cart, history.Empty{}, lines{"lamp": 1})
			did(h, 1, cart, history.Empty{}, lines{"lamp": 1})
		}},
		"a key gives its order again": {true, func(h *history.History) {
			h.Call(1, key, history.Buy{}).Refuse()
			first, second := h.Call(1, key, history.Buy{}), h.Call(1, key, history.Buy{})
			second.Answer("order 1")
			first.Answer("order 1")
			did(h, 1, key, history.Buy{}, "order 1")
		}},
		"and no other": {false, func(h *history.History) {
			did(h, 1, key, history.Buy{}, "order 1")
			did(h, 1, key, history.Buy{}, "order 2")
		}},
		"nor is it refused once it made one": {false, func(h *history.History) {
			did(h, 1, key, history.Buy{}, "order 1")
			h.Call(1, key, history.Buy{}).Refuse()
		}},
		"an order that nobody heard of is the one that comes back": {true, func(h *history.History) {
			h.Call(1, key, history.Buy{})
			did(h, 1, key, history.Buy{}, "order 1")
			did(h, 1, key, history.Buy{}, "order 1")
		}},
		"who signed out is nobody": {true, func(h *history.History) {
			did(h, 1, session, history.SignIn{User: "ann"}, "ann")
			did(h, 1, session, history.Look{}, "ann")
			did(h, 1, session, history.SignOut{}, nil)
			did(h, 2, session, history.Look{}, "")
		}},
		"and does not come back": {false, func(h *history.History) {
			h.Begin(session, "ann")
			did(h, 1, session, history.SignOut{}, nil)
			did(h, 2, session, history.Look{}, "ann")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := history.New(clock())
			one.play(h)
			if wrong := h.Check(time.Second); one.possible {
				assert.Empty(t, wrong)
			} else {
				assert.Len(t, wrong, 1, "%s", h)
			}
		})
	}
}

func TestHistory_Check_Says(t *testing.T) {
	h := history.New(clock())
	h.Begin(lamp, 1)
	did(h, 1, lamp, history.Take{N: 1}, nil)
	did(h, 2, lamp, history.Take{N: 1}, nil)
	did(h, 3, lamp, history.Look{}, 0)
	did(h, 4, cart, history.Look{}, lines{})
	wrong := h.Check(time.Second)
	require.Len(t, wrong, 1)
	assert.Equal(t, `stock lamp: no order of its calls gives these answers. It began with 1
      1.000 to     2.000 s  client 1  stock lamp  Take 1 -> done
!     3.000 to     4.000 s  client 2  stock lamp  Take 1 -> done
  expected where the mark is: an answer that fits 0`, wrong[0], "what comes after does not matter")
	assert.Equal(t, 4, h.Operations())
	assert.Equal(t, 4, strings.Count(h.String(), "\n"))
}

func TestHistory_Check_EndsInTime(t *testing.T) {
	h := history.New(clock())
	look := h.Call(60, lamp, history.Look{})
	var calls []*history.Call
	for n := range 60 {
		calls = append(calls, h.Call(n, lamp, history.Give{N: 1 << n}))
	}
	for _, c := range calls {
		c.Answer(nil)
	}
	look.Answer(-1)
	begin := time.Now()
	wrong := h.Check(50 * time.Millisecond)
	require.Len(t, wrong, 1)
	assert.Contains(t, wrong[0], "61 calls could not be judged in 50ms", "what is not decided is not good")
	assert.Less(t, time.Since(begin), 5*time.Second)
}

func TestHistory_Drop(t *testing.T) {
	h := history.New(clock())
	h.Begin(lamp, 1)
	call := h.Call(1, lamp, history.Take{N: 1})
	call.Drop()
	call.Refuse()
	assert.Empty(t, h.Check(time.Second))
	assert.Zero(t, h.Operations())
}

func TestMoney(t *testing.T) {
	orders := []history.Order{{ID: "1", Key: "a", Total: 500, Paid: true}, {ID: "2", Key: "b", Total: 700}}
	assert.Empty(t, history.Money(orders, []history.Charge{{"1", 500}, {"2", 700}, {"2", -700}}))
	assert.Equal(t, []string{"for order 1 500 is due, and 0 was taken"}, history.Money(orders, nil))
	assert.Equal(t, []string{"for order 1 500 is due, and 1000 was taken"}, history.Money(orders, []history.Charge{{"1", 500}, {"1", 500}}))
	assert.Equal(t, []string{"for order 2 0 is due, and 700 was taken"}, history.Money(orders, []history.Charge{{"1", 500}, {"2", 700}}))
	assert.Equal(t, []string{"for order 9 0 is due, and 1 was taken"}, history.Money(orders, []history.Charge{{"1", 500}, {"9", 1}}))
	orders[1].Key = "a"
	assert.Equal(t, []string{"the key a made the orders 1 and 2"}, history.Money(orders, []history.Charge{{"1", 500}}))
}

func TestConversation(t *testing.T) {
	said := map[string]history.Message{"x": {1, "x", "Hello"}, "y": {2, "y", "Yes?"}, "z": {0, "z", "never acknowledged"}}
	log := []history.Message{{1, "x", "Hello"}, {2, "y", "Yes?"}}
	assert.Empty(t, history.Conversation(said, log, log))
	for name, bad := range map[string][]history.Message{
		"lacks one":            {{1, "x", "Hello"}},
		"has a gap":            {{1, "x", "Hello"}, {3, "y", "Yes?"}},
		"has one twice":        {{1, "x", "Hello"}, {2, "y", "Yes?"}, {3, "x", "Hello"}},
		"is renumbered":        {{1, "y", "Yes?"}, {2, "x", "Hello"}},
		"has what nobody said": {{1, "x", "Hello"}, {2, "y", "Yes?"}, {3, "w", "Buy gold"}},
		"says it otherwise":    {{1, "x", "Hullo"}, {2, "y", "Yes?"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.NotEmpty(t, history.Conversation(said, bad, bad))
			assert.NotEmpty(t, history.Conversation(said, log, bad), "and the other end has it well")
		})
	}
	late := append(log[:2:2], history.Message{3, "z", "never acknowledged"})
	assert.Empty(t, history.Conversation(said, late, late), "what was not acknowledged may be there")
	assert.NotEmpty(t, history.Conversation(said, late, log), "but at both ends")
}
