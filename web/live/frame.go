package live

import (
	"encoding/json"
	"math"

	"eshop/domain"
	"eshop/web/chat"
	"eshop/web/problem"
	"eshop/web/strictjson"
)

// The types of frames. A message is a chat.Message.
const (
	typeMessage      = "message"
	typeTyping       = "typing"
	typeRead         = "read"
	typePresence     = "presence"
	typeError        = "error"
	typeAck          = "ack"          // to the sender of a message: it is kept
	typeConversation = "conversation" // to staff: the state of a conversation
)

var requestFrame = strictjson.Decoder{Name: "frame", Malformed: problem.CodeMalformedFrame}

// request is a frame that a client sends.
type request struct {
	Type         string                `json:"type" optional:"yes"`
	Conversation domain.ConversationID `json:"conversation" optional:"yes"`
	ClientID     string                `json:"client_id" optional:"yes"`
	Body         string                `json:"body" optional:"yes"`
	Seq          int64                 `json:"seq" optional:"yes"`
}

// The failures of frames.
var (
	errBinary    = problem.Request{Status: 415, Code: problem.CodeUnsupportedFrame, Text: "frames are text, not binary"}
	errTooLarge  = problem.Request{Status: 413, Code: problem.CodeTooLarge, Text: "the frame is too large"}
	errSignedOut = domain.ErrUnauthenticated.Errorf(domain.CodeUnauthenticated, "the session has ended; connect again")
)

// readRequest parses a frame. With an error it returns as much as could be parsed.
func readRequest(frame []byte) (request, error) {
	var in request
	if len(frame) > maxFrame {
		return in, errTooLarge
	}
	err := requestFrame.Decode(frame, &in)
	return in, err
}

type ackFrame struct {
	Type         string                `json:"type"`
	Conversation domain.ConversationID `json:"conversation"`
	ClientID     string                `json:"client_id"`
	Seq          int64                 `json:"seq"`
}

type typingFrame struct {
	Type         string                `json:"type"`
	Conversation domain.ConversationID `json:"conversation"`
	From         chat.Party            `json:"from"`
}

type readFrame struct {
	Type         string                `json:"type"`
	Conversation domain.ConversationID `json:"conversation"`
	Seq          int64                 `json:"seq"`
	From         chat.Party            `json:"from"`
}

// statusFrame tells a shopper the state of the conversation: whether staff is online, who answers, and
// the last message. It is the first frame of a connection, and is sent again when anything but
// the last message has changed.
type statusFrame struct {
	Type         string                   `json:"type"`
	Conversation domain.ConversationID    `json:"conversation"`
	From         chat.Party               `json:"from"`
	Online       bool                     `json:"online"`
	State        domain.ConversationState `json:"state"`
	Last         int64                    `json:"last"`
	Unread       int64                    `json:"unread"`
}

// same reports whether f and other differ at most in what messages and read marks tell.
func (f statusFrame) same(other statusFrame) bool {
	f.Last, f.Unread = other.Last, other.Unread
	return f == other
}

func statusOf(c domain.Conversation, online bool) statusFrame {
	f := statusFrame{
		Type: typePresence, Conversation: c.ID, From: chat.Party{Role: domain.AgentSide, Name: c.AgentName},
		Online: online, State: c.State, Last: c.Last, Unread: c.UnreadByCustomer,
	}
	if f.State == "" {
		f.State = domain.ConversationClosed
	}
	return f
}

// presenceFrame tells staff whether a shopper is online.
type presenceFrame struct {
	Type         string                `json:"type"`
	Conversation domain.ConversationID `json:"conversation"`
	From         chat.Party            `json:"from"`
	Online       bool                  `json:"online"`
}

// conversationFrame tells staff the state of a conversation. Was is the ID of another one that was merged into it.
type conversationFrame struct {
	Type string `json:"type"`
	chat.Conversation
	Online bool                  `json:"online"`
	Was    domain.ConversationID `json:"was,omitempty"`
}

type errorFrame struct {
	Type       string            `json:"type"`
	Code       domain.Code       `json:"code"`
	Detail     string            `json:"detail"`
	ClientID   string            `json:"client_id,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"`
	RetryAfter int               `json:"retry_after,omitempty"` // seconds
}

func errorOf(err error, clientID string) errorFrame {
	p := problem.From(err)
	return errorFrame{typeError, p.Code, p.Detail, clientID, p.Fields, int(math.Ceil(p.RetryAfter().Seconds()))}
}

func encode(frame any) []byte {
	text, err := json.Marshal(frame)
	if err != nil {
		panic(err) // no frame holds what JSON cannot
	}
	return text
}
