package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestSlugOf(t *testing.T) {
	for text, want := range map[string]string{
		"Blue Cup":                 "blue-cup",
		"  Crème brûlée, 2 pieces": "creme-brulee-2-pieces",
		"Straße & Öl — Ångström":   "strasse-oel-angstroem",
		"Cre\u0300me":              "creme",
		"The potter's “No. 5”":     "the-potters-no-5",
		"../../etc/passwd":         "etc-passwd",
		"红茶":                       "7ea2-8336",
		"红 Tea":                    "7ea2-tea",
		"茶\x00tea":                 "8336-tea",
		"!!! … 🫖":                  "",
		"":                         "",
	} {
		assert.Equal(t, want, domain.SlugOf(text, domain.MaxSlug), "%q", text)
	}
	assert.Equal(t, "one", domain.SlugOf("one-two", 4), "it does not end with a hyphen")
	assert.Len(t, domain.SlugOf(strings.Repeat("茶", 1000), domain.MaxSlug), domain.MaxSlug-1)
}

func TestProduct_Check(t *testing.T) {
	good := domain.Product{
		ID: "p", Slug: "blue-cup", Name: "Blue Cup", Price: domain.Dollars(1), Stock: domain.MaxStock,
		Category: domain.Category{Slug: "kitchen", Name: "Kitchen"}, Subcategory: domain.Category{Slug: "cups", Name: "Cups"},
		Images: make([]domain.Image, domain.MaxImages),
	}
	require.NoError(t, good.Check())
	for field, spoil := range map[string]func(p *domain.Product){
		"name":        func(p *domain.Product) { p.Name = "\u200b" },
		"description": func(p *domain.Product) { p.Description = strings.Repeat("x", 10_001) },
		"slug":        func(p *domain.Product) { p.Slug = "../cup" },
		"category":    func(p *domain.Product) { p.Category.Name = "Kit\nchen" },
		"kind":        func(p *domain.Product) { p.Subcategory = domain.Category{Slug: "", Name: "!!!"} },
		"price":       func(p *domain.Product) { p.Price = domain.Money{Amount: 5} },
		"stock":       func(p *domain.Product) { p.Stock = -1 },
		"images":      func(p *domain.Product) { p.Images = make([]domain.Image, domain.MaxImages+1) },
		"id":          func(p *domain.Product) { p.ID = "" },
	} {
		p := good
		spoil(&p)
		assert.Equal(t, []string{field}, fieldsOf(t, p.Check()), field)
	}
	good.Images[0].Alt = strings.Repeat("x", 201)
	assert.Equal(t, []string{"images"}, fieldsOf(t, good.Check()))
}
