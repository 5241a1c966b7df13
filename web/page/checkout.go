package page

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
)

func (p *Pages) mountCheckout(r *mux.Router) {
	r.Methods("GET", "HEAD").Path("/checkout").Handler(p.handle(p.checkoutForm))
	r.Methods("POST").Path("/checkout").Handler(p.handle(p.buy))
}

// checkoutView is the checkout as it is shown.
type checkoutView struct {
	usecase.PricedCart
	sheet
	key string // by which a form that is sent twice makes one order
}

// countries are the choices of a country, by name.
var countries = func() []option {
	choices := []option{{"", "Choose a country"}}
	for _, code := range slices.Sorted(maps.Keys(domain.Countries)) {
		choices = append(choices, option{code, domain.Countries[code]})
	}
	slices.SortStableFunc(choices[1:], func(a, b option) int { return cmp.Compare(a.Text, b.Text) })
	return choices
}()

func (p *Pages) checkoutForm(w http.ResponseWriter, r *http.Request) error {
	v, err := p.view(r)
	if err != nil {
		return err
	}
	basket, err := p.basket(r, v.Visitor)
	if err != nil {
		return err
	}
	if len(basket.Items) == 0 {
		return back(w, r, "/cart", "")
	}
	typed, err := p.knownAlready(r, v.Visitor)
	if err != nil {
		return err
	}
	return again(w, r, problem.Problem{}, checkoutPage(v, checkoutView{basket, sheet{typed: typed}, newToken()}))
}

// knownAlready is what somebody who was here before need not type again: the
// account's e-mail address, and where their last order went.
func (p *Pages) knownAlready(r *http.Request, who usecase.Visitor) (url.Values, error) {
	typed := url.Values{}
	orders, _, err := p.shop.Checkout.Orders(r.Context(), who.Session.Owner(), domain.Page{Number: 1, Size: 1})
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

func (p *Pages) buy(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	pass, err := p.cookies.Begin(r)
	if err != nil {
		return err
	}
	if err := p.sumsAsShown(r, pass.Visitor, f.Get("total")); err != nil {
		return p.checkoutMistake(w, r, err, f)
	}
	key, err := formKey(f, "key")
	if err != nil {
		return p.checkoutMistake(w, r, err, f)
	}
	order, _, err := p.shop.Checkout.Buy(r.Context(), pass.Session.Owner(), key, purchaseOf(f))
	if err != nil {
		return p.checkoutMistake(w, r, err, f)
	}
	http.Redirect(w, r, orderPath(order.Number)+"?placed", http.StatusSeeOther)
	return nil
}

// sumsAsShown keeps the shopper from paying another sum than the page said, when
// the cart or a price changed since. A cart that is empty was bought by this very form, or never filled.
func (p *Pages) sumsAsShown(r *http.Request, who usecase.Visitor, shown string) error {
	if shown == "" || !who.Known() {
		return nil
	}
	basket, err := p.basket(r, who)
	if err != nil || len(basket.Items) == 0 || strconv.FormatInt(basket.Total.Amount, 10) == shown {
		return err
	}
	return domain.ErrConflict.Errorf(domain.CodeTotalChanged,
		"your cart or a price has changed since you opened this page, so this time nothing was charged. The total is now %s: please look it over and pay again", basket.Total)
}

// purchaseOf reads what the form of the checkout says.
func purchaseOf(f url.Values) domain.Purchase {
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
	}
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

// checkoutMistake shows the checkout again with what went wrong and all that was
// typed but the card's number and code.
func (p *Pages) checkoutMistake(w http.ResponseWriter, r *http.Request, err error, typed url.Values) error {
	what := problem.From(err)
	if what.Status >= http.StatusInternalServerError && what.Status != http.StatusServiceUnavailable {
		return err
	}
	problem.Log(r, what, err)
	v, viewErr := p.view(r)
	if viewErr != nil {
		return err
	}
	v.Path = "/checkout"
	basket, basketErr := p.basket(r, v.Visitor)
	if basketErr != nil {
		return err
	}
	key := typed.Get("key")
	switch what.Code {
	case domain.CodePaymentDeclined:
		what.Fields = map[string]string{"payment.card_number": "the payment was declined, and nothing was charged. Please try another card"}
	case domain.CodeIdempotencyKeyReused:
		what.Detail = "an order was placed with this form already, with other details. To place another one, look everything over and pay again"
		key = newToken()
	case domain.CodeTotalChanged:
		key = newToken()
	}
	if len(what.Lines) == 1 {
		what.Detail = shortage(what.Lines[0].Name, what.Lines[0].Available)
	}
	if what.Fields["shipping_address.country"] != "" {
		what.Fields["shipping_address.country"] = "must be a country from the list"
	}
	if what.Fields["key"] != "" {
		delete(what.Fields, "key")
		key = newToken()
	}
	if len(basket.Items) == 0 {
		switch what.Code {
		case domain.CodeIdempotencyKeyReused:
			what.Detail = "an order was placed with this form already, and your cart is empty"
		case domain.CodeValidationFailed:
			what = problem.From(domain.CartEmpty())
		}
		return again(w, r, what, checkoutEmptyPage(v, what))
	}
	return again(w, r, what, checkoutPage(v, checkoutView{basket, sheet{typed, what}, key}))
}
