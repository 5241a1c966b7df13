package postgres

import (
	"context"
	"sync"
	"time"

	"eshop/domain"
)

// mostWaiting bounds the calls of this server that wait for one row. A person has a few
// under way; more come from a program, which is told to wait before it asks again.
const mostWaiting = 64

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
}

// take waits for the turn of name, and returns what ends it.
func (t *turns) take(ctx context.Context, name string) (end func(), err error) {
	q, err := t.join(name)
	if err != nil {
		return nil, err
	}
	select {
	case q.turn <- struct{}{}:
		return func() { <-q.turn; t.leave(name, q) }, nil
	case <-ctx.Done():
		t.leave(name, q)
		return nil, ctx.Err()
	}
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
	return q, nil
}

func (t *turns) leave(name string, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.calls--; q.calls == 0 {
		delete(t.queue, name)
	}
}
