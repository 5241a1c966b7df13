// Package schedule runs what people do in a shop under schedules that follow from a seed: in a bubble of
// testing/synctest every call of a port first sleeps for a time that is drawn, servers end between any two
// calls, and answers are lost. What people were answered is a history that package history decides about.
package schedule

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"eshop/domain"
)

// Wire lies between a shop and its ports. All that befalls a call follows from the seed, from the request
// that it belongs to, and from how many calls of its name the request made before: not from what else goes
// on at the moment. Its Through fits Around.
type Wire struct {
	seed  uint64
	fails int           // of a thousand calls
	usual time.Duration // that most calls take at most, before they are made and after
	calm  atomic.Bool
	late  sync.WaitGroup // what arrives when nobody waits for it any more
}

// What befalls a call. A call that ends has no answer; whoever makes it must not know whether it was made.
type fate int

const (
	answered fate = iota
	unmade        // it fails, and was not made
	lost          // it was made, and fails
	killed        // the server ends before it is made
	dying         // the server ends when it was made
	fates
)

// NewWire returns the wire of a seed, on which so many of a thousand calls fail, and most take no longer than is
// usual on the way there, and on the way back.
func NewWire(seed uint64, fails int, usual time.Duration) *Wire {
	return &Wire{seed: seed, fails: fails, usual: usual}
}

// Calm lets no further call fail or take long.
func (w *Wire) Calm() { w.calm.Store(true) }

// Wait waits until all has arrived that left a server before it ended. Nobody must be making calls.
func (w *Wire) Wait() { w.late.Wait() }

// Request is what one server does for one caller. When the server ends, nothing that the request goes on to
// do has an effect any more.
type Request struct {
	name   string
	faults atomic.Int32
	ended  atomic.Bool

	mu    sync.Mutex
	calls map[string]uint64
}

type requestKey struct{}

// Begin begins a request, whose name no other has.
func Begin(ctx context.Context, name string) (context.Context, *Request) {
	r := &Request{name: name, calls: map[string]uint64{}}
	return context.WithValue(ctx, requestKey{}, r), r
}

// Ended reports whether the request's server ended: nobody was answered.
func (r *Request) Ended() bool { return r.ended.Load() }

// Faults is how many of the request's calls had no answer, or not in time.
func (r *Request) Faults() int { return int(r.faults.Load()) }

func (r *Request) chance(seed uint64, call string) *rand.Rand {
	r.mu.Lock()
	n := r.calls[call]
	r.calls[call]++
	r.mu.Unlock()
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(r.name))
	_, _ = hash.Write([]byte{0})
	_, _ = hash.Write([]byte(call))
	_, _ = hash.Write(binary.LittleEndian.AppendUint64(nil, n))
	return rand.New(rand.NewPCG(seed, hash.Sum64()))
}

// Through makes a call of a request that Begin began, sooner or later.
func (w *Wire) Through(ctx context.Context, call string, do func(ctx context.Context) error) error {
	r := ctx.Value(requestKey{}).(*Request)
	chance := r.chance(w.seed, call)
	before, after, befalls := w.delay(chance), w.delay(chance), w.fate(chance)
	onTheWay := strings.HasPrefix(call, "Payments.Charge") && chance.IntN(2) == 0
	if !pause(ctx, before) || r.Ended() || befalls == killed {
		if onTheWay { // it left this server
			w.late.Go(func() {
				time.Sleep(w.delay(chance))
				unheard, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
				defer cancel()
				_ = do(unheard)
			})
		}
		return w.end(ctx, r, befalls)
	}
	if befalls == unmade {
		return w.end(ctx, r, befalls)
	}
	err := do(ctx)
	if !pause(ctx, after) || befalls != answered || r.Ended() {
		return w.end(ctx, r, befalls)
	}
	return err
}

// end is why a call of r has no answer.
func (w *Wire) end(ctx context.Context, r *Request, befalls fate) error {
	r.faults.Add(1)
	if befalls == killed || befalls == dying {
		r.ended.Store(true)
	}
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return err
	}
	return domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "no answer")
}

func (w *Wire) fate(chance *rand.Rand) fate {
	if chance.IntN(1000) >= w.fails || w.calm.Load() {
		return answered
	}
	return 1 + fate(chance.IntN(int(fates)-1))
}

// quick is how long calls take at most once it is calm.
const quick = 10 * time.Millisecond

// delay is mostly short, and sometimes longer than anything waits. Two that are the same are as good as never drawn.
func (w *Wire) delay(chance *rand.Rand) time.Duration {
	longest := w.usual
	switch n := chance.IntN(100); {
	case w.calm.Load():
		longest = quick
	case n < 2:
		longest = 4 * time.Second
	case n < 10:
		longest = 300 * time.Millisecond
	}
	return time.Duration(1 + chance.Int64N(int64(longest)))
}

// pause reports whether ctx lasted as long as d.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
