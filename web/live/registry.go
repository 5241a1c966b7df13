package live

import (
	"maps"
	"slices"
	"sync"

	"eshop/domain"
	"eshop/usecase"
)

// registry knows who is connected to this server.
type registry struct {
	mu       sync.Mutex
	draining bool
	all      map[*socket]bool
	staff    map[*socket]bool
	// Each shopper is in one of these: by conversation, or by owner until the first message.
	audiences           map[domain.ConversationID]*audience
	withoutConversation map[domain.OwnerID]map[*socket]bool
}

// audience is the connections of one conversation's shopper.
type audience struct {
	sockets map[*socket]bool
	thread  usecase.Thread // of any of them; the zero one until the first delivery to those who were redirected here
}

func newRegistry() *registry {
	return &registry{
		all: map[*socket]bool{}, staff: map[*socket]bool{},
		audiences: map[domain.ConversationID]*audience{}, withoutConversation: map[domain.OwnerID]map[*socket]bool{},
	}
}

// drain returns all connections; those that are added later are told that the server is draining.
func (r *registry) drain() []*socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	return slices.Collect(maps.Keys(r.all))
}

// add registers a connection. The results report whether the server is draining, and whether it is the first of staff.
func (r *registry) add(s *socket) (draining, firstOfStaff bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[s] = true
	switch id := s.thread.Conversation().ID; {
	case s.staff:
		r.staff[s] = true
		firstOfStaff = len(r.staff) == 1
	case id != "":
		r.enter(id, s).thread = s.thread
	default:
		if r.withoutConversation[s.owner] == nil {
			r.withoutConversation[s.owner] = map[*socket]bool{}
		}
		r.withoutConversation[s.owner][s] = true
	}
	return r.draining, firstOfStaff
}

// enter adds a shopper to the audience of a conversation. It is called with mu held.
func (r *registry) enter(id domain.ConversationID, s *socket) *audience {
	a := r.audiences[id]
	if a == nil {
		a = &audience{sockets: map[*socket]bool{}}
		r.audiences[id] = a
	}
	a.sockets[s] = true
	return a
}

// remove forgets a connection. It returns the conversations that have no audience left, and reports
// whether it was the last of staff.
func (r *registry) remove(s *socket) (left []domain.ConversationID, lastOfStaff bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, s)
	delete(r.staff, s)
	if delete(r.withoutConversation[s.owner], s); len(r.withoutConversation[s.owner]) == 0 {
		delete(r.withoutConversation, s.owner)
	}
	for id, a := range r.audiences {
		if !a.sockets[s] {
			continue
		}
		if delete(a.sockets, s); len(a.sockets) == 0 {
			delete(r.audiences, id)
			left = append(left, id)
		}
	}
	return left, s.staff && len(r.staff) == 0
}

// concerns reports whether anybody here may follow a conversation. While somebody is without one it may
// be any: only its record says who owns it.
func (r *registry) concerns(id domain.ConversationID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.audiences[id] != nil || len(r.staff) > 0 || len(r.withoutConversation) > 0
}

// followers returns the audience of a conversation and all staff. Shoppers who had no conversation
// join the audience of the one that their owner began.
func (r *registry) followers(found usecase.Envelope) []*socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.withoutConversation[found.Owner] {
		r.enter(found.ID, s)
	}
	delete(r.withoutConversation, found.Owner)
	return append(r.audienceOf(found.ID), slices.Collect(maps.Keys(r.staff))...)
}

// keep remembers a thread of a conversation for its reconciliation.
func (r *registry) keep(thread usecase.Thread) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.audiences[thread.Conversation().ID]; a != nil {
		a.thread = thread
	}
}

// redirect moves the audience of a conversation to the one that it was merged into, and returns it.
func (r *registry) redirect(from, into domain.ConversationID) []*socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	moved := r.audienceOf(from)
	for _, s := range moved {
		r.enter(into, s)
	}
	delete(r.audiences, from)
	return moved
}

func (r *registry) audience(id domain.ConversationID) []*socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.audienceOf(id)
}

// audienceOf is audience with mu held.
func (r *registry) audienceOf(id domain.ConversationID) []*socket {
	if a := r.audiences[id]; a != nil {
		return slices.Collect(maps.Keys(a.sockets))
	}
	return nil
}

func (r *registry) allStaff() []*socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.staff))
}

// of returns the connections of an owner, all for "".
func (r *registry) of(owner domain.OwnerID) []*socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*socket
	for s := range r.all {
		if owner == "" || s.owner == owner {
			found = append(found, s)
		}
	}
	return found
}

func (r *registry) allShoppers() []*socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Collect(maps.Keys(r.all))
	return slices.DeleteFunc(all, func(s *socket) bool { return s.staff })
}

// threads returns a thread of each conversation that has an audience, the zero one for those that
// were redirected here and not delivered yet.
func (r *registry) threads() map[domain.ConversationID]usecase.Thread {
	r.mu.Lock()
	defer r.mu.Unlock()
	threads := make(map[domain.ConversationID]usecase.Thread, len(r.audiences))
	for id, a := range r.audiences {
		threads[id] = a.thread
	}
	return threads
}
