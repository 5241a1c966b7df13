// Package listing is a query of the catalog as an address has it. The pages and
// the JSON interface read it by the same rules, so that a link of one is right for
// the other.
package listing

import (
	"net/url"
	"strconv"
	"strings"

	"eshop/domain"
)

// Parse reads a query; a parameter that is empty counts as not given, and one that
// it does not know is left alone. On a mistake it returns all of them, by parameter,
// together with what could be understood.
func Parse(values url.Values) (domain.Query, error) {
	p := parser{values: values, wrong: map[string]string{}}
	q := domain.Query{
		Text:        strings.TrimSpace(p.one("q")),
		Category:    p.one("category"),
		Subcategory: p.one("kind"),
		MinPrice:    p.number("min_price", 0, domain.MaxAmount, "must be a number of cents, not below zero"),
		// Nothing costs at most nothing, and 0 means "no bound" to the domain.
		MaxPrice: p.number("max_price", 1, domain.MaxAmount, "must be a number of cents, above zero"),
		InStock:  p.flag("in_stock"),
		Sort:     domain.Sort(p.one("sort")),
	}
	if q.Sort == "" {
		q.Sort = domain.ByRelevance
	}
	number := p.number("page", 1, 1_000_000, "must be from 1 to 1000000")
	size := p.number("per_page", 1, domain.MaxPageSize, "must be from 1 to 100")
	page, err := domain.NewPage(int(number), int(size))
	q.Page = page
	if len(p.wrong) > 0 {
		err = domain.JoinFields(domain.InvalidFields(p.wrong), err)
	}
	if err = domain.JoinFields(err, q.Check()); err != nil {
		return sane(q), err
	}
	return q, nil
}

// sane is q without what its own check refuses, so that it can be asked and shown.
func sane(q domain.Query) domain.Query {
	for _, keep := range []domain.Query{
		q,
		{Text: q.Text, Category: q.Category, Subcategory: q.Subcategory, Sort: domain.ByRelevance, InStock: q.InStock, Page: q.Page},
		{Text: q.Text, Sort: domain.ByRelevance, InStock: q.InStock, Page: q.Page},
	} {
		if keep.Check() == nil {
			return keep
		}
	}
	return domain.Query{Sort: domain.ByRelevance, Page: q.Page}
}

// Encode is the shortest address of q: what is as by default is left out.
func Encode(q domain.Query) url.Values {
	values := url.Values{}
	text := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	number := func(name string, value, without int64) {
		if value > 0 && value != without {
			values.Set(name, strconv.FormatInt(value, 10))
		}
	}
	text("q", q.Text)
	text("category", q.Category)
	text("kind", q.Subcategory)
	number("min_price", q.MinPrice, 0)
	number("max_price", q.MaxPrice, 0)
	if q.InStock {
		values.Set("in_stock", "true")
	}
	if q.Sort != domain.ByRelevance {
		text("sort", string(q.Sort))
	}
	number("page", int64(q.Page.Number), 1)
	number("per_page", int64(q.Page.Size), domain.DefaultPageSize)
	return values
}

type parser struct {
	values url.Values
	wrong  map[string]string
}

func (p parser) one(name string) string {
	given := p.values[name]
	if len(given) > 1 {
		p.wrong[name] = "must be given once"
		return ""
	}
	return p.values.Get(name)
}

func (p parser) flag(name string) bool {
	switch p.one(name) {
	case "true":
		return true
	case "", "false":
	default:
		p.wrong[name] = "must be true or false"
	}
	return false
}

// number is a whole number in digits alone; 0 when it is not given or wrong. A page
// that is too long is cut instead, as the interface promises.
func (p parser) number(name string, least, most int64, wrong string) int64 {
	given := p.one(name)
	if given == "" {
		return 0
	}
	if strings.Trim(given, "0123456789") != "" {
		p.wrong[name] = wrong
		return 0
	}
	n, err := strconv.ParseInt(given, 10, 64)
	if name == "per_page" && (err != nil || n > most) {
		return most
	}
	if err != nil || n < least || n > most {
		p.wrong[name] = wrong
		return 0
	}
	return n
}
