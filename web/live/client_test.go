package live_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// frame is any frame that a server sends.
type frame struct {
	Type         string
	ID           string // of a conversation, to staff
	Was          string
	Conversation string
	Seq          int64
	ClientID     string `json:"client_id"`
	From         struct{ Role, Name string }
	Body         string
	Online       bool
	State        string
	Agent        string
	Last         int64
	Unread       int64
	Code         string
	Fields       map[string]string
	RetryAfter   int `json:"retry_after"`
	received     time.Time
}

// client is the client's end of a connection. It keeps every frame.
type client struct {
	t      *testing.T
	conn   *websocket.Conn
	answer *http.Response

	mu       sync.Mutex
	received []frame
	closed   error
	arrived  chan struct{}
}

// anyAddress is one of this machine's many, so that a test's clients are no crowd of one address.
func anyAddress() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, byte(rand.IntN(250)), byte(rand.IntN(250)), byte(1+rand.IntN(250)))}
}

// dial connects a person, who keeps the session that the answer sets.
func (p *person) dial(s *server, path string, headers ...string) (*client, error) {
	given := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		given.Set(headers[i], headers[i+1])
	}
	for _, cookie := range p.jar.Cookies(everywhere) {
		given.Add("Cookie", cookie.String())
	}
	from := p.at
	if from == nil {
		from = anyAddress()
	}
	dialer := websocket.Dialer{HandshakeTimeout: timeout, NetDialContext: (&net.Dialer{LocalAddr: from}).DialContext}
	conn, answer, err := dialer.DialContext(p.t.Context(), "ws"+strings.TrimPrefix(s.http.URL, "http")+path, given)
	if answer != nil {
		p.jar.SetCookies(everywhere, answer.Cookies())
	}
	c := &client{t: p.t, conn: conn, answer: answer, arrived: make(chan struct{}, 1)}
	if err != nil {
		return c, err
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	return c, nil
}

// connect dials and begins to read.
func (p *person) connect(s *server, path string) *client {
	p.t.Helper()
	c, err := p.dial(s, path)
	require.NoError(p.t, err)
	go c.listen()
	return c
}

func (c *client) listen() {
	for {
		var f frame
		_, text, err := c.conn.ReadMessage()
		if err == nil {
			err = json.Unmarshal(text, &f)
			f.received = time.Now()
		}
		c.mu.Lock()
		if err != nil {
			c.closed = err
		} else {
			c.received = append(c.received, f)
		}
		c.mu.Unlock()
		select {
		case c.arrived <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (c *client) send(frames ...any) {
	c.t.Helper()
	for _, f := range frames {
		text, ok := f.(string)
		if !ok {
			encoded, err := json.Marshal(f)
			require.NoError(c.t, err)
			text = string(encoded)
		}
		require.NoError(c.t, c.conn.WriteMessage(websocket.TextMessage, []byte(text)))
	}
}

type object = map[string]any

func saying(id, body string) object {
	return object{"type": "message", "client_id": id, "body": body}
}

// all returns the frames so far.
func (c *client) all() []frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clip(c.received)
}

// until waits until enough reports true of the frames so far, and returns them.
func (c *client) until(what string, enough func(all []frame) bool) []frame {
	c.t.Helper()
	deadline := time.After(timeout)
	for {
		all := c.all()
		if enough(all) {
			return all
		}
		c.mu.Lock()
		closed := c.closed
		c.mu.Unlock()
		if closed != nil && !enough(c.all()) {
			require.NoError(c.t, closed, "waiting for %s; came: %+v", what, all)
		}
		select {
		case <-c.arrived:
		case <-deadline:
			require.Fail(c.t, "did not come: "+what, "%+v", all)
		}
	}
}

// first waits for the first frame that matches.
func (c *client) first(what string, match func(frame) bool) frame {
	c.t.Helper()
	var found frame
	c.until(what, func(all []frame) bool {
		for _, f := range all {
			if match(f) {
				found = f
				return true
			}
		}
		return false
	})
	return found
}

// ends waits until the connection is closed, and returns the code.
func (c *client) ends() int {
	c.t.Helper()
	return c.endsWithin(timeout)
}

func (c *client) endsWithin(limit time.Duration) int {
	c.t.Helper()
	deadline := time.After(limit)
	for {
		c.mu.Lock()
		closed := c.closed
		c.mu.Unlock()
		if closed != nil {
			var closing *websocket.CloseError
			if errors.As(closed, &closing) {
				return closing.Code
			}
			return websocket.CloseAbnormalClosure
		}
		select {
		case <-c.arrived:
		case <-deadline:
			require.Fail(c.t, "the connection was not closed")
		}
	}
}

// messagesIn returns the messages of a conversation among frames, in order; of all when conversation is "".
func messagesIn(frames []frame, conversation string) []frame {
	var messages []frame
	for i := range frames {
		if frames[i].isMessageIn(conversation) {
			messages = append(messages, frames[i])
		}
	}
	return messages
}

func (f *frame) isMessageIn(conversation string) bool {
	return f.Type == "message" && (conversation == "" || f.Conversation == conversation)
}

// receives waits for n messages of a conversation, and requires that they are those after a number, each once and in order.
func (c *client) receives(conversation string, after int64, n int) []frame {
	c.t.Helper()
	seen, count := 0, 0
	all := c.until(fmt.Sprint(n, " messages of ", conversation), func(all []frame) bool {
		for ; seen < len(all); seen++ {
			if all[seen].isMessageIn(conversation) {
				count++
			}
		}
		return count >= n
	})
	messages := messagesIn(all, conversation)
	for i, m := range messages {
		require.Equal(c.t, after+int64(i)+1, m.Seq, "message %d", i)
	}
	require.Len(c.t, messages, n)
	return messages
}
