package page

import (
	"net/http"
	"strconv"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
)

func (p *Pages) mountCart(r *mux.Router) {
	r.Methods("GET", "HEAD").Path("/cart").Handler(p.handle(p.cart))
	r.Methods("POST").Path("/cart/add").Handler(p.handle(p.addToCart))
	r.Methods("POST").Path("/cart/update").Handler(p.handle(p.updateCart))
	r.Methods("POST").Path("/cart/remove").Handler(p.handle(p.removeFromCart))
}

// cartView is the cart as it is shown.
type cartView struct {
	usecase.PricedCart
	what  problem.Problem
	line  domain.LineID // the line that what is about; "" for none in particular
	typed string        // that line's quantity as it was typed
}

// wrong is what is wrong with a line, if anything is.
func (c cartView) wrong(item usecase.PricedLine) string {
	// What is no longer sold has no input to say it beside.
	if c.line != item.ID || c.what.Status == 0 || item.Product.Discontinued() {
		return ""
	}
	if text := c.what.Fields["quantity"]; text != "" {
		return text
	}
	return c.what.Detail
}

func (c cartView) quantity(item usecase.PricedLine) string {
	if c.wrong(item) != "" {
		return c.typed
	}
	return strconv.Itoa(item.Quantity)
}

// toFreeDelivery is how much is missing until delivery is free; nothing when it is.
func toFreeDelivery(t domain.Totals) domain.Money {
	return domain.Dollars(max(0, domain.FreeShippingFrom-t.Subtotal.Amount))
}

func (p *Pages) cart(w http.ResponseWriter, r *http.Request) error {
	return p.showCart(w, r, cartView{})
}

func (p *Pages) showCart(w http.ResponseWriter, r *http.Request, c cartView) error {
	v, err := p.view(r)
	if err != nil {
		return err
	}
	v.Path = "/cart"
	if c.PricedCart, err = p.basket(r, v.Visitor); err != nil {
		return err
	}
	return again(w, r, c.what, cartPage(v, c))
}

// basket is what the visitor has in the cart; nothing for who was never here.
func (p *Pages) basket(r *http.Request, who usecase.Visitor) (usecase.PricedCart, error) {
	if !who.Known() {
		return usecase.PricedCart{}, nil
	}
	return p.shop.Cart.Priced(r.Context(), who.Session.Owner())
}

func (p *Pages) addToCart(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	pass, err := p.cookies.Begin(r)
	if err != nil {
		return err
	}
	key, err := formKey(f, "token")
	if err != nil {
		return err
	}
	n := 1
	if text := f.Get("quantity"); text != "" {
		n, err = parseQuantity(text)
	}
	if err == nil {
		_, err = p.shop.Cart.Add(r.Context(), pass.Session.Owner(), domain.ProductID(f.Get("product_id")), n, key)
	}
	if err != nil {
		return p.cartMistake(w, r, err, cartView{})
	}
	if err := p.cookies.Keep(w, r, pass); err != nil {
		return err
	}
	return back(w, r, from(f, "/cart"), "added")
}

// updateCart makes a line hold a number. The form has no key, so going back to
// change the number again works.
func (p *Pages) updateCart(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	pass, err := p.cookies.Begin(r)
	if err != nil {
		return err
	}
	key, err := requestKey(r)
	if err != nil {
		return err
	}
	line, typed := domain.LineID(f.Get("line")), f.Get("quantity")
	n, err := parseQuantity(typed)
	if err == nil {
		_, err = p.shop.Cart.SetQuantity(r.Context(), pass.Session.Owner(), line, n, key)
	}
	if err != nil {
		return p.cartMistake(w, r, err, cartView{line: line, typed: typed})
	}
	return back(w, r, "/cart", "updated")
}

func (p *Pages) removeFromCart(w http.ResponseWriter, r *http.Request) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	pass, err := p.cookies.Begin(r)
	if err != nil {
		return err
	}
	key, err := formKey(f, "token")
	if err != nil {
		return err
	}
	if _, err := p.shop.Cart.Remove(r.Context(), pass.Session.Owner(), domain.LineID(f.Get("line")), key); err != nil {
		return p.cartMistake(w, r, err, cartView{})
	}
	return back(w, r, "/cart", "removed")
}

func (p *Pages) cartMistake(w http.ResponseWriter, r *http.Request, err error, c cartView) error {
	if c.what, err = mistake(err); err != nil {
		return err
	}
	return p.showCart(w, r, c)
}

func parseQuantity(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, domain.InvalidFields(map[string]string{"quantity": "must be a whole number from 1 to " + strconv.Itoa(domain.MaxQuantity)})
	}
	return n, nil
}
