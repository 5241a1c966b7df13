package ui

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"eshop/domain"
)

// unnamed is what a shop is called whose owner has not said.
const unnamed = "Shop"

// Brand returns what the shop is called.
func (i ShopInfo) Brand() string { return cmp.Or(i.Name, unnamed) }

// Logo is a picture that stands before the shop's name. The zero value is none.
type Logo struct {
	MediaType string
	Content   []byte
}

// LogoPath is where a logo is found, by a name that changes with it.
const LogoPath = "/logo/"

// URL returns the logo's address, "" when there is none.
func (l Logo) URL() string {
	if len(l.Content) == 0 {
		return ""
	}
	sum := sha256.Sum256(l.Content)
	return LogoPath + hex.EncodeToString(sum[:8])
}

// FreeDelivery is what a shop promises of the delivery of goods for a sum, "" for nothing.
func (v View) FreeDelivery(sum domain.Money) string {
	switch {
	case !v.PromiseFreeDelivery:
		return ""
	case v.Pricing.FreeDelivery(sum):
		return "Free delivery"
	}
	return "Free delivery from " + v.Pricing.Sum(v.Pricing.FreeFrom).String()
}

// OwnPage is a page of the owner's own words.
type OwnPage struct {
	Path, Title, Text string
}

// OwnPages returns the pages of the owner's own words that have any.
func (i ShopInfo) OwnPages() []OwnPage {
	var pages []OwnPage
	for _, p := range []OwnPage{
		{"/terms", "Terms and conditions", i.Terms}, {"/privacy", "Privacy", i.Privacy},
		{"/returns", "Returns", i.Returns}, {"/imprint", "Imprint", i.Imprint},
	} {
		if strings.TrimSpace(p.Text) != "" {
			pages = append(pages, p)
		}
	}
	return pages
}

// OwnPage returns the page at path; ok is false when the owner wrote none.
func (i ShopInfo) OwnPage(path string) (page OwnPage, ok bool) {
	for _, p := range i.OwnPages() {
		if p.Path == path {
			return p, true
		}
	}
	return OwnPage{}, false
}
