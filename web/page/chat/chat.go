// Package chat is how people reach the shop: the live chat and the contact form.
package chat

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/page/ui"
	"eshop/web/problem"
	"eshop/web/session"
)

// Pages answers those who write to the shop.
type Pages struct{ *ui.Site }

// messagesAPage is how much of a conversation a page shows.
const messagesAPage = 50

// ConversationView is a conversation as one side sees it.
type ConversationView struct {
	domain.Conversation
	messages []domain.Message
	Side     domain.Side // who looks
	Path     string      // of the page, where its form posts to
	ui.FormState
	Token string // the client id of what is typed next
}

// before is the number of a message before which there is more to read; 0 when this is the beginning.
func (t ConversationView) before() int64 {
	if len(t.messages) == 0 || t.messages[0].Seq <= 1 {
		return 0
	}
	return t.messages[0].Seq
}

// mark is what the side that wrote m may know of it.
func (t ConversationView) mark(m domain.Message) string {
	other := domain.AgentSide
	if t.Side == domain.AgentSide {
		other = domain.CustomerSide
	}
	switch {
	case m.From.Side != t.Side:
		return ""
	case t.ReadBy(other) >= m.Seq:
		return "Read"
	}
	return "Sent"
}

// wrong is what is wrong with the message that was typed.
func (t ConversationView) wrong() string {
	if text := t.Problem.Fields["body"]; text != "" {
		return text
	}
	return ""
}

// Alert is what is wrong besides.
func (t ConversationView) Alert() problem.Problem {
	if t.wrong() != "" {
		return problem.Problem{}
	}
	return t.Problem
}

// Load fills in the part of the conversation that r asks for: the last part, or what
// comes before a number. Who gets messages by GET has read them and those before.
func (t *ConversationView) Load(r *http.Request, thread usecase.Thread) error {
	t.Conversation = thread.Conversation()
	if t.Token == "" {
		t.Token = session.PageToken(r.Context())
	}
	if t.ID == "" {
		return nil
	}
	end := t.Last
	if text := r.URL.Query().Get("before"); text != "" {
		before, err := strconv.ParseInt(text, 10, 64)
		if err != nil || before < 1 {
			return domain.InvalidFields(map[string]string{"before": "must be the number of a message"})
		}
		end = min(end, before-1)
	}
	messages, err := thread.Messages(r.Context(), max(0, end-messagesAPage))
	if err != nil {
		return err
	}
	for len(messages) > 0 && messages[len(messages)-1].Seq > end {
		messages = messages[:len(messages)-1]
	}
	t.messages = messages
	if len(messages) == 0 || r.Method != http.MethodGet {
		return nil
	}
	return thread.MarkRead(r.Context(), messages[len(messages)-1].Seq)
}

// Refused returns the view that shows what was typed again, with what is wrong with
// it, if the user can fix it there, else err.
func Refused(err error, f url.Values) (ConversationView, error) {
	prob, err := ui.UserError(err)
	if err != nil {
		return ConversationView{}, err
	}
	t := ConversationView{FormState: ui.FormState{Typed: f, Problem: prob}, Token: f.Get("client_id")}
	if prob.Fields["client_id"] != "" {
		t.Token, t.Problem = ui.NewToken(), ui.FoldFields(prob)
	}
	return t, nil
}

// Chat shows the visitor's conversation.
func (p *Pages) Chat(w http.ResponseWriter, r *http.Request) error {
	return p.showChat(w, r, ConversationView{})
}

func (p *Pages) showChat(w http.ResponseWriter, r *http.Request, t ConversationView) error {
	v, err := p.View(r)
	if err != nil {
		return err
	}
	thread, err := v.Thread()
	if err != nil {
		return err
	}
	t.Side, t.Path = domain.CustomerSide, "/chat"
	if err := t.Load(r, thread); err != nil {
		return err
	}
	v.Path = t.Path
	if r.URL.Query().Has("panel") {
		return ui.Render(w, r, http.StatusOK, conversation(t, "h2"))
	}
	return ui.RenderForm(w, r, t.Problem, chatPage(v, t))
}

// Say adds a message to the visitor's conversation.
func (p *Pages) Say(w http.ResponseWriter, r *http.Request) error {
	return p.Write(w, r, func(form url.Values, by usecase.Visitor) (string, string, error) {
		key, err := ui.FormKey(r, form, "client_id")
		if err != nil {
			return "", "", err
		}
		_, _, err = p.Shop.Chat.Say(r.Context(), by, string(key), TypedBody(form), session.ClientAddress(r))
		return "/chat#latest", "", err
	}, func(form url.Values, err error) error {
		t, err := Refused(err, form)
		if err != nil {
			return err
		}
		return p.showChat(w, r, t)
	})
}

// TypedBody is the text of a form; browsers send line breaks as two characters and count them as one.
func TypedBody(f url.Values) string { return domain.UnixLines(f.Get("body")) }

// piece is a part of a text: a link when URL is not "".
type piece struct{ Text, URL string }

// The rules are those of linked in talk.js.
var (
	webAddress = regexp.MustCompile(`https?://[^\s<>"\x60]+`)
	// plainHost is an address whose host is what it looks like: ASCII, or numbers.
	plainHost = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?([/?#]|$)`)
	// misleading is what hides a part of an address or makes it read as another.
	misleading = regexp.MustCompile(`[\p{Cf}\p{Z}]`)
)

// linked parts a text at the web addresses in it. Only whole http and https addresses
// become links, and none that shows another host than it leads to.
func linked(text string) []piece {
	var pieces []piece
	end := 0
	for _, at := range webAddress.FindAllStringIndex(text, -1) {
		found := strings.TrimRight(text[at[0]:at[1]], ".,;:!?'*_~)]}")
		u, err := url.Parse(found)
		if err != nil || !plainHost.MatchString(found) || u.User != nil || len(found) > 500 || misleading.MatchString(found) {
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

// whoAnswers says to the shopper who answers.
func whoAnswers(c domain.Conversation) string {
	if c.AgentName != "" && c.State == domain.ConversationOpen {
		return c.AgentName + " is helping you."
	}
	return "Send us a message. The answer appears here."
}
