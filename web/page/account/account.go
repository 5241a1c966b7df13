// Package account is signing in and out, and what somebody ordered.
package account

import (
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/page/ui"
	"eshop/web/session"
)

// Pages answers those who sign in and those who ordered.
type Pages struct{ *ui.Site }

// accountPage is a page to become somebody: sign in or register.
type accountPage func(v ui.View, form ui.FormState, next string) templ.Component

// SignInForm shows the form to sign in.
func (p *Pages) SignInForm(w http.ResponseWriter, r *http.Request) error {
	return p.showForm(w, r, signInPage)
}

// RegisterForm shows the form to make an account.
func (p *Pages) RegisterForm(w http.ResponseWriter, r *http.Request) error {
	return p.showForm(w, r, registerPage)
}

// showForm shows a page to become somebody; who is signed in needs none.
func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, page accountPage) error {
	v := p.Browse(r)
	next := ui.LocalPath(r.URL.Query().Get("next"))
	if v.Visitor.SignedIn() {
		return ui.RedirectWithNotice(w, r, next, "")
	}
	return ui.Render(w, r, http.StatusOK, page(v, ui.FormState{}, next))
}

// SignIn makes the visitor the user whose password was typed.
func (p *Pages) SignIn(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	return p.become(w, r, f, signInPage, func(guest usecase.Visitor) (usecase.Credential, error) {
		return p.Shop.Account.SignIn(r.Context(), guest, f.Get("username"), f.Get("password"), session.ClientAddress(r))
	})
}

// Register makes an account and signs the visitor in.
func (p *Pages) Register(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	return p.become(w, r, f, registerPage, func(guest usecase.Visitor) (usecase.Credential, error) {
		return p.Shop.Account.Register(r.Context(), guest, domain.Registration{
			Username: f.Get("username"), Email: f.Get("email"), Password: f.Get("password"),
		}, session.ClientAddress(r))
	})
}

// become makes the visitor somebody and leads on to the form's next, or shows page again with what is wrong.
func (p *Pages) become(w http.ResponseWriter, r *http.Request, f url.Values, page accountPage,
	enter func(guest usecase.Visitor) (usecase.Credential, error)) error {
	guest, err := p.Cookies.Visitor(r)
	if err != nil {
		return err
	}
	next := ui.LocalPath(f.Get("next"))
	pass, err := enter(guest)
	if err == nil {
		p.Cookies.Set(w, r, pass)
		return ui.RedirectWithNotice(w, r, next, "welcome")
	}
	prob, err := ui.UserError(err)
	if err != nil {
		return err
	}
	switch prob.Code {
	case domain.CodeUsernameTaken:
		prob.Fields = map[string]string{"username": "is already taken; please choose another"}
	case domain.CodeEmailTaken:
		prob.Fields = map[string]string{"email": "already has an account; sign in instead"}
	}
	v := p.Browse(r)
	v.Path = next
	return ui.RenderForm(w, r, prob, page(v, ui.FormState{Typed: f, Problem: prob}, next))
}

// SignOut ends the session.
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request) error {
	who, err := p.Cookies.Visitor(r)
	if err != nil {
		return err
	}
	if who.Known() {
		if err := p.Shop.Account.SignOut(r.Context(), who); err != nil {
			return err
		}
	}
	p.Cookies.Clear(w, r)
	return ui.RedirectWithNotice(w, r, "/", "signed-out")
}
