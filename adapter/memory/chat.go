package memory

import (
	"cmp"
	"context"
	"slices"

	"eshop/domain"
)

// conversation is a conversation with its messages.
type conversation struct {
	domain.Conversation
	messages []domain.Message // number n at n-1
	byClient map[messageKey]int64
}

// messageKey identifies a message within its conversation.
type messageKey struct{ speaker, clientID string }

func (s *Store) StartConversation(ctx context.Context, opened domain.Conversation) (domain.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	if c, ok := s.conversationOf[opened.Owner]; ok {
		return c.Conversation, nil
	}
	c := &conversation{Conversation: opened, byClient: map[messageKey]int64{}}
	c.Revision, c.Added = 1, nil
	s.conversations[opened.ID], s.conversationOf[opened.Owner] = c, c
	return c.Conversation, nil
}

func (s *Store) Conversation(ctx context.Context, id domain.ConversationID) (domain.Conversation, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	c, ok := s.conversations[id]
	if !ok {
		return domain.Conversation{}, domain.NotFound("conversation")
	}
	return c.Conversation, nil
}

func (s *Store) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	c, ok := s.conversationOf[owner]
	if !ok {
		return domain.Conversation{}, domain.NotFound("conversation")
	}
	return c.Conversation, nil
}

func (s *Store) Conversations(ctx context.Context, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	var found []domain.Conversation
	for id, c := range s.conversations {
		if id == c.ID && c.State == state && c.Last > 0 {
			found = append(found, c.Conversation)
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
		if c, ok := s.conversations[id]; ok {
			revisions[id] = c.Revision
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
	c, ok := s.conversations[id]
	if !ok {
		return domain.Message{}, false, domain.NotFound("conversation")
	}
	if seq, ok := c.byClient[messageKey{m.From.Speaker(), m.ClientID}]; ok {
		return c.messages[seq-1], false, nil
	}
	changed := c.Conversation
	if err := changed.Say(m); err != nil {
		return domain.Message{}, false, err
	}
	c.apply(changed)
	return c.messages[c.Last-1], true, nil
}

func (s *Store) UpdateConversation(ctx context.Context, id domain.ConversationID,
	change func(*domain.Conversation) error) (domain.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	c, ok := s.conversations[id]
	if !ok {
		return domain.Conversation{}, domain.NotFound("conversation")
	}
	changed := c.Conversation
	if err := change(&changed); err != nil {
		return domain.Conversation{}, err
	}
	// The caller may have gone away while it made the change.
	if err := ctx.Err(); err != nil {
		return domain.Conversation{}, err
	}
	c.apply(changed)
	return c.Conversation, nil
}

func (s *Store) Messages(ctx context.Context, id domain.ConversationID, after int64, limit int) ([]domain.Message, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, ok := s.conversations[id]
	if !ok {
		return nil, domain.NotFound("conversation")
	}
	from := min(max(after, 0), c.Last)
	return slices.Clone(c.messages[from:min(from+int64(limit), c.Last)]), nil
}

func (s *Store) AdoptConversation(ctx context.Context, from, into domain.OwnerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	source, ok := s.conversationOf[from]
	target := s.conversationOf[into]
	if !ok || source == target {
		return nil
	}
	if target == nil {
		source.Owner = into
		source.Revision++
		s.conversationOf[into] = source
		return nil
	}
	changed := target.Conversation
	changed.Adopt(source.Conversation, slices.DeleteFunc(slices.Clone(source.messages), func(m domain.Message) bool {
		_, ok := target.byClient[messageKey{m.From.Speaker(), m.ClientID}]
		return ok && m.ClientID != ""
	}))
	target.apply(changed)
	for id, c := range s.conversations {
		if c == source {
			s.conversations[id] = target
		}
	}
	for owner, c := range s.conversationOf {
		if c == source {
			s.conversationOf[owner] = target
		}
	}
	return nil
}

// apply replaces the conversation by changed and appends the messages that were added.
func (c *conversation) apply(changed domain.Conversation) {
	for _, m := range changed.Added {
		c.messages = append(c.messages, m)
		if m.ClientID != "" {
			c.byClient[messageKey{m.From.Speaker(), m.ClientID}] = m.Seq
		}
	}
	changed.Added = nil
	changed.Revision++
	c.Conversation = changed
}
