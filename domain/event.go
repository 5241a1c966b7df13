package domain

// Event is news that something changed. It is a wake-up and no more: it may be
// lost or come twice, and who hears it reads the truth again.
type Event struct {
	Topic Topic
	Key   string // what changed, by its id; "" when news was missed and anything may have
}

// Topic is what sort of thing changed.
type Topic string

// The topics.
const (
	OrderChanged   Topic = "order"
	ProductChanged Topic = "product"
	// SessionsEnded is about an owner, some or all of whose sessions ended, or may do less than before.
	SessionsEnded Topic = "sessions"
	// ChatChanged is about a conversation, named by its id.
	ChatChanged Topic = "chat"
	// ChatSignalled is what is true for a moment and kept nowhere; its key holds a ChatSignal.
	ChatSignalled Topic = "chat-signal"
)

// SignalKind is what a ChatSignal says.
type SignalKind string

// What signals say.
const (
	SignalTyping SignalKind = "typing"
	SignalHere   SignalKind = "here" // somebody of that side is connected
	SignalGone   SignalKind = "gone" // nobody of that side is, on one server
	SignalWho    SignalKind = "who"  // asks the servers where the side is connected to say that it is here
)

// ChatSignal says what somebody in a conversation does just now. Conversation is "" for
// the staff as a whole.
type ChatSignal struct {
	Kind         SignalKind
	Conversation ConversationID
	From         Party // without its User
}
