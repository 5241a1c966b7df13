package live

import (
	"context"
	"sync"
)

// workers are the goroutines of a hub besides those of its connections.
type workers struct {
	ctx     context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex // keeps running from growing while it is waited for
	running sync.WaitGroup
}

func newWorkers() *workers {
	w := new(workers)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// start runs work in a goroutine of its own, unless the workers were stopped. The context of work ends when they are.
func (w *workers) start(work func(context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() == nil {
		w.running.Go(func() { work(w.ctx) })
	}
}

// stop ends the context of all work and waits for it.
func (w *workers) stop() {
	w.mu.Lock()
	w.cancel()
	w.mu.Unlock()
	w.running.Wait()
}
