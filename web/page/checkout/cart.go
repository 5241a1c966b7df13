package checkout

import (
	"net/http"
	"net/url"
	"strconv"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/page/ui"
	"eshop/web/problem"
)

// cartView is the cart as it is shown.
type cartView struct {
	usecase.PricedCart
	problem problem.Problem
	line    domain.LineID            // the line that problem is about; "" for none in particular
	typed   map[domain.LineID]string // quantities as they were typed, where they were changed
}

// wrong is what is wrong with a line, if anything is.
func (c cartView) wrong(item usecase.PricedLine) string {
	// What is no longer sold has no input to say it beside.
	if c.line != item.ID || c.problem.Status == 0 || item.Product.Discontinued() {
		return ""
	}
	if text := c.problem.Fields["quantity"]; text != "" {
		return text
	}
	return c.problem.Detail
}

func (c cartView) quantity(item usecase.PricedLine) string {
	if text, ok := c.typed[item.ID]; ok {
		return text
	}
	return strconv.Itoa(item.Quantity)
}

// Cart shows what is in the cart.
func (p *Pages) Cart(w http.ResponseWriter, r *http.Request) error {
	return p.showCart(w, r, cartView{})
}

func (p *Pages) showCart(w http.ResponseWriter, r *http.Request, c cartView) error {
	v, err := p.View(r)
	if err != nil {
		return err
	}
	v.Path = "/cart"
	if c.PricedCart, err = p.priced(r, v); err != nil {
		return err
	}
	return ui.RenderForm(w, r, c.problem, cartPage(v, c))
}

// priced returns the cart of v with its products as they are now.
func (p *Pages) priced(r *http.Request, v ui.View) (usecase.PricedCart, error) {
	cart, err := v.Cart()
	if err != nil {
		return usecase.PricedCart{}, err
	}
	return p.Shop.Cart.Price(r.Context(), cart)
}

// AddToCart puts a product in the cart.
func (p *Pages) AddToCart(w http.ResponseWriter, r *http.Request) error {
	return p.Write(w, r, func(form url.Values, by usecase.Visitor) (string, string, error) {
		key, err := ui.FormKey(r, form, "token")
		if err != nil {
			return "", "", err
		}
		n := 1
		if text := form.Get("quantity"); text != "" {
			if n, err = parseQuantity(text); err != nil {
				return "", "", err
			}
		}
		_, err = p.Shop.Cart.Add(r.Context(), by.Session.Owner(), domain.ProductID(form.Get("product_id")), n, key)
		return ui.ReturnPath(form, "/cart"), "added", err
	}, func(_ url.Values, err error) error { return p.refuseChange(w, r, err, cartView{}) })
}

// UpdateCart makes lines hold the numbers that were typed, and leads on to the checkout
// when the form asks for it. The form has no key, so going back to change a number again works.
func (p *Pages) UpdateCart(w http.ResponseWriter, r *http.Request) error {
	shown := cartView{typed: map[domain.LineID]string{}}
	return p.Write(w, r, func(form url.Values, by usecase.Visitor) (string, string, error) {
		key, err := ui.FormKey(r, form, "token")
		if err != nil {
			return "", "", err
		}
		lines, err := changedLines(form)
		if err != nil {
			return "", "", err
		}
		for _, line := range lines {
			shown.typed[line.id] = line.quantity
			// One that cannot be changed keeps no other from being changed.
			if lineErr := p.setQuantity(r, by, line, key); lineErr != nil && err == nil {
				err, shown.line = lineErr, line.id
			}
		}
		if form.Get("then") == "checkout" {
			return "/checkout", "", err
		}
		return "/cart", "updated", err
	}, func(_ url.Values, err error) error { return p.refuseChange(w, r, err, shown) })
}

func (p *Pages) setQuantity(r *http.Request, by usecase.Visitor, line typedLine, key domain.IdempotencyKey) error {
	n, err := parseQuantity(line.quantity)
	if err != nil {
		return err
	}
	if key != "" {
		key += " " + domain.IdempotencyKey(line.id) // each line is a change of its own
	}
	_, err = p.Shop.Cart.SetQuantity(r.Context(), by.Session.Owner(), line.id, n, key)
	return err
}

// typedLine is a line of the cart with the quantity that was typed for it.
type typedLine struct {
	id       domain.LineID
	quantity string
}

// changedLines are the lines of the form whose quantity is another than the page showed. A line
// that does not say what was shown is changed.
func changedLines(form url.Values) ([]typedLine, error) {
	ids, quantities, was := form["line"], form["quantity"], form["was"]
	if len(ids) < 2 && len(was) == 0 {
		return []typedLine{{domain.LineID(form.Get("line")), form.Get("quantity")}}, nil
	}
	if len(ids) > domain.MaxCartLines || len(quantities) != len(ids) || len(was) != 0 && len(was) != len(ids) {
		return nil, domain.InvalidFields(map[string]string{"quantity": "must be given once for each line"})
	}
	var changed []typedLine
	for i, id := range ids {
		if len(was) == 0 || was[i] != quantities[i] {
			changed = append(changed, typedLine{domain.LineID(id), quantities[i]})
		}
	}
	return changed, nil
}

// RemoveFromCart takes a line out of the cart.
func (p *Pages) RemoveFromCart(w http.ResponseWriter, r *http.Request) error {
	return p.Write(w, r, func(form url.Values, by usecase.Visitor) (string, string, error) {
		key, err := ui.FormKey(r, form, "token")
		if err != nil {
			return "", "", err
		}
		_, err = p.Shop.Cart.Remove(r.Context(), by.Session.Owner(), domain.LineID(form.Get("line")), key)
		return "/cart", "removed", err
	}, func(_ url.Values, err error) error { return p.refuseChange(w, r, err, cartView{}) })
}

// refuseChange shows the cart again with what is wrong, if the user can fix it.
func (p *Pages) refuseChange(w http.ResponseWriter, r *http.Request, err error, c cartView) error {
	if c.problem, err = ui.UserError(err); err != nil {
		return err
	}
	if c.problem.Fields["quantity"] == "" {
		c.problem = ui.FoldFields(c.problem)
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

func quantityID(i int) string { return "quantity-" + strconv.Itoa(i) }

func removeID(i int) string { return "remove-" + strconv.Itoa(i) }

// marked reports whether a line of the cart shows what is wrong.
func (c cartView) marked() bool {
	for _, item := range c.Items {
		if c.wrong(item) != "" {
			return true
		}
	}
	return false
}

func (c cartView) short() bool {
	for _, item := range c.Items {
		if item.Short() || item.Product.Discontinued() {
			return true
		}
	}
	return false
}
