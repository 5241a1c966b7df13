// Package staff is the shop as those see it who run it, below /admin.
package staff

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/page/ui"
)

// Pages answers staff.
type Pages struct{ *ui.Site }

// rowsAPage is how many rows a list has.
const rowsAPage = 20

// handler is a page for staff, who v's visitor is.
type handler func(w http.ResponseWriter, r *http.Request, v ui.View) error

// Only keeps everybody else out. Guests may sign in; a post that they sent is lost, and
// they go on to the list that it was about.
func (p *Pages) Only(h handler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := p.View(r)
		if err != nil {
			return err
		}
		if !v.Visitor.SignedIn() {
			next := v.Path
			if r.Method == http.MethodPost {
				route, err := mux.CurrentRoute(r).GetPathTemplate()
				if err != nil {
					return err
				}
				next, _, _ = strings.Cut(route, "/{")
			}
			return ui.RedirectToSignIn(w, r, next)
		}
		if !v.IsStaff() {
			return domain.ErrDenied.Errorf(domain.CodeForbidden, "only the shop's staff may see that")
		}
		return h(w, r, v)
	}
}

// tab is one of the views of a page or of the desk.
type tab struct{ ID, Text string }

// statusCount is how many orders are in a state.
type statusCount struct {
	status domain.OrderStatus
	count  int
}

// Dashboard shows how many there are of what staff look after.
func (p *Pages) Dashboard(w http.ResponseWriter, r *http.Request, v ui.View) error {
	var counts []statusCount
	one := domain.Page{Number: 1, Size: 1}
	for _, status := range domain.OrderStatuses {
		if status == domain.Cancelled {
			continue // an attempt that was not paid is no order
		}
		_, n, err := p.Shop.Fulfillment.Orders(r.Context(), v.Visitor.User, status, one)
		if err != nil {
			return err
		}
		counts = append(counts, statusCount{status, n})
	}
	found, err := p.Shop.Catalog.Search(r.Context(), domain.Query{Page: one})
	if err != nil {
		return err
	}
	_, messages, err := p.Shop.Contact.Messages(r.Context(), v.Visitor.User, one)
	if err != nil {
		return err
	}
	_, conversations, err := p.Shop.Chat.Conversations(r.Context(), v.Visitor.User, domain.ConversationOpen, one)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, dashboardPage(v, counts, found.Total, messages, conversations))
}
