package page

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/session"
)

func (p *Pages) mountContact(r *mux.Router) {
	r.Methods("GET", "HEAD").Path("/contact").Handler(p.handle(p.contactForm))
	r.Methods("POST").Path("/contact").Handler(p.handle(p.sendContact))
}

func (p *Pages) contactForm(w http.ResponseWriter, r *http.Request) error {
	v, err := p.view(r)
	if err != nil {
		return err
	}
	typed := url.Values{}
	if v.Visitor.SignedIn() {
		typed.Set("name", v.Visitor.User.Username)
		typed.Set("email", v.Visitor.User.Email)
	}
	return render(w, r, http.StatusOK, contactPage(v, sheet{typed: typed}, newToken()))
}

func (p *Pages) sendContact(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	text := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	message := domain.Contact{
		Name: text("name"), Email: text("email"), Subject: text("subject"), Phone: text("phone"), CallBack: f.Get("call_back") != "",
		Message: domain.UnixLines(f.Get("message")),
	}
	key, err := formKey(f, "key")
	if err == nil {
		_, err = p.shop.Contact.Send(r.Context(), message, key, session.ClientAddress(r))
	}
	if err == nil {
		return back(w, r, "/contact", "sent")
	}
	what, err := mistake(err)
	if err != nil {
		return err
	}
	v, err := p.view(r)
	if err != nil {
		return err
	}
	return again(w, r, what, contactPage(v, sheet{f, what}, cmp.Or(string(key), newToken())))
}
