package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/asset"
)

// answer sends body as JSON, whole or not at all. It is not to be kept by any
// cache, unless the header says otherwise already.
func answer(w http.ResponseWriter, status int, body any) error {
	var buffer bytes.Buffer
	if err := json.NewEncoder(&buffer).Encode(body); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Content-Length", strconv.Itoa(buffer.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buffer.Bytes()) // whoever asked is gone if this fails
	return nil
}

// revalidate lets what is the same for everybody be kept, and asked for again each time.
const revalidate = "public, max-age=0, must-revalidate"

// answerToAll sends body as JSON, whole or not at all, or 304 to who has it already. Any server may be asked next: the
// tag is of the content alone.
func answerToAll(w http.ResponseWriter, r *http.Request, body any) error {
	var buffer bytes.Buffer
	if err := json.NewEncoder(&buffer).Encode(body); err != nil {
		return err
	}
	return sendToAll(w, r, buffer.Bytes(), etag(buffer.Bytes()))
}

// sendToAll is answerToAll of JSON whose tag is known. Nobody gets a part of it: it is short.
func sendToAll(w http.ResponseWriter, r *http.Request, content []byte, tag string) error {
	h := w.Header()
	h.Set("Cache-Control", revalidate)
	h.Set("ETag", tag)
	if asset.Matches(strings.Join(r.Header.Values("If-None-Match"), ","), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // whoever asked is gone if this fails
	return nil
}

// etag is weak: a balancer that compresses would make a strong one weak (RFC 9110, 8.8.1).
func etag(content []byte) string {
	sum := sha256.Sum256(content)
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}

// each is one of each, and never nil: an empty list is [] in JSON.
func each[From, To any](list []From, one func(From) To) []To {
	made := make([]To, len(list))
	for i, from := range list {
		made[i] = one(from)
	}
	return made
}

type moneyJSON struct {
	Amount   int64           `json:"amount"`
	Currency domain.Currency `json:"currency"`
}

func money(m domain.Money) moneyJSON { return moneyJSON(m) }

// moment is t as RFC 3339 in UTC.
func moment(t time.Time) time.Time { return t.UTC() }

// pageJSON tells which part of a list an answer is.
type pageJSON struct {
	Total   int `json:"total"`
	Page    int `json:"page"`
	PerPage int `json:"per_page"`
	Pages   int `json:"pages"`
}

func page(p domain.Page, total int) pageJSON {
	return pageJSON{Total: total, Page: p.Number, PerPage: p.Size, Pages: p.Pages(total)}
}

type userJSON struct {
	ID       domain.UserID `json:"id"`
	Username string        `json:"username"`
	Email    string        `json:"email"`
	Role     domain.Role   `json:"role"`
}

func answerUser(w http.ResponseWriter, status int, u domain.User) error {
	return answer(w, status, map[string]userJSON{"user": {u.ID, u.Username, u.Email, u.Role}})
}

type productJSON struct {
	ID          domain.ProductID `json:"id"`
	Slug        string           `json:"slug"`
	Name        string           `json:"name"`
	Description string           `json:"description"`
	Category    categoryJSON     `json:"category"`
	Kind        categoryJSON     `json:"kind"`
	Price       moneyJSON        `json:"price"`
	Stock       int              `json:"stock"`
	Images      []imageJSON      `json:"images"`
	Rating      ratingJSON       `json:"rating"`
}

type categoryJSON struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
}

type imageJSON struct {
	URL string `json:"url"`
	Alt string `json:"alt"`
}

type ratingJSON struct {
	Average float64 `json:"average"`
	Count   int     `json:"count"`
}

func product(p domain.Product) productJSON {
	return productJSON{
		ID: p.ID, Slug: p.Slug, Name: p.Name, Description: p.Description,
		Category: categoryJSON(p.Category), Kind: categoryJSON(p.Subcategory),
		Price: money(p.Price), Stock: p.Stock,
		Images: each(p.Images, func(i domain.Image) imageJSON { return imageJSON(i) }),
		Rating: ratingJSON{p.Rating.Average(), p.Rating.Count},
	}
}

type categoryCountJSON struct {
	categoryJSON
	Count int `json:"count"`
}

func categoryCount(c domain.CategoryCount) categoryCountJSON {
	return categoryCountJSON{categoryJSON(c.Category), c.Count}
}

type facetsJSON struct {
	Categories []categoryCountJSON `json:"categories"`
	Kinds      []categoryCountJSON `json:"kinds"`
	Prices     []priceCountJSON    `json:"prices"`
	InStock    int                 `json:"in_stock"`
}

type priceCountJSON struct {
	Min   int64  `json:"min"`
	Max   *int64 `json:"max"` // null when the band has no end
	Count int    `json:"count"`
}

func facets(f domain.Facets) facetsJSON {
	return facetsJSON{
		Categories: each(f.Categories, categoryCount),
		Kinds:      each(f.Subcategories, categoryCount),
		Prices:     each(f.Prices, priceCount),
		InStock:    f.InStock,
	}
}

func priceCount(p domain.PriceCount) priceCountJSON {
	band := priceCountJSON{Min: p.Min, Count: p.Count}
	if p.Max > 0 {
		band.Max = &p.Max
	}
	return band
}

type cartJSON struct {
	Items     []cartItemJSON `json:"items"`
	ItemCount int            `json:"item_count"`
	Subtotal  moneyJSON      `json:"subtotal"`
}

type cartItemJSON struct {
	ID        domain.LineID `json:"id"`
	Product   productJSON   `json:"product"`
	Quantity  int           `json:"quantity"`
	UnitPrice moneyJSON     `json:"unit_price"`
	LineTotal moneyJSON     `json:"line_total"`
}

func answerCart(w http.ResponseWriter, b usecase.PricedCart) error {
	return answer(w, http.StatusOK, map[string]cartJSON{"cart": {
		Items: each(b.Items, func(i usecase.PricedLine) cartItemJSON {
			return cartItemJSON{i.ID, product(i.Product), i.Quantity, money(i.Product.Price), money(i.LineTotal)}
		}),
		ItemCount: b.ItemCount,
		Subtotal:  money(b.Subtotal),
	}})
}

type wishJSON struct {
	ID      domain.WishlistItemID `json:"id"`
	Product productJSON           `json:"product"`
	AddedAt time.Time             `json:"added_at"`
}

func answerWishes(w http.ResponseWriter, wishes []usecase.WishlistEntry) error {
	return answer(w, http.StatusOK, map[string][]wishJSON{"items": each(wishes, func(i usecase.WishlistEntry) wishJSON {
		return wishJSON{i.ID, product(i.Product), moment(i.AddedAt)}
	})})
}

type addressJSON struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2" optional:"yes"`
	City       string `json:"city"`
	Region     string `json:"region" optional:"yes"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"`
	Phone      string `json:"phone" optional:"yes"`
}

type orderJSON struct {
	ID              domain.OrderID      `json:"id"`
	Number          *domain.OrderNumber `json:"number"` // null before the order is paid
	Status          domain.OrderStatus  `json:"status"`
	Items           []orderLineJSON     `json:"items"`
	Subtotal        moneyJSON           `json:"subtotal"`
	Shipping        moneyJSON           `json:"shipping"`
	Tax             moneyJSON           `json:"tax"`
	Discount        moneyJSON           `json:"discount"`
	Total           moneyJSON           `json:"total"`
	ShippingAddress addressJSON         `json:"shipping_address"`
	Payment         paymentJSON         `json:"payment"`
	PlacedAt        time.Time           `json:"placed_at"`
	History         []statusChangeJSON  `json:"history"`
}

type orderLineJSON struct {
	ProductID domain.ProductID `json:"product_id"`
	Name      string           `json:"name"`
	Quantity  int              `json:"quantity"`
	UnitPrice moneyJSON        `json:"unit_price"`
	LineTotal moneyJSON        `json:"line_total"`
}

type paymentJSON struct {
	Method string               `json:"method"`
	Status domain.PaymentStatus `json:"status"`
	Last4  string               `json:"last4"`
}

type statusChangeJSON struct {
	Status domain.OrderStatus `json:"status"`
	At     time.Time          `json:"at"`
}

func orderOf(o domain.Order) orderJSON {
	var number *domain.OrderNumber
	if o.Number != "" {
		number = &o.Number
	}
	return orderJSON{
		ID: o.ID, Number: number, Status: o.Status,
		Items: each(o.Lines, func(l domain.OrderLine) orderLineJSON {
			return orderLineJSON{l.Product, l.Name, l.Quantity, money(l.UnitPrice), money(l.LineTotal)}
		}),
		Subtotal: money(o.Subtotal), Shipping: money(o.Shipping), Tax: money(o.Tax),
		Discount: money(o.Discount), Total: money(o.Total),
		ShippingAddress: addressJSON(o.ShippingAddress),
		Payment:         paymentJSON{o.Payment.Method, o.Payment.Status, o.Payment.Last4},
		PlacedAt:        moment(o.PlacedAt),
		History: each(o.History, func(c domain.StatusChange) statusChangeJSON {
			return statusChangeJSON{c.Status, moment(c.At)}
		}),
	}
}
