package ui

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/asset"
)

// ShopInfo is what pages say of the shop. What is not set they do not say.
type ShopInfo struct {
	ServerName string // shown in the footer
	Name       string // the shop's own; unnamed unless set
	Tagline    string // heads the home page
	About      string // what the shop is, in a sentence or two
	Logo       Logo
	Address    string
	Phone      string // in international form, for tel: links
	Email      string
	Hours      string // when somebody answers, as people read it

	TaxNote      string // stands below sums
	DeliveryTime string // how long delivery takes, as people read it
	// PromiseFreeDelivery tells shoppers from which sum delivery is free.
	PromiseFreeDelivery bool

	// Pages of the owner's own words, as plain text.
	Terms, Privacy, Returns, Imprint string

	// Assets is where browsers find what pages load and show.
	Assets asset.Prefix

	Demo    bool // nothing is sold, which every page says
	Opening bool // while nothing is on sale the pages tell the owner what to do next
	// TrialPayments is a shop whose payment service is one to try it out, which the staff are told.
	TrialPayments bool
}

// View is what the layout of every page shows.
type View struct {
	ShopInfo
	Pricing     domain.Pricing
	Visitor     usecase.Visitor
	Path        string // path and query of the page, to come back to after signing in
	Query       string // what the search field holds
	Notice      string // what just happened, shown once at the top
	Description string // what the page is about, for search engines; may be empty
	Refresh     int    // after how many seconds the page looks again by itself; 0 is never

	unknown bool // who asks could not be told, so the page is that of a stranger
	beside  *beside
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
	"ended":      "Signed out there.",
	"sent":       "Thank you. We have received your message.",
	"saved":      "Saved.",
	"refunding":  "The refund was noted, and is made as soon as the payment service confirms it.",
	"asked":      "The payment service has answered.",
	"taken-out":  "Removed from the shop.",

	"password-changed": "Your password is changed, and every other device is signed out.",
}

// View returns what the layout shows to the visitor, of a page that depends on who that is.
func (s *Site) View(r *http.Request) (View, error) {
	who, err := s.Cookies.Visitor(r)
	if err != nil {
		return View{}, err
	}
	return s.viewOf(r, who, s.pace.late()), nil
}

// Browse returns what the layout shows to the visitor, of a page that is the same for
// everybody: it never fails, and waits no longer than BesideTime. While the stores are
// away or slow, the page is that of a stranger, or has no badge and no bubble.
func (s *Site) Browse(r *http.Request) View {
	late := s.pace.late()
	who, err := s.visitor(r, late)
	v := s.viewOf(r, who, late)
	v.unknown = s.Absent(r, err)
	return v
}

func (s *Site) viewOf(r *http.Request, who usecase.Visitor, late time.Time) View {
	v := View{ShopInfo: s.Info, Pricing: s.Shop.Pricing, Visitor: who, Path: pathOf(r), Notice: notices[r.URL.Query().Get("done")]}
	if who.Known() {
		v.beside = s.newBeside(r, who, late)
	}
	return v
}

// Cart returns the visitor's cart, for a page that is about it.
func (v View) Cart() (domain.Cart, error) {
	if v.beside == nil {
		return domain.Cart{}, nil
	}
	return v.beside.cart.get()
}

// Thread returns the visitor's conversation with the shop, for a page that is about it.
func (v View) Thread() (usecase.Thread, error) {
	if v.beside == nil {
		return usecase.Thread{}, nil
	}
	return v.beside.thread.get()
}

// badge returns the cart that the layout counts the items of.
func (v View) badge() domain.Cart { return v.beside.show().cart }

// conversation returns the conversation that the bubble leads to.
func (v View) conversation() domain.Conversation { return v.beside.show().thread.Conversation() }

// incomplete reports whether the page lacks something that stands beside it.
func (v View) incomplete() bool { return v.unknown || v.beside.show().missing }

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
