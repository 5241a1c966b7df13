package ui

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/a-h/templ"

	"eshop/domain"
)

// maxLocation is far above every address of ours and far below what a balancer takes for a
// head, which a client must not be able to fill.
const maxLocation = 2 << 10

// Redirect leads to location, or to the short address instead when a client made that too long.
// No answer of a page leads elsewhere by another way.
func Redirect(w http.ResponseWriter, r *http.Request, location, instead string) error {
	length := len(location)
	for _, b := range []byte(location) {
		if b >= utf8.RuneSelf {
			length += len("%XX") - 1 // as net/http writes it
		}
	}
	if length > maxLocation {
		location = instead
	}
	http.Redirect(w, r, location, http.StatusSeeOther)
	return nil
}

// RedirectWithNotice leads to path after a form, where the notice called done is shown.
func RedirectWithNotice(w http.ResponseWriter, r *http.Request, path, done string) error {
	u, err := url.Parse(LocalPath(path))
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	if q := u.Query(); done != "" || q.Has("done") {
		q.Del("done")
		if done != "" {
			q.Set("done", done)
		}
		u.RawQuery = q.Encode()
	}
	instead := "/"
	if done != "" {
		instead = AddressOf("/", url.Values{"done": {done}})
	}
	return Redirect(w, r, u.String(), instead)
}

// LocalPath returns path when it is one of this shop's own, else the home page: a form must
// not lead anybody to another site.
func LocalPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") {
		return "/"
	}
	// An escaped slash is written as it is when something else in the path must be escaped.
	for _, start := range []string{path, u.Path} {
		if strings.HasPrefix(start, "//") || strings.HasPrefix(start, `/\`) {
			return "/"
		}
	}
	return path
}

// ReturnPath returns the page that a form was on; elsewhere when the form does not say.
func ReturnPath(f url.Values, elsewhere string) string {
	if path := f.Get("from"); path != "" {
		return path
	}
	return elsewhere
}

// AddressOf returns path with query.
func AddressOf(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// WithNext returns path, which leads on to next.
func WithNext(path, next string) string {
	if next == "/" {
		return path
	}
	return AddressOf(path, url.Values{"next": {next}})
}

// RedirectToSignIn leads a guest to sign in and then to path.
func RedirectToSignIn(w http.ResponseWriter, r *http.Request, path string) error {
	return Redirect(w, r, WithNext("/login", path), "/login")
}

// OrderPath is where the buyer finds an order.
func OrderPath(o domain.Order) string { return "/orders/" + url.PathEscape(OrderName(o)) }

// OrderName names an order in paths: by its number or, before it is paid, by its id.
func OrderName(o domain.Order) string { return cmp.Or(string(o.Number), string(o.ID)) }

// OrderTitle names an order to people.
func OrderTitle(o domain.Order) string {
	switch {
	case o.Number != "":
		return "Order " + string(o.Number)
	case o.Status == domain.Cancelled:
		return "Payment not made"
	}
	return "Order awaiting payment"
}

// ProductPath is where shoppers find a product.
func ProductPath(p domain.Product) string { return "/products/" + url.PathEscape(p.Slug) }

// StaffProductPath is where staff edit a product.
func StaffProductPath(id domain.ProductID) string {
	return "/admin/products/" + url.PathEscape(string(id))
}

// TelLink is a link that calls number, which may have spaces and brackets to be read by.
func TelLink(number string) templ.SafeURL {
	return templ.URL("tel:" + strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number))
}
