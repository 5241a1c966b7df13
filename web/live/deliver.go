package live

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"eshop/domain"
	"eshop/usecase"
)

const (
	// deliverySlots is how many conversations are delivered at once.
	deliverySlots = 8
	// recheck is how old the knowledge of a visitor may be when something is delivered.
	recheck = 2 * time.Second
)

// deliverer runs one worker for each conversation that was woken. One at a time
// serves all connections of a conversation, so that each gets every message once and in order.
type deliverer struct {
	workers *workers
	deliver func(context.Context, domain.ConversationID) error
	log     *slog.Logger
	slots   chan struct{}

	mu sync.Mutex
	// woken has the conversations that have a worker, and whether they were woken since it last began to read.
	woken map[domain.ConversationID]bool
}

func newDeliverer(w *workers, deliver func(context.Context, domain.ConversationID) error, log *slog.Logger) *deliverer {
	return &deliverer{workers: w, deliver: deliver, log: log, slots: make(chan struct{}, deliverySlots), woken: map[domain.ConversationID]bool{}}
}

// wake has a conversation delivered, once more if that is under way already.
func (d *deliverer) wake(id domain.ConversationID) {
	d.mu.Lock()
	_, ok := d.woken[id]
	d.woken[id] = true
	d.mu.Unlock()
	if !ok {
		d.workers.start(func(ctx context.Context) { d.work(ctx, id) })
	}
}

// work delivers until the conversation was not woken meanwhile.
func (d *deliverer) work(ctx context.Context, id domain.ConversationID) {
	d.slots <- struct{}{}
	defer func() { <-d.slots }()
	for d.next(ctx, id) {
		delivery, cancel := context.WithTimeout(ctx, storeTime)
		err := d.deliver(delivery, id)
		cancel()
		// The next reconciliation tries again: who did not get everything knows an older revision.
		if err != nil && !errors.Is(err, domain.ErrNotFound) && ctx.Err() == nil {
			d.log.Warn("a conversation could not be delivered; trying again", "error", err)
		}
	}
}

// next reports whether there is something to deliver. If not, the worker is to end.
func (d *deliverer) next(ctx context.Context, id domain.ConversationID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.woken[id] || ctx.Err() != nil {
		delete(d.woken, id)
		return false
	}
	d.woken[id] = false
	return true
}

// snapshot is what a delivery sends of a conversation besides its messages.
type snapshot struct {
	domain.Conversation
	staffed bool // whether anybody of staff is connected, for the shopper
	present bool // whether the shopper is connected, for staff
}

// deliver sends everybody who follows a conversation what is new for them.
func (h *Hub) deliver(ctx context.Context, id domain.ConversationID) error {
	found, err := h.chat.Find(ctx, id)
	if err != nil {
		return err
	}
	if found.ID != id {
		h.redirect(id, found)
		return nil
	}
	readers, thread, err := h.readers(ctx, found)
	if err != nil || len(readers) == 0 {
		return err
	}
	h.registry.keep(thread)
	now := snapshot{thread.Conversation(), h.staffOnline(), h.presence.shopperOnline(id, h.shopperHere(id), time.Now())}
	from := now.Last
	for _, s := range readers {
		from = min(from, s.position(now.Conversation))
	}
	for from < now.Last {
		messages, err := thread.Messages(ctx, from)
		if err != nil {
			return err
		}
		if len(messages) == 0 {
			break
		}
		frames := make([][]byte, len(messages)) // encoded for the first reader who has room for them
		behind := false
		for _, s := range readers {
			behind = s.deliver(now, messages, frames) || behind
		}
		if !behind {
			break
		}
		from = messages[len(messages)-1].Seq
	}
	for _, s := range readers {
		s.finish(now)
	}
	return nil
}

// readers returns those who follow a conversation and may still read it, and a thread of one of them.
// It ends the connections of those who may not.
func (h *Hub) readers(ctx context.Context, found usecase.Envelope) ([]*socket, usecase.Thread, error) {
	followers := slices.DeleteFunc(h.registry.followers(found), func(s *socket) bool { return !s.follows(found) })
	var readers []*socket
	var thread usecase.Thread
	for _, s := range followers {
		visitor, err := h.identify(ctx, s, recheck)
		var opened usecase.Thread
		if err == nil {
			opened, err = found.Open(visitor)
		}
		if errors.Is(err, domain.ErrUnauthenticated) {
			// The session has ended, or the conversation went into an account, whose shopper is to connect again.
			s.end(errSignedOut)
			continue
		}
		if err != nil {
			return nil, usecase.Thread{}, err
		}
		readers, thread = append(readers, s), opened
	}
	return readers, thread, nil
}

// redirect moves everybody who followed a conversation to the one that it was merged into.
func (h *Hub) redirect(was domain.ConversationID, found usecase.Envelope) {
	for _, s := range h.registry.redirect(was, found.ID) {
		s.redirect(was, found.ID)
	}
	for _, s := range h.registry.allStaff() {
		s.redirectStaff(was, found)
	}
	h.wake(found.ID)
}
