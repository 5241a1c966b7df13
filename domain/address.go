package domain

import "regexp"

// Address is where an order goes. Country is an ISO 3166-1 alpha-2 code.
type Address struct {
	Name       string
	Line1      string
	Line2      string
	City       string
	Region     string
	PostalCode string
	Country    string
	Phone      string
}

var (
	postalCode = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 -]{1,11}$`)
	phone      = regexp.MustCompile(`^\(?\+?\(?[0-9][0-9 ()./-]{4,28}[0-9]$`)
)

// Countries are where the shop delivers, by ISO 3166-1 alpha-2 code.
var Countries = map[string]string{
	"AT": "Austria", "AU": "Australia", "BE": "Belgium", "BR": "Brazil", "CA": "Canada", "CH": "Switzerland",
	"CZ": "Czechia", "DE": "Germany", "DK": "Denmark", "ES": "Spain", "FI": "Finland", "FR": "France",
	"GB": "United Kingdom", "GR": "Greece", "IE": "Ireland", "IN": "India", "IT": "Italy", "JP": "Japan",
	"KR": "South Korea", "LU": "Luxembourg", "MX": "Mexico", "NL": "Netherlands", "NO": "Norway",
	"NZ": "New Zealand", "PL": "Poland", "PT": "Portugal", "SE": "Sweden", "SG": "Singapore", "US": "United States",
}

// check says what is wrong with the address, by field under prefix.
func (a Address) check(prefix string, wrong fieldErrors) {
	for name, text := range map[string]string{
		"name": line(a.Name, 1, 100), "line1": line(a.Line1, 1, 200), "line2": line(a.Line2, 0, 200),
		"city": line(a.City, 1, 100), "region": line(a.Region, 0, 100),
	} {
		if text != "" {
			wrong.add(prefix+name, text)
		}
	}
	if !postalCode.MatchString(a.PostalCode) {
		wrong.add(prefix+"postal_code", "must be a postal code")
	}
	if _, ok := Countries[a.Country]; !ok {
		wrong.add(prefix+"country", "must be the two-letter code of a country that we deliver to")
	}
	if a.Phone != "" && !phone.MatchString(a.Phone) {
		wrong.add(prefix+"phone", "must be a telephone number")
	}
}
