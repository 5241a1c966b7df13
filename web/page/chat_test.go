package page_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"eshop/domain"
)

// write says something in the chat from its page, and returns the conversation's id.
func (b *browser) write(body string) string {
	b.t.Helper()
	form := with(b.get("/chat").form("/chat"), "body", body)
	require.NotEmpty(b.t, form.Get("client_id"))
	b.post("/chat", form).leadsTo("/chat#latest")
	return b.get("/chat").value("data-conversation")
}

// said are the messages of a page, as "You: Hello? (Sent)".
func (a answer) said() []string {
	a.t.Helper()
	lines := []string{}
	for _, item := range a.all("data-seq") {
		text := func(class string) string {
			return textOf(first(item, func(n *html.Node) bool { return attr(n, "class") == class }))
		}
		if note := text("message-note"); note != "" {
			lines = append(lines, note)
			continue
		}
		line := text("message-name") + ": " + text("message-body")
		if mark := text("message-mark"); mark != "" {
			line += " (" + mark + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestChat_WithoutScripts(t *testing.T) {
	s := open(t)
	guest, staff := s.visitor(), s.staff()
	empty := guest.get("/chat")
	assert.Empty(t, empty.said())
	assert.Empty(t, empty.value("data-conversation"))
	assert.False(t, guest.hasSession(), "who only looks gets no session")

	form := with(empty.form("/chat"), "body", "Does it pour?\r\nReally?")
	for range 2 {
		guest.post("/chat", form).leadsTo("/chat#latest")
	}
	assert.True(t, guest.hasSession())
	shown := guest.get("/chat")
	assert.Equal(t, []string{"You: Does it pour? Really? (Sent)"}, shown.said(), "what is sent twice is said once")
	conversation := shown.value("data-conversation")

	desk := staff.get("/admin/chat")
	require.Len(t, desk.all("data-standing"), 1)
	assert.Equal(t, "1 new", desk.of("data-unread"))
	assert.Contains(t, desk.text(), "waiting since")
	path := "/admin/chat/" + conversation
	answered := staff.get(path)
	assert.Equal(t, []string{"Guest: Does it pour? Really?"}, answered.said())
	assert.Equal(t, []string{"You: Does it pour? Really? (Read)"}, guest.get("/chat").said(), "staff has it before them")
	staff.post(path, with(answered.form(path), "body", "It does.")).leadsTo(path + "#latest")
	staff.post(path, with(staff.get(path).form(path), "body", "", "canned", "1")).leadsTo(path + "#latest")

	unread := guest.get("/")
	assert.Equal(t, "2", unread.of("data-bubble-count"))
	assert.Contains(t, unread.of("data-bubble"), "unread messages")
	said := guest.get("/chat").said()
	assert.Equal(t, []string{"sue: It does.", "sue: Thank you for waiting. I am looking into it."}, said[1:])
	assert.Equal(t, "0", guest.get("/").of("data-bubble-count"))
	assert.Equal(t, "(Read)", staff.get(path).said()[2][len("sue: Thank you for waiting. I am looking into it. "):])
}

func TestChat_TheDesk(t *testing.T) {
	s := open(t)
	staff := s.staff()
	assert.Contains(t, staff.get("/admin/chat").text(), "No conversations.")
	first, second := s.visitor(), s.visitor()
	one := first.write("one")
	s.Wait(time.Minute)
	two := second.write("two")
	first.add(lamp, 1)
	number := strings.TrimPrefix(first.buy(), "/orders/")
	order := func(a answer) []string {
		var ids []string
		for _, item := range every(a.doc, func(n *html.Node) bool { return strings.Contains(attr(n, "class"), "desk-item") }) {
			ids = append(ids, attr(item, "data-conversation"))
		}
		return ids
	}
	assert.Equal(t, []string{one, two}, order(staff.get("/admin/chat")), "the longest waiting first")
	shown := staff.get("/admin/chat/" + one)
	assert.Equal(t, number, shown.value("data-order"), "the shopper's orders are beside the conversation")
	assert.Empty(t, staff.get("/admin/chat/"+two).all("data-order"))

	move := func(move string) answer {
		path := "/admin/chat/" + one
		shown := staff.get(path)
		staff.post(path+"/"+move, shown.form(path+"/"+move)).leadsTo(path)
		return staff.get(path)
	}
	assert.Contains(t, move("take").of("data-talk-who"), "Assigned to sue.")
	assert.Contains(t, move("hand-back").of("data-talk-who"), "Unassigned.")
	closed := move("close")
	assert.Contains(t, closed.of("data-talk-who"), "Closed.")
	assert.Empty(t, closed.all("data-talk-form"))
	assert.Equal(t, []string{two}, order(staff.get("/admin/chat")))
	assert.Equal(t, []string{one}, order(staff.get("/admin/chat?state=closed")))
	assert.Contains(t, move("reopen").of("data-talk-who"), "Assigned to sue.")
	assert.Contains(t, strings.Join(first.get("/chat").said(), " "), "The conversation was closed.")

	t.Run("another agent's conversation is taken over first", func(t *testing.T) {
		s.AddAccount("tom", domain.Staff)
		tom := s.signedIn("tom")
		path := "/admin/chat/" + one
		refused := tom.post(path, with(tom.get(path).form(path), "body", "Me too.")).is(http.StatusConflict)
		assert.Contains(t, refused.of("data-mistake"), "Sue is answering; take over first.")
		assert.Equal(t, "Me too.", strings.TrimSpace(refused.form(path).Get("body")), "nothing typed is lost")
	})
	t.Run("what is not there", func(*testing.T) {
		for _, id := range []string{"none", "%00", "%ff", strings.Repeat("x", 300)} {
			staff.ask("/admin/chat/" + id).is(http.StatusNotFound)
			staff.post("/admin/chat/"+id, url.Values{"body": {"x"}, "client_id": {"y"}}).is(http.StatusNotFound)
			staff.post("/admin/chat/"+id+"/take", url.Values{}).is(http.StatusNotFound)
		}
		assert.Equal(t, http.StatusNotFound, staff.post("/admin/chat/"+one+"/dance", url.Values{}).status)
		staff.ask("/admin/chat?state=lost").is(http.StatusUnprocessableEntity)
		staff.ask("/admin/chat?page=0").is(http.StatusUnprocessableEntity)
		staff.ask("/admin/chat/" + one + "?before=x").is(http.StatusUnprocessableEntity)
	})
	t.Run("for staff alone", func(t *testing.T) {
		s.AddAccount("anna", domain.Customer)
		anna := s.signedIn("anna")
		for _, path := range []string{"/admin/chat", "/admin/chat/" + one} {
			assert.NotContains(t, anna.ask(path).is(http.StatusForbidden).text(), "one")
			first.ask(path).leadsTo("/login?" + url.Values{"next": {path}}.Encode())
		}
		anna.post("/admin/chat/"+one, url.Values{"body": {"x"}, "client_id": {"y"}}).is(http.StatusForbidden)
		anna.post("/admin/chat/"+one+"/close", url.Values{}).is(http.StatusForbidden)
	})
}

func TestChat_FollowsIntoTheAccount(t *testing.T) {
	s := open(t)
	s.AddAccount("anna", domain.Customer)
	anna, staff := s.signedIn("anna"), s.staff()
	old := anna.write("Long ago.")
	guest := s.visitor()
	was := guest.write("As a guest.")
	guest.post("/login", url.Values{"username": {"anna"}, "password": {password}}).leadsTo("/?done=welcome")
	assert.Equal(t, []string{"You: Long ago. (Sent)", "You: As a guest. (Sent)"}, guest.get("/chat").said())
	assert.Equal(t, old, guest.get("/").value("data-conversation"))
	staff.ask("/admin/chat/" + was).leadsTo("/admin/chat/" + old)
}

func TestChat_WhatIsWrongIsSaidBesideIt(t *testing.T) {
	s := open(t)
	guest := s.visitor()
	const evil = `</textarea><script>alert(1)</script>`
	for name, c := range map[string]struct{ typed, says string }{
		"nothing":      {" \n ", "Must be given."},
		"far too much": {evil + strings.Repeat("x", 4000), "Must have at most 4000 characters."},
	} {
		t.Run(name, func(t *testing.T) {
			form := with(guest.get("/chat").form("/chat"), "body", c.typed)
			a := guest.post("/chat", form).is(http.StatusUnprocessableEntity)
			assert.Equal(t, map[string]string{"body": c.says}, a.mistakes())
			assert.NotContains(t, a.body, "<script>alert")
			assert.Equal(t, form.Get("client_id"), a.form("/chat").Get("client_id"))
			assert.False(t, guest.hasSession())
		})
	}
	t.Run("a form without its token gets one", func(t *testing.T) {
		a := guest.post("/chat", url.Values{"body": {"hello"}}).is(http.StatusUnprocessableEntity)
		again := a.form("/chat")
		assert.Equal(t, "hello", strings.TrimSpace(again.Get("body")))
		guest.post("/chat", again).leadsTo("/chat#latest")
	})
	guest.ask("/chat?before=x").is(http.StatusUnprocessableEntity)
}

func TestChat_TextStaysText(t *testing.T) {
	s := open(t)
	guest, staff := s.visitor(), s.staff()
	const evil = `<img src=x onerror=alert(1)> javascript:alert(1) https://evil.example/"onclick="alert(1) http://you:secret@shop.example/ ` +
		`(https://shop.example/a_(b)?q=1&r=<2>), http:// https://shop.example. ` +
		"https://good.example\u2044login.evil.example/x https://good.example/\u202egpj.exe https://shop.ex\u00e4mple/ https://good.example/\u00a0x https://good.example%2f.evil.example"
	conversation := guest.write(evil)
	for _, a := range []answer{guest.get("/chat"), staff.get("/admin/chat/" + conversation)} {
		body := first(a.doc, func(n *html.Node) bool { return attr(n, "class") == "message-body" })
		assert.Equal(t, evil, rawText(body))
		var links []string
		for _, link := range every(body, func(n *html.Node) bool { return n.Data == "a" }) {
			links = append(links, attr(link, "href"))
			assert.Equal(t, attr(link, "href"), textOf(link), "a link shows where it leads")
			assert.Contains(t, attr(link, "rel"), "noopener")
		}
		assert.Equal(t, []string{"https://evil.example/", "https://shop.example/a_(b)?q=1&r=", "https://shop.example"}, links)
		assert.Len(t, every(body, func(n *html.Node) bool { return n.Data != "a" }), 0)
	}
}

func TestChat_LongOnesAreReadInParts(t *testing.T) {
	s := open(t)
	guest := s.visitor()
	for n := range 120 {
		if n%30 == 0 {
			s.Wait(time.Hour)
		}
		form := with(url.Values{"client_id": {fmt.Sprint("m-", n)}}, "body", fmt.Sprint("message ", n+1))
		guest.post("/chat", form).leadsTo("/chat#latest")
	}
	latest := guest.get("/chat")
	require.Len(t, latest.said(), 50)
	assert.Contains(t, latest.said()[0], "message 71")
	earlier := guest.get("/chat?before=71")
	assert.Contains(t, earlier.said()[0], "message 21")
	assert.Len(t, earlier.said(), 50)
	first := guest.get("/chat?before=21")
	assert.Len(t, first.said(), 20)
	assert.NotContains(t, first.body, "Earlier messages")
}

func TestBubble(t *testing.T) {
	s := open(t)
	guest, staff := s.visitor(), s.staff()
	for _, path := range []string{"/", "/products", "/cart", "/contact", "/login"} {
		assert.NotEmpty(t, guest.get(path).all("data-bubble"), path)
	}
	for _, path := range []string{"/chat", "/admin", "/admin/chat"} {
		assert.Empty(t, staff.get(path).all("data-bubble"), path)
	}
	panel := guest.get("/chat?panel")
	assert.NotContains(t, panel.body, "<html")
	assert.NotEmpty(t, panel.forms("/chat"))
}

func TestContact_Done(t *testing.T) {
	s := open(t)
	staff, writer := s.staff(), s.visitor()
	writer.post("/contact", letter(url.Values{}, "phone", "+1 555 010 0200", "call_back", "yes")).leadsTo("/contact?done=sent")
	id := staff.get("/admin/messages").value("data-message")
	path := "/admin/messages/" + id + "/done"
	form := staff.get("/admin/messages").form(path)
	for range 3 {
		s.Wait(20 * time.Minute)
		staff.get("/admin/messages")
	}
	for range 2 {
		staff.post(path, form).leadsTo("/admin/messages?done=saved")
	}
	done := staff.get("/admin/messages")
	assert.Contains(t, done.text(), "Done by sue, 24 November 2026, 13:00 UTC")
	assert.NotContains(t, done.text(), "Call back")
	assert.Empty(t, done.forms(path))
	staff.post("/admin/messages/none/done", url.Values{}).is(http.StatusNotFound)
	s.AddAccount("anna", domain.Customer)
	s.signedIn("anna").post(path, form).is(http.StatusForbidden)
}

func TestChat_WhoMayNotBeginKeepsWhatWasTyped(t *testing.T) {
	s := open(t)
	var full error
	for full == nil {
		full = s.UseCases.Account.AdmitGuest(t.Context(), "192.0.2.7")
	}
	b := s.visitor()
	form := with(b.get("/chat").form("/chat"), "body", "Is the lamp of oak?")
	a := b.post("/chat", form).is(http.StatusTooManyRequests)
	assert.Equal(t, "1", a.header.Get("Retry-After"))
	assert.Equal(t, "Is the lamp of oak?", a.form("/chat").Get("body"))
	assert.False(t, b.hasSession())
	a = b.post("/cart/add", url.Values{"product_id": {string(lamp.ID)}}).is(http.StatusTooManyRequests)
	assert.Contains(t, a.text(), "That was too often; wait a little and try again")
	s.Wait(time.Second)
	b.add(lamp, 1)
}
