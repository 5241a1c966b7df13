package staff

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/page/account"
	"eshop/web/page/ui"
	"eshop/web/problem"
)

// Orders lists the orders of a state, or all.
func (p *Pages) Orders(w http.ResponseWriter, r *http.Request, v ui.View) error {
	query := r.URL.Query()
	status := domain.OrderStatus(query.Get("status"))
	if status != "" && !slices.Contains(domain.OrderStatuses, status) {
		return domain.InvalidFields(map[string]string{"status": "must be a state of an order"})
	}
	list := account.OrdersView{Link: ui.ListLink("/admin/orders", query)}
	var err error
	if list.Page, err = ui.ListPage(query, rowsAPage); err != nil {
		return err
	}
	list.Orders, list.Total, err = p.Shop.Fulfillment.Orders(r.Context(), v.Visitor.User, status, list.Page)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, ordersPage(v, list, status))
}

// Order shows an order with what may be done with it.
func (p *Pages) Order(w http.ResponseWriter, r *http.Request, v ui.View) error {
	return p.showOrder(w, r, v, problem.Problem{})
}

func (p *Pages) showOrder(w http.ResponseWriter, r *http.Request, v ui.View, prob problem.Problem) error {
	order, err := p.Shop.Fulfillment.Order(r.Context(), v.Visitor.User, domain.OrderNumber(mux.Vars(r)["number"]))
	if err != nil {
		return err
	}
	v.Path = orderPath(order)
	return ui.RenderForm(w, r, prob, orderPage(v, order, prob))
}

// MoveOrder brings an order to another state.
func (p *Pages) MoveOrder(w http.ResponseWriter, r *http.Request, v ui.View) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	number := domain.OrderNumber(mux.Vars(r)["number"])
	if domain.OrderStatus(f.Get("status")) == domain.Refunded {
		if ok, err := p.confirmed(w, r, v, f, nil); !ok {
			return err
		}
	}
	var order domain.Order
	key, err := ui.FormKey(r, f, "token")
	if err == nil {
		order, err = p.Shop.Fulfillment.Move(r.Context(), v.Visitor.User, number, domain.OrderStatus(f.Get("status")), key)
	}
	if err != nil {
		prob, err := ui.UserError(err)
		if err != nil {
			return err
		}
		return p.showOrder(w, r, v, ui.FoldFields(prob))
	}
	done := "saved"
	if order.Status == domain.Refunding {
		done = "refunding"
	}
	return ui.RedirectWithNotice(w, r, orderPath(order), done)
}

// SettleOrder asks the payment service again what became of a pending order.
func (p *Pages) SettleOrder(w http.ResponseWriter, r *http.Request, v ui.View) error {
	order, err := p.Shop.Fulfillment.Settle(r.Context(), v.Visitor.User, domain.OrderNumber(mux.Vars(r)["number"]))
	if err == nil {
		return ui.RedirectWithNotice(w, r, orderPath(order), "asked")
	}
	prob := problem.From(err)
	if prob.Code != domain.CodePaymentUnavailable && prob.Code != domain.CodeOrderState {
		return err
	}
	return p.showOrder(w, r, v, prob)
}

func orderPath(o domain.Order) string { return "/admin/orders/" + url.PathEscape(ui.OrderName(o)) }

// mayMoveTo are the states that staff may ask for; the others are the payment's to say. An
// order goes to Refunded by way of Refunding.
func mayMoveTo(o domain.Order) []domain.OrderStatus {
	var may []domain.OrderStatus
	for _, next := range o.Status.Next() {
		switch next {
		case domain.Shipped, domain.Delivered:
			may = append(may, next)
		case domain.Refunding:
			may = append(may, domain.Refunded)
		}
	}
	return may
}
