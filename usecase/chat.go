package usecase

import (
	"context"
	"errors"
	"strings"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Chat is the live chat between a shopper and the shop's staff.
type Chat struct{ deps ChatDeps }

// ChatDeps is what Chat needs; every field must be set.
type ChatDeps struct {
	Conversations port.Conversations
	Orders        port.Orders
	Events        port.Events
	Limits        port.Limits
	Rates         Rates
	Note          NoteAct
	Clock         Clock
	NewID         NewID
}

// NewChat returns Chat on deps.
func NewChat(deps ChatDeps) *Chat { return &Chat{deps} }

// The rate limits. New conversations are counted by client address, so that fresh sessions do
// not evade the limit.
var (
	startLimit  = port.Limit{Burst: 200, Every: 2 * time.Second}
	answerLimit = port.Limit{Burst: 1000, Every: 20 * time.Millisecond}
)

const (
	// wakeTime bounds how long a call waits for its event to be published. Subscribers reconcile without it.
	wakeTime     = 300 * time.Millisecond
	messagesRead = 100 // at most, by one call of Thread.Messages
	ordersBeside = 5   // that staff sees beside a conversation
)

// Thread is a conversation that its holder was authorised to read: by Chat.Mine as its shopper, by
// Chat.Conversation as staff, or by Envelope.Open as either. There is no other way to messages.
// The zero Thread is that of a shopper who never wrote.
type Thread struct {
	chat         *Chat
	conversation domain.Conversation
	side         domain.Side // of the reader
}

// Conversation returns the conversation as it was when the thread was opened.
func (t Thread) Conversation() domain.Conversation { return t.conversation }

// Messages returns the messages after a sequence number, as many as one call returns.
func (t Thread) Messages(ctx context.Context, after int64) ([]domain.Message, error) {
	if t.conversation.ID == "" {
		return nil, nil
	}
	return t.chat.deps.Conversations.Messages(ctx, t.conversation.ID, after, messagesRead)
}

// MarkRead records that the reader's side has read up to a message. It writes nothing when that is known.
func (t Thread) MarkRead(ctx context.Context, seq int64) error {
	if min(seq, t.conversation.Last) <= t.conversation.ReadBy(t.side) {
		return nil
	}
	return t.chat.update(ctx, t.conversation.ID, func(c *domain.Conversation) error {
		c.Read(t.side, seq)
		return nil
	})
}

// Orders returns the shopper's latest orders, newest first.
func (t Thread) Orders(ctx context.Context) ([]domain.Order, error) {
	orders, _, err := t.chat.deps.Orders.Orders(ctx, port.OrderFilter{Owner: t.conversation.Owner}, domain.Page{Number: 1, Size: ordersBeside})
	return orders, err
}

// Envelope is a conversation that was found by its ID and has not been opened by a reader. It shows
// whose it is, and nothing that was said.
type Envelope struct {
	ID     domain.ConversationID // of the conversation that the requested one was merged into, if it was
	Owner  domain.OwnerID
	State  domain.ConversationState
	thread Thread
}

// Open returns the thread if who may read it: staff, or its shopper. It fails with
// ErrUnauthenticated for a guest whose conversation went into an account.
func (e Envelope) Open(who Visitor) (Thread, error) {
	t := e.thread
	switch {
	case who.Session.Owner() == e.Owner:
		t.side = domain.CustomerSide
	case who.User.Role == domain.Staff:
		t.side = domain.AgentSide
	default:
		return Thread{}, errAdopted()
	}
	return t, nil
}

func errAdopted() error {
	return domain.ErrUnauthenticated.Errorf(domain.CodeUnauthenticated, "the session has ended; sign in again")
}

// Find returns a conversation by its ID, for a caller that serves many readers and opens it for each.
func (ch *Chat) Find(ctx context.Context, id domain.ConversationID) (Envelope, error) {
	c, err := ch.deps.Conversations.Conversation(ctx, id)
	if err != nil {
		return Envelope{}, err
	}
	return Envelope{c.ID, c.Owner, c.State, Thread{chat: ch, conversation: c}}, nil
}

// Mine returns the visitor's thread, the zero one for a visitor who never wrote. It fails with
// ErrUnauthenticated for a guest whose conversation went into an account: only the account may read it.
func (ch *Chat) Mine(ctx context.Context, who Visitor) (Thread, error) {
	owner := who.Session.Owner()
	if owner == "" {
		return Thread{}, nil
	}
	c, err := ch.deps.Conversations.ConversationOf(ctx, owner)
	if errors.Is(err, domain.ErrNotFound) {
		return Thread{}, nil
	}
	if err != nil {
		return Thread{}, err
	}
	if c.Owner != owner {
		return Thread{}, errAdopted()
	}
	return Thread{ch, c, domain.CustomerSide}, nil
}

// Say sends a shopper's message and returns it as it was kept. A repeated client ID returns the
// message that was kept under it, and said is false.
func (ch *Chat) Say(ctx context.Context, who Visitor, clientID, body, address string) (m domain.Message, said bool, err error) {
	if err := domain.CheckMessage(clientID, body); err != nil {
		return domain.Message{}, false, err
	}
	from := domain.Party{Side: domain.CustomerSide, User: who.User.ID, Name: "Guest"}
	if who.SignedIn() {
		from.Name = who.User.Username
	}
	owner := who.Session.Owner()
	if err := ch.take(ctx, "chat:"+string(owner), ch.deps.Rates.Chat); err != nil {
		return domain.Message{}, false, err
	}
	thread, err := ch.Mine(ctx, who)
	c := thread.conversation
	if err == nil && c.ID == "" {
		c, err = ch.start(ctx, owner, from.Name, address)
	}
	if err != nil {
		return domain.Message{}, false, err
	}
	return ch.add(ctx, c.ID, clientID, body, from)
}

func (ch *Chat) start(ctx context.Context, owner domain.OwnerID, name, address string) (domain.Conversation, error) {
	if err := ch.take(ctx, "chat-from:"+address, startLimit); err != nil {
		return domain.Conversation{}, err
	}
	now := ch.deps.Clock()
	return ch.deps.Conversations.StartConversation(ctx, domain.Conversation{
		ID: domain.ConversationID(ch.deps.NewID()), Owner: owner, Name: name,
		State: domain.ConversationClosed, StartedAt: now, ChangedAt: now,
	})
}

func (ch *Chat) add(ctx context.Context, id domain.ConversationID, clientID, body string, from domain.Party) (domain.Message, bool, error) {
	m, said, err := ch.deps.Conversations.AddMessage(ctx, id, domain.Message{ClientID: clientID, From: from, Body: body, At: ch.deps.Clock()})
	if err != nil {
		return domain.Message{}, false, err
	}
	ch.wake(ctx, m.Conversation)
	return m, said, nil
}

func (ch *Chat) update(ctx context.Context, id domain.ConversationID, change func(*domain.Conversation) error) error {
	c, err := ch.deps.Conversations.UpdateConversation(ctx, id, change)
	if err != nil {
		return err
	}
	ch.wake(ctx, c.ID)
	return nil
}

// Conversations returns a page of the conversations in a state to staff, the longest waiting first.
func (ch *Chat) Conversations(ctx context.Context, by domain.User, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error) {
	if err := staffOnly(by); err != nil {
		return nil, 0, err
	}
	if state != domain.ConversationOpen && state != domain.ConversationClosed {
		return nil, 0, domain.InvalidFields(map[string]string{"state": "must be open or closed"})
	}
	return ch.deps.Conversations.Conversations(ctx, state, page)
}

// Conversation returns the thread of any conversation to staff. A merged conversation returns the one
// that it was merged into, so the ID may differ: see port.Conversations.
func (ch *Chat) Conversation(ctx context.Context, by domain.User, id domain.ConversationID) (Thread, error) {
	if err := staffOnly(by); err != nil {
		return Thread{}, err
	}
	if !id.Valid() {
		return Thread{}, domain.NotFound("conversation")
	}
	c, err := ch.deps.Conversations.Conversation(ctx, id)
	if err != nil {
		return Thread{}, err
	}
	return Thread{ch, c, domain.AgentSide}, nil
}

// Answer sends an agent's message, as Say does a shopper's.
func (ch *Chat) Answer(ctx context.Context, by domain.User, id domain.ConversationID, clientID, body string) (m domain.Message, said bool, err error) {
	if _, err := ch.Conversation(ctx, by, id); err != nil {
		return domain.Message{}, false, err
	}
	if err := domain.CheckMessage(clientID, body); err != nil {
		return domain.Message{}, false, err
	}
	if err := ch.take(ctx, "answer:"+string(by.ID), answerLimit); err != nil {
		return domain.Message{}, false, err
	}
	m, said, err = ch.add(ctx, id, clientID, body, domain.Party{Side: domain.AgentSide, User: by.ID, Name: by.Shown()})
	if said {
		ch.deps.Note(ctx, Act{What: ActChatAnswered, By: by, On: string(m.Conversation)})
	}
	return m, said, err
}

// Move is what staff does with a conversation besides answering.
type Move string

// The moves. A repeated move changes nothing.
const (
	TakeOver Move = "take"
	HandBack Move = "hand-back"
	CloseIt  Move = "close"
	Reopen   Move = "reopen"
)

// Move makes a move and returns the conversation after it.
func (ch *Chat) Move(ctx context.Context, by domain.User, id domain.ConversationID, move Move) (domain.Conversation, error) {
	thread, err := ch.Conversation(ctx, by, id)
	if err != nil {
		return domain.Conversation{}, err
	}
	id, now := thread.conversation.ID, ch.deps.Clock()
	change := map[Move]func(*domain.Conversation) error{
		TakeOver: func(c *domain.Conversation) error { return c.TakeOver(by, now) },
		HandBack: func(c *domain.Conversation) error { return c.HandBack(by, now) },
		CloseIt:  func(c *domain.Conversation) error { c.Close(now); return nil },
		Reopen:   func(c *domain.Conversation) error { c.Reopen(by, now); return nil },
	}[move]
	if change == nil {
		return domain.Conversation{}, domain.InvalidFields(map[string]string{"move": "must be take, hand-back, close or reopen"})
	}
	if err := ch.update(ctx, id, change); err != nil {
		return domain.Conversation{}, err
	}
	ch.deps.Note(ctx, Act{What: ActChatMoved + ActKind(move), By: by, On: string(id)})
	return ch.deps.Conversations.Conversation(ctx, id)
}

// Revisions returns the current revisions of threads, by conversation, for a caller that compares
// them with those it knows.
func (ch *Chat) Revisions(ctx context.Context, threads []Thread) (map[domain.ConversationID]int64, error) {
	if len(threads) == 0 {
		return nil, nil
	}
	ids := make([]domain.ConversationID, len(threads))
	for i, thread := range threads {
		ids[i] = thread.conversation.ID
	}
	return ch.deps.Conversations.Revisions(ctx, ids)
}

// Signal publishes a signal to all servers. It may be lost.
func (ch *Chat) Signal(ctx context.Context, s domain.ChatSignal) {
	key := strings.Join([]string{string(s.Kind), string(s.From.Side), string(s.Conversation), s.From.Name}, " ")
	ch.publish(ctx, domain.Event{Topic: domain.ChatSignalled, Key: key})
}

// ParseSignal returns the signal that an event was published for.
func ParseSignal(e domain.Event) (signal domain.ChatSignal, ok bool) {
	parts := strings.SplitN(e.Key, " ", 4)
	if len(parts) != 4 {
		return domain.ChatSignal{}, false
	}
	return domain.ChatSignal{
		Kind: domain.SignalKind(parts[0]), Conversation: domain.ConversationID(parts[2]),
		From: domain.Party{Side: domain.Side(parts[1]), Name: parts[3]},
	}, true
}

// Subscribe returns the events of changed conversations, and of signals, until ctx ends.
func (ch *Chat) Subscribe(ctx context.Context) (changes, signals <-chan domain.Event, err error) {
	if changes, err = ch.deps.Events.Subscribe(ctx, domain.ChatChanged); err != nil {
		return nil, nil, err
	}
	signals, err = ch.deps.Events.Subscribe(ctx, domain.ChatSignalled)
	return changes, signals, err
}

// wake publishes that a conversation changed. A lost event only delays its delivery.
func (ch *Chat) wake(ctx context.Context, id domain.ConversationID) {
	ch.publish(ctx, domain.Event{Topic: domain.ChatChanged, Key: string(id)})
}

func (ch *Chat) publish(ctx context.Context, e domain.Event) {
	ctx, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	_ = ch.deps.Events.Publish(ctx, e)
}

// take is takeOne, but fails open when the limiter is unavailable.
func (ch *Chat) take(ctx context.Context, key string, limit port.Limit) error {
	err := takeOne(ctx, ch.deps.Limits, key, limit)
	if errors.Is(err, domain.ErrUnavailable) {
		return nil
	}
	return err
}
