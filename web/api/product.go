package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"eshop/web/listing"
)

func (a *API) products(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r)
	if err != nil {
		return err
	}
	q, err := listing.Parse(values)
	if err != nil {
		return err
	}
	found, err := a.shop.Catalog.Search(r.Context(), q)
	if err != nil {
		return err
	}
	return answerToAll(w, r, struct {
		Products []productJSON `json:"products"`
		pageJSON
		Facets facetsJSON `json:"facets"`
	}{each(found.Products, product), page(found.Page, found.Total), facets(found.Facets)})
}

func (a *API) product(w http.ResponseWriter, r *http.Request) error {
	p, err := a.shop.Catalog.Product(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	return answerToAll(w, r, map[string]productJSON{"product": product(p)})
}

func (a *API) categories(w http.ResponseWriter, r *http.Request) error {
	categories, err := a.shop.Catalog.Categories(r.Context())
	if err != nil {
		return err
	}
	return answerToAll(w, r, map[string][]categoryCountJSON{"categories": each(categories, categoryCount)})
}
