package staff

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/page/ui"
	"eshop/web/problem"
)

// productForm is the form of a product that is added or edited.
type productForm struct {
	pictureBytes int // that a new one may have
	ui.FormState
	domain.Product            // as it is kept; nothing while it is added
	lost           url.Values // what was typed in vain, for somebody else was quicker
	categories     []string
	kinds          []string
	movements      []domain.StockMovement // the newest first
}

// NewProduct shows the form of a product to add.
func (p *Pages) NewProduct(w http.ResponseWriter, r *http.Request, v ui.View) error {
	return p.showProduct(w, r, v, productForm{FormState: ui.FormState{Typed: url.Values{"key": {ui.NewToken()}}}})
}

// AddProduct puts a product on sale.
func (p *Pages) AddProduct(w http.ResponseWriter, r *http.Request, v ui.View) error {
	f, picture, err := ui.ReadUpload(r, "picture")
	if err == nil {
		var key domain.IdempotencyKey
		if key, err = ui.FormKey(r, f, "key"); err == nil {
			product, wrong := typedProduct(f, v.Pricing)
			product.Stock, err = typedStock(f.Get("stock"))
			wrong = domain.JoinFields(wrong, err)
			// What was no number is refused there too, with all else that is wrong.
			product, err = p.Shop.Inventory.Add(r.Context(), v.Visitor.User, cmp.Or(key, domain.IdempotencyKey(ui.NewToken())),
				usecase.ProductEdit{To: product, Picture: picture, Alt: strings.TrimSpace(f.Get("picture_alt"))})
			if err == nil {
				return ui.RedirectWithNotice(w, r, ui.StaffProductPath(product.ID), "saved")
			}
			if wrong != nil {
				err = domain.JoinFields(wrong, err)
			}
		}
	}
	prob, err := p.uploadError(f, err)
	if err != nil {
		return err
	}
	return p.showProduct(w, r, v, productForm{FormState: ui.FormState{Typed: f, Problem: prob}})
}

// EditProduct shows the form of a product that is on sale.
func (p *Pages) EditProduct(w http.ResponseWriter, r *http.Request, v ui.View) error {
	product, err := p.Shop.Catalog.Product(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	return p.showProduct(w, r, v, productForm{FormState: ui.FormState{Typed: productFields(product)}, Product: product})
}

// SaveProduct changes a product as its form says.
func (p *Pages) SaveProduct(w http.ResponseWriter, r *http.Request, v ui.View) error {
	id := domain.ProductID(mux.Vars(r)["id"])
	f, picture, err := ui.ReadUpload(r, "picture")
	if err == nil {
		product, wrong := typedProduct(f, v.Pricing)
		if kept, err := p.Shop.Catalog.Product(r.Context(), string(id)); err == nil && wrong == nil && kept.Price != product.Price {
			if ok, err := p.confirmed(w, r, v, f, picture); !ok {
				return err
			}
		}
		err = p.Shop.Inventory.Update(r.Context(), v.Visitor.User, usecase.ProductEdit{
			ID: id, Version: f.Get("edition"), To: product, Picture: picture, Alt: strings.TrimSpace(f.Get("picture_alt")),
		})
		if err == nil {
			return ui.RedirectWithNotice(w, r, ui.StaffProductPath(id), "saved")
		}
		if wrong != nil {
			err = domain.JoinFields(wrong, err)
		}
	}
	prob, err := p.uploadError(f, err)
	if err != nil {
		return err
	}
	g := productForm{FormState: ui.FormState{Typed: f, Problem: prob}}
	if g.Product, err = p.Shop.Catalog.Product(r.Context(), string(id)); err != nil {
		return err
	}
	if prob.Code == domain.CodeProductChanged {
		g.Typed, g.lost = productFields(g.Product), f
	}
	return p.showProduct(w, r, v, g)
}

// RemoveProduct ends the sale of a product.
func (p *Pages) RemoveProduct(w http.ResponseWriter, r *http.Request, v ui.View) error {
	if _, err := ui.ReadForm(r); err != nil {
		return err
	}
	if err := p.Shop.Inventory.Remove(r.Context(), v.Visitor.User, domain.ProductID(mux.Vars(r)["id"])); err != nil {
		return err
	}
	return ui.RedirectWithNotice(w, r, "/admin/products", "taken-out")
}

func (p *Pages) showProduct(w http.ResponseWriter, r *http.Request, v ui.View, g productForm) error {
	var err error
	g.pictureBytes = p.Shop.PictureBytes
	if g.categories, g.kinds, err = p.Shop.Inventory.CategoryNames(r.Context(), v.Visitor.User); err != nil {
		return err
	}
	if v.Path = "/admin/products/new"; g.onSale() {
		v.Path = ui.StaffProductPath(g.ID)
		if g.movements, err = p.Shop.Inventory.Movements(r.Context(), v.Visitor.User, g.ID); err != nil {
			return err
		}
	}
	return ui.RenderForm(w, r, g.Problem, productPage(v, g))
}

// uploadError is ui.UserError for a form with a picture, which keeps what was typed even
// when the picture is more than the shop reads.
func (p *Pages) uploadError(f url.Values, err error) (problem.Problem, error) {
	prob, fault := ui.UserError(err)
	switch {
	case fault != nil:
		return problem.Problem{}, fault
	case prob.Status == http.StatusBadRequest, len(f) == 0:
		return problem.Problem{}, err
	case errors.Is(err, problem.ErrTooLarge):
		prob.Fields = map[string]string{"picture": fmt.Sprintf("must have at most %d kB", p.Shop.PictureBytes/1000)}
	}
	return prob, nil
}

// typedProduct is the product of a form, and what is wrong with how its price is written.
func typedProduct(f url.Values, pricing domain.Pricing) (domain.Product, error) {
	text := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	price, err := ui.ParsePrice(f.Get("price"), pricing)
	p := domain.Product{
		Slug: text("slug"), Name: text("name"), Category: domain.Category{Name: text("category")}, Subcategory: domain.Category{Name: text("kind")},
		Description: strings.TrimSpace(domain.UnixLines(f.Get("description"))), Price: price,
	}
	for n := range domain.MaxImages {
		if url := f.Get(nth("image", n)); url != "" && f.Get(nth("remove", n)) == "" {
			p.Images = append(p.Images, domain.Image{URL: url, Alt: text(nth("alt", n))})
		}
	}
	return p, err
}

func typedStock(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return -1, domain.InvalidFields(map[string]string{"stock": "must be a whole number, like 10"})
	}
	return n, nil
}

// productFields is what the form of a product holds.
func productFields(p domain.Product) url.Values {
	f := url.Values{
		"name": {p.Name}, "category": {p.Category.Name}, "kind": {p.Subcategory.Name}, "description": {p.Description},
		"price": {ui.CentsText(p.Price)}, "edition": {usecase.Version(p)},
	}
	for n, image := range p.Images {
		f.Set(nth("image", n), image.URL)
		f.Set(nth("alt", n), image.Alt)
	}
	return f
}

// nth is the name of a field of picture n.
func nth(name string, n int) string { return name + "." + strconv.Itoa(n) }

// onSale reports whether the form is of a product that is on sale already.
func (g productForm) onSale() bool { return g.ID != "" }

func (g productForm) title() string {
	if g.onSale() {
		return g.Name
	}
	return "Add a product"
}

func (g productForm) action() string {
	if g.onSale() {
		return ui.StaffProductPath(g.ID) + "/edit"
	}
	return "/admin/products/new"
}

// Fill is that of the form, with what was typed in vain beside what is there now.
func (g productForm) Fill(f ui.FieldView) ui.FieldView {
	f = g.FormState.Fill(f)
	if lost := domain.UnixLines(g.lost.Get(f.Name)); g.lost.Has(f.Name) && lost != f.Value {
		f.Hint = "You typed: " + lost
	}
	return f
}

func pictureHint(g productForm) string {
	hint := fmt.Sprintf("JPEG, PNG or WebP, at most %d kB.", g.pictureBytes/1000)
	if g.Problem.Status != 0 {
		hint += " Please choose the file again."
	}
	return hint
}
