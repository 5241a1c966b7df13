package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// said is what a list of messages says, as "1 customer: hello".
func said(a reply) []string {
	a.t.Helper()
	lines := []string{}
	for _, m := range a.at("messages").(list) {
		m := m.(object)
		lines = append(lines, fmt.Sprintf("%v %v: %v", m["seq"], m["from"].(object)["role"], m["body"]))
	}
	return lines
}

func TestChat(t *testing.T) {
	t.Run("a guest asks, staff answers", func(t *testing.T) {
		s := open(t, quick)
		guest, sue := s.visitor(), s.staff("sue")
		nothing := guest.get("/api/chat/messages").is(http.StatusOK)
		assert.JSONEq(t, `{"conversation":"","messages":[],"last":0}`, nothing.Body)
		guest.post("/api/chat/read", object{"seq": 3}).is(http.StatusNoContent)
		assert.Empty(t, guest.cookie(), "who only looks gets no session")

		first := guest.say("m-1", "Does it\npour? <b>")
		assert.NotEmpty(t, guest.cookie())
		conversation := first.at("message", "conversation").(string)
		assert.JSONEq(t, `{"message":{"type":"message","conversation":"`+conversation+`","seq":1,"client_id":"m-1",
			"from":{"role":"customer","name":"Guest"},"body":"Does it\npour? <b>","at":"2026-11-24T12:00:00Z"}}`, first.Body)
		again := guest.post("/api/chat/messages", object{"client_id": "m-1", "body": "Does it\npour? <b>"}).is(http.StatusOK)
		assert.JSONEq(t, first.Body, again.Body)

		path := "/api/support/conversations/" + conversation
		open := sue.get("/api/support/conversations").is(http.StatusOK)
		assert.Equal(t, conversation, open.at("conversations", 0, "id"))
		assert.EqualValues(t, 1, open.at("conversations", 0, "unread"))
		assert.Equal(t, "2026-11-24T12:00:00Z", open.at("conversations", 0, "waiting_since"))
		answer := sue.post(path+"/messages", object{"client_id": "a-1", "body": "It does."}).is(http.StatusCreated)
		assert.EqualValues(t, 2, answer.at("message", "seq"))
		assert.JSONEq(t, answer.Body, sue.post(path+"/messages", object{"client_id": "a-1", "body": "It does."}).is(http.StatusOK).Body)
		sue.post(path+"/read", object{"seq": 1}).is(http.StatusNoContent)
		guest.post("/api/chat/read", object{"seq": 2}).is(http.StatusNoContent)
		now := sue.get(path).is(http.StatusOK)
		assert.Nil(t, now.at("conversation", "waiting_since"))
		assert.EqualValues(t, 0, now.at("conversation", "unread"))
		assert.EqualValues(t, 2, now.at("conversation", "read_by_customer"))
		assert.Equal(t, "sue", now.at("conversation", "agent"))

		assert.Equal(t, []string{"2 agent: It does."}, said(guest.get("/api/chat/messages?after=1").is(http.StatusOK)))
		assert.Equal(t, []string{"2 agent: It does."}, said(sue.get(path+"/messages?after=1").is(http.StatusOK)))
		assert.Empty(t, said(guest.get("/api/chat/messages?after=2").is(http.StatusOK)))
	})
	t.Run("taking over, handing back, closing, reopening", func(t *testing.T) {
		s := open(t, quick)
		guest, sue, tom := s.visitor(), s.staff("sue"), s.staff("tom")
		path := "/api/support/conversations/" + guest.say("m-1", "Hello?").at("message", "conversation").(string)
		for _, step := range []struct {
			by           *visitor
			move         string
			agent, state string
		}{{sue, "take", "sue", "open"}, {tom, "take", "tom", "open"}, {tom, "hand-back", "", "open"}, {sue, "close", "", "closed"}, {tom, "reopen", "tom", "open"}} {
			for range 2 {
				now := step.by.post(path+"/"+step.move, nil).is(http.StatusOK)
				assert.Equal(t, step.agent, now.at("conversation", "agent"), step.move)
				assert.Equal(t, step.state, now.at("conversation", "state"), step.move)
			}
		}
		sue.post(path+"/hand-back", nil).fails(http.StatusConflict, "conversation_taken")
		sue.post(path+"/messages", object{"client_id": "a", "body": "mine"}).fails(http.StatusConflict, "conversation_taken")
		tom.post(path+"/close", nil).is(http.StatusOK)
		assert.Empty(t, sue.get("/api/support/conversations").at("conversations"))
		assert.Len(t, sue.get("/api/support/conversations?state=closed").at("conversations"), 1)
		tom.post(path+"/messages", object{"client_id": "a", "body": "still there?"}).fails(http.StatusConflict, "conversation_closed")
		guest.say("m-2", "One more thing.")
		assert.Len(t, sue.get("/api/support/conversations").at("conversations"), 1, "the shopper opens it again")
	})
	t.Run("a conversation is nobody else's", func(t *testing.T) {
		s := open(t, quick)
		guest := s.visitor()
		path := "/api/support/conversations/" + guest.say("m-1", "My secret.").at("message", "conversation").(string)
		for name, v := range map[string]*visitor{"a guest": s.visitor(), "another guest": guest, "a member": s.member("jane")} {
			status, code := http.StatusUnauthorized, "unauthenticated"
			if name == "a member" {
				status, code = http.StatusForbidden, "forbidden"
				assert.Empty(t, v.get("/api/chat/messages").at("messages"))
			}
			v.get("/api/support/conversations").fails(status, code)
			v.get(path).fails(status, code)
			v.get(path+"/messages").fails(status, code)
			v.post(path+"/messages", object{"client_id": "x", "body": "y"}).fails(status, code)
			v.post(path+"/read", object{"seq": 1}).fails(status, code)
			for _, move := range []string{"take", "hand-back", "close", "reopen"} {
				v.post(path+"/"+move, nil).fails(status, code)
			}
		}
		sue := s.staff("sue")
		for _, id := range []string{"none", "%00", "%ff", strings.Repeat("x", 300)} {
			sue.get("/api/support/conversations/"+id).fails(http.StatusNotFound, "not_found")
			sue.post("/api/support/conversations/"+id+"/take", nil).fails(http.StatusNotFound, "not_found")
		}
		assert.Equal(t, []string{"1 customer: My secret."}, said(guest.get("/api/chat/messages")))
	})
	t.Run("it goes along into the account, and a repeat after signing in is no second message", func(t *testing.T) {
		s := open(t, quick)
		v := s.visitor()
		v.say("m-1", "Hello?")
		v.post("/auth/register", registration("jane")).is(http.StatusCreated)
		v.post("/api/chat/messages", object{"client_id": "m-1", "body": "Hello?"}).is(http.StatusOK)
		v.say("m-2", "It is me.")
		other := s.visitor()
		other.say("m-3", "From my telephone.")
		other.post("/auth/login", object{"username": "jane", "password": "correct horse"}).is(http.StatusOK)
		want := []string{"1 customer: Hello?", "2 customer: It is me.", "3 customer: From my telephone."}
		assert.Equal(t, want, said(other.get("/api/chat/messages")))
		assert.Equal(t, want, said(v.get("/api/chat/messages")))
	})
	t.Run("more than one answer holds is read in parts", func(t *testing.T) {
		s := open(t, quick)
		v, sue := s.visitor(), s.staff("sue")
		path := "/api/support/conversations/" + v.say("m", "Go on.").at("message", "conversation").(string)
		for n := range 120 {
			sue.post(path+"/messages", object{"client_id": fmt.Sprint(n), "body": "and on"}).is(http.StatusCreated)
		}
		first := v.get("/api/chat/messages").is(http.StatusOK)
		assert.Len(t, first.at("messages"), 100)
		assert.EqualValues(t, 121, first.at("last"))
		assert.Len(t, v.get("/api/chat/messages?after=100").is(http.StatusOK).at("messages"), 21)
	})
}

func TestChat_SaysWhatIsWrong(t *testing.T) {
	s := open(t, quick)
	v, sue := s.visitor(), s.staff("sue")
	path := "/api/support/conversations/" + v.say("m-1", "Hello?").at("message", "conversation").(string)
	for name, c := range map[string]struct {
		body   object
		fields []string
	}{
		"nothing to say":     {object{"client_id": "m", "body": " \n "}, []string{"body"}},
		"too much":           {object{"client_id": "m", "body": strings.Repeat("é", 4001)}, []string{"body"}},
		"a strange id":       {object{"client_id": "a b", "body": "x"}, []string{"client_id"}},
		"neither":            {object{"client_id": "", "body": ""}, []string{"client_id", "body"}},
		"a name not known":   {object{"client_id": "m", "body": "x", "role": "agent"}, []string{"role"}},
		"another's identity": {object{"client_id": "m", "body": "x", "from": object{"role": "agent"}}, []string{"from"}},
	} {
		t.Run(name, func(*testing.T) {
			v.post("/api/chat/messages", c.body).faults(c.fields...)
			sue.post(path+"/messages", c.body).faults(c.fields...)
		})
	}
	for _, after := range []string{"-1", "x", "1.5", "1&after=2", "99999999999999999999"} {
		v.get("/api/chat/messages?after=" + after).faults("after")
		sue.get(path + "/messages?after=" + after).faults("after")
	}
	v.post("/api/chat/read", object{"seq": -1}).faults("seq")
	sue.post(path+"/read", object{"seq": -1}).faults("seq")
	sue.get("/api/support/conversations?state=lost").faults("state")
	sue.get("/api/support/conversations?page=0").faults("page")
	longest := strings.Repeat("🙂", 4000)
	assert.Equal(t, longest, v.say("m-2", longest).at("message", "body"))

	t.Run("too much at once", func(*testing.T) {
		for n := range 100 {
			if a := v.post("/api/chat/messages", object{"client_id": fmt.Sprint("l-", n), "body": "x"}); a.Status != http.StatusCreated {
				a.fails(http.StatusTooManyRequests, "rate_limited")
				assert.NotEmpty(t, a.Header.Get("Retry-After"))
				return
			}
		}
		assert.Fail(t, "a hundred messages at once were taken")
	})
}

func TestSockets_AreNoPages(t *testing.T) {
	s := open(t, quick)
	v, sue := s.visitor(), s.staff("sue")
	v.get("/ws/chat").fails(http.StatusUpgradeRequired, "upgrade_required")
	sue.get("/ws/support").fails(http.StatusUpgradeRequired, "upgrade_required")
	v.get("/ws/support").fails(http.StatusUnauthorized, "unauthenticated")
	s.member("jane").get("/ws/support").fails(http.StatusForbidden, "forbidden")
	assert.Empty(t, v.cookie())
}
