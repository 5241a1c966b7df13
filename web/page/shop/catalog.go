// Package shop is where people look around: the home page, lists of products, a
// product, and what they saved for later.
package shop

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/listing"
	"eshop/web/page/ui"
)

// Pages answers those who look around.
type Pages struct{ *ui.Site }

// Home shows the categories, and what is popular and new.
func (p *Pages) Home(w http.ResponseWriter, r *http.Request) error {
	v := p.Browse(r)
	v.Description = v.About
	home, err := p.Shop.Catalog.Home(r.Context())
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, homePage(v, home))
}

// Products lists the products that a query finds.
func (p *Pages) Products(w http.ResponseWriter, r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		err = domain.InvalidFields(map[string]string{"q": "has characters that cannot be used"})
		values = url.Values{}
	} else if values.Has("from") || values.Has("to") {
		return p.fromPrices(w, r, values)
	}
	v := p.Browse(r)
	q, parseErr := listing.Parse(values)
	l := listingView{q: q, pricing: v.Pricing}
	if err = domain.JoinFields(err, parseErr); err != nil {
		if l.problem, err = ui.UserError(err); err != nil {
			return err
		}
	}
	v.Query = q.Text
	if l.Found, err = p.Shop.Catalog.Search(r.Context(), q); err != nil {
		return err
	}
	return ui.RenderForm(w, r, l.problem, productsPage(v, l))
}

// fromPrices leads from prices as people write them to the address of the list,
// which has them in minor units. What is no price stays as it is, to be refused there.
func (p *Pages) fromPrices(w http.ResponseWriter, r *http.Request, values url.Values) error {
	for typed, name := range map[string]string{"from": "min_price", "to": "max_price"} {
		text := values.Get(typed)
		values.Del(typed)
		values.Del(name)
		if text == "" {
			continue
		}
		values.Set(name, text)
		if m, err := ui.ParsePrice(text, p.Shop.Pricing); err == nil {
			values.Set(name, strconv.FormatInt(m.Amount, 10))
		}
	}
	return ui.Redirect(w, r, ui.AddressOf("/products", values), "/products")
}

// Product shows one product.
func (p *Pages) Product(w http.ResponseWriter, r *http.Request) error {
	product, err := p.Shop.Catalog.Product(r.Context(), mux.Vars(r)["slug"])
	if err != nil {
		return err
	}
	v := p.Browse(r)
	v.Description = product.Description
	return ui.Render(w, r, http.StatusOK, productPage(v, product, p.related(r, product)))
}

// related returns products like the one that the page is about, which may do without them.
func (p *Pages) related(r *http.Request, product domain.Product) []domain.Product {
	ctx, cancel := context.WithTimeout(r.Context(), ui.BesideTime)
	defer cancel()
	related, err := p.Shop.Catalog.Related(ctx, product)
	if p.Absent(r, err) {
		return nil
	}
	return related
}

// Suggest answers with a piece of a page, for the search field.
func (p *Pages) Suggest(w http.ResponseWriter, r *http.Request) error {
	list, err := p.Shop.Catalog.Suggest(r.Context(), r.URL.Query().Get("q"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, max-age=60")
	return ui.Render(w, r, http.StatusOK, suggestionList(list))
}

// Picture answers with a picture that staff added, which whoever has it may keep for ever.
func (p *Pages) Picture(w http.ResponseWriter, r *http.Request) error {
	found, err := p.Shop.Catalog.Picture(r.Context(), domain.PictureName(mux.Vars(r)["name"]))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", found.Name.MediaType())
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", strconv.Quote(string(found.Name)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(found.Content))
	return nil
}
