package chat

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"eshop/domain"
	"eshop/web/page/ui"
	"eshop/web/session"
)

// ContactForm shows the form to write a letter with.
func (p *Pages) ContactForm(w http.ResponseWriter, r *http.Request) error {
	v := p.Browse(r)
	typed := url.Values{}
	if v.Visitor.SignedIn() {
		typed.Set("name", v.Visitor.User.Username)
		typed.Set("email", v.Visitor.User.Email)
	}
	return ui.Render(w, r, http.StatusOK, contactPage(v, ui.FormState{Typed: typed}, ui.NewToken()))
}

// SendContact keeps a letter for staff.
func (p *Pages) SendContact(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	text := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	message := domain.Contact{
		Name: text("name"), Email: text("email"), Subject: text("subject"), Phone: text("phone"), CallBack: f.Get("call_back") != "",
		Message: domain.UnixLines(f.Get("message")),
	}
	key, err := ui.FormKey(r, f, "key")
	if err == nil {
		_, err = p.Shop.Contact.Send(r.Context(), message, key, session.ClientAddress(r))
	}
	if err == nil {
		return ui.RedirectWithNotice(w, r, "/contact", "sent")
	}
	prob, err := ui.UserError(err)
	if err != nil {
		return err
	}
	return ui.RenderForm(w, r, prob, contactPage(p.Browse(r), ui.FormState{Typed: f, Problem: prob}, cmp.Or(string(key), ui.NewToken())))
}
