package page_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"eshop/domain"
	testshop "eshop/test/shop"
)

const (
	home     = "http://shop.example"
	goodCard = "4242424242424242"
)

// lamp, desk, cup and rug are what every test's shop sells; the rug is sold out.
var (
	lamp = domain.Product{
		ID: "p-lamp", Slug: "oak-desk-lamp", Name: "Oak Desk Lamp", Description: "A warm light.\n\nMade of oak.",
		Category: domain.Category{Slug: "lighting", Name: "Lighting"}, Subcategory: domain.Category{Slug: "desk-lamps", Name: "Desk lamps"},
		Price: domain.Dollars(1234), Stock: 12, Images: []domain.Image{{URL: "/media/lamp.svg", Alt: "Oak Desk Lamp"}},
		Rating: domain.Rating{Sum: 9, Count: 2},
	}
	desk = domain.Product{
		ID: "p-desk", Slug: "birch-desk", Name: "Birch Desk",
		Category: domain.Category{Slug: "furniture", Name: "Furniture"}, Subcategory: domain.Category{Slug: "desks", Name: "Desks"},
		Price: domain.Dollars(123450), Stock: 200,
	}
	cup = domain.Product{
		ID: "p-cup", Slug: "blue-cup", Name: "Blue Cup",
		Category: domain.Category{Slug: "kitchen", Name: "Kitchen"}, Subcategory: domain.Category{Slug: "cups", Name: "Cups"},
		Price: domain.Dollars(450), Stock: 3,
	}
	rug = domain.Product{
		ID: "p-rug", Slug: "wool-rug", Name: "Wool Rug",
		Category: domain.Category{Slug: "textiles", Name: "Textiles"}, Subcategory: domain.Category{Slug: "rugs", Name: "Rugs"},
		Price: domain.Dollars(7900),
	}
)

// parts are what a shop is made of; a test may put in its own before it opens.
type parts = testshop.Parts

// shop is all pages on the memory adapters.
type shop struct {
	*testshop.Shop
	t testing.TB
}

// open gives a shop that sells lamp, desk, cup and rug.
func open(t testing.TB, changes ...func(*parts)) *shop {
	t.Helper()
	return &shop{testshop.Open(t, []domain.Product{lamp, desk, cup, rug}, changes...), t}
}

func (s *shop) messages() []domain.Contact {
	s.t.Helper()
	messages, _, err := s.Store.Contacts(context.Background(), domain.Page{Number: 1, Size: 100})
	require.NoError(s.t, err)
	return messages
}

const password = testshop.Password

// RoundTrip sends a request to the shop without a network between.
func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := r.Clone(r.Context())
	asked.RequestURI, asked.RemoteAddr = r.URL.RequestURI(), "192.0.2.7:1234"
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	s.Handler.ServeHTTP(recorder, asked)
	return recorder.Result(), nil
}
