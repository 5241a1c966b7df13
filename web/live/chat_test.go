package live_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	testshop "eshop/test/shop"
)

func TestHub_AcrossServers(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	guest, sue := shop.person(), two.member("sue", domain.Staff)

	shopper := guest.connect(one, "/ws/chat")
	assert.Len(t, guest.jar.Cookies(everywhere), 1, "a guest gets a session with the connection")
	begin := shopper.first("the status", func(f frame) bool { return f.Type == "presence" })
	assert.Empty(t, begin.Conversation)
	assert.False(t, begin.Online)

	support := sue.connect(two, "/ws/support")
	shopper.first("that staff is online", func(f frame) bool { return f.Type == "presence" && f.Online })

	shopper.send(saying("m-1", "Does it pour? <b>"))
	ack := shopper.first("the ack", func(f frame) bool { return f.Type == "ack" })
	assert.Equal(t, "m-1", ack.ClientID)
	assert.EqualValues(t, 1, ack.Seq)
	conversation := ack.Conversation
	assert.Equal(t, "Does it pour? <b>", shopper.receives(conversation, 0, 1)[0].Body)

	stands := support.first("the conversation", func(f frame) bool { return f.Type == "conversation" && f.ID == conversation })
	assert.Equal(t, "open", stands.State)
	assert.EqualValues(t, 1, stands.Unread)
	received := support.receives(conversation, 0, 1)
	assert.Equal(t, "customer", received[0].From.Role)
	support.first("that the shopper is online", func(f frame) bool {
		return f.Online && (f.Type == "presence" && f.Conversation == conversation || f.Type == "conversation" && f.ID == conversation)
	})

	shopper.send(object{"type": "typing"})
	typing := support.first("typing", func(f frame) bool { return f.Type == "typing" })
	assert.Equal(t, conversation, typing.Conversation)
	assert.Equal(t, "customer", typing.From.Role)
	support.send(object{"type": "typing", "conversation": conversation})
	typing = shopper.first("typing", func(f frame) bool { return f.Type == "typing" })
	assert.Equal(t, "sue", typing.From.Name)

	support.send(object{"type": "message", "conversation": conversation, "client_id": "a-1", "body": "It does."},
		object{"type": "read", "conversation": conversation, "seq": 1})
	assert.Equal(t, "agent", shopper.receives(conversation, 0, 2)[1].From.Role)
	support.receives(conversation, 0, 2)
	read := shopper.first("that staff has read", func(f frame) bool { return f.Type == "read" && f.From.Role == "agent" && f.Seq == 2 })
	assert.Equal(t, conversation, read.Conversation)
	shopper.first("who answers", func(f frame) bool { return f.Type == "presence" && f.From.Name == "sue" })
	shopper.send(object{"type": "read", "seq": 2})
	support.first("that the shopper has read", func(f frame) bool {
		return f.Type == "conversation" && f.ID == conversation && f.Last == 2 && f.Unread == 0
	})
	shopper.first("that it has read", func(f frame) bool { return f.Type == "read" && f.From.Role == "customer" && f.Seq == 2 })

	t.Run("a message that is sent again is kept once, and acknowledged again", func(*testing.T) {
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
		shopper.receives(conversation, 0, 3)
		support.receives(conversation, 0, 3)
	})
	t.Run("a message and a move by a call are delivered", func(t *testing.T) {
		guest.say(two, "m-3", "By a call.")
		shopper.receives(conversation, 0, 4)
		support.receives(conversation, 0, 4)
		status, answer := sue.post(one, "/api/support/conversations/"+conversation+"/close", nil)
		require.Equal(t, http.StatusOK, status, answer)
		shopper.receives(conversation, 0, 5)
		shopper.first("that it is closed", func(f frame) bool { return f.Type == "presence" && f.State == "closed" && f.Last == 5 })
		support.first("that it is closed", func(f frame) bool { return f.Type == "conversation" && f.ID == conversation && f.State == "closed" })
	})
	t.Run("a client that connects to another server gets what it missed, once", func(t *testing.T) {
		require.NoError(t, shopper.conn.Close())
		support.first("that the shopper is offline", func(f frame) bool { return f.Type == "presence" && f.Conversation == conversation && !f.Online })
		status, answer := sue.post(two, "/api/support/conversations/"+conversation+"/reopen", nil)
		require.Equal(t, http.StatusOK, status, answer)
		again := guest.connect(two, "/ws/chat?after=5&conversation="+conversation)
		again.receives(conversation, 5, 1)
		again.send(saying("m-4", "Back again."))
		again.receives(conversation, 5, 2)
		other := guest.connect(one, "/ws/chat?after=99&conversation=another")
		other.receives(conversation, 0, 7)
	})
}

func TestHub_Reconcile(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one, two := shop.serve(true), shop.serve(true)
	guest, sue := shop.person(), one.member("sue", domain.Staff)
	conversation := string(guest.say(one, "m-1", "Hello?"))
	shopper, support := guest.connect(one, "/ws/chat"), sue.connect(two, "/ws/support")
	shopper.receives(conversation, 0, 1)
	support.receives(conversation, 0, 1)
	bystander := shop.person().connect(two, "/ws/chat")
	bystander.first("the status", func(f frame) bool { return f.Type == "presence" })

	guest.say(two, "m-2", "On another server.")
	sue.post(two, "/api/support/conversations/"+conversation+"/messages", object{"client_id": "a-1", "body": "Yes?"})
	shopper.receives(conversation, 0, 3)
	support.receives(conversation, 0, 3)
	newcomer := string(shop.person().say(one, "m-1", "Me too."))
	support.receives(newcomer, 0, 1)
	sue.post(one, "/api/support/conversations/"+conversation+"/close", nil)
	support.first("that it is closed", func(f frame) bool { return f.Type == "conversation" && f.ID == conversation && f.State == "closed" })
	assert.Empty(t, messagesIn(bystander.all(), ""))
}

func TestHub_StaffConnectsAgain(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	sue := one.member("sue", domain.Staff)
	a, b := shop.person(), shop.person()
	first, second := string(a.say(one, "m-1", "one")), string(b.say(two, "m-1", "one"))
	a.say(two, "m-2", "two")
	sue.post(one, "/api/support/conversations/"+first+"/read", object{"seq": 1})

	fresh := sue.connect(one, "/ws/support")
	fresh.receives(first, 1, 1) // what staff has not read
	fresh.receives(second, 0, 1)
	back := sue.connect(two, "/ws/support?after="+first+":0&after="+second+":1")
	back.receives(first, 0, 2)
	b.say(one, "m-2", "two")
	back.receives(second, 1, 1)
	fresh.receives(second, 0, 2)
}

func TestHub_ShopperWithoutConversation(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	jane := one.member("jane", domain.Customer)
	waiting := jane.connect(one, "/ws/chat")
	waiting.first("the status", func(f frame) bool { return f.Type == "presence" })
	conversation := string(jane.say(two, "m-1", "From my telephone."))
	waiting.receives(conversation, 0, 1)
	waiting.send(saying("m-2", "And from here."))
	waiting.receives(conversation, 0, 2)
}

func TestHub_TheSessionOfAConnectionIsKept(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	guest := shop.person()
	tab := guest.connect(one, "/ws/chat")
	cookie := guest.jar.Cookies(everywhere)
	require.Len(t, cookie, 1)
	conversation := string(guest.say(two, "m-1", "By a call, before anything was said here."))
	assert.Equal(t, cookie, guest.jar.Cookies(everywhere), "another write goes on with the session")
	tab.receives(conversation, 0, 1)
	tab.send(saying("m-2", "And here."))
	tab.receives(conversation, 0, 2)
}

// conversationStore is embedded by a name that is none of its methods'.
type conversationStore interface{ port.Conversations }

// lateConversations does something after a conversation was looked for in vain.
type lateConversations struct {
	conversationStore
	afterwards *atomic.Pointer[func()]
}

func (c lateConversations) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	found, err := c.conversationStore.ConversationOf(ctx, owner)
	if err != nil {
		if do := c.afterwards.Swap(nil); do != nil {
			(*do)()
		}
	}
	return found, err
}

func TestHub_AConversationThatBeginsWhileItsShopperConnectsIsHeard(t *testing.T) {
	t.Parallel()
	shop := open(t)
	var meanwhile atomic.Pointer[func()]
	one := shop.serve(false, func(p *testshop.Parts) { p.Conversations = lateConversations{p.Conversations, &meanwhile} })
	two := shop.serve(false)
	jane, sue := two.member("jane", domain.Customer), two.member("sue", domain.Staff)
	desk := sue.connect(one, "/ws/support")
	begun := make(chan string, 1)
	say := func() {
		conversation := string(jane.say(two, "m-1", "From another tab."))
		desk.receives(conversation, 0, 1) // the server has heard of it
		begun <- conversation
	}
	meanwhile.Store(&say)
	tab := jane.connect(one, "/ws/chat")
	tab.receives(<-begun, 0, 1)
}

func TestHub_GuestSignsIn(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	jane, sue := one.member("jane", domain.Customer), one.member("sue", domain.Staff)
	old := string(jane.say(one, "m-1", "Long ago."))
	support, elsewhere := sue.connect(two, "/ws/support"), jane.connect(two, "/ws/chat")
	guest := shop.person()
	theirs := string(guest.say(one, "m-2", "As a guest."))
	tab := guest.connect(one, "/ws/chat")
	tab.receives(theirs, 0, 1)
	support.receives(theirs, 0, 1)
	elsewhere.receives(old, 0, 1)

	status, _ := guest.post(two, "/auth/login", object{"username": "jane", "password": "password"})
	require.Equal(t, http.StatusOK, status)
	elsewhere.receives(old, 0, 2)
	support.receives(old, 0, 2)
	moved := support.first("that it was merged", func(f frame) bool { return f.Type == "conversation" && f.Was == theirs })
	assert.Equal(t, old, moved.ID)

	t.Run("the old session's connection is ended", func(t *testing.T) {
		_ = tab.conn.WriteJSON(saying("m-3", "Still here?")) // it may have ended already
		tab.first("why", func(f frame) bool { return f.Type == "error" && f.Code == "unauthenticated" })
		assert.Equal(t, websocket.ClosePolicyViolation, tab.ends())
	})
	t.Run("the new one begins at the first message, as the conversation is another", func(t *testing.T) {
		again := guest.connect(one, "/ws/chat?after=1&conversation="+theirs)
		again.send(saying("m-3", "Still here?"))
		bodies := []string{}
		for _, m := range again.receives(old, 0, 3) {
			bodies = append(bodies, m.Body)
		}
		assert.Equal(t, []string{"Long ago.", "As a guest.", "Still here?"}, bodies)
	})
	t.Run("an answer to the old ID is delivered", func(*testing.T) {
		support.send(object{"type": "message", "conversation": theirs, "client_id": "a-1", "body": "Hello Jane."})
		support.receives(old, 0, 4)
		elsewhere.receives(old, 0, 4)
	})
}

func TestHub_GuestRegisters(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	guest := shop.person()
	conversation := string(guest.say(one, "m-1", "As a guest."))
	var tabs []*client
	for range 5 {
		tabs = append(tabs, guest.connect(one, "/ws/chat"))
	}
	for _, tab := range tabs {
		tab.receives(conversation, 0, 1)
	}
	status, answer := guest.post(one, "/auth/register", object{"username": "jane", "email": "jane@example.com", "password": "tulips and rain"})
	require.Equal(t, http.StatusCreated, status, answer)
	jane := guest.connect(one, "/ws/chat")
	jane.receives(conversation, 0, 1)
	for _, tab := range tabs {
		assert.Equal(t, websocket.ClosePolicyViolation, tab.ends(), "the conversation is the account's now")
	}
	jane.send(saying("m-2", "As Jane."))
	jane.receives(conversation, 0, 2)
	for _, f := range jane.all() {
		assert.False(t, f.Type == "presence" && f.Conversation != conversation, "%+v", f)
	}
}

// identifiedFor is how long a connection may go on after its session has ended.
const identifiedFor = 2 * time.Second

func TestHub_SignedOut(t *testing.T) {
	t.Parallel()
	shop := open(t)
	one := shop.serve(false)
	jane := one.member("jane", domain.Customer)
	conversation := string(jane.say(one, "m-1", "Hello?"))
	tab := jane.connect(one, "/ws/chat")
	tab.receives(conversation, 0, 1)
	jane.post(one, "/auth/logout", nil)
	time.Sleep(identifiedFor)
	shop.answer(conversation, "a", "A secret.")
	assert.Equal(t, websocket.ClosePolicyViolation, tab.ends())
	tab.receives(conversation, 0, 1)
}
