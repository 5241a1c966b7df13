package api

import (
	"net/http"

	"eshop/domain"
	"eshop/web/session"
)

func (a *API) register(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username string `json:"username"`
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	who, err := a.cookies.Visitor(r)
	if err != nil {
		return err
	}
	pass, err := a.shop.Account.Register(r.Context(), who, domain.Registration(in), session.ClientAddress(r))
	if err != nil {
		return err
	}
	a.cookies.Set(w, r, pass)
	return answerUser(w, http.StatusCreated, pass.User)
}

func (a *API) signIn(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	who, err := a.cookies.Visitor(r)
	if err != nil {
		return err
	}
	pass, err := a.shop.Account.SignIn(r.Context(), who, in.Username, in.Password, session.ClientAddress(r))
	if err != nil {
		return err
	}
	a.cookies.Set(w, r, pass)
	return answerUser(w, http.StatusOK, pass.User)
}

func (a *API) signOut(w http.ResponseWriter, r *http.Request) error {
	who, err := a.cookies.Visitor(r)
	if err != nil {
		return err
	}
	if who.Known() {
		if err := a.shop.Account.SignOut(r.Context(), who); err != nil {
			return err
		}
	}
	a.cookies.Clear(w, r)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) currentUser(w http.ResponseWriter, r *http.Request) error {
	who, err := a.cookies.Visitor(r)
	if err != nil {
		return err
	}
	if !who.SignedIn() {
		return errSignedOut()
	}
	return answerUser(w, http.StatusOK, who.User)
}

func errSignedOut() error {
	return domain.SignInFirst()
}
