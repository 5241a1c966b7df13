package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"eshop/domain"
)

// mostWaiting bounds the calls of this server that wait for one row. A person has a few
// under way; more come from a program, which is told to wait before it asks again.
const mostWaiting = 64

// crowd is more calls that wait for one row than a person has under way.
const crowd = 8

// turns let the calls of this server that change one row go one after another. Each would
// wait for the row's lock in any case, and would hold a connection meanwhile: a single
// shopper who changes one cart without pause would hold all of them.
type turns struct {
	mu    sync.Mutex
	queue map[string]*queue
}

type queue struct {
	turn  chan struct{} // holds one value while a call has its turn
	calls int           // that wait or have their turn
	crowd bool          // there was a crowd of them since the queue began
}

// take waits for the turn of name, and returns what ends it. Behind a crowd it fails with
// ErrLimited when its turn does not come in half of the time that ctx leaves: the other half
// is for what has the turn, which would begin too late to end well.
func (t *turns) take(ctx context.Context, name string) (end func(), err error) {
	q, err := t.join(name)
	if err != nil {
		return nil, err
	}
	var late <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok && t.crowded([]string{name}) {
		timer := time.NewTimer(time.Until(deadline) / 2)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case q.turn <- struct{}{}:
		return func() { <-q.turn; t.leave(name, q) }, nil
	case <-late:
		t.leave(name, q)
		return nil, domain.TooOften(time.Second)
	case <-ctx.Done():
		defer t.leave(name, q)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && t.crowded([]string{name}) { // that came after this call
			return nil, domain.TooOften(time.Second)
		}
		return nil, ctx.Err()
	}
}

// crowded reports whether a crowd wants or wanted one of the rows that the caller has its turn for.
func (t *turns) crowded(names []string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(names, func(name string) bool { return t.queue[name] != nil && t.queue[name].crowd })
}

func (t *turns) join(name string) (*queue, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queue[name]
	if q == nil {
		q = &queue{turn: make(chan struct{}, 1)}
		t.queue[name] = q
	}
	if q.calls > mostWaiting {
		return nil, domain.TooOften(time.Second)
	}
	q.calls++
	q.crowd = q.crowd || q.calls > crowd
	return q, nil
}

func (t *turns) leave(name string, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.calls--; q.calls == 0 {
		delete(t.queue, name)
	}
}
