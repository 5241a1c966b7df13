package api

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
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

func (a *API) signOut(w http.ResponseWriter, r *http.Request, who usecase.Visitor) error {
	if who.Known() {
		if err := a.shop.Account.SignOut(r.Context(), who); err != nil {
			return err
		}
	}
	a.cookies.Clear(w, r)
	return answerNothing(w)
}

func (a *API) currentUser(w http.ResponseWriter, _ *http.Request, who usecase.Visitor) error {
	if !who.SignedIn() {
		return domain.SignInFirst()
	}
	return answerUser(w, http.StatusOK, who.User)
}

func (a *API) changePassword(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Current string `json:"current"`
		New     string `json:"new"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	who, err := a.cookies.Visitor(r)
	if err != nil {
		return err
	}
	pass, err := a.shop.Account.ChangePassword(r.Context(), who, in.Current, in.New, session.ClientAddress(r))
	if err != nil {
		return err
	}
	a.cookies.Set(w, r, pass)
	return answerNothing(w)
}

type sessionJSON struct {
	ID        domain.SessionKey `json:"id"`
	Current   bool              `json:"current"`
	Device    string            `json:"device"`
	Address   string            `json:"address"`
	CreatedAt time.Time         `json:"created_at"`
	UsedAt    time.Time         `json:"used_at"`
}

func (a *API) sessions(w http.ResponseWriter, r *http.Request, who usecase.Visitor) error {
	all, err := a.shop.Account.Sessions(r.Context(), who)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"sessions": each(all, func(s domain.Session) sessionJSON {
		return sessionJSON{s.Key, s.Key == who.Session.Key, s.Device, s.Address, moment(s.CreatedAt), moment(s.UsedAt())}
	})})
}

func (a *API) endSession(w http.ResponseWriter, r *http.Request, who usecase.Visitor) error {
	key := domain.SessionKey(mux.Vars(r)["id"])
	if err := a.shop.Account.EndSession(r.Context(), who, key); err != nil {
		return err
	}
	if key == who.Session.Key {
		a.cookies.Clear(w, r)
	}
	return answerNothing(w)
}

func (a *API) endOtherSessions(w http.ResponseWriter, r *http.Request, who usecase.Visitor) error {
	if err := a.shop.Account.EndOtherSessions(r.Context(), who); err != nil {
		return err
	}
	return answerNothing(w)
}
