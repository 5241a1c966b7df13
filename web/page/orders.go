package page

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gorilla/mux"

	"eshop/domain"
)

const ordersAPage = 10

func (p *Pages) mountOrders(r *mux.Router) {
	r.Methods("GET", "HEAD").Path("/orders").Handler(p.handle(p.orders))
	r.Methods("GET", "HEAD").Path("/orders/{number}").Handler(p.handle(p.order))
}

// ordersView is a page of orders.
type ordersView struct {
	orders []domain.Order
	total  int
	page   domain.Page
	link   func(n int) string
}

func (p *Pages) orders(w http.ResponseWriter, r *http.Request) error {
	v, err := p.view(r)
	if err != nil {
		return err
	}
	if !v.Visitor.SignedIn() {
		return toSignIn(w, r, v.Path)
	}
	list := ordersView{link: listLink("/orders", r.URL.Query())}
	if list.page, err = listPage(r.URL.Query(), ordersAPage); err != nil {
		return err
	}
	list.orders, list.total, err = p.shop.Checkout.Orders(r.Context(), v.Visitor.Session.Owner(), list.page)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, ordersPage(v, list))
}

func (p *Pages) order(w http.ResponseWriter, r *http.Request) error {
	v, err := p.view(r)
	if err != nil {
		return err
	}
	number := domain.OrderNumber(mux.Vars(r)["number"])
	order, err := p.shop.Checkout.OrderByNumber(r.Context(), v.Visitor.Session.Owner(), number)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, orderPage(v, order, r.URL.Query().Has("placed")))
}

func orderPath(number domain.OrderNumber) string { return "/orders/" + url.PathEscape(string(number)) }

// toSignIn leads a guest to sign in and then to path.
func toSignIn(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, "/login?"+url.Values{"next": {path}}.Encode(), http.StatusSeeOther)
	return nil
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

// statusLooks are how a state of an order is shown.
var statusLooks = map[domain.OrderStatus]struct{ name, badge string }{
	domain.Pending:   {"Payment pending", "text-bg-warning"},
	domain.Paid:      {"Paid", "text-bg-primary"},
	domain.Shipped:   {"Shipped", "text-bg-info"},
	domain.Delivered: {"Delivered", "text-bg-success"},
	domain.Cancelled: {"Cancelled", "text-bg-secondary"},
	domain.Refunded:  {"Refunded", "text-bg-secondary"},
}
