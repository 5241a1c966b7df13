package account

import (
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/page/ui"
)

const ordersAPage = 10

// lookAgainAfter is in how many seconds the page of a pending order looks again: payment
// services mostly answer within some, and one order in their way costs little.
const lookAgainAfter = 5

// OrdersView is a page of orders.
type OrdersView struct {
	Orders []domain.Order
	Total  int
	Page   domain.Page
	Link   func(n int) string
}

// Orders shows what somebody who is signed in has ordered.
func (p *Pages) Orders(w http.ResponseWriter, r *http.Request) error {
	v, err := p.View(r)
	if err != nil {
		return err
	}
	if !v.Visitor.SignedIn() {
		return ui.RedirectToSignIn(w, r, v.Path)
	}
	list := OrdersView{Link: ui.ListLink("/orders", r.URL.Query())}
	if list.Page, err = ui.ListPage(r.URL.Query(), ordersAPage); err != nil {
		return err
	}
	list.Orders, list.Total, err = p.Shop.Checkout.Orders(r.Context(), v.Visitor.Session.Owner(), list.Page)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, ordersPage(v, list))
}

// Order shows one order to who placed it.
func (p *Pages) Order(w http.ResponseWriter, r *http.Request) error {
	v, err := p.View(r)
	if err != nil {
		return err
	}
	number := domain.OrderNumber(mux.Vars(r)["number"])
	order, err := p.Shop.Checkout.OrderByNumber(r.Context(), v.Visitor.Session.Owner(), number)
	if err != nil {
		return err
	}
	// Who waited at the address of a pending order goes to that of its number.
	if path := ui.OrderPath(order); order.Number != number && order.Number != "" {
		return ui.Redirect(w, r, ui.AddressOf(path, r.URL.Query()), path)
	}
	if order.Status == domain.Pending {
		v.Refresh = lookAgainAfter
	}
	return ui.Render(w, r, http.StatusOK, orderPage(v, order, r.URL.Query().Has("placed")))
}

func itemCount(o domain.Order) int {
	n := 0
	for _, line := range o.Lines {
		n += line.Quantity
	}
	return n
}

// step is a state on an order's way: since when, or still to come.
type step struct {
	domain.StatusChange
	toCome bool
}

// way is what an order went through, and what is still to come of the usual way.
func way(o domain.Order) []step {
	var steps []step
	for _, change := range o.History {
		steps = append(steps, step{StatusChange: change})
	}
	usual := []domain.OrderStatus{domain.Pending, domain.Paid, domain.Shipped, domain.Delivered}
	if i := slices.Index(usual, o.Status); i >= 0 {
		for _, status := range usual[i+1:] {
			steps = append(steps, step{domain.StatusChange{Status: status}, true})
		}
	}
	return steps
}

// StatusLooks are how a state of an order is shown.
var StatusLooks = map[domain.OrderStatus]struct{ Name, Badge string }{
	domain.Pending:   {"Payment pending", "text-bg-warning"},
	domain.Paid:      {"Paid", "text-bg-primary"},
	domain.Shipped:   {"Shipped", "text-bg-info"},
	domain.Delivered: {"Delivered", "text-bg-success"},
	domain.Cancelled: {"Cancelled", "text-bg-secondary"},
	domain.Refunding: {"Refund pending", "text-bg-warning"},
	domain.Refunded:  {"Refunded", "text-bg-secondary"},
}

func addressLines(a domain.Address) []string {
	var lines []string
	for _, text := range []string{a.Name, a.Line1, a.Line2, a.PostalCode + " " + a.City, a.Region, domain.Countries[a.Country], a.Phone} {
		if text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

func paymentText(s domain.PaymentStatus) string {
	switch s {
	case domain.PaymentPaid:
		return "Paid"
	case domain.PaymentPending:
		return "Being confirmed"
	case domain.PaymentRefunded:
		return "Your refund is on its way"
	}
	return "Nothing was charged"
}
