// Package checkout is the cart, and paying for what is in it.
package checkout

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/page/ui"
	"eshop/web/problem"
	"eshop/web/session"
)

// Pages answers those who buy.
type Pages struct{ *ui.Site }

// checkoutView is the checkout as it is shown.
type checkoutView struct {
	usecase.PricedCart
	ui.FormState
	key string // by which a form that is sent twice makes one order
}

// countries are the choices of a country, by name.
var countries = func() []ui.Option {
	choices := []ui.Option{{Value: "", Text: "Choose a country"}}
	for _, code := range slices.Sorted(maps.Keys(domain.Countries)) {
		choices = append(choices, ui.Option{Value: code, Text: domain.Countries[code]})
	}
	slices.SortStableFunc(choices[1:], func(a, b ui.Option) int { return cmp.Compare(a.Text, b.Text) })
	return choices
}()

// Checkout shows the form to pay with.
func (p *Pages) Checkout(w http.ResponseWriter, r *http.Request) error {
	v, err := p.View(r)
	if err != nil {
		return err
	}
	cart, err := p.priced(r, v)
	if err != nil {
		return err
	}
	if len(cart.Items) == 0 {
		return ui.RedirectWithNotice(w, r, "/cart", "")
	}
	typed, err := p.knownAlready(r, v.Visitor)
	if err != nil {
		return err
	}
	return ui.RenderForm(w, r, problem.Problem{}, checkoutPage(v, checkoutView{cart, ui.FormState{Typed: typed}, ui.NewToken()}))
}

// knownAlready is what somebody who was here before need not type again: the
// account's e-mail address, and where their last order went.
func (p *Pages) knownAlready(r *http.Request, who usecase.Visitor) (url.Values, error) {
	typed := url.Values{}
	orders, _, err := p.Shop.Checkout.Orders(r.Context(), who.Session.Owner(), domain.Page{Number: 1, Size: 1})
	if err != nil {
		return nil, err
	}
	if len(orders) > 0 {
		a := orders[0].ShippingAddress
		for name, value := range map[string]string{
			"name": a.Name, "line1": a.Line1, "line2": a.Line2, "city": a.City,
			"region": a.Region, "postal_code": a.PostalCode, "country": a.Country, "phone": a.Phone,
		} {
			typed.Set("shipping_address."+name, value)
		}
		typed.Set("email", orders[0].Email)
	}
	if who.SignedIn() {
		typed.Set("email", who.User.Email)
	}
	return typed, nil
}

// Buy places the order that the form is about, and pays for it.
func (p *Pages) Buy(w http.ResponseWriter, r *http.Request) error {
	return p.Write(w, r, func(form url.Values, by usecase.Visitor) (string, string, error) {
		key, err := ui.FormKey(r, form, "key")
		if err != nil {
			return "", "", err
		}
		purchase := purchaseOf(form, session.ClientAddress(r), p.Shop.Pricing)
		purchase.Guest = by.Session.UnmergedGuest()
		order, _, err := p.Shop.Checkout.Buy(r.Context(), by.Session.Owner(), key, purchase)
		return ui.OrderPath(order) + "?placed", "", err
	}, func(form url.Values, err error) error { return p.refuse(w, r, err, form) })
}

// purchaseOf reads what the form of the checkout says, which came from an address.
func purchaseOf(f url.Values, address string, pricing domain.Pricing) domain.Purchase {
	text := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	return domain.Purchase{
		Email: text("email"),
		ShippingAddress: domain.Address{
			Name: text("shipping_address.name"), Line1: text("shipping_address.line1"), Line2: text("shipping_address.line2"),
			City: text("shipping_address.city"), Region: text("shipping_address.region"),
			PostalCode: text("shipping_address.postal_code"), Country: text("shipping_address.country"), Phone: text("shipping_address.phone"),
		},
		Method: domain.DemoCard,
		Card:   domain.NewCard(text("payment.card_number"), expiry(f.Get("payment.expiry")), f.Get("payment.cvc")),
		// The form always says which total it showed.
		ExpectedTotal: shownTotal(f.Get("total"), pricing),
		ClientAddress: address,
	}
}

// shownTotal reads a total as the form of the checkout has it. What is none becomes a sum that no purchase takes.
func shownTotal(text string, pricing domain.Pricing) *domain.Money {
	cents, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		cents = -1
	}
	total := pricing.Sum(cents)
	return &total
}

// expiry makes MM/YY of the other ways in which people and browsers write it:
// MM / YY, M/YY, MM/20YY and MMYY. What is none of them stays as it is.
func expiry(text string) string {
	text = strings.Join(strings.Fields(text), "")
	month, year, slash := strings.Cut(text, "/")
	if !slash && len(text) == 4 {
		month, year = text[:2], text[2:]
	}
	if len(month) == 1 {
		month = "0" + month
	}
	if len(year) == 4 {
		year = strings.TrimPrefix(year, "20")
	}
	if len(month) != 2 || len(year) != 2 {
		return text
	}
	return month + "/" + year
}

// refuse shows the checkout again with what went wrong and all that was
// typed but the card's number and code.
func (p *Pages) refuse(w http.ResponseWriter, r *http.Request, err error, typed url.Values) error {
	prob := problem.From(err)
	if prob.Status >= http.StatusInternalServerError && prob.Status != http.StatusServiceUnavailable {
		return err
	}
	problem.Log(r, prob, err)
	v, viewErr := p.View(r)
	if viewErr != nil {
		return err
	}
	v.Path = "/checkout"
	cart, cartErr := p.priced(r, v)
	if cartErr != nil {
		return err
	}
	key := typed.Get("key")
	switch prob.Code {
	case domain.CodePaymentDeclined:
		prob.Fields = map[string]string{"payment.card_number": "the payment was declined, and nothing was charged. Please try another card"}
	case domain.CodeIdempotencyKeyReused:
		prob.Detail = "you have already placed an order with this form, with other details. To place another one, check everything and pay again"
		key = ui.NewToken()
	}
	if len(prob.Lines) == 1 {
		prob.Detail = ui.Shortage(prob.Lines[0].Name, prob.Lines[0].Available)
	}
	if prob.Fields["shipping_address.country"] != "" {
		prob.Fields["shipping_address.country"] = "must be a country from the list"
	}
	if prob.Fields["expected_total"] != "" {
		delete(prob.Fields, "expected_total")
		prob.Detail = "please check the total and pay again"
	}
	if prob.Fields["key"] != "" {
		delete(prob.Fields, "key")
		key = ui.NewToken()
	}
	if len(cart.Items) == 0 {
		switch prob.Code {
		case domain.CodeIdempotencyKeyReused:
			prob.Detail = "you have already placed an order with this form, and your cart is empty"
		case domain.CodeValidationFailed:
			prob = problem.From(domain.CartEmpty())
		}
		return ui.RenderForm(w, r, prob, checkoutEmptyPage(v, prob))
	}
	return ui.RenderForm(w, r, prob, checkoutPage(v, checkoutView{cart, ui.FormState{Typed: typed, Problem: prob}, key}))
}
