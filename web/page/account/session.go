package account

import (
	"errors"
	"net/http"
	"net/url"

	"eshop/domain"
	"eshop/web/page/ui"
	"eshop/web/session"
)

// accountView is the page of an account: its password, and where it is signed in.
type accountView struct {
	ui.FormState // of the password, or of the display name
	sessions     []domain.Session
}

// Account shows the visitor's account.
func (p *Pages) Account(w http.ResponseWriter, r *http.Request) error {
	return p.showAccount(w, r, ui.FormState{})
}

func (p *Pages) showAccount(w http.ResponseWriter, r *http.Request, form ui.FormState) error {
	v, err := p.View(r)
	if err != nil {
		return err
	}
	if !v.Visitor.SignedIn() {
		return ui.RedirectToSignIn(w, r, "/account")
	}
	a := accountView{FormState: form}
	if a.sessions, err = p.Shop.Account.Sessions(r.Context(), v.Visitor); err != nil {
		return err
	}
	v.Path = "/account"
	if form.Typed == nil {
		a.Typed = url.Values{"display_name": {v.Visitor.User.DisplayName}}
	}
	return ui.RenderForm(w, r, form.Problem, accountSettingsPage(v, a))
}

// SetDisplayName gives one of the staff the name that shoppers see.
func (p *Pages) SetDisplayName(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	who, err := p.Cookies.Visitor(r)
	if err != nil {
		return err
	}
	if !who.SignedIn() {
		return ui.RedirectToSignIn(w, r, "/account")
	}
	err = p.Shop.Account.SetDisplayName(r.Context(), who, f.Get("display_name"))
	if err == nil {
		return ui.RedirectWithNotice(w, r, "/account", "saved")
	}
	if errors.Is(err, domain.ErrDenied) {
		return err
	}
	prob, err := ui.UserError(err)
	if err != nil {
		return err
	}
	return p.showAccount(w, r, ui.FormState{Typed: f, Problem: prob})
}

// ChangePassword gives the account another password and signs out every other device.
func (p *Pages) ChangePassword(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	who, err := p.Cookies.Visitor(r)
	if err != nil {
		return err
	}
	if !who.SignedIn() {
		return ui.RedirectToSignIn(w, r, "/account")
	}
	pass, err := p.Shop.Account.ChangePassword(r.Context(), who, f.Get("current"), f.Get("new"), session.ClientAddress(r))
	if err == nil {
		p.Cookies.Set(w, r, pass)
		return ui.RedirectWithNotice(w, r, "/account", "password-changed")
	}
	prob, err := ui.UserError(err)
	if err != nil {
		return err
	}
	if prob.Code == domain.CodeInvalidCredentials {
		prob.Fields = map[string]string{"current": "is not your password"}
	}
	return p.showAccount(w, r, ui.FormState{Typed: f, Problem: prob})
}

// EndSessions signs out the device that the form names, or every other one.
func (p *Pages) EndSessions(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	who, err := p.Cookies.Visitor(r)
	if err != nil {
		return err
	}
	if !who.SignedIn() {
		return ui.RedirectToSignIn(w, r, "/account")
	}
	switch id := domain.SessionKey(f.Get("session")); id {
	case "others":
		err = p.Shop.Account.EndOtherSessions(r.Context(), who)
	case who.Session.Key:
		return p.SignOut(w, r)
	default:
		err = p.Shop.Account.EndSession(r.Context(), who, id)
	}
	if err != nil {
		return err
	}
	return ui.RedirectWithNotice(w, r, "/account", "ended")
}
