package page

import (
	"net/http"
	"net/url"

	"github.com/a-h/templ"
	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/session"
)

func (p *Pages) mountAccount(r *mux.Router) {
	r.Methods("GET", "HEAD").Path("/login").Handler(p.handle(p.signInForm(signInPage)))
	r.Methods("GET", "HEAD").Path("/register").Handler(p.handle(p.signInForm(registerPage)))
	r.Methods("POST").Path("/login").Handler(p.handle(p.signIn))
	r.Methods("POST").Path("/register").Handler(p.handle(p.register))
	r.Methods("POST").Path("/logout").Handler(p.handle(p.signOut))
}

// accountPage is a page to become somebody: sign in or register.
type accountPage func(v view, s sheet, next string) templ.Component

// signInForm shows a page to become somebody; who is signed in needs none.
func (p *Pages) signInForm(page accountPage) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := p.view(r)
		if err != nil {
			return err
		}
		next := here(r.URL.Query().Get("next"))
		if v.Visitor.SignedIn() {
			return back(w, r, next, "")
		}
		return render(w, r, http.StatusOK, page(v, sheet{}, next))
	}
}

func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	return p.become(w, r, f, signInPage, func(guest usecase.Visitor) (usecase.Credential, error) {
		return p.shop.Account.SignIn(r.Context(), guest, f.Get("username"), f.Get("password"), session.ClientAddress(r))
	})
}

func (p *Pages) register(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	return p.become(w, r, f, registerPage, func(guest usecase.Visitor) (usecase.Credential, error) {
		return p.shop.Account.Register(r.Context(), guest, domain.Registration{
			Username: f.Get("username"), Email: f.Get("email"), Password: f.Get("password"),
		}, session.ClientAddress(r))
	})
}

// become makes the visitor somebody and leads on to the form's next, or shows page again with what is wrong.
func (p *Pages) become(w http.ResponseWriter, r *http.Request, f url.Values, page accountPage,
	enter func(guest usecase.Visitor) (usecase.Credential, error)) error {
	guest, err := p.cookies.Visitor(r)
	if err != nil {
		return err
	}
	next := here(f.Get("next"))
	pass, err := enter(guest)
	if err == nil {
		p.cookies.Set(w, r, pass)
		return back(w, r, next, "welcome")
	}
	what, err := mistake(err)
	if err != nil {
		return err
	}
	switch what.Code {
	case domain.CodeUsernameTaken:
		what.Fields = map[string]string{"username": "is taken already; please choose another"}
	case domain.CodeEmailTaken:
		what.Fields = map[string]string{"email": "has an account already; sign in instead"}
	}
	v, err := p.view(r)
	if err != nil {
		return err
	}
	v.Path = next
	return again(w, r, what, page(v, sheet{f, what}, next))
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	who, err := p.cookies.Visitor(r)
	if err != nil {
		return err
	}
	if who.Known() {
		if err := p.shop.Account.SignOut(r.Context(), who); err != nil {
			return err
		}
	}
	p.cookies.Clear(w, r)
	return back(w, r, "/", "signed-out")
}
