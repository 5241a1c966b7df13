package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"eshop/domain"
	"eshop/usecase"
)

// ShopInfo is what every page says of the shop.
type ShopInfo struct {
	ServerName string // shown in the footer
	Phone      string // in international form, for tel: links
	Email      string
	Hours      string // when somebody answers, as people read it
}

// View is what the layout of every page shows.
type View struct {
	ShopInfo
	Visitor     usecase.Visitor
	Path        string // path and query of the page, to come back to after signing in
	Query       string // what the search field holds
	Notice      string // what just happened, shown once at the top
	Description string // what the page is about, for search engines; may be empty

	// The visitor's cart and conversation, which a page may show without; what it is about it asks for by Cart and Thread.
	cart      domain.Cart
	cartErr   error
	thread    usecase.Thread
	threadErr error
}

// notices are what a redirect may announce, by the word in its ?done= parameter:
// never text from the address itself.
var notices = map[string]string{
	"added":      "Added to your cart.",
	"updated":    "Cart updated.",
	"removed":    "Removed from your cart.",
	"wished":     "Saved to your wishlist.",
	"unwished":   "Removed from your wishlist.",
	"welcome":    "Welcome! You are signed in.",
	"signed-out": "You are signed out.",
	"sent":       "Thank you. We have received your message.",
	"saved":      "Saved.",
	"refunding":  "The refund was noted, and is made as soon as the payment service confirms it.",
	"taken-out":  "Removed from the shop.",
}

// View returns what the layout shows to the visitor.
func (s *Site) View(r *http.Request) (View, error) {
	who, err := s.Cookies.Visitor(r)
	if err != nil {
		return View{}, err
	}
	v := View{ShopInfo: s.Info, Visitor: who, Path: pathOf(r), Notice: notices[r.URL.Query().Get("done")]}
	if who.Known() {
		// While the records are away the catalog may still be shown from what is close at hand.
		v.cart, v.cartErr = s.Shop.Cart.Of(r.Context(), who.Session.Owner())
		if v.cartErr != nil && !errors.Is(v.cartErr, domain.ErrUnavailable) {
			return View{}, v.cartErr
		}
		// A guest whose conversation went into an account sees a shop without one.
		v.thread, v.threadErr = s.Shop.Chat.Mine(r.Context(), who)
		if v.threadErr != nil && !errors.Is(v.threadErr, domain.ErrUnauthenticated) {
			return View{}, v.threadErr
		}
	}
	return v, nil
}

// Cart returns the visitor's cart, for a page that is about it.
func (v View) Cart() (domain.Cart, error) { return v.cart, v.cartErr }

// Thread returns the visitor's conversation with the shop, for a page that is about it.
func (v View) Thread() (usecase.Thread, error) { return v.thread, v.threadErr }

// pathOf is where a reader of the page can come back to.
func pathOf(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return "/"
	}
	return r.URL.RequestURI()
}

// signInNext is where somebody who signs in from this page comes back to.
func (v View) signInNext() string {
	u, err := url.Parse(v.Path)
	if err != nil || u.Path == "/login" || u.Path == "/register" {
		return "/"
	}
	q := u.Query()
	q.Del("done")
	u.RawQuery = q.Encode()
	return u.String()
}

// IsStaff reports whether the visitor is one of the staff.
func (v View) IsStaff() bool { return v.Visitor.User.Role == domain.Staff }

// hasBubble reports whether the page leads to the chat in its corner: all do that are not about one.
func (v View) hasBubble() bool {
	return v.Path != "/chat" && !strings.HasPrefix(v.Path, "/admin")
}
