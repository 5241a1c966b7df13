package live

import (
	"eshop/domain"
	"eshop/usecase"
	"eshop/web/chat"
)

// closedKept is how many closed conversations one of staff is told about when they go on; more are closed in
// the long day of a connection than it needs to remember.
const closedKept = 200

// cursor is how far a client knows a conversation: what was sent to it.
type cursor struct {
	seq            int64                 // of the last message
	revision       int64                 // that was sent completely; 0 for none
	statusRevision int64                 // of the last status; 0 for none
	status         statusFrame           // to a shopper
	read           map[domain.Side]int64 // marks, to a shopper
	present        bool                  // to staff: whether the shopper is online
	closed         bool                  // to staff: whether the conversation is closed
	last           int64                 // to staff: the last message when the status was sent
}

func newCursor(after int64) *cursor { return &cursor{seq: after, read: map[domain.Side]int64{}} }

// cursor returns the cursor in c. Staff begins after what staff has read. It is called with mu held.
func (s *socket) cursor(c domain.Conversation) *cursor {
	if s.cursors[c.ID] == nil {
		s.cursors[c.ID] = newCursor(c.ReadByAgent)
	}
	return s.cursors[c.ID]
}

// follows reports whether the client is sent what is new in a conversation: to staff, every one
// that is open, and a closed one that was sent before. A shopper begins at the first message.
func (s *socket) follows(found usecase.Envelope) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.staff && s.cursors[found.ID] == nil {
		s.cursors[found.ID] = newCursor(0)
	}
	return s.cursors[found.ID] != nil || found.State == domain.ConversationOpen
}

// position returns the number of the last message of c that was sent.
func (s *socket) position(c domain.Conversation) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor(c).seq
}

// revision returns the revision that was sent completely, 0 for none.
func (s *socket) revision(id domain.ConversationID) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cur := s.cursors[id]; cur != nil {
		return cur.revision
	}
	return 0
}

// knownOpen returns the conversations that the client knows and takes for open.
func (s *socket) knownOpen() []domain.ConversationID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []domain.ConversationID
	for id, cur := range s.cursors {
		if !cur.closed {
			ids = append(ids, id)
		}
	}
	return ids
}

// conversation returns the one that a shopper's client knows; "" for none.
func (s *socket) conversation() domain.ConversationID {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.cursors {
		return id
	}
	return ""
}

// openBesides returns the conversations that the client takes for open, or asked for, and that are not.
func (s *socket) openBesides(open map[domain.ConversationID]int64) []domain.ConversationID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []domain.ConversationID
	for id, cur := range s.cursors {
		if _, ok := open[id]; !ok && !cur.closed {
			ids = append(ids, id)
		}
	}
	return ids
}

// deliver sends those of the messages that come next for the client, as far as the window has room,
// and reports whether it can take more.
func (s *socket) deliver(now snapshot, messages []domain.Message, frames [][]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := s.cursor(now.Conversation)
	// The status comes before the first message.
	if cur.statusRevision == 0 {
		s.pushStatus(now, cur)
	}
	for i, m := range messages {
		if m.Seq != cur.seq+1 {
			continue
		}
		if frames[i] == nil {
			frames[i] = encode(chat.MessageOf(m))
		}
		if !s.push(frames[i]) {
			s.backlog[now.ID] = true
			return false
		}
		cur.seq = m.Seq
	}
	return cur.seq < now.Last
}

// finish sends the status and the read marks that have changed. What finds no room goes on the backlog.
func (s *socket) finish(now snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := s.cursor(now.Conversation)
	if !s.pushStatus(now, cur) || !s.staff && !s.pushMarks(now.Conversation, cur) {
		s.backlog[now.ID] = true
	} else if cur.seq >= now.Last {
		cur.revision = now.Revision
	}
}

func (s *socket) pushStatus(now snapshot, cur *cursor) bool {
	if !s.staff {
		status := statusOf(now.Conversation, now.staffed)
		if !status.same(cur.status) && !s.push(encode(status)) {
			return false
		}
		cur.status, cur.statusRevision = status, now.Revision
		return true
	}
	if cur.statusRevision == now.Revision && cur.present == now.present {
		return true
	}
	if !s.push(encode(conversationFrame{typeConversation, chat.ConversationOf(now.Conversation), now.present, ""})) {
		return false
	}
	cur.present, cur.closed, cur.statusRevision = now.present, now.State != domain.ConversationOpen, now.Revision
	cur.last = now.Last
	if cur.closed {
		s.forgetClosed(now.ID)
	}
	return true
}

// forgetClosed keeps the cursors of no more than closedKept closed conversations, that of id among them. A
// conversation that was forgotten and is opened again begins after what staff has read. It is called with mu held.
func (s *socket) forgetClosed(id domain.ConversationID) {
	closed := 0
	for other, cur := range s.cursors {
		if !cur.closed || cur.seq < cur.last {
			continue
		}
		if closed++; closed > closedKept && other != id {
			delete(s.cursors, other)
		}
	}
}

func (s *socket) pushMarks(c domain.Conversation, cur *cursor) bool {
	for _, side := range []domain.Side{domain.AgentSide, domain.CustomerSide} {
		seq := c.ReadBy(side)
		if seq <= cur.read[side] {
			continue
		}
		if !s.push(encode(readFrame{typeRead, c.ID, seq, chat.Party{Role: side}})) {
			return false
		}
		cur.read[side] = seq
	}
	return true
}

// redirect has a shopper begin the conversation that theirs was merged into.
func (s *socket) redirect(was, into domain.ConversationID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cursors, was)
	if s.cursors[into] == nil {
		s.cursors[into] = newCursor(0)
	}
}

// redirectStaff tells staff who know a conversation which one it was merged into.
func (s *socket) redirectStaff(was domain.ConversationID, found usecase.Envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	thread, err := found.Open(s.visitor)
	if err == nil && s.cursors[was] != nil && s.push(encode(conversationFrame{typeConversation, chat.ConversationOf(thread.Conversation()), false, was})) {
		delete(s.cursors, was)
	}
}

// announceStaff tells a shopper whether staff is online.
func (s *socket) announceStaff(online bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cursors) == 0 {
		s.push(encode(statusOf(domain.Conversation{}, online)))
	}
	for _, cur := range s.cursors {
		status := cur.status
		if status.Online = online; status.Type != "" && status != cur.status && s.push(encode(status)) {
			cur.status = status
		}
	}
}

// announceShopper tells staff who know a conversation whether its shopper is online.
func (s *socket) announceShopper(id domain.ConversationID, online bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cur := s.cursors[id]; cur != nil && cur.present != online &&
		s.push(encode(presenceFrame{typePresence, id, chat.Party{Role: domain.CustomerSide}, online})) {
		cur.present = online
	}
}
