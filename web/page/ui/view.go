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
	Visitor   usecase.Visitor
	CartCount int
	// The visitor's conversation with the shop: its id, its state, its last message, and how much of it is unread.
	ChatID      string
	ChatState   string
	ChatLast    int64
	ChatUnread  int64
	Path        string // path and query of the page, to come back to after signing in
	Query       string // what the search field holds
	Notice      string // what just happened, shown once at the top
	Description string // what the page is about, for search engines; may be empty
}

// notices are what a redirect may announce, by the word in its ?done= parameter:
// never text from the address itself.
var notices = map[string]string{
	"added":      "Added to your cart.",
	"updated":    "Your cart is up to date.",
	"removed":    "Taken out of your cart.",
	"wished":     "Saved to your wishlist.",
	"unwished":   "Taken off your wishlist.",
	"welcome":    "Welcome! You are signed in.",
	"signed-out": "You are signed out.",
	"sent":       "Thank you. Your message has reached us.",
	"saved":      "Saved.",
	"taken-out":  "Taken out of the shop.",
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
		v.CartCount, err = s.Shop.Cart.ItemCount(r.Context(), who.Session.Owner())
		if err != nil && !errors.Is(err, domain.ErrUnavailable) {
			return View{}, err
		}
		// A guest whose conversation went into an account sees a shop without one.
		thread, err := s.Shop.Chat.Mine(r.Context(), who)
		if err != nil && !errors.Is(err, domain.ErrUnauthenticated) {
			return View{}, err
		}
		conversation := thread.Conversation()
		v.ChatID, v.ChatState, v.ChatLast, v.ChatUnread = string(conversation.ID), string(conversation.State), conversation.Last, conversation.UnreadByCustomer
	}
	return v, nil
}

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
