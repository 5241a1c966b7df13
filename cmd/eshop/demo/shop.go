package demo

import (
	_ "embed"

	"eshop/web/page"
)

// The texts of a shop that sells nothing.
var (
	//go:embed terms.txt
	terms string
	//go:embed privacy.txt
	privacy string
	//go:embed returns.txt
	returns string
	//go:embed imprint.txt
	imprint string
)

// Info is what the demo shop says of itself: all that a shop may say.
func Info() page.ShopInfo {
	return page.ShopInfo{
		Name:    "eshop",
		Tagline: "Good things for every day",
		About:   "From the first cup in the morning to the last page at night: a small shop with good things for every day.",
		Address: "1 Market Street, Springfield, IL 62701, United States",
		Phone:   "+1 555 010 0199", Email: "support@eshop.com", Hours: "Monday to Friday, 9:00 to 18:00",
		TaxNote: "Prices include taxes.", DeliveryTime: "1 to 3 working days", PromiseFreeDelivery: true,
		Terms: terms, Privacy: privacy, Returns: returns, Imprint: imprint,
	}
}
