package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
	"eshop/web/session"
)

const (
	// BesideTime is how long a page waits for what stands beside it: the account's name, the
	// cart's badge and the chat's bubble. It is shorter than one call of a store.
	BesideTime = 250 * time.Millisecond
	// hurriedTime is how long pages wait once one of them has waited in vain. What is near
	// comes in time all the same.
	hurriedTime = 10 * time.Millisecond
	// besideLimit is how long a read goes on that no page waits for any more. Its end
	// tells whether the stores are quick again.
	besideLimit = 2 * time.Second
)

// pace is how quickly the stores answer, as far as this server's pages know.
type pace struct {
	slow    atomic.Bool // a page waited in vain, and no read was quick since
	probing atomic.Bool // a read is under way that finds out whether that is still so
}

// late returns when a page that begins now waits no longer.
func (p *pace) late() time.Time {
	if p.slow.Load() {
		return time.Now().Add(hurriedTime)
	}
	return time.Now().Add(BesideTime)
}

// beside reads what stands beside a page of a known visitor while the page is made.
type beside struct {
	site   *Site
	r      *http.Request
	late   time.Time
	cart   *future[domain.Cart]
	thread *future[usecase.Thread]

	once  sync.Once
	shown decorations
}

// decorations is what a page shows of what stands beside it.
type decorations struct {
	cart    domain.Cart
	thread  usecase.Thread
	missing bool // some of it is late or away
}

// newBeside begins the reads for who. While the stores are slow, one page at a time does, and the
// others read only what they are about.
func (s *Site) newBeside(r *http.Request, who usecase.Visitor, late time.Time) *beside {
	b := &beside{site: s, r: r, late: late}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), besideLimit)
	b.cart = newFuture(func() (domain.Cart, error) {
		return timed(&s.pace, func() (domain.Cart, error) { return s.Shop.Cart.Of(ctx, who.Session.Owner()) })
	})
	b.thread = newFuture(func() (usecase.Thread, error) {
		return timed(&s.pace, func() (usecase.Thread, error) { return s.Shop.Chat.Mine(ctx, who) })
	})
	hurried := s.pace.slow.Load()
	if hurried && !s.pace.probing.CompareAndSwap(false, true) {
		b.late = time.Time{}
		context.AfterFunc(r.Context(), cancel)
		return b
	}
	b.cart.start()
	b.thread.start()
	go func() {
		<-b.cart.done
		<-b.thread.done
		cancel()
		if hurried {
			s.pace.probing.Store(false)
		}
	}()
	return b
}

// timed runs read, and notes when it was quick. One that its own end cut short fails with errLate:
// a page that is about it then tells a balancer to ask a server whose stores are quicker.
func timed[T any](p *pace, read func() (T, error)) (T, error) {
	begun := time.Now()
	v, err := read()
	switch {
	case err == nil && time.Since(begun) < BesideTime:
		p.slow.Store(false)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%w: %w", errLate, err)
	}
	return v, err
}

// show returns what the page shows, which is the same each time. It waits until b is late.
func (b *beside) show() decorations {
	if b == nil {
		return decorations{}
	}
	b.once.Do(func() {
		var cartErr, threadErr error
		b.shown.cart, cartErr = b.cart.by(b.late)
		b.shown.thread, threadErr = b.thread.by(b.late)
		// A guest whose conversation went into an account sees a shop without one.
		if errors.Is(threadErr, domain.ErrUnauthenticated) {
			threadErr = nil
		}
		for _, err := range []error{cartErr, threadErr} {
			b.shown.missing = b.site.Absent(b.r, err) || b.shown.missing
		}
	})
	return b.shown
}

// errLate is a read whose page waits no longer.
var errLate = domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "that is not known just now")

// Absent reports whether err keeps something off a page that is shown all the same. It
// notes what is more than a store that is late or away.
func (s *Site) Absent(r *http.Request, err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, errLate):
		s.pace.slow.Store(true)
	case !errors.Is(err, domain.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded):
		problem.Log(r, problem.From(err), err)
	}
	return true
}

// visitor returns who asks, as far as that is known by late.
func (s *Site) visitor(r *http.Request, late time.Time) (usecase.Visitor, error) {
	if session.Claim(r) == "" {
		return usecase.Visitor{}, nil
	}
	who := newFuture(func() (usecase.Visitor, error) { return s.Cookies.Visitor(r) })
	who.start()
	return who.by(late)
}

// future is a value that is read once, by who needs it first.
type future[T any] struct {
	read  func() (T, error)
	begun atomic.Bool
	done  chan struct{} // closed when value and err are there
	value T
	err   error
}

func newFuture[T any](read func() (T, error)) *future[T] {
	return &future[T]{read: read, done: make(chan struct{})}
}

// start reads the value in the background.
func (f *future[T]) start() {
	if f.begun.CompareAndSwap(false, true) {
		go f.run()
	}
}

func (f *future[T]) run() {
	defer close(f.done)
	f.value, f.err = f.read()
}

// get returns the value, and reads it unless that has begun.
func (f *future[T]) get() (T, error) {
	if f.begun.CompareAndSwap(false, true) {
		f.run()
	}
	<-f.done
	return f.value, f.err
}

// by returns the value when it is there by then, and fails with errLate otherwise.
func (f *future[T]) by(then time.Time) (T, error) {
	timer := time.NewTimer(time.Until(then))
	defer timer.Stop()
	select {
	case <-f.done:
		return f.get()
	default:
	}
	select {
	case <-f.done:
		return f.get()
	case <-timer.C:
	}
	var none T
	return none, errLate
}
