package live

import (
	"context"
	"errors"
	"slices"
	"time"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/chat"
)

const (
	deliveries = 8 // conversations that are delivered at once
	// beatEvery is how long a lost wake-up delays at most.
	beatEvery  = 5 * time.Second
	silentRest = 30 * time.Second // between two looks whether a shopper who said nothing did so elsewhere
	listPage   = 100
	listPages  = 10
	askAtOnce  = 500 // revisions that are asked for at once
)

// room is a conversation that has connections here. One worker at a time delivers to
// all of them, so that each gets everything once and in order.
type room struct {
	members map[*socket]bool // shoppers; staff is in every room
	thread  usecase.Thread   // the zero one until one of them has read the conversation
	dirty   bool
	working bool
}

// enter puts a shopper's connection into a room. It is called with h.mu held.
func (h *Hub) enter(id domain.ConversationID, s *socket) {
	r := h.rooms[id]
	if r == nil {
		r = &room{members: map[*socket]bool{}}
		h.rooms[id] = r
	}
	r.members[s] = true
}

// tidy forgets a room that nobody is in. It is called with h.mu held.
func (h *Hub) tidy(id domain.ConversationID) {
	if r := h.rooms[id]; r != nil && len(r.members) == 0 && !r.working {
		delete(h.rooms, id)
	}
}

// wake lets what is new in a conversation be delivered.
func (h *Hub) wake(id domain.ConversationID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[id]
	if r == nil {
		if len(h.staff) == 0 && len(h.silent) == 0 {
			return
		}
		r = &room{members: map[*socket]bool{}}
		h.rooms[id] = r
	}
	r.dirty = true
	if !r.working && h.ctx.Err() == nil {
		r.working = true
		h.workers.Go(func() { h.work(id, r) })
	}
}

// work delivers until nothing is new.
func (h *Hub) work(id domain.ConversationID, r *room) {
	h.turns <- struct{}{}
	defer func() { <-h.turns }()
	for {
		h.mu.Lock()
		if !r.dirty || h.ctx.Err() != nil {
			r.working = false
			h.tidy(id)
			h.mu.Unlock()
			return
		}
		r.dirty = false
		h.mu.Unlock()
		ctx, cancel := context.WithTimeout(h.ctx, storeTime)
		err := h.deliver(ctx, id)
		cancel()
		// The next beat tries again: who was not told in full has an older revision.
		if err != nil && !errors.Is(err, domain.ErrNotFound) && h.ctx.Err() == nil {
			h.log.Warn("a conversation could not be delivered; trying again", "error", err)
		}
	}
}

// deliver brings to everybody in a room what is new for them.
func (h *Hub) deliver(ctx context.Context, id domain.ConversationID) error {
	found, err := h.talking.Find(ctx, id)
	if err != nil {
		return err
	}
	if found.ID != id {
		h.moveOn(id, found)
		return nil
	}
	all := h.listeners(found)
	online, here := h.staffed(), h.here(found.ID)
	var ready []*socket
	var thread usecase.Thread
	for _, s := range all {
		who, err := h.visitor(ctx, s, recheck)
		if err == nil {
			thread, err = found.Open(who)
		}
		if errors.Is(err, domain.ErrUnauthenticated) {
			// The session has ended, or the conversation went into an account: its shopper comes back signed in.
			s.end(errSignedOut)
			continue
		}
		if err != nil {
			return err
		}
		ready = append(ready, s)
	}
	if len(ready) == 0 {
		return nil
	}
	h.mu.Lock()
	if r := h.rooms[id]; r != nil {
		r.thread = thread
	}
	h.mu.Unlock()
	c := thread.Conversation()
	from := c.Last
	for _, s := range ready {
		from = min(from, s.seq(c))
	}
	for from < c.Last {
		messages, err := thread.Messages(ctx, from)
		if err != nil {
			return err
		}
		if len(messages) == 0 {
			break
		}
		frames := make([][]byte, len(messages))
		for i, m := range messages {
			frames[i] = encode(chat.MessageOf(m))
		}
		behind := false
		for _, s := range ready {
			behind = s.bring(c, messages, frames, online, here) || behind
		}
		if !behind {
			break
		}
		from = messages[len(messages)-1].Seq
	}
	for _, s := range ready {
		s.tell(c, online, here)
	}
	return nil
}

// listeners are all who hear of a conversation, with the shoppers who have just learned that it is theirs.
func (h *Hub) listeners(c usecase.Envelope) []*socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.silent[c.Owner] {
		s.mu.Lock()
		s.places[c.ID] = newPlace(0)
		s.mu.Unlock()
		h.enter(c.ID, s)
	}
	delete(h.silent, c.Owner)
	var all []*socket
	for s := range h.rooms[c.ID].members {
		all = append(all, s)
	}
	for s := range h.staff {
		// What staff never saw open is of no interest once it is closed.
		if c.State == domain.ConversationOpen || s.hasPlaceIn(c.ID) {
			all = append(all, s)
		}
	}
	return all
}

// moveOn takes everybody who was in a conversation to the one that it was joined into.
func (h *Hub) moveOn(was domain.ConversationID, c usecase.Envelope) {
	h.mu.Lock()
	for s := range h.rooms[was].members {
		s.mu.Lock()
		delete(s.places, was)
		if s.places[c.ID] == nil {
			s.places[c.ID] = newPlace(0)
		}
		s.mu.Unlock()
		delete(h.rooms[was].members, s)
		h.enter(c.ID, s)
	}
	for s := range h.staff {
		s.mu.Lock()
		thread, err := c.Open(s.who)
		if err == nil && s.places[was] != nil && s.push(encode(conversationFrame{typeConversation, chat.ConversationOf(thread.Conversation()), false, was})) {
			delete(s.places, was)
		}
		s.mu.Unlock()
	}
	h.mu.Unlock()
	h.wake(c.ID)
}

func newPlace(after int64) *place { return &place{seq: after, read: map[domain.Side]int64{}} }

// placeIn is how far the client knows c. Staff begins where staff has read to. It is called with s.mu held.
func (s *socket) placeIn(c domain.Conversation) *place {
	p := s.places[c.ID]
	if p == nil {
		p = newPlace(c.ReadByAgent)
		s.places[c.ID] = p
	}
	return p
}

func (s *socket) seq(c domain.Conversation) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.placeIn(c).seq
}

func (s *socket) hasPlaceIn(id domain.ConversationID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places[id] != nil
}

// bring sends those of the messages that the client has not got, as far as there is
// room, and reports whether it can take more.
func (s *socket) bring(c domain.Conversation, messages []domain.Message, frames [][]byte, online, here bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.placeIn(c)
	// How the conversation stands comes before the first of its messages.
	if p.stood == 0 {
		s.tellStanding(c, p, online, here)
	}
	for i, m := range messages {
		if m.Seq != p.seq+1 {
			continue
		}
		if !s.push(frames[i]) {
			s.owed[c.ID] = true
			return false
		}
		p.seq = m.Seq
	}
	return p.seq < c.Last
}

// tell tells how a conversation stands. What finds no room is told later.
func (s *socket) tell(c domain.Conversation, online, here bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.placeIn(c)
	if !s.tellStanding(c, p, online, here) || !s.staff && !s.tellMarks(c, p) {
		s.owed[c.ID] = true
	} else if p.seq >= c.Last {
		p.revision = c.Revision
	}
}

func (s *socket) tellStanding(c domain.Conversation, p *place, online, here bool) bool {
	if !s.staff {
		now := standingOf(c, online)
		if !now.same(p.standing) && !s.push(encode(now)) {
			return false
		}
		p.standing, p.stood = now, c.Revision
		return true
	}
	if p.stood == c.Revision && p.here == here {
		return true
	}
	if !s.push(encode(conversationFrame{typeConversation, chat.ConversationOf(c), here, ""})) {
		return false
	}
	p.here, p.closed, p.stood = here, c.State != domain.ConversationOpen, c.Revision
	return true
}

func (s *socket) tellMarks(c domain.Conversation, p *place) bool {
	for _, side := range []domain.Side{domain.AgentSide, domain.CustomerSide} {
		seq := c.ReadBy(side)
		if seq <= p.read[side] {
			continue
		}
		if !s.push(encode(readFrame{typeRead, c.ID, seq, chat.Party{Role: side}})) {
			return false
		}
		p.read[side] = seq
	}
	return true
}

// same reports whether s tells nothing that messages and marks do not.
func (s standing) same(other standing) bool {
	s.Last, s.Unread = other.Last, other.Unread
	return s == other
}

func standingOf(c domain.Conversation, online bool) standing {
	s := standing{
		Type: typePresence, Conversation: c.ID, From: chat.Party{Role: domain.AgentSide, Name: c.AgentName},
		Online: online, State: c.State, Last: c.Last, Unread: c.UnreadByCustomer,
	}
	if s.State == "" {
		s.State = domain.ConversationClosed
	}
	return s
}

// beat looks for what no wake-up told of.
func (h *Hub) beat(ctx context.Context) {
	h.mu.Lock()
	var threads []usecase.Thread
	var unread []domain.ConversationID // since they were entered
	for id, r := range h.rooms {
		switch {
		case len(r.members) == 0:
		case r.thread.Conversation().ID == "":
			unread = append(unread, id)
		default:
			threads = append(threads, r.thread)
		}
	}
	h.mu.Unlock()
	for _, id := range unread {
		h.wake(id)
	}
	for some := range slices.Chunk(threads, askAtOnce) {
		revisions, err := h.talking.Revisions(ctx, some)
		if err != nil {
			return
		}
		for id, revision := range revisions {
			if h.behind(id, revision) {
				h.wake(id)
			}
		}
	}
	h.beatStaff(ctx)
	h.beatSilent(ctx)
}

// behind reports whether anybody in a room does not know a revision of it.
func (h *Hub) behind(id domain.ConversationID, revision int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.rooms[id].membersIfAny() {
		if s.knows(id) != revision {
			return true
		}
	}
	return false
}

func (r *room) membersIfAny() map[*socket]bool {
	if r == nil {
		return nil
	}
	return r.members
}

func (s *socket) knows(id domain.ConversationID) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.places[id]; p != nil {
		return p.revision
	}
	return 0
}

// beatStaff tells staff of every open conversation, and of those that are no longer.
func (h *Hub) beatStaff(ctx context.Context) {
	h.mu.Lock()
	var staff []*socket
	for s := range h.staff {
		staff = append(staff, s)
	}
	h.mu.Unlock()
	if len(staff) == 0 {
		return
	}
	open, err := h.open(ctx, staff[0])
	if err != nil {
		return
	}
	for _, s := range staff {
		for id, revision := range open {
			if s.knows(id) != revision {
				h.wake(id)
			}
		}
		for _, id := range s.others(open) {
			h.wake(id)
		}
	}
}

// open are the revisions of all open conversations, as one of the staff may see them.
func (h *Hub) open(ctx context.Context, s *socket) (map[domain.ConversationID]int64, error) {
	s.mu.Lock()
	by := s.who.User
	s.mu.Unlock()
	open := map[domain.ConversationID]int64{}
	for n := 1; n <= listPages; n++ {
		page, total, err := h.talking.Conversations(ctx, by, domain.ConversationOpen, domain.Page{Number: n, Size: listPage})
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			open[c.ID] = c.Revision
		}
		if n*listPage >= total {
			break
		}
	}
	return open, nil
}

// others are the conversations that the client takes for open, or asked for, and that are not.
func (s *socket) others(open map[domain.ConversationID]int64) []domain.ConversationID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []domain.ConversationID
	for id, p := range s.places {
		if _, ok := open[id]; !ok && !p.closed {
			ids = append(ids, id)
		}
	}
	return ids
}

// beatSilent looks whether shoppers who had no conversation when they connected have begun one elsewhere.
func (h *Hub) beatSilent(ctx context.Context) {
	h.mu.Lock()
	var due []*socket
	for _, sockets := range h.silent {
		for s := range sockets {
			s.mu.Lock()
			// Nobody else has the secret of a guest who has not written yet.
			if s.pass == nil && time.Since(s.checked) > silentRest {
				due = append(due, s)
			}
			s.mu.Unlock()
		}
	}
	h.mu.Unlock()
	for _, s := range due {
		who, err := h.visitor(ctx, s, silentRest)
		if errors.Is(err, domain.ErrUnauthenticated) {
			s.end(err)
			continue
		}
		if err != nil {
			return
		}
		thread, err := h.talking.Mine(ctx, who)
		if err != nil {
			return
		}
		if id := thread.Conversation().ID; id != "" {
			h.wake(id)
		}
	}
}
