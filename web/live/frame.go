package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"unicode/utf8"

	"eshop/domain"
	"eshop/web/chat"
	"eshop/web/problem"
)

// The types of frames. A message is a chat.Message.
const (
	typeMessage      = "message"
	typeTyping       = "typing"
	typeRead         = "read"
	typePresence     = "presence"
	typeError        = "error"
	typeAck          = "ack"          // to who sent a message: it is kept
	typeConversation = "conversation" // to staff: how a conversation stands
)

// request is a frame that a client sends.
type request struct {
	Type         string                `json:"type"`
	Conversation domain.ConversationID `json:"conversation"`
	ClientID     string                `json:"client_id"`
	Body         string                `json:"body"`
	Seq          int64                 `json:"seq"`
}

// The failures of frames.
var (
	errNotJSON   = problem.Request{Status: 400, Code: problem.CodeMalformedFrame, Text: "a frame must be one JSON object in UTF-8"}
	errBinary    = problem.Request{Status: 415, Code: problem.CodeUnsupportedFrame, Text: "frames are text, not binary"}
	errTooLarge  = problem.Request{Status: 413, Code: problem.CodeTooLarge, Text: "the frame is too large"}
	errSignedOut = domain.ErrUnauthenticated.Errorf(domain.CodeUnauthenticated, "the session has ended; connect again")
)

// readRequest reads a frame. What it returns with an error is as much as could be read.
func readRequest(frame []byte) (request, error) {
	var in request
	if len(frame) > maxFrame {
		return in, errTooLarge
	}
	if !utf8.Valid(frame) || !json.Valid(frame) {
		return in, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(frame))
	d.DisallowUnknownFields()
	err := d.Decode(&in)
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		field := wrong.Field
		if field == "" {
			field = "frame"
		}
		return in, domain.InvalidFields(map[string]string{field: "must be of another type"})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return in, domain.InvalidFields(map[string]string{"frame": "has a name that is not known here"})
	}
	return in, nil
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

// standing is to a shopper how the conversation stands: whether anybody of the staff is
// there, who answers, and what is the last message. It is the first frame of a connection, and comes
// again when other things than the last message have changed.
type standing struct {
	Type         string                   `json:"type"`
	Conversation domain.ConversationID    `json:"conversation"`
	From         chat.Party               `json:"from"`
	Online       bool                     `json:"online"`
	State        domain.ConversationState `json:"state"`
	Last         int64                    `json:"last"`
	Unread       int64                    `json:"unread"`
}

// presenceFrame is to staff whether a shopper is there.
type presenceFrame struct {
	Type         string                `json:"type"`
	Conversation domain.ConversationID `json:"conversation"`
	From         chat.Party            `json:"from"`
	Online       bool                  `json:"online"`
}

// conversationFrame is to staff how a conversation stands. When it was joined into another, which is
// named by its id, Was is the id that it had.
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
