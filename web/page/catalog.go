package page

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/listing"
)

func (p *Pages) mountBrowsing(r *mux.Router) {
	r.Methods("GET", "HEAD").Path("/").Handler(p.handle(p.home))
	r.Methods("GET", "HEAD").Path("/products").Handler(p.handle(p.products))
	r.Methods("GET", "HEAD").Path("/products/{slug}").Handler(p.handle(p.product))
	r.Methods("GET", "HEAD").Path("/search/suggest").Handler(p.handle(p.suggest))
	r.Methods("GET", "HEAD").Path("/media/p/{name}").Handler(p.handle(p.picture))
}

func (p *Pages) home(w http.ResponseWriter, r *http.Request) error {
	v, err := p.view(r)
	if err != nil {
		return err
	}
	v.Description = "A small shop with good things for every day: chosen with care, priced fairly, sent quickly."
	home, err := p.shop.Catalog.Home(r.Context())
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, homePage(v, home))
}

func (p *Pages) products(w http.ResponseWriter, r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		err = domain.InvalidFields(map[string]string{"q": "has characters that cannot be used"})
		values = url.Values{}
	} else if values.Has("from") || values.Has("to") {
		return fromDollars(w, r, values)
	}
	v, viewErr := p.view(r)
	if viewErr != nil {
		return viewErr
	}
	q, parseErr := listing.Parse(values)
	l := listingView{q: q}
	if err = domain.JoinFields(err, parseErr); err != nil {
		if l.what, err = mistake(err); err != nil {
			return err
		}
	}
	v.Query = q.Text
	if l.Found, err = p.shop.Catalog.Search(r.Context(), q); err != nil {
		return err
	}
	return again(w, r, l.what, productsPage(v, l))
}

// fromDollars leads from prices as people write them to the address of the list,
// which has them in cents. What is no price stays as it is, to be refused there.
func fromDollars(w http.ResponseWriter, r *http.Request, values url.Values) error {
	for typed, name := range map[string]string{"from": "min_price", "to": "max_price"} {
		text := values.Get(typed)
		values.Del(typed)
		values.Del(name)
		if text == "" {
			continue
		}
		values.Set(name, text)
		if m, err := parsePrice(text); err == nil {
			values.Set(name, strconv.FormatInt(m.Amount, 10))
		}
	}
	http.Redirect(w, r, addressOf("/products", values), http.StatusSeeOther)
	return nil
}

func (p *Pages) product(w http.ResponseWriter, r *http.Request) error {
	product, err := p.shop.Catalog.Product(r.Context(), mux.Vars(r)["slug"])
	if err != nil {
		return err
	}
	v, err := p.view(r)
	if err != nil {
		return err
	}
	v.Description = product.Description
	related, err := p.shop.Catalog.Related(r.Context(), product)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, productPage(v, product, related))
}

// suggest answers with a piece of a page, for the search field.
func (p *Pages) suggest(w http.ResponseWriter, r *http.Request) error {
	list, err := p.shop.Catalog.Suggest(r.Context(), r.URL.Query().Get("q"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, max-age=60")
	return render(w, r, http.StatusOK, suggestionList(list))
}

// picture answers with a picture that staff added, which whoever has it may keep for ever.
func (p *Pages) picture(w http.ResponseWriter, r *http.Request) error {
	found, err := p.shop.Catalog.Picture(r.Context(), domain.PictureName(mux.Vars(r)["name"]))
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
