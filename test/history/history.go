// Package history keeps what clients asked of a shop and what they were answered, with times, and decides
// whether a shop that keeps its promises could have answered so. It knows no shop: whoever asks, over HTTP
// or in process, on real time or in a bubble, begins a Call and ends it.
package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind is what sort of thing an Object is, and so by which rules it is judged.
type Kind string

// What is judged, each by itself: a promise that spans several objects is kept by each of them.
const (
	Stock   Kind = "stock"   // of one product: Take, Give, Hold, Count and Look
	Cart    Kind = "cart"    // of one visitor: Add, Put, Fill, Empty and Look
	Key     Kind = "key"     // of a purchase: Buy
	Session Kind = "session" // of one browser: SignIn, SignOut and Look
)

// Object is one thing that is asked about.
type Object struct {
	Kind Kind
	ID   string
}

func (o Object) String() string { return string(o.Kind) + " " + o.ID }

// What is asked. A call that nobody answered may have been heard nevertheless, once; one that is sent
// again with its key until it is answered is one call.
type (
	Look  struct{}            // answered by what there is
	Take  struct{ N int }     // from stock; refused when there is less
	Give  struct{ N int }     // back into stock
	Hold  struct{ N int }     // may have been out of stock for some of the time, and is back
	Count struct{ Delta int } // by staff, answered by what there is then
	Add   struct {            // to a cart, answered by the cart
		Product string
		N       int
	}
	Put struct { // so many of it into a cart, 0 for none, answered by the cart
		Product string
		N       int
	}
	Fill    struct{ Lines Lines } // what an order that was not paid gives back, answered by the cart
	Empty   struct{}              // by a purchase, answered by what it took
	Buy     struct{}              // answered by the order; refused when it made none and the key is free
	SignIn  struct{ User string } // answered by who is signed in
	SignOut struct{}
)

// Lines are what a cart holds, by product.
type Lines map[string]int

// String is the same for carts that hold the same.
func (l Lines) String() string {
	var all []string
	for _, product := range slices.Sorted(maps.Keys(l)) {
		if l[product] != 0 {
			all = append(all, fmt.Sprintf("%s=%d", product, l[product]))
		}
	}
	return strings.Join(all, " ")
}

func linesOf(text string) Lines {
	lines := Lines{}
	for _, line := range strings.Fields(text) {
		product, n, _ := strings.Cut(line, "=")
		lines[product], _ = strconv.Atoi(n) // String wrote it
	}
	return lines
}

// outcome is what is known of a call's end.
type outcome int

const (
	open     outcome = iota // nobody answered: it may have been heard, or be heard yet
	answered                // with what there was
	refused                 // it changed nothing
	doubtful                // it was heard or not, and will not be any more
)

type operation struct {
	client         int
	object         Object
	ask, answer    any
	call, returned time.Duration
	outcome        outcome
	held           int // by others while it went on, at most
}

// History is what was asked and answered. Its methods may be called at once.
type History struct {
	now func() time.Duration

	mu      sync.Mutex
	initial map[Object]any
	all     []*operation
}

// New returns an empty History; now is the time since its beginning, which must not go back.
func New(now func() time.Duration) *History {
	return &History{now: now, initial: map[Object]any{}}
}

// Begin says what there is before anything is asked: an int of stock, Lines of a cart, the name of who is
// signed in to a session. What nobody says is none.
func (h *History) Begin(object Object, state any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.initial[object] = state
}

// Call is something that was asked and has not been answered yet.
type Call struct {
	history *History
	of      *operation
}

// Call keeps that the client asks now.
func (h *History) Call(client int, object Object, ask any) *Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := &operation{client: client, object: object, ask: ask, call: h.now()}
	h.all = append(h.all, of)
	return &Call{h, of}
}

// CallSince is Call of what may be answered by what there was as long ago: what is shown from a cache of
// that age.
func (h *History) CallSince(age time.Duration, client int, object Object, ask any) *Call {
	call := h.Call(client, object, ask)
	call.of.call -= age
	return call
}

// Answer ends the call: answer is an int of stock, Lines, an order or a name, nil for no more than that it was done.
func (c *Call) Answer(answer any) { c.end(answered, answer) }

// Refuse ends a call that changed nothing: too little stock, nobody's order.
func (c *Call) Refuse() { c.end(refused, nil) }

// Doubt ends a call that was not answered, when it is sure that it will not be heard from now on.
func (c *Call) Doubt() { c.end(doubtful, nil) }

// Drop forgets a call that is known to say nothing: a refusal for another reason than its object's.
func (c *Call) Drop() {
	c.history.mu.Lock()
	defer c.history.mu.Unlock()
	c.history.all = slices.DeleteFunc(c.history.all, func(o *operation) bool { return o == c.of })
}

func (c *Call) end(as outcome, answer any) {
	c.history.mu.Lock()
	defer c.history.mu.Unlock()
	if c.of.outcome == open {
		c.of.outcome, c.of.answer, c.of.returned = as, answer, c.history.now()
	}
}

// Operations is how many calls the history has.
func (h *History) Operations() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

// String is the whole history, a line each call, in the order in which they were made. Two runs are the same
// when their histories are.
func (h *History) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var lines strings.Builder
	for _, o := range inOrder(h.all) {
		fmt.Fprintln(&lines, o)
	}
	return lines.String()
}

func inOrder(all []*operation) []*operation {
	return slices.SortedStableFunc(slices.Values(all), func(a, b *operation) int { return cmp.Compare(a.call, b.call) })
}

func (o *operation) String() string {
	end, says := fmt.Sprintf("%9.3f", o.returned.Seconds()), ""
	switch o.outcome {
	case open:
		end, says = "    never", "no answer"
	case answered:
		says = "done"
		if o.answer != nil {
			says = fmt.Sprint(o.answer)
		}
	case refused:
		says = "refused"
	case doubtful:
		says = "done or not"
	}
	return fmt.Sprintf("%9.3f to %s s  client %d  %s  %s -> %s", o.call.Seconds(), end, o.client, o.object, describe(o.ask), says)
}

func describe(ask any) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", ask), "history.")
	if of := strings.Trim(fmt.Sprint(ask), "{}"); of != "" {
		return name + " " + of
	}
	return name
}
