package staff

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/page/chat"
	"eshop/web/page/ui"
)

// deskView is the support desk.
type deskView struct {
	state         domain.ConversationState
	conversations []domain.Conversation
	total         int
	page          domain.Page
	link          func(n int) string
}

// conversationsAPage is how many conversations a page lists.
const conversationsAPage = 50

// Desk lists the conversations of a state.
func (p *Pages) Desk(w http.ResponseWriter, r *http.Request, v ui.View) error {
	query := r.URL.Query()
	d := deskView{state: domain.ConversationOpen, link: ui.ListLink("/admin/chat", query)}
	if query.Has("state") {
		d.state = domain.ConversationState(query.Get("state"))
	}
	var err error
	if d.page, err = ui.ListPage(query, conversationsAPage); err != nil {
		return err
	}
	if d.conversations, d.total, err = p.Shop.Chat.Conversations(r.Context(), v.Visitor.User, d.state, d.page); err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, deskPage(v, d))
}

// Conversation shows a conversation beside the others that are open.
func (p *Pages) Conversation(w http.ResponseWriter, r *http.Request, v ui.View) error {
	return p.showConversation(w, r, v, chat.ConversationView{})
}

func (p *Pages) showConversation(w http.ResponseWriter, r *http.Request, v ui.View, t chat.ConversationView) error {
	id := domain.ConversationID(mux.Vars(r)["id"])
	by := v.Visitor.User
	thread, err := p.Shop.Chat.Conversation(r.Context(), by, id)
	if err != nil {
		return err
	}
	if now := thread.Conversation().ID; now != id {
		return ui.Redirect(w, r, conversationPath(now), "/admin/chat")
	}
	t.Side, t.Path = domain.AgentSide, conversationPath(id)
	if err := t.Load(r, thread); err != nil {
		return err
	}
	orders, err := thread.Orders(r.Context())
	if err != nil {
		return err
	}
	d := deskView{state: domain.ConversationOpen, page: domain.Page{Number: 1, Size: conversationsAPage}}
	if d.conversations, d.total, err = p.Shop.Chat.Conversations(r.Context(), by, d.state, d.page); err != nil {
		return err
	}
	v.Path = t.Path
	return ui.RenderForm(w, r, t.Problem, conversationPage(v, d, t, orders))
}

// Answer adds a message of staff to a conversation.
func (p *Pages) Answer(w http.ResponseWriter, r *http.Request, v ui.View) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	id := domain.ConversationID(mux.Vars(r)["id"])
	body := chat.TypedBody(f)
	if n, err := strconv.Atoi(f.Get("canned")); err == nil && n >= 0 && n < len(savedReplies) {
		body = savedReplies[n]
	}
	key, err := ui.FormKey(r, f, "client_id")
	if err == nil {
		_, _, err = p.Shop.Chat.Answer(r.Context(), v.Visitor.User, id, string(key), body)
	}
	if err != nil {
		t, err := chat.Refused(err, f)
		if err != nil {
			return err
		}
		return p.showConversation(w, r, v, t)
	}
	return ui.RedirectWithNotice(w, r, conversationPath(id)+"#latest", "")
}

// MoveConversation takes a conversation over, hands it back, closes or reopens it.
func (p *Pages) MoveConversation(w http.ResponseWriter, r *http.Request, v ui.View) error {
	id := domain.ConversationID(mux.Vars(r)["id"])
	if _, err := p.Shop.Chat.Move(r.Context(), v.Visitor.User, id, usecase.Move(mux.Vars(r)["move"])); err != nil {
		prob, err := ui.UserError(err)
		if err != nil {
			return err
		}
		return p.showConversation(w, r, v, chat.ConversationView{FormState: ui.FormState{Problem: ui.FoldFields(prob)}})
	}
	return ui.RedirectWithNotice(w, r, conversationPath(id), "")
}

func conversationPath(id domain.ConversationID) string {
	return "/admin/chat/" + url.PathEscape(string(id))
}

// savedReplies are answers that staff gives often.
var savedReplies = []string{
	"Hello! How can I help you?",
	"Thank you for waiting. I am looking into it.",
	"Could you tell me your order number? It starts with E- and is on your order page.",
	"I am sorry about that. Let me put it right.",
	"Is there anything else I can help you with?",
	"Thank you for contacting us. Have a good day!",
}

// moveView is what staff may do with a conversation besides answering.
type moveView struct{ Move, Text string }

// movesOf are the moves that a member of staff may make.
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

// stateText tells staff the state of a conversation.
func stateText(c domain.Conversation) string {
	switch {
	case c.State != domain.ConversationOpen:
		return "Closed."
	case c.AgentName != "":
		return "Assigned to " + c.AgentName + "."
	}
	return "Unassigned."
}
