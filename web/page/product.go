package page

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
	"eshop/web/problem"
)

// goodsView is the form of a product that is added or edited.
type goodsView struct {
	sheet
	domain.Product            // as it is kept; nothing while it is added
	lost           url.Values // what was typed in vain, for somebody else was quicker
	categories     []string
	kinds          []string
}

func adminProductPath(id domain.ProductID) string {
	return "/admin/products/" + url.PathEscape(string(id))
}

func (p *Pages) newProduct(w http.ResponseWriter, r *http.Request, v view) error {
	return p.showGoods(w, r, v, goodsView{sheet: sheet{typed: url.Values{"key": {newToken()}}}})
}

// addProduct puts a product on sale.
func (p *Pages) addProduct(w http.ResponseWriter, r *http.Request, v view) error {
	f, picture, err := upload(r, "picture")
	if err == nil {
		var key domain.IdempotencyKey
		if key, err = formKey(f, "key"); err == nil {
			goods, wrong := typedGoods(f)
			goods.Stock, err = typedStock(f.Get("stock"))
			wrong = domain.JoinFields(wrong, err)
			// What was no number is refused there too, with all else that is wrong.
			goods, err = p.shop.Inventory.Add(r.Context(), v.Visitor.User, cmp.Or(key, domain.IdempotencyKey(newToken())),
				usecase.ProductEdit{To: goods, Picture: picture, Alt: strings.TrimSpace(f.Get("picture_alt"))})
			if err == nil {
				return back(w, r, adminProductPath(goods.ID), "saved")
			}
			if wrong != nil {
				err = domain.JoinFields(wrong, err)
			}
		}
	}
	what, err := uploadMistake(f, err)
	if err != nil {
		return err
	}
	return p.showGoods(w, r, v, goodsView{sheet: sheet{f, what}})
}

func (p *Pages) editProduct(w http.ResponseWriter, r *http.Request, v view) error {
	product, err := p.shop.Catalog.Product(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	return p.showGoods(w, r, v, goodsView{sheet: sheet{typed: goodsFields(product)}, Product: product})
}

// saveProduct changes a product as its form says.
func (p *Pages) saveProduct(w http.ResponseWriter, r *http.Request, v view) error {
	id := domain.ProductID(mux.Vars(r)["id"])
	f, picture, err := upload(r, "picture")
	if err == nil {
		goods, wrong := typedGoods(f)
		err = p.shop.Inventory.Update(r.Context(), v.Visitor.User, usecase.ProductEdit{
			ID: id, Version: f.Get("edition"), To: goods, Picture: picture, Alt: strings.TrimSpace(f.Get("picture_alt")),
		})
		if err == nil {
			return back(w, r, adminProductPath(id), "saved")
		}
		if wrong != nil {
			err = domain.JoinFields(wrong, err)
		}
	}
	what, err := uploadMistake(f, err)
	if err != nil {
		return err
	}
	g := goodsView{sheet: sheet{f, what}}
	if g.Product, err = p.shop.Catalog.Product(r.Context(), string(id)); err != nil {
		return err
	}
	if what.Code == domain.CodeProductChanged {
		g.typed, g.lost = goodsFields(g.Product), f
	}
	return p.showGoods(w, r, v, g)
}

func (p *Pages) removeProduct(w http.ResponseWriter, r *http.Request, v view) error {
	if _, err := form(r); err != nil {
		return err
	}
	if err := p.shop.Inventory.Remove(r.Context(), v.Visitor.User, domain.ProductID(mux.Vars(r)["id"])); err != nil {
		return err
	}
	return back(w, r, "/admin/products", "taken-out")
}

func (p *Pages) showGoods(w http.ResponseWriter, r *http.Request, v view, g goodsView) error {
	var err error
	if g.categories, g.kinds, err = p.shop.Inventory.CategoryNames(r.Context(), v.Visitor.User); err != nil {
		return err
	}
	if v.Path = "/admin/products/new"; g.there() {
		v.Path = adminProductPath(g.ID)
	}
	return again(w, r, g.what, goodsPage(v, g))
}

// uploadMistake is mistake for a form with a picture, which keeps what was typed even
// when the picture is more than the shop reads.
func uploadMistake(f url.Values, err error) (problem.Problem, error) {
	what, fault := mistake(err)
	switch {
	case fault != nil:
		return problem.Problem{}, fault
	case what.Status == http.StatusBadRequest, len(f) == 0:
		return problem.Problem{}, err
	case errors.Is(err, problem.ErrTooLarge):
		what.Fields = map[string]string{"picture": fmt.Sprintf("must have at most %d kB", domain.MaxPictureBytes/1000)}
	}
	return what, nil
}

// typedGoods is the product of a form, and what is wrong with how its price is written.
func typedGoods(f url.Values) (domain.Product, error) {
	text := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	price, err := parsePrice(f.Get("price"))
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

// goodsFields is what the form of a product holds.
func goodsFields(p domain.Product) url.Values {
	f := url.Values{
		"name": {p.Name}, "category": {p.Category.Name}, "kind": {p.Subcategory.Name}, "description": {p.Description},
		"price": {centsText(p.Price)}, "edition": {usecase.Version(p)},
	}
	for n, image := range p.Images {
		f.Set(nth("image", n), image.URL)
		f.Set(nth("alt", n), image.Alt)
	}
	return f
}

// nth is the name of a field of picture n.
func nth(name string, n int) string { return name + "." + strconv.Itoa(n) }

// there reports whether the form is of a product that is on sale already.
func (g goodsView) there() bool { return g.ID != "" }

func (g goodsView) title() string {
	if g.there() {
		return g.Name
	}
	return "Add a product"
}

func (g goodsView) action() string {
	if g.there() {
		return adminProductPath(g.ID) + "/edit"
	}
	return "/admin/products/new"
}

// fill is sheet.fill, with what was typed in vain beside what is there now.
func (g goodsView) fill(f fieldView) fieldView {
	f = g.sheet.fill(f)
	if lost := domain.UnixLines(g.lost.Get(f.Name)); g.lost.Has(f.Name) && lost != f.Value {
		f.Hint = "Your form said: " + lost
	}
	return f
}
