package api

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/chat"
	"eshop/web/listing"
	"eshop/web/session"
)

// messageListJSON is a part of a conversation. Last is the number of the conversation's last
// message; there is more to read when it is greater than that of the last in the list.
type messageListJSON struct {
	Conversation domain.ConversationID `json:"conversation"`
	Messages     []chat.Message        `json:"messages"`
	Last         int64                 `json:"last"`
}

func answerMessages(w http.ResponseWriter, r *http.Request, thread usecase.Thread, after int64) error {
	messages, err := thread.Messages(r.Context(), after)
	if err != nil {
		return err
	}
	c := thread.Conversation()
	return answer(w, http.StatusOK, messageListJSON{c.ID, each(messages, chat.MessageOf), c.Last})
}

func answerMessage(w http.ResponseWriter, m domain.Message, said bool) error {
	status := http.StatusOK
	if said {
		status = http.StatusCreated
	}
	return answer(w, status, map[string]chat.Message{"message": chat.MessageOf(m)})
}

type sayingJSON struct {
	ClientID string `json:"client_id"`
	Body     string `json:"body"`
}

func (a *API) chat(w http.ResponseWriter, r *http.Request) error {
	after, err := seqAfter(r)
	if err != nil {
		return err
	}
	thread, err := a.mine(r)
	if err != nil {
		return err
	}
	return answerMessages(w, r, thread, after)
}

func (a *API) say(w http.ResponseWriter, r *http.Request) error {
	var in sayingJSON
	if err := decode(w, r, &in); err != nil {
		return err
	}
	pass, err := a.cookies.Begin(r, domain.IdempotencyKey(in.ClientID))
	if err != nil {
		return err
	}
	m, said, err := a.shop.Chat.Say(r.Context(), pass.Visitor, in.ClientID, in.Body, session.ClientAddress(r))
	if err != nil {
		return err
	}
	if err := a.cookies.Keep(w, r, pass); err != nil {
		return err
	}
	return answerMessage(w, m, said)
}

func (a *API) read(w http.ResponseWriter, r *http.Request) error {
	seq, err := decodeSeq(w, r)
	if err != nil {
		return err
	}
	thread, err := a.mine(r)
	if err != nil {
		return err
	}
	if err := thread.MarkRead(r.Context(), seq); err != nil {
		return err
	}
	return answerNothing(w)
}

// mine returns the thread of the shopper who asks.
func (a *API) mine(r *http.Request) (usecase.Thread, error) {
	who, err := a.cookies.Visitor(r)
	if err != nil {
		return usecase.Thread{}, err
	}
	return a.shop.Chat.Mine(r.Context(), who)
}

// named returns the thread that the path names to one of staff.
func (a *API) named(r *http.Request) (usecase.Thread, error) {
	by, err := a.staff(r)
	if err != nil {
		return usecase.Thread{}, err
	}
	return a.shop.Chat.Conversation(r.Context(), by, conversationID(r))
}

// staff returns the user who asks, who must be signed in. The use case checks the role.
func (a *API) staff(r *http.Request) (domain.User, error) {
	who, err := a.cookies.Visitor(r)
	if err == nil && !who.SignedIn() {
		err = domain.SignInFirst()
	}
	return who.User, err
}

func (a *API) conversations(w http.ResponseWriter, r *http.Request) error {
	by, err := a.staff(r)
	if err != nil {
		return err
	}
	values, err := query(r)
	if err != nil {
		return err
	}
	state := domain.ConversationOpen
	if values.Has("state") {
		state = domain.ConversationState(values.Get("state"))
	}
	q, err := listing.Parse(url.Values{"page": values["page"], "per_page": values["per_page"]})
	if err != nil {
		return err
	}
	found, total, err := a.shop.Chat.Conversations(r.Context(), by, state, q.Page)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, struct {
		Conversations []chat.Conversation `json:"conversations"`
		pageJSON
	}{each(found, chat.ConversationOf), page(q.Page, total)})
}

func (a *API) conversation(w http.ResponseWriter, r *http.Request) error {
	thread, err := a.named(r)
	if err != nil {
		return err
	}
	return answerConversation(w, thread.Conversation())
}

func answerConversation(w http.ResponseWriter, c domain.Conversation) error {
	return answer(w, http.StatusOK, map[string]chat.Conversation{"conversation": chat.ConversationOf(c)})
}

func (a *API) messages(w http.ResponseWriter, r *http.Request) error {
	after, err := seqAfter(r)
	if err != nil {
		return err
	}
	thread, err := a.named(r)
	if err != nil {
		return err
	}
	return answerMessages(w, r, thread, after)
}

func (a *API) answerShopper(w http.ResponseWriter, r *http.Request) error {
	var in sayingJSON
	if err := decode(w, r, &in); err != nil {
		return err
	}
	by, err := a.staff(r)
	if err != nil {
		return err
	}
	m, said, err := a.shop.Chat.Answer(r.Context(), by, conversationID(r), in.ClientID, in.Body)
	if err != nil {
		return err
	}
	return answerMessage(w, m, said)
}

func (a *API) markRead(w http.ResponseWriter, r *http.Request) error {
	seq, err := decodeSeq(w, r)
	if err != nil {
		return err
	}
	thread, err := a.named(r)
	if err != nil {
		return err
	}
	if err := thread.MarkRead(r.Context(), seq); err != nil {
		return err
	}
	return answerNothing(w)
}

// move makes a move and answers with the conversation after it.
func (a *API) move(move usecase.Move) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		by, err := a.staff(r)
		if err != nil {
			return err
		}
		c, err := a.shop.Chat.Move(r.Context(), by, conversationID(r), move)
		if err != nil {
			return err
		}
		return answerConversation(w, c)
	}
}

func conversationID(r *http.Request) domain.ConversationID {
	return domain.ConversationID(mux.Vars(r)["id"])
}

// seqAfter returns the number of the message after which the caller wants to read.
func seqAfter(r *http.Request) (int64, error) {
	values, err := query(r)
	if err != nil || !values.Has("after") {
		return 0, err
	}
	seq, err := strconv.ParseInt(values.Get("after"), 10, 64)
	if err != nil || seq < 0 || len(values["after"]) > 1 {
		return 0, domain.InvalidFields(map[string]string{"after": "must be the number of a message, given once"})
	}
	return seq, nil
}

func decodeSeq(w http.ResponseWriter, r *http.Request) (int64, error) {
	var in struct {
		Seq int `json:"seq"`
	}
	if err := decode(w, r, &in); err != nil {
		return 0, err
	}
	if in.Seq < 0 {
		return 0, domain.InvalidFields(map[string]string{"seq": "must be the number of a message"})
	}
	return int64(in.Seq), nil
}

func answerNothing(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
