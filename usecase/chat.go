package usecase

import (
	"context"
	"errors"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Talking is a shopper and the shop's staff writing to each other.
type Chat struct {
	talks  port.Conversations
	orders port.Orders
	events port.Events
	limits port.Limits
	clock  Clock
	newID  NewID
}

// NewTalking keeps what is said in talks, and wakes who listens by events.
func NewChat(talks port.Conversations, orders port.Orders, events port.Events, limits port.Limits, clock Clock, newID NewID) *Chat {
	return &Chat{talks, orders, events, limits, clock, newID}
}

// What may be said how often. Conversations are counted by where they are started from,
// so that fresh sessions are no way round.
var (
	startTalkLimit = port.Limit{Burst: 200, Every: 2 * time.Second}
	sayLimit       = port.Limit{Burst: 30, Every: time.Second}
	answerLimit    = port.Limit{Burst: 1000, Every: 20 * time.Millisecond}
)

const (
	// wakeTime is how long a speaker waits for others to be woken, who read by themselves after a while.
	wakeTime     = 300 * time.Millisecond
	messagesRead = 100 // that one call returns at most
	ordersBeside = 5   // that staff sees beside a conversation
)

// Mine is the visitor's conversation; the zero one for who never wrote. ErrUnauthenticated
// for a guest whose conversation went into an account meanwhile: only who signed in has it.
func (t *Chat) Mine(ctx context.Context, who Visitor) (domain.Conversation, error) {
	if who.Session.Owner() == "" {
		return domain.Conversation{}, nil
	}
	c, err := t.talks.ConversationOf(ctx, who.Session.Owner())
	if errors.Is(err, domain.ErrNotFound) {
		return domain.Conversation{}, nil
	}
	if err == nil && c.Owner != who.Session.Owner() {
		return domain.Conversation{}, domain.ErrUnauthenticated.Errorf("unauthenticated", "the session has ended; sign in again")
	}
	return c, err
}

// Say sends what a shopper wrote and returns it as it was kept. The same client id again is the same
// message, and said is false.
func (t *Chat) Say(ctx context.Context, who Visitor, clientID, body, address string) (m domain.Message, said bool, err error) {
	if err := domain.CheckMessage(clientID, body); err != nil {
		return domain.Message{}, false, err
	}
	from := domain.Party{Side: domain.CustomerSide, User: who.User.ID, Name: "Guest"}
	if who.SignedIn() {
		from.Name = who.User.Username
	}
	owner := who.Session.Owner()
	if err := t.take(ctx, "chat:"+string(owner), sayLimit); err != nil {
		return domain.Message{}, false, err
	}
	c, err := t.Mine(ctx, who)
	if err == nil && c.ID == "" {
		c, err = t.start(ctx, owner, from.Name, address)
	}
	if err != nil {
		return domain.Message{}, false, err
	}
	return t.add(ctx, c.ID, clientID, body, from)
}

func (t *Chat) start(ctx context.Context, owner domain.OwnerID, name, address string) (domain.Conversation, error) {
	if err := t.take(ctx, "chat-from:"+address, startTalkLimit); err != nil {
		return domain.Conversation{}, err
	}
	now := t.clock()
	return t.talks.StartConversation(ctx, domain.Conversation{
		ID: domain.ConversationID(t.newID()), Owner: owner, Name: name,
		State: domain.ConversationClosed, StartedAt: now, ChangedAt: now,
	})
}

func (t *Chat) add(ctx context.Context, id domain.ConversationID, clientID, body string, from domain.Party) (domain.Message, bool, error) {
	m, said, err := t.talks.AddMessage(ctx, id, domain.Message{ClientID: clientID, From: from, Body: body, At: t.clock()})
	if err != nil {
		return domain.Message{}, false, err
	}
	t.wake(ctx, m.Conversation)
	return m, said, nil
}

// Messages returns what was said in the visitor's conversation after a number, as much as one
// call returns, and the conversation.
func (t *Chat) Messages(ctx context.Context, who Visitor, after int64) (domain.Conversation, []domain.Message, error) {
	c, err := t.Mine(ctx, who)
	if err != nil || c.ID == "" {
		return c, nil, err
	}
	messages, err := t.Since(ctx, c.ID, after)
	return c, messages, err
}

// Read notes that the visitor has read all up to a message.
func (t *Chat) Read(ctx context.Context, who Visitor, seq int64) error {
	c, err := t.Mine(ctx, who)
	if err != nil || c.ID == "" {
		return err
	}
	return t.read(ctx, c, domain.CustomerSide, seq)
}

func (t *Chat) read(ctx context.Context, c domain.Conversation, side domain.Side, seq int64) error {
	if min(seq, c.Last) <= c.ReadBy(side) {
		return nil
	}
	return t.update(ctx, c.ID, func(c *domain.Conversation) error {
		c.Read(side, seq)
		return nil
	})
}

func (t *Chat) update(ctx context.Context, id domain.ConversationID, change func(*domain.Conversation) error) error {
	c, err := t.talks.UpdateConversation(ctx, id, change)
	if err != nil {
		return err
	}
	t.wake(ctx, c.ID)
	return nil
}

// Conversations returns a page of those in a state, the longest waiting first, for staff.
func (t *Chat) Conversations(ctx context.Context, by domain.User, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error) {
	if err := staffOnly(by); err != nil {
		return nil, 0, err
	}
	if state != domain.ConversationOpen && state != domain.ConversationClosed {
		return nil, 0, domain.InvalidFields(map[string]string{"state": "must be open or closed"})
	}
	return t.talks.Conversations(ctx, state, page)
}

// Conversation returns anybody's conversation, for staff. It may have another id than was asked for: see port.Conversations.
func (t *Chat) Conversation(ctx context.Context, by domain.User, id domain.ConversationID) (domain.Conversation, error) {
	if err := staffOnly(by); err != nil {
		return domain.Conversation{}, err
	}
	if id == "" || len(id) > 100 || !domain.CleanText(string(id)) {
		return domain.Conversation{}, domain.ErrNotFound.Errorf("not_found", "there is no such conversation")
	}
	return t.talks.Conversation(ctx, id)
}

// Orders returns the last orders of the shopper whose conversation it is, the newest first.
func (t *Chat) Orders(ctx context.Context, by domain.User, c domain.Conversation) ([]domain.Order, error) {
	if err := staffOnly(by); err != nil {
		return nil, err
	}
	orders, _, err := t.orders.Orders(ctx, port.OrderFilter{Owner: c.Owner}, domain.Page{Number: 1, Size: ordersBeside})
	return orders, err
}

// Answer sends what an agent wrote, with the promises of Say.
func (t *Chat) Answer(ctx context.Context, by domain.User, id domain.ConversationID, clientID, body string) (m domain.Message, said bool, err error) {
	if _, err := t.Conversation(ctx, by, id); err != nil {
		return domain.Message{}, false, err
	}
	if err := domain.CheckMessage(clientID, body); err != nil {
		return domain.Message{}, false, err
	}
	if err := t.take(ctx, "answer:"+string(by.ID), answerLimit); err != nil {
		return domain.Message{}, false, err
	}
	return t.add(ctx, id, clientID, body, domain.Party{Side: domain.AgentSide, User: by.ID, Name: by.Username})
}

// MarkRead notes that staff has read all up to a message.
func (t *Chat) MarkRead(ctx context.Context, by domain.User, id domain.ConversationID, seq int64) error {
	c, err := t.Conversation(ctx, by, id)
	if err != nil {
		return err
	}
	return t.read(ctx, c, domain.AgentSide, seq)
}

// Move is what staff does with a conversation besides answering.
type Move string

// The moves. Each made again changes nothing.
const (
	TakeOver Move = "take"
	HandBack Move = "hand-back"
	CloseIt  Move = "close"
	Reopen   Move = "reopen"
)

// Move makes a move and returns the conversation as it is then.
func (t *Chat) Move(ctx context.Context, by domain.User, id domain.ConversationID, move Move) (domain.Conversation, error) {
	c, err := t.Conversation(ctx, by, id)
	if err != nil {
		return domain.Conversation{}, err
	}
	now := t.clock()
	change := map[Move]func(*domain.Conversation) error{
		TakeOver: func(c *domain.Conversation) error { return c.TakeOver(by, now) },
		HandBack: func(c *domain.Conversation) error { return c.HandBack(by, now) },
		CloseIt:  func(c *domain.Conversation) error { c.Close(now); return nil },
		Reopen:   func(c *domain.Conversation) error { c.Reopen(by, now); return nil },
	}[move]
	if change == nil {
		return domain.Conversation{}, domain.InvalidFields(map[string]string{"move": "must be take, hand-back, close or reopen"})
	}
	if err := t.update(ctx, c.ID, change); err != nil {
		return domain.Conversation{}, err
	}
	return t.talks.Conversation(ctx, c.ID)
}

// Look returns a conversation to who was let into it by Mine or Conversation before.
func (t *Chat) Look(ctx context.Context, id domain.ConversationID) (domain.Conversation, error) {
	return t.talks.Conversation(ctx, id)
}

// Since returns what was said after a number, as much as one call returns, to who was
// let into the conversation by Mine or Conversation before.
func (t *Chat) Since(ctx context.Context, id domain.ConversationID, after int64) ([]domain.Message, error) {
	return t.talks.Messages(ctx, id, after, messagesRead)
}

// Revisions tells which of the conversations have changed since they were looked at.
func (t *Chat) Revisions(ctx context.Context, ids []domain.ConversationID) (map[domain.ConversationID]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return t.talks.Revisions(ctx, ids)
}

// Signal tells all servers what is true for a moment. It may be lost.
func (t *Chat) Signal(ctx context.Context, s domain.ChatSignal) {
	t.publish(ctx, s.Event())
}

// Follow returns the news of conversations that changed, and of signals, until ctx ends.
func (t *Chat) Subscribe(ctx context.Context) (changes, signals <-chan domain.Event, err error) {
	if changes, err = t.events.Subscribe(ctx, domain.ChatChanged); err != nil {
		return nil, nil, err
	}
	signals, err = t.events.Subscribe(ctx, domain.ChatSignalled)
	return changes, signals, err
}

// wake tells who listens that a conversation changed. News that is lost only delays.
func (t *Chat) wake(ctx context.Context, id domain.ConversationID) {
	t.publish(ctx, domain.Event{Topic: domain.ChatChanged, Key: string(id)})
}

func (t *Chat) publish(ctx context.Context, e domain.Event) {
	ctx, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	_ = t.events.Publish(ctx, e)
}

// take is takeOne, but while nobody counts everything is allowed: people talk on.
func (t *Chat) take(ctx context.Context, key string, limit port.Limit) error {
	err := takeOne(ctx, t.limits, key, limit, t.clock())
	if errors.Is(err, domain.ErrUnavailable) {
		return nil
	}
	return err
}
