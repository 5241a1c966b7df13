package memory

import (
	"cmp"
	"context"
	"slices"

	"eshop/domain"
)

// talk is a conversation with all that was said in it.
type talk struct {
	domain.Conversation
	messages []domain.Message // number n at n-1
	byClient map[said]int64
}

// said is what a message is unique by within its conversation.
type said struct{ speaker, clientID string }

func (s *Store) StartConversation(ctx context.Context, c domain.Conversation) (domain.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	if t, ok := s.talkOf[c.Owner]; ok {
		return t.Conversation, nil
	}
	t := &talk{Conversation: c, byClient: map[said]int64{}}
	t.Revision, t.Added = 1, nil
	s.talks[c.ID], s.talkOf[c.Owner] = t, t
	return t.Conversation, nil
}

func (s *Store) Conversation(ctx context.Context, id domain.ConversationID) (domain.Conversation, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	t, ok := s.talks[id]
	if !ok {
		return domain.Conversation{}, domain.NotFound("conversation")
	}
	return t.Conversation, nil
}

func (s *Store) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	t, ok := s.talkOf[owner]
	if !ok {
		return domain.Conversation{}, domain.NotFound("conversation")
	}
	return t.Conversation, nil
}

func (s *Store) Conversations(ctx context.Context, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	var found []domain.Conversation
	for id, t := range s.talks {
		if id == t.ID && t.State == state && t.Last > 0 {
			found = append(found, t.Conversation)
		}
	}
	slices.SortFunc(found, func(a, b domain.Conversation) int {
		if a.WaitingSince.IsZero() != b.WaitingSince.IsZero() {
			if b.WaitingSince.IsZero() {
				return -1
			}
			return 1
		}
		return cmp.Or(a.WaitingSince.Compare(b.WaitingSince), b.ChangedAt.Compare(a.ChangedAt), cmp.Compare(a.ID, b.ID))
	})
	return pageOf(found, page), len(found), nil
}

func (s *Store) Revisions(ctx context.Context, ids []domain.ConversationID) (map[domain.ConversationID]int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	revisions := make(map[domain.ConversationID]int64, len(ids))
	for _, id := range ids {
		if t, ok := s.talks[id]; ok {
			revisions[id] = t.Revision
		}
	}
	return revisions, nil
}

func (s *Store) AddMessage(ctx context.Context, id domain.ConversationID, m domain.Message) (domain.Message, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Message{}, false, err
	}
	t, ok := s.talks[id]
	if !ok {
		return domain.Message{}, false, domain.NotFound("conversation")
	}
	if seq, ok := t.byClient[said{m.From.Speaker(), m.ClientID}]; ok {
		return t.messages[seq-1], false, nil
	}
	changed := t.Conversation
	if err := changed.Say(m); err != nil {
		return domain.Message{}, false, err
	}
	t.keep(changed)
	return t.messages[t.Last-1], true, nil
}

func (s *Store) UpdateConversation(ctx context.Context, id domain.ConversationID,
	change func(*domain.Conversation) error) (domain.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	t, ok := s.talks[id]
	if !ok {
		return domain.Conversation{}, domain.NotFound("conversation")
	}
	changed := t.Conversation
	if err := change(&changed); err != nil {
		return domain.Conversation{}, err
	}
	// The caller may have gone away while it made the change.
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	t.keep(changed)
	return t.Conversation, nil
}

func (s *Store) Messages(ctx context.Context, id domain.ConversationID, after int64, limit int) ([]domain.Message, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, ok := s.talks[id]
	if !ok {
		return nil, domain.NotFound("conversation")
	}
	from := min(max(after, 0), t.Last)
	return slices.Clone(t.messages[from:min(from+int64(limit), t.Last)]), nil
}

func (s *Store) AdoptConversation(ctx context.Context, from, into domain.OwnerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	given, ok := s.talkOf[from]
	target := s.talkOf[into]
	if !ok || given == target {
		return nil
	}
	if target == nil {
		given.Owner = into
		given.Revision++
		s.talkOf[into] = given
		return nil
	}
	changed := target.Conversation
	changed.Adopt(given.Conversation, slices.DeleteFunc(slices.Clone(given.messages), func(m domain.Message) bool {
		_, ok := target.byClient[said{m.From.Speaker(), m.ClientID}]
		return ok && m.ClientID != ""
	}))
	target.keep(changed)
	for id, t := range s.talks {
		if t == given {
			s.talks[id] = target
		}
	}
	for owner, t := range s.talkOf {
		if t == given {
			s.talkOf[owner] = target
		}
	}
	return nil
}

// keep makes the talk what a change made of it.
func (t *talk) keep(changed domain.Conversation) {
	for _, m := range changed.Added {
		t.messages = append(t.messages, m)
		if m.ClientID != "" {
			t.byClient[said{m.From.Speaker(), m.ClientID}] = m.Seq
		}
	}
	changed.Added = nil
	changed.Revision++
	t.Conversation = changed
}
