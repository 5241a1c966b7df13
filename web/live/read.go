package live

import (
	"context"
	"sync"
	"time"

	"eshop/domain"
)

// readEvery is how often what one side has read of a conversation is kept: clients mark every message,
// from each of their tabs.
const readEvery = time.Second

// readMarks has the read marks that came within readEvery of the last one that was kept.
type readMarks struct {
	mu      sync.Mutex
	waiting map[readKey]*readMark
}

type readKey struct {
	conversation domain.ConversationID
	side         domain.Side
}

type readMark struct {
	seq  int64 // 0 while none waits
	keep func(ctx context.Context, seq int64) error
}

func newReadMarks() *readMarks { return &readMarks{waiting: map[readKey]*readMark{}} }

// add reports whether the mark is to be kept now. If not, it waits.
func (r *readMarks) add(key readKey, seq int64, keep func(context.Context, int64) error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if mark := r.waiting[key]; mark != nil {
		if seq > mark.seq {
			mark.seq, mark.keep = seq, keep
		}
		return false
	}
	r.waiting[key] = &readMark{}
	return true
}

// take returns the mark that waits; nil when none came since the last one was kept, and the next is to be kept at once.
func (r *readMarks) take(key readKey) *readMark {
	r.mu.Lock()
	defer r.mu.Unlock()
	mark := r.waiting[key]
	if mark == nil || mark.seq == 0 {
		delete(r.waiting, key)
		return nil
	}
	r.waiting[key] = &readMark{}
	return mark
}

// keys returns the conversations of which marks may wait.
func (r *readMarks) keys() []readKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]readKey, 0, len(r.waiting))
	for key := range r.waiting {
		keys = append(keys, key)
	}
	return keys
}

// markRead keeps that a side has read up to a message, at once or within readEvery.
func (h *Hub) markRead(ctx context.Context, key readKey, seq int64, keep func(context.Context, int64) error) error {
	if !h.reads.add(key, seq, keep) {
		return nil
	}
	defer h.keepReadsLater(key)
	return keep(ctx, seq)
}

func (h *Hub) keepReadsLater(key readKey) {
	time.AfterFunc(readEvery, func() {
		h.workers.start(func(ctx context.Context) {
			if mark := h.reads.take(key); mark != nil {
				defer h.keepReadsLater(key)
				ctx, cancel := context.WithTimeout(ctx, storeTime)
				defer cancel()
				_ = mark.keep(ctx, mark.seq) // the client marks again with the next message
			}
		})
	})
}

// keepReads keeps all marks that wait.
func (h *Hub) keepReads(ctx context.Context) {
	for _, key := range h.reads.keys() {
		if mark := h.reads.take(key); mark != nil {
			_ = mark.keep(ctx, mark.seq)
		}
	}
}
