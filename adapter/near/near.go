// Package near keeps in this process's memory what was read of the catalog, of sessions
// and of accounts, so that a shop goes on being shown while the stores behind it are
// away, slow, or full of connections (stale-if-error).
//
// It caches nothing: each read asks the store, and what is kept is used only when the
// store fails or does not answer in time. A store is slow when two reads in a row took
// longer than slowAfter; then a kept value is used after hurriedTime, and the read goes
// on in the background. The first read that is quick again ends that. What this server
// changed itself is never shown as it was before because the store is slow, only because
// it is away.
//
// Memory is bounded by bytes for each kind of values; the least recently used go first.
package near

import (
	"container/list"
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"eshop/domain"
)

const (
	// keptFor is how long a value is kept: what was asked for in the ten minutes before
	// an outage is there for ten minutes of it, and a cache below may have answered with
	// a value that was a minute old.
	keptFor = 21 * time.Minute
	// freshFor is for how long another server may go by what was before a change anyway.
	freshFor = time.Minute
	// slowAfter is how long a read waits for the store when what is kept is fresh.
	slowAfter = 100 * time.Millisecond
	// patience is how long it waits otherwise.
	patience = time.Second
	// hurriedTime is how long it waits while the store is known to be slow.
	hurriedTime = 10 * time.Millisecond
	// loadTime bounds a read that nobody waits for any more.
	loadTime = 5 * time.Second
	// renewEvery is how often a kept value is replaced at most.
	renewEvery = 2 * time.Second
	// slowReads is how many reads in a row must be slow for the store to be.
	slowReads = 2
)

// shelf keeps values of one type. T may share memory with what clone makes of it only
// where nobody changes that.
type shelf[T any] struct {
	pace    *pace
	limit   int // in bytes
	slowAge time.Duration
	clone   func(T) T
	size    func(T) int
	flights singleflight.Group
	changes atomic.Int64 // made by this server

	mu      sync.Mutex
	entries map[string]*list.Element // of *kept[T]
	used    *list.List               // the most recently used first
	bytes   int
}

type kept[T any] struct {
	key     string
	value   T
	size    int
	at      time.Time // when it was asked for
	changes int64     // of the shelf, when it was asked for
}

// newShelf returns a shelf of so many bytes, whose values are used while the store is slow up to an age of slowAge.
func newShelf[T any](pace *pace, limit int, slowAge time.Duration, clone func(T) T, size func(T) int) *shelf[T] {
	return &shelf[T]{pace: pace, limit: limit, slowAge: slowAge, clone: clone, size: size, entries: map[string]*list.Element{}, used: list.New()}
}

// entryOverhead is what an entry takes beside its key and value, in bytes.
const entryOverhead = 200

// find returns what is kept under key.
func (s *shelf[T]) find(key string) (k kept[T], ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.entries[key]
	if !ok {
		return k, false
	}
	found := at.Value.(*kept[T])
	if time.Since(found.at) > keptFor {
		s.drop(at)
		return k, false
	}
	s.used.MoveToFront(at)
	return *found, true
}

// keep keeps a value that was asked for at a time, when there were so many changes.
func (s *shelf[T]) keep(key string, v T, at time.Time, changes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, v, at, changes)
}

// keepUnchanged keeps a value unless there were changes since it was asked for. One that
// is kept already stays, as forget drops those that changed.
func (s *shelf[T]) keepUnchanged(key string, v T, at time.Time, changes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes.Load() == changes {
		s.put(key, v, at, changes)
	}
}

// put is called with s.mu held.
func (s *shelf[T]) put(key string, v T, at time.Time, changes int64) {
	if old, ok := s.entries[key]; ok {
		k := old.Value.(*kept[T])
		if at.Sub(k.at) < renewEvery && k.changes >= changes {
			return
		}
		s.drop(old)
	}
	k := &kept[T]{key, s.clone(v), len(key) + entryOverhead + s.size(v), at, changes}
	if k.size > s.limit {
		return
	}
	s.entries[key] = s.used.PushFront(k)
	s.bytes += k.size
	for s.bytes > s.limit {
		s.drop(s.used.Back())
	}
}

// drop is called with s.mu held.
func (s *shelf[T]) drop(at *list.Element) {
	k := s.used.Remove(at).(*kept[T])
	delete(s.entries, k.key)
	s.bytes -= k.size
}

// forget drops what is kept under keys, and what is being read of them.
func (s *shelf[T]) forget(keys ...string) {
	s.changes.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if at, ok := s.entries[key]; ok {
			s.drop(at)
		}
	}
}

// forgetIf drops what is kept and gone reports true of, and what is being read.
func (s *shelf[T]) forgetIf(gone func(T) bool) {
	s.changes.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.entries {
		if gone(at.Value.(*kept[T]).value) {
			s.drop(at)
		}
	}
}

// read returns what load reads, or what is kept under key when load fails because the
// store is away, or is slow. What load has read it passes on to keep.
func (s *shelf[T]) read(ctx context.Context, key string, load func(context.Context) (T, error), keep func(v T, at time.Time, changes int64)) (T, error) {
	k, ok := s.find(key)
	if !ok {
		begun, changes := time.Now(), s.changes.Load()
		v, err := measured(ctx, s.pace, load)
		if err == nil {
			keep(v, begun, changes)
		}
		return v, err
	}
	var none T
	changes := s.changes.Load()
	loaded := s.flights.DoChan(key+"#"+strconv.FormatInt(changes, 36), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
		defer cancel()
		begun := time.Now()
		v, err := measured(ctx, s.pace, load)
		switch {
		case err == nil:
			keep(v, begun, changes)
		case !away(err):
			s.forget(key)
		}
		return v, err
	})
	var late <-chan time.Time
	if age := time.Since(k.at); k.changes == changes && age <= s.slowAge {
		timer := time.NewTimer(s.pace.wait(age))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case <-late:
	case result := <-loaded:
		if result.Err == nil {
			return s.clone(result.Val.(T)), nil
		}
		if !away(result.Err) {
			return none, result.Err
		}
	}
	return s.clone(k.value), nil
}

// away reports whether err is that of a store that is away.
func away(err error) bool {
	return errors.Is(err, domain.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

// pace is how quickly a store answers.
type pace struct{ slow atomic.Int32 } // reads in a row that were slow

// measured loads, and notes whether that was slow as soon as it is. A failure tells
// nothing: a store that is away may say so quickly.
func measured[T any](ctx context.Context, p *pace, load func(context.Context) (T, error)) (T, error) {
	slow := time.AfterFunc(slowAfter, func() { p.slow.Add(1) })
	v, err := load(ctx)
	if slow.Stop() && err == nil {
		p.slow.Store(0)
	}
	return v, err
}

// wait returns how long a read waits that has a value of that age.
func (p *pace) wait(age time.Duration) time.Duration {
	switch {
	case p.slow.Load() >= slowReads:
		return hurriedTime
	case age <= freshFor:
		return slowAfter
	}
	return patience
}
