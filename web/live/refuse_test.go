package live_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	testshop "eshop/test/shop"
)

func TestHub_RefusedFrames(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	ann, ben, sue := shop.person(), shop.person(), one.member("sue", domain.Staff)
	secret := string(ann.say(one, "m-1", "My secret."))
	mine := string(ben.say(one, "m-1", "hello"))
	shopper, support := ben.connect(one, "/ws/chat"), sue.connect(one, "/ws/support")
	shopper.receives(mine, 0, 1)
	support.receives(mine, 0, 1)

	longest := strings.Repeat("🙂", domain.MaxMessageBody)
	refused := 0
	for name, c := range map[string]struct {
		frame any
		code  string
		field string
	}{
		"not JSON":                       {"hello", "malformed_frame", ""},
		"half of it":                     {`{"type":"message"`, "malformed_frame", ""},
		"two of them":                    {`{"type":"typing"}{"type":"typing"}`, "malformed_frame", ""},
		"no text at all":                 {"\"\xff\"", "malformed_frame", ""},
		"nothing":                        {"", "malformed_frame", ""},
		"too large":                      {saying("m", strings.Repeat("x", 60_000)), "too_large", ""},
		"a list":                         {"[]", "validation_failed", "frame"},
		"a word":                         {`"message"`, "validation_failed", "frame"},
		"an unknown type":                {object{"type": "dance"}, "validation_failed", "type"},
		"a type of the server's":         {object{"type": "presence"}, "validation_failed", "type"},
		"no type":                        {object{}, "validation_failed", "type"},
		"a name not known":               {object{"type": "typing", "role": "agent"}, "validation_failed", "role"},
		"a name in another case":         {`{"TYPE":"message","client_id":"m","body":"x"}`, "validation_failed", "TYPE"},
		"a name given twice":             {`{"type":"typing","type":"message","client_id":"m","body":"x"}`, "malformed_frame", ""},
		"half a character":               {`{"type":"message","client_id":"m","body":"\ud800"}`, "malformed_frame", ""},
		"a number for a type":            {object{"type": 1}, "validation_failed", "type"},
		"text for a number":              {object{"type": "read", "seq": "1"}, "validation_failed", "seq"},
		"no body":                        {object{"type": "message", "client_id": "m"}, "validation_failed", "body"},
		"no client id":                   {object{"type": "message", "body": "m"}, "validation_failed", "client_id"},
		"a body too long":                {saying("m", strings.Repeat("x", domain.MaxMessageBody+1)), "validation_failed", "body"},
		"a control character":            {saying("m", "a\x00b"), "validation_failed", "body"},
		"somebody else's conversation":   {object{"type": "message", "client_id": "m", "body": "x", "conversation": secret}, "not_found", ""},
		"reading somebody else's":        {object{"type": "read", "seq": 1, "conversation": secret}, "not_found", ""},
		"a conversation that is nowhere": {object{"type": "message", "client_id": "m", "body": "x", "conversation": "none"}, "not_found", ""},
	} {
		before := len(shopper.all())
		shopper.send(c.frame)
		refused++
		answer := frame{}
		shopper.until("an answer to "+name, func(all []frame) bool {
			for _, f := range all[before:] {
				if f.Type == "error" {
					answer = f
					return true
				}
			}
			return false
		})
		assert.Equal(t, c.code, answer.Code, name)
		if c.field != "" {
			assert.Contains(t, answer.Fields, c.field, name)
		}
		if refused%10 == 0 {
			time.Sleep(time.Second) // the frames are counted too
		}
	}
	require.NoError(t, shopper.conn.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"typing"}`)))
	shopper.first("an answer to a binary frame", func(f frame) bool { return f.Type == "error" && f.Code == "unsupported_frame" })

	for _, id := range []string{"", "none", strings.Repeat("x", 200)} {
		before := len(support.all())
		support.send(object{"type": "message", "conversation": id, "client_id": "a", "body": "x"})
		support.until("an answer to staff", func(all []frame) bool {
			for _, f := range all[before:] {
				if f.Type == "error" && f.Code == "not_found" {
					return true
				}
			}
			return false
		})
	}
	shopper.send(saying("m-2", longest))
	assert.Equal(t, longest, shopper.receives(mine, 0, 2)[1].Body, "the longest message is taken, and the connection lives on")
	escaped := fmt.Sprintf(`{"type":"message","client_id":"m-3","body":"%s"}`, strings.Repeat(`\ud83d\ude42`, domain.MaxMessageBody))
	shopper.send(escaped)
	assert.Equal(t, longest, shopper.receives(mine, 0, 3)[2].Body, "however it is written")
	messages, err := shop.store.Messages(t.Context(), domain.ConversationID(secret), 0, 100)
	require.NoError(t, err)
	assert.Len(t, messages, 1)
	assert.Empty(t, messagesIn(shopper.all(), secret))

	t.Run("a frame that is far too large ends the connection, and a new one goes on", func(t *testing.T) {
		_ = shopper.conn.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 1<<20)))
		assert.Contains(t, []int{websocket.CloseMessageTooBig, websocket.CloseAbnormalClosure}, shopper.ends())
		ben.connect(one, "/ws/chat?after=2").receives(mine, 2, 1)
	})
	t.Run("a flood is refused, and then ended", func(t *testing.T) {
		flood := ben.connect(one, "/ws/chat?after=3")
		flood.first("the status", func(f frame) bool { return f.Type == "presence" })
		for range 1000 {
			if flood.conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"read","seq":1}`)) != nil {
				break
			}
		}
		limited := flood.first("a refusal", func(f frame) bool { return f.Type == "error" })
		assert.Equal(t, "rate_limited", limited.Code)
		assert.Positive(t, limited.RetryAfter)
		assert.Contains(t, []int{websocket.ClosePolicyViolation, websocket.CloseAbnormalClosure}, flood.ends())
	})
}

// countedConversations counts how often it is asked whose conversation there is.
type countedConversations struct {
	*memory.Store
	asked *atomic.Int64
}

func (c countedConversations) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	c.asked.Add(1)
	return c.Store.ConversationOf(ctx, owner)
}

func TestHub_AsksNoStoreForWhoHasNoConversation(t *testing.T) {
	shop, asked := open(t), new(atomic.Int64)
	one := shop.serve(false, func(p *testshop.Parts) { p.Conversations = countedConversations{shop.store, asked} })
	crowd := make([]*client, 20)
	for i := range crowd {
		crowd[i] = shop.person().connect(one, "/ws/chat")
		crowd[i].first("the status", func(f frame) bool { return f.Type == "presence" })
	}
	before := asked.Load()
	for _, c := range crowd {
		for range 20 {
			c.send(object{"type": "read", "seq": 1}, object{"type": "typing"})
		}
		c.send(object{"type": "read", "seq": 1, "conversation": "a made-up one"})
		c.first("a refusal", func(f frame) bool { return f.Type == "error" && f.Code == "not_found" })
	}
	assert.Equal(t, before, asked.Load())
}

func TestHub_AsksNoStoreForEachMark(t *testing.T) {
	shop, asked := open(t), new(atomic.Int64)
	one := shop.serve(false, func(p *testshop.Parts) { p.Conversations = countedConversations{shop.store, asked} })
	ann := shop.person()
	mine := string(ann.say(one, "m-1", "hello"))
	tabs := []*client{ann.connect(one, "/ws/chat"), ann.connect(one, "/ws/chat")}
	for _, tab := range tabs {
		tab.receives(mine, 0, 1)
	}
	before := asked.Load()
	for range 25 {
		for _, tab := range tabs {
			tab.send(object{"type": "read", "seq": 1})
		}
	}
	for _, tab := range tabs {
		tab.send("nonsense")
		tab.first("a refusal, after all of them", func(f frame) bool { return f.Type == "error" })
	}
	assert.LessOrEqual(t, asked.Load()-before, int64(5), "of fifty marks")
}
