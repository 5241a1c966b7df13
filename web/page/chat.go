package page

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
	"eshop/web/session"
)

func (p *Pages) mountChat(r *mux.Router) {
	r.Methods("GET", "HEAD").Path("/chat").Handler(p.handle(p.chat))
	r.Methods("POST").Path("/chat").Handler(p.handle(p.say))
	r.Methods("GET", "HEAD").Path("/admin/chat").Handler(p.staff("/admin/chat", p.desk))
	r.Methods("GET", "HEAD").Path("/admin/chat/{id}").Handler(p.staff("/admin/chat", p.deskTalk))
	r.Methods("POST").Path("/admin/chat/{id}").Handler(p.staff("/admin/chat", p.answerShopper))
	r.Methods("POST").Path("/admin/chat/{id}/{move:take|hand-back|close|reopen}").Handler(p.staff("/admin/chat", p.moveTalk))
}

// messagesAPage is how much of a conversation a page shows.
const messagesAPage = 50

// talkView is a conversation as one side sees it.
type talkView struct {
	domain.Conversation
	messages []domain.Message
	side     domain.Side // who looks
	path     string      // of the page, where its form posts to
	sheet
	token string // the client id of what is typed next
}

// before is the number of a message before which there is more to read; 0 when this is the beginning.
func (t talkView) before() int64 {
	if len(t.messages) == 0 || t.messages[0].Seq <= 1 {
		return 0
	}
	return t.messages[0].Seq
}

// mark is what the side that wrote m may know of it.
func (t talkView) mark(m domain.Message) string {
	other := domain.AgentSide
	if t.side == domain.AgentSide {
		other = domain.CustomerSide
	}
	switch {
	case m.From.Side != t.side:
		return ""
	case t.ReadBy(other) >= m.Seq:
		return "Read"
	}
	return "Sent"
}

// messages reads the part of a conversation that an address asks for: the last part, or what comes before a number.
func (p *Pages) messages(r *http.Request, thread usecase.Thread) ([]domain.Message, error) {
	if thread.Conversation().ID == "" {
		return nil, nil
	}
	end := thread.Conversation().Last
	if text := r.URL.Query().Get("before"); text != "" {
		before, err := strconv.ParseInt(text, 10, 64)
		if err != nil || before < 1 {
			return nil, domain.InvalidFields(map[string]string{"before": "must be the number of a message"})
		}
		end = min(end, before-1)
	}
	messages, err := thread.Messages(r.Context(), max(0, end-messagesAPage))
	if err != nil {
		return nil, err
	}
	for len(messages) > 0 && messages[len(messages)-1].Seq > end {
		messages = messages[:len(messages)-1]
	}
	return messages, nil
}

func (p *Pages) chat(w http.ResponseWriter, r *http.Request) error {
	return p.showChat(w, r, talkView{})
}

func (p *Pages) showChat(w http.ResponseWriter, r *http.Request, t talkView) error {
	v, err := p.view(r)
	if err != nil {
		return err
	}
	thread, err := p.shop.Chat.Mine(r.Context(), v.Visitor)
	if err != nil {
		return err
	}
	t.Conversation = thread.Conversation()
	if t.messages, err = p.messages(r, thread); err != nil {
		return err
	}
	t.side, t.path = domain.CustomerSide, "/chat"
	if t.token == "" {
		t.token = newToken()
	}
	// Who has it before them has read it.
	if len(t.messages) > 0 && r.Method == http.MethodGet {
		if err := thread.MarkRead(r.Context(), t.messages[len(t.messages)-1].Seq); err != nil {
			return err
		}
		v.ChatUnread = 0
	}
	v.Path = "/chat"
	if r.URL.Query().Has("panel") {
		return render(w, r, http.StatusOK, talkBox(v, t, "h2"))
	}
	return again(w, r, t.what, chatPage(v, t))
}

func (p *Pages) say(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	pass, err := p.cookies.Begin(r)
	if err != nil {
		return err
	}
	if _, _, err := p.shop.Chat.Say(r.Context(), pass.Visitor, f.Get("client_id"), typedBody(f), session.ClientAddress(r)); err != nil {
		return p.talkMistake(err, f, func(t talkView) error { return p.showChat(w, r, t) })
	}
	if err := p.cookies.Keep(w, r, pass); err != nil {
		return err
	}
	return back(w, r, "/chat#latest", "")
}

// typedBody is the text of a form; browsers send line breaks as two characters and count them as one.
func typedBody(f url.Values) string { return domain.UnixLines(f.Get("body")) }

// talkMistake shows a conversation again with what is wrong with the message that was typed.
func (p *Pages) talkMistake(err error, f url.Values, show func(talkView) error) error {
	what, err := mistake(err)
	if err != nil {
		return err
	}
	t := talkView{sheet: sheet{f, what}, token: f.Get("client_id")}
	if what.Fields["client_id"] != "" {
		t.token, t.what = newToken(), unmarked(what)
	}
	return show(t)
}

// deskView is the support desk.
type deskView struct {
	state domain.ConversationState
	talks []domain.Conversation
	total int
	page  domain.Page
	link  func(n int) string
}

// openTalks is how many conversations stand beside the one that is shown.
const openTalks = 50

func (p *Pages) desk(w http.ResponseWriter, r *http.Request, v view) error {
	query := r.URL.Query()
	d := deskView{state: domain.ConversationOpen, link: listLink("/admin/chat", query)}
	if query.Has("state") {
		d.state = domain.ConversationState(query.Get("state"))
	}
	var err error
	if d.page, err = listPage(query, openTalks); err != nil {
		return err
	}
	if d.talks, d.total, err = p.shop.Chat.Conversations(r.Context(), v.Visitor.User, d.state, d.page); err != nil {
		return err
	}
	return render(w, r, http.StatusOK, deskPage(v, d))
}

func (p *Pages) deskTalk(w http.ResponseWriter, r *http.Request, v view) error {
	return p.showDeskTalk(w, r, v, talkView{})
}

func (p *Pages) showDeskTalk(w http.ResponseWriter, r *http.Request, v view, t talkView) error {
	id := domain.ConversationID(mux.Vars(r)["id"])
	by := v.Visitor.User
	thread, err := p.shop.Chat.Conversation(r.Context(), by, id)
	if err != nil {
		return err
	}
	t.Conversation = thread.Conversation()
	if t.ID != id {
		http.Redirect(w, r, talkPath(t.ID), http.StatusSeeOther)
		return nil
	}
	if t.messages, err = p.messages(r, thread); err != nil {
		return err
	}
	if len(t.messages) > 0 && r.Method == http.MethodGet {
		if err := thread.MarkRead(r.Context(), t.messages[len(t.messages)-1].Seq); err != nil {
			return err
		}
	}
	orders, err := thread.Orders(r.Context())
	if err != nil {
		return err
	}
	d := deskView{state: domain.ConversationOpen, page: domain.Page{Number: 1, Size: openTalks}}
	if d.talks, d.total, err = p.shop.Chat.Conversations(r.Context(), by, d.state, d.page); err != nil {
		return err
	}
	t.side, t.path = domain.AgentSide, talkPath(id)
	if t.token == "" {
		t.token = newToken()
	}
	v.Path = t.path
	return again(w, r, t.what, deskTalkPage(v, d, t, orders))
}

func (p *Pages) answerShopper(w http.ResponseWriter, r *http.Request, v view) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	id := domain.ConversationID(mux.Vars(r)["id"])
	body := typedBody(f)
	if n, err := strconv.Atoi(f.Get("canned")); err == nil && n >= 0 && n < len(canned) {
		body = canned[n]
	}
	if _, _, err := p.shop.Chat.Answer(r.Context(), v.Visitor.User, id, f.Get("client_id"), body); err != nil {
		return p.talkMistake(err, f, func(t talkView) error { return p.showDeskTalk(w, r, v, t) })
	}
	return back(w, r, talkPath(id)+"#latest", "")
}

func (p *Pages) moveTalk(w http.ResponseWriter, r *http.Request, v view) error {
	id := domain.ConversationID(mux.Vars(r)["id"])
	if _, err := p.shop.Chat.Move(r.Context(), v.Visitor.User, id, usecase.Move(mux.Vars(r)["move"])); err != nil {
		what, err := mistake(err)
		if err != nil {
			return err
		}
		return p.showDeskTalk(w, r, v, talkView{sheet: sheet{what: unmarked(what)}})
	}
	return back(w, r, talkPath(id), "")
}

func talkPath(id domain.ConversationID) string { return "/admin/chat/" + url.PathEscape(string(id)) }

// canned are answers that staff gives often.
var canned = []string{
	"Hello! How can I help you?",
	"Thank you for waiting. I am looking into it.",
	"Could you tell me the number of your order? It begins with E- and is on your order's page.",
	"I am sorry about that. Let me put it right.",
	"Is there anything else that I can do for you?",
	"Thank you for writing, and have a good day!",
}

// moveView is what staff may do with a conversation besides answering.
type moveView struct{ Move, Text string }

func movesOf(c domain.Conversation, by domain.User) []moveView {
	if c.State != domain.ConversationOpen {
		return []moveView{{"reopen", "Reopen"}}
	}
	first := moveView{"take", "Take over"}
	if c.Agent == by.ID {
		first = moveView{"hand-back", "Hand back"}
	}
	return []moveView{first, {"close", "Close"}}
}

// piece is a part of a text: a link when URL is not "".
type piece struct{ Text, URL string }

var webAddress = regexp.MustCompile(`https?://[^\s<>"\x60]+`)

// linked parts a text at the web addresses in it. Only whole http and https addresses
// become links, and none that shows another host than it leads to.
func linked(text string) []piece {
	var pieces []piece
	end := 0
	for _, at := range webAddress.FindAllStringIndex(text, -1) {
		found := strings.TrimRight(text[at[0]:at[1]], ".,;:!?'*_~)]}")
		u, err := url.Parse(found)
		if err != nil || u.Host == "" || u.User != nil || len(found) > 500 {
			continue
		}
		if at[0] > end {
			pieces = append(pieces, piece{Text: text[end:at[0]]})
		}
		end = at[0] + len(found)
		pieces = append(pieces, piece{found, found})
	}
	if end < len(text) {
		pieces = append(pieces, piece{Text: text[end:]})
	}
	return pieces
}

// wrong is what is wrong with the message that was typed.
func (t talkView) wrong() string {
	if text := t.what.Fields["body"]; text != "" {
		return text
	}
	return ""
}

// alert is what is wrong besides.
func (t talkView) alert() problem.Problem {
	if t.wrong() != "" {
		return problem.Problem{}
	}
	return t.what
}

// who says to the shopper who answers.
func whoAnswers(c domain.Conversation) string {
	if c.AgentName != "" && c.State == domain.ConversationOpen {
		return c.AgentName + " is answering you."
	}
	return "Write whenever you like. We answer as soon as somebody is there."
}
