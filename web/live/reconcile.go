package live

import (
	"context"
	"errors"
	"slices"
	"time"

	"eshop/domain"
	"eshop/usecase"
)

const (
	// searchEvery is how often a shopper who had no conversation is asked for one that was begun elsewhere.
	searchEvery = 30 * time.Second
	// listPages of listPage open conversations are reconciled for staff.
	listPage, listPages = 100, 10
	revisionsAtOnce     = 500 // asked for by one call
)

// reconcileSoon starts a reconciliation, unless one is under way.
func (h *Hub) reconcileSoon() {
	if !h.reconciling.CompareAndSwap(false, true) {
		return
	}
	h.workers.start(func(ctx context.Context) {
		defer h.reconciling.Store(false)
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		h.reconcile(ctx)
	})
}

// reconcile wakes what no event told of.
func (h *Hub) reconcile(ctx context.Context) {
	var threads []usecase.Thread
	for id, thread := range h.registry.threads() {
		if thread.Conversation().ID == "" {
			h.wake(id)
		} else {
			threads = append(threads, thread)
		}
	}
	for some := range slices.Chunk(threads, revisionsAtOnce) {
		revisions, err := h.chat.Revisions(ctx, some)
		if err != nil {
			return
		}
		for id, revision := range revisions {
			if slices.ContainsFunc(h.registry.audience(id), func(s *socket) bool { return s.revision(id) != revision }) {
				h.wake(id)
			}
		}
	}
	h.reconcileStaff(ctx)
	h.reconcileWithoutConversation(ctx)
}

// reconcileStaff wakes every open conversation that one of staff does not know as it is, and those that are no longer open.
func (h *Hub) reconcileStaff(ctx context.Context) {
	staff := h.registry.allStaff()
	if len(staff) == 0 {
		return
	}
	open, all, err := h.open(ctx, staff[0].user())
	if err != nil {
		return
	}
	for _, s := range staff {
		for id, revision := range open {
			if s.revision(id) != revision {
				h.wake(id)
			}
		}
		// Where there are more, one that is not among them may well be open: what changes comes up again.
		if all {
			for _, id := range s.openBesides(open) {
				h.wake(id)
			}
		}
	}
}

// open returns the revisions of the open conversations, and reports whether those are all.
func (h *Hub) open(ctx context.Context, by domain.User) (open map[domain.ConversationID]int64, all bool, err error) {
	open = map[domain.ConversationID]int64{}
	for n := 1; n <= listPages; n++ {
		page, total, err := h.chat.Conversations(ctx, by, domain.ConversationOpen, domain.Page{Number: n, Size: listPage})
		if err != nil {
			return nil, false, err
		}
		for _, c := range page {
			open[c.ID] = c.Revision
		}
		if n*listPage >= total {
			return open, true, nil
		}
	}
	return open, false, nil
}

// reconcileWithoutConversation wakes the conversations that shoppers who had none when they
// connected have begun elsewhere.
func (h *Hub) reconcileWithoutConversation(ctx context.Context) {
	for _, s := range h.registry.allShoppers() {
		if s.searchDue() && h.search(ctx, s) != nil {
			return
		}
	}
}

// search wakes the conversation that the shopper of s has begun elsewhere, or ends s when its session
// has ended. One that fails is due again.
func (h *Hub) search(ctx context.Context, s *socket) (err error) {
	defer func() {
		if err != nil {
			s.searchSoon()
		}
	}()
	visitor, err := h.identify(ctx, s, recheck)
	if errors.Is(err, domain.ErrUnauthenticated) {
		s.end(err)
		return nil
	}
	if err != nil {
		return err
	}
	thread, err := h.chat.Mine(ctx, visitor)
	if err == nil && thread.Conversation().ID != "" {
		h.wake(thread.Conversation().ID)
	}
	return err
}
