// Package ui is what the pages of every area share: the layout and its view, parts,
// form fields, how forms are read, and how pages and errors are sent.
package ui

import (
	"net/http"

	"eshop/usecase"
	"eshop/web/problem"
	"eshop/web/session"
)

// Site is what the handlers of every area stand on; every field must be set.
type Site struct {
	Info    ShopInfo
	Cookies *session.Cookies
	Shop    *usecase.Shop
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
	v, viewErr := s.View(r)
	if viewErr != nil {
		v = View{ShopInfo: s.Info, Path: pathOf(r)}
	}
	if err := Render(w, r, prob.StatusFor(r), failure(v, prob)); err != nil {
		http.Error(w, prob.Detail, prob.Status)
	}
}
