package live_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestAGuestAndStaffTalkAcrossServers(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	guest, sue := shop.person(), two.member("sue", domain.Staff)

	shopper := guest.connect(one, "/ws/chat")
	assert.Len(t, guest.jar.Cookies(everywhere), 1, "a guest gets a session with the connection")
	begin := shopper.first("how it stands", func(f frame) bool { return f.Type == "presence" })
	assert.Empty(t, begin.Conversation)
	assert.False(t, begin.Online)

	desk := sue.connect(two, "/ws/support")
	shopper.first("that staff is there", func(f frame) bool { return f.Type == "presence" && f.Online })

	shopper.send(saying("m-1", "Does it pour? <b>"))
	ack := shopper.first("the ack", func(f frame) bool { return f.Type == "ack" })
	assert.Equal(t, "m-1", ack.ClientID)
	assert.EqualValues(t, 1, ack.Seq)
	talk := ack.Conversation
	assert.Equal(t, "Does it pour? <b>", shopper.hears(talk, 0, 1)[0].Body)

	stands := desk.first("the conversation", func(f frame) bool { return f.Type == "conversation" && f.ID == talk })
	assert.Equal(t, "open", stands.State)
	assert.EqualValues(t, 1, stands.Unread)
	heard := desk.hears(talk, 0, 1)
	assert.Equal(t, "customer", heard[0].From.Role)
	desk.first("that the shopper is there", func(f frame) bool {
		return f.Online && (f.Type == "presence" && f.Conversation == talk || f.Type == "conversation" && f.ID == talk)
	})

	shopper.send(object{"type": "typing"})
	typing := desk.first("typing", func(f frame) bool { return f.Type == "typing" })
	assert.Equal(t, talk, typing.Conversation)
	assert.Equal(t, "customer", typing.From.Role)
	desk.send(object{"type": "typing", "conversation": talk})
	typing = shopper.first("typing", func(f frame) bool { return f.Type == "typing" })
	assert.Equal(t, "sue", typing.From.Name)

	desk.send(object{"type": "message", "conversation": talk, "client_id": "a-1", "body": "It does."},
		object{"type": "read", "conversation": talk, "seq": 1})
	assert.Equal(t, "agent", shopper.hears(talk, 0, 2)[1].From.Role)
	desk.hears(talk, 0, 2)
	read := shopper.first("that staff has read", func(f frame) bool { return f.Type == "read" && f.From.Role == "agent" && f.Seq == 2 })
	assert.Equal(t, talk, read.Conversation)
	shopper.first("who answers", func(f frame) bool { return f.Type == "presence" && f.From.Name == "sue" })
	shopper.send(object{"type": "read", "seq": 2})
	desk.first("that the shopper has read", func(f frame) bool { return f.Type == "conversation" && f.ID == talk && f.Last == 2 && f.Unread == 0 })
	shopper.first("that it has read", func(f frame) bool { return f.Type == "read" && f.From.Role == "customer" && f.Seq == 2 })

	t.Run("what is sent again is there once, and is answered again", func(*testing.T) {
		shopper.send(saying("m-1", "Does it pour? <b>"))
		shopper.until("a second ack", func(all []frame) bool {
			n := 0
			for _, f := range all {
				if f.Type == "ack" && f.ClientID == "m-1" && f.Seq == 1 {
					n++
				}
			}
			return n == 2
		})
		shopper.send(saying("m-2", "Thank you."))
		shopper.hears(talk, 0, 3)
		desk.hears(talk, 0, 3)
	})
	t.Run("what is said by a call comes live, and the other way round", func(t *testing.T) {
		guest.say(two, "m-3", "By a call.")
		shopper.hears(talk, 0, 4)
		desk.hears(talk, 0, 4)
		status, answer := sue.post(one, "/api/support/conversations/"+talk+"/close", nil)
		require.Equal(t, http.StatusOK, status, answer)
		shopper.hears(talk, 0, 5)
		shopper.first("that it is closed", func(f frame) bool { return f.Type == "presence" && f.State == "closed" && f.Last == 5 })
		desk.first("that it is closed", func(f frame) bool { return f.Type == "conversation" && f.ID == talk && f.State == "closed" })
	})
	t.Run("who comes back on another server gets what was missed, once", func(t *testing.T) {
		require.NoError(t, shopper.conn.Close())
		desk.first("that the shopper has gone", func(f frame) bool { return f.Type == "presence" && f.Conversation == talk && !f.Online })
		status, answer := sue.post(two, "/api/support/conversations/"+talk+"/reopen", nil)
		require.Equal(t, http.StatusOK, status, answer)
		again := guest.connect(two, "/ws/chat?after=5&conversation="+talk)
		again.hears(talk, 5, 1)
		again.send(saying("m-4", "Back again."))
		again.hears(talk, 5, 2)
		other := guest.connect(one, "/ws/chat?after=99&conversation=another")
		other.hears(talk, 0, 7)
	})
}

func TestALostWakeUpOnlyDelays(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one, two := shop.serve(true), shop.serve(true)
	guest, sue := shop.person(), one.member("sue", domain.Staff)
	talk := string(guest.say(one, "m-1", "Hello?"))
	shopper, desk := guest.connect(one, "/ws/chat"), sue.connect(two, "/ws/support")
	shopper.hears(talk, 0, 1)
	desk.hears(talk, 0, 1)
	silent := shop.person().connect(two, "/ws/chat")
	silent.first("how it stands", func(f frame) bool { return f.Type == "presence" })

	guest.say(two, "m-2", "On another server.")
	sue.post(two, "/api/support/conversations/"+talk+"/messages", object{"client_id": "a-1", "body": "Yes?"})
	shopper.hears(talk, 0, 3)
	desk.hears(talk, 0, 3)
	newcomer := string(shop.person().say(one, "m-1", "Me too."))
	desk.hears(newcomer, 0, 1)
	sue.post(one, "/api/support/conversations/"+talk+"/close", nil)
	desk.first("that it is closed", func(f frame) bool { return f.Type == "conversation" && f.ID == talk && f.State == "closed" })
	assert.Empty(t, messagesIn(silent.all(), ""))
}

func TestStaffGoesOnWhereItWas(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	sue := one.member("sue", domain.Staff)
	a, b := shop.person(), shop.person()
	first, second := string(a.say(one, "m-1", "one")), string(b.say(two, "m-1", "one"))
	a.say(two, "m-2", "two")
	sue.post(one, "/api/support/conversations/"+first+"/read", object{"seq": 1})

	fresh := sue.connect(one, "/ws/support")
	fresh.hears(first, 1, 1) // what staff has not read
	fresh.hears(second, 0, 1)
	back := sue.connect(two, "/ws/support?after="+first+":0&after="+second+":1")
	back.hears(first, 0, 2)
	b.say(one, "m-2", "two")
	back.hears(second, 1, 1)
	fresh.hears(second, 0, 2)
}

func TestAShopperWhoWroteElsewhereHearsOfIt(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	jane := one.member("jane", domain.Customer)
	waiting := jane.connect(one, "/ws/chat")
	waiting.first("how it stands", func(f frame) bool { return f.Type == "presence" })
	talk := string(jane.say(two, "m-1", "From my telephone."))
	waiting.hears(talk, 0, 1)
	waiting.send(saying("m-2", "And from here."))
	waiting.hears(talk, 0, 2)
}

func TestAGuestSignsIn(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	jane, sue := one.member("jane", domain.Customer), one.member("sue", domain.Staff)
	old := string(jane.say(one, "m-1", "Long ago."))
	desk, elsewhere := sue.connect(two, "/ws/support"), jane.connect(two, "/ws/chat")
	guest := shop.person()
	theirs := string(guest.say(one, "m-2", "As a guest."))
	tab := guest.connect(one, "/ws/chat")
	tab.hears(theirs, 0, 1)
	desk.hears(theirs, 0, 1)
	elsewhere.hears(old, 0, 1)

	status, _ := guest.post(two, "/auth/login", object{"username": "jane", "password": "password"})
	require.Equal(t, http.StatusOK, status)
	elsewhere.hears(old, 0, 2)
	desk.hears(old, 0, 2)
	moved := desk.first("that it was joined", func(f frame) bool { return f.Type == "conversation" && f.Was == theirs })
	assert.Equal(t, old, moved.ID)

	t.Run("the old session's connection is of no more use", func(t *testing.T) {
		_ = tab.conn.WriteJSON(saying("m-3", "Still here?")) // it may have ended already
		tab.first("why", func(f frame) bool { return f.Type == "error" && f.Code == "unauthenticated" })
		assert.Equal(t, websocket.ClosePolicyViolation, tab.ends())
	})
	t.Run("the new one begins again, as the conversation is another", func(t *testing.T) {
		again := guest.connect(one, "/ws/chat?after=1&conversation="+theirs)
		again.send(saying("m-3", "Still here?"))
		bodies := []string{}
		for _, m := range again.hears(old, 0, 3) {
			bodies = append(bodies, m.Body)
		}
		assert.Equal(t, []string{"Long ago.", "As a guest.", "Still here?"}, bodies)
	})
	t.Run("an answer to the old id arrives", func(*testing.T) {
		desk.send(object{"type": "message", "conversation": theirs, "client_id": "a-1", "body": "Hello Jane."})
		desk.hears(old, 0, 4)
		elsewhere.hears(old, 0, 4)
	})
}

// knownFor is for how long a connection may believe that its session is still there.
const knownFor = 2 * time.Second

func TestWhoSignedOutHearsNothingMore(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one := shop.serve(false)
	jane := one.member("jane", domain.Customer)
	talk := string(jane.say(one, "m-1", "Hello?"))
	tab := jane.connect(one, "/ws/chat")
	tab.hears(talk, 0, 1)
	jane.post(one, "/auth/logout", nil)
	time.Sleep(knownFor)
	shop.answer(talk, "a", "A secret.")
	assert.Equal(t, websocket.ClosePolicyViolation, tab.ends())
	tab.hears(talk, 0, 1)
}

func TestFramesThatAreRefused(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	ann, ben, sue := shop.person(), shop.person(), one.member("sue", domain.Staff)
	secret := string(ann.say(one, "m-1", "My secret."))
	mine := string(ben.say(one, "m-1", "hello"))
	shopper, desk := ben.connect(one, "/ws/chat"), sue.connect(one, "/ws/support")
	shopper.hears(mine, 0, 1)
	desk.hears(mine, 0, 1)

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
		"a name not known":               {object{"type": "typing", "role": "agent"}, "validation_failed", "frame"},
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
		before := len(desk.all())
		desk.send(object{"type": "message", "conversation": id, "client_id": "a", "body": "x"})
		desk.until("an answer to staff", func(all []frame) bool {
			for _, f := range all[before:] {
				if f.Type == "error" && f.Code == "not_found" {
					return true
				}
			}
			return false
		})
	}
	shopper.send(saying("m-2", longest))
	assert.Equal(t, longest, shopper.hears(mine, 0, 2)[1].Body, "the longest message goes through, and so does the connection's other work")
	escaped := fmt.Sprintf(`{"type":"message","client_id":"m-3","body":"%s"}`, strings.Repeat(`\ud83d\ude42`, domain.MaxMessageBody))
	shopper.send(escaped)
	assert.Equal(t, longest, shopper.hears(mine, 0, 3)[2].Body, "however it is written")
	messages, err := shop.store.Messages(t.Context(), domain.ConversationID(secret), 0, 100)
	require.NoError(t, err)
	assert.Len(t, messages, 1)
	assert.Empty(t, messagesIn(shopper.all(), secret))

	t.Run("what is far too large ends the connection, and a new one goes on", func(t *testing.T) {
		_ = shopper.conn.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 1<<20)))
		assert.Contains(t, []int{websocket.CloseMessageTooBig, websocket.CloseAbnormalClosure}, shopper.ends())
		ben.connect(one, "/ws/chat?after=2").hears(mine, 2, 1)
	})
	t.Run("a flood is refused, and then ended", func(t *testing.T) {
		flood := ben.connect(one, "/ws/chat?after=3")
		flood.first("how it stands", func(f frame) bool { return f.Type == "presence" })
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

func TestConnectionsThatAreRefused(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	jane := one.member("jane", domain.Customer)
	for name, c := range map[string]struct {
		who     *person
		path    string
		headers []string
		status  int
	}{
		"from another site":                 {jane, "/ws/chat", []string{"Origin", "http://evil.example"}, http.StatusForbidden},
		"from nowhere":                      {jane, "/ws/chat", []string{"Origin", "null"}, http.StatusForbidden},
		"from another site, as a guest":     {shop.person(), "/ws/chat", []string{"Origin", "http://evil.example"}, http.StatusForbidden},
		"after nonsense":                    {jane, "/ws/chat?after=x", nil, http.StatusUnprocessableEntity},
		"after less than nothing":           {jane, "/ws/chat?after=-1", nil, http.StatusUnprocessableEntity},
		"the support desk, as a guest":      {shop.person(), "/ws/support", nil, http.StatusUnauthorized},
		"the support desk, as a shopper":    {jane, "/ws/support", nil, http.StatusForbidden},
		"a version of the protocol unknown": {jane, "/ws/chat", []string{"Sec-WebSocket-Version", "12"}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			if c.headers != nil && c.headers[0] == "Sec-WebSocket-Version" {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, one.http.URL+c.path, nil)
				require.NoError(t, err)
				for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "12", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
					r.Header.Set(name, value)
				}
				answer, err := http.DefaultClient.Do(r)
				require.NoError(t, err)
				defer answer.Body.Close()
				assert.Equal(t, c.status, answer.StatusCode)
				return
			}
			w, err := c.who.dial(one, c.path, c.headers...)
			require.ErrorIs(t, err, websocket.ErrBadHandshake)
			assert.Equal(t, c.status, w.answer.StatusCode)
			assert.Equal(t, "application/problem+json", w.answer.Header.Get("Content-Type"))
			assert.Empty(t, w.answer.Cookies(), "what fails leaves nothing")
		})
	}
	t.Run("from the shop's own pages", func(t *testing.T) {
		_, err := jane.dial(one, "/ws/chat", "Origin", one.http.URL)
		require.NoError(t, err)
	})
}

func TestDrain(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	const many = 200
	sue := one.member("sue", domain.Staff)
	people, wires, talks := make([]*person, many), make([]*wire, many), make([]string, many)
	for i := range many {
		people[i] = shop.person()
		talks[i] = string(people[i].say(two, "m-1", "Hello?"))
		wires[i] = people[i].connect(one, "/ws/chat")
		wires[i].hears(talks[i], 0, 1)
	}
	desk := sue.connect(one, "/ws/support")
	desk.hears("", 0, 0)

	begun := time.Now()
	one.end()
	t.Logf("%d connections left in %v", many+1, time.Since(begun))
	assert.Less(t, time.Since(begun), 5*time.Second)
	for _, w := range append(wires, desk) {
		assert.Equal(t, websocket.CloseServiceRestart, w.ends())
	}
	_, err := people[0].dial(one, "/ws/chat")
	require.Error(t, err)

	sue.post(two, "/api/support/conversations/"+talks[0]+"/messages", object{"client_id": "a-1", "body": "While you were away."})
	people[0].connect(two, "/ws/chat?after=1&conversation="+talks[0]).hears(talks[0], 1, 1)
}

func TestDraining_refusesNewConnections(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, one.hub.Drain(ctx))
	w, err := shop.person().dial(one, "/ws/chat")
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	assert.Equal(t, http.StatusServiceUnavailable, w.answer.StatusCode)
	assert.NotEmpty(t, w.answer.Header.Get("Retry-After"))
	assert.Empty(t, w.answer.Cookies())
}
