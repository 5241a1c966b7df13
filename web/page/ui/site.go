// Package ui is what the pages of every area share: the layout and its view, parts,
// form fields, how forms are read, and how pages and errors are sent.
package ui

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
	"eshop/web/session"
)

// Site is what the handlers of every area stand on; every exported field must be set.
type Site struct {
	Info    ShopInfo
	Cookies *session.Cookies
	Shop    *usecase.Shop

	pace pace
}

// Handler is a page that may fail; the failure becomes an error page.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Handle returns h with its failures answered by Fail.
func (s *Site) Handle(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.Fail(w, r, err)
		}
	})
}

// Fail answers with the page for err.
func (s *Site) Fail(w http.ResponseWriter, r *http.Request, err error) {
	prob := problem.From(err)
	problem.Log(r, prob, err)
	prob.Head(w.Header())
	if err := Render(w, r, prob.StatusFor(r), failure(s.Browse(r), prob)); err != nil {
		http.Error(w, prob.Detail, prob.Status)
	}
}

// Write reads the form of r, lets change do what it says for the visitor, and leads to
// the path that change returns, where the notice called done is shown. Somebody new is
// kept as a guest, but not when change fails: then refuse shows the page again.
func (s *Site) Write(w http.ResponseWriter, r *http.Request,
	change func(form url.Values, by usecase.Visitor) (path, done string, err error),
	refuse func(form url.Values, err error) error) error {
	form, err := ReadForm(r)
	if err != nil {
		return err
	}
	var key domain.IdempotencyKey
	for _, name := range keyFields {
		key = cmp.Or(key, domain.IdempotencyKey(form.Get(name)))
	}
	by, err := s.Cookies.Begin(r, key)
	if errors.Is(err, domain.ErrLimited) {
		return refuse(form, err)
	}
	if err != nil {
		return err
	}
	path, done, err := change(form, by.Visitor)
	if err != nil {
		return refuse(form, err)
	}
	if err := s.Cookies.Keep(w, r, by); err != nil {
		return err
	}
	return RedirectWithNotice(w, r, path, done)
}
