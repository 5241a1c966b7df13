package staff

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/page/ui"
)

// productsView is a page of products to look after.
type productsView struct {
	domain.Found
	text         string // that was searched for
	path         string // path and query of the list
	link         func(n int) string
	ui.FormState                  // of the product that something is wrong with
	wrong        domain.ProductID // whose form it is
}

// of is the state of the form of a product.
func (a productsView) of(id domain.ProductID) ui.FormState {
	if id == a.wrong {
		return a.FormState
	}
	return ui.FormState{}
}

// value is what the input of a product holds: what was typed, if that was refused.
func (a productsView) value(id domain.ProductID, name, otherwise string) string {
	if typed := a.of(id).Typed; typed.Has(name) {
		return typed.Get(name)
	}
	return otherwise
}

// shown reports whether what is wrong is shown beside a product of the page.
func (a productsView) shown() bool {
	for _, product := range a.Products {
		if product.ID == a.wrong && (a.Problem.Fields["price"] != "" || a.Problem.Fields["delta"] != "") {
			return true
		}
	}
	return false
}

// Products lists the products, each with forms for its price and its stock.
func (p *Pages) Products(w http.ResponseWriter, r *http.Request, v ui.View) error {
	return p.showProducts(w, r, v, r.URL.Query(), productsView{})
}

func (p *Pages) showProducts(w http.ResponseWriter, r *http.Request, v ui.View, query url.Values, a productsView) error {
	page, err := ui.ListPage(query, rowsAPage)
	if err != nil {
		return err
	}
	a.text, a.link = query.Get("q"), ui.ListLink("/admin/products", query)
	a.path = a.link(page.Number)
	a.Found, err = p.Shop.Catalog.Search(r.Context(), domain.Query{Text: a.text, Sort: domain.ByName, Page: page})
	if err != nil {
		return err
	}
	v.Path = a.path
	return ui.RenderForm(w, r, a.Problem, productsPage(v, a))
}

// ChangeProduct sets a price or counts stock in or out, as the form has the one or the other.
func (p *Pages) ChangeProduct(w http.ResponseWriter, r *http.Request, v ui.View) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	id, list := domain.ProductID(mux.Vars(r)["id"]), ui.LocalPath(ui.ReturnPath(f, "/admin/products"))
	if f.Has("price") {
		if ok, err := p.confirmed(w, r, v, f, nil); !ok {
			return err
		}
		err = p.setPrice(r, v, id, f.Get("price"))
	} else {
		err = p.changeStock(r, v, id, f)
	}
	if err == nil {
		return ui.RedirectWithNotice(w, r, list, "saved")
	}
	prob, err := ui.UserError(err)
	if err != nil {
		return err
	}
	if prob.Code == domain.CodeIdempotencyKeyReused {
		prob.Detail = "this form was sent before with another number: check the stock, and adjust it again if that is still needed"
	}
	if prob.Fields == nil && f.Has("delta") {
		prob.Fields = map[string]string{"delta": prob.Detail}
	}
	at, err := url.Parse(list)
	if err != nil {
		return err
	}
	return p.showProducts(w, r, v, at.Query(), productsView{FormState: ui.FormState{Typed: f, Problem: prob}, wrong: id})
}

func (p *Pages) setPrice(r *http.Request, v ui.View, id domain.ProductID, text string) error {
	price, err := ui.ParsePrice(text, v.Pricing)
	if err != nil {
		return err
	}
	return p.Shop.Inventory.SetPrice(r.Context(), v.Visitor.User, id, price)
}

func (p *Pages) changeStock(r *http.Request, v ui.View, id domain.ProductID, f url.Values) error {
	delta, err := strconv.Atoi(strings.TrimSpace(f.Get("delta")))
	if err != nil {
		return domain.InvalidFields(map[string]string{"delta": "must be a whole number, like 10 or -3"})
	}
	key, err := ui.FormKey(r, f, "token")
	if err != nil {
		return err
	}
	_, err = p.Shop.Inventory.ChangeStock(r.Context(), v.Visitor.User, id, delta, key)
	return err
}
