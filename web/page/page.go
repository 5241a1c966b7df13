// Package page is the shop as pages: server-rendered templ components that work
// without JavaScript. A form posts and is answered by a redirect, or by the same
// page with what is wrong beside each field and all that was typed.
package page

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/problem"
	"eshop/web/session"
)

// Pages answers browsers.
type Pages struct {
	info    ShopInfo
	cookies *session.Cookies
	shop    *usecase.Shop
}

// ShopInfo is what every page says of the shop.
type ShopInfo struct {
	ServerName string // shown in the footer
	Phone      string // in international form, for tel: links
	Email      string
	Hours      string // when somebody answers, as people read it
}

// New makes the pages of a shop.
func New(info ShopInfo, cookies *session.Cookies, shop *usecase.Shop) *Pages {
	return &Pages{info, cookies, shop}
}

// Mount gives r every page.
func (p *Pages) Mount(r *mux.Router) {
	p.mountBrowsing(r)
	p.mountCart(r)
	p.mountWishlist(r)
	p.mountCheckout(r)
	p.mountOrders(r)
	p.mountAccount(r)
	p.mountContact(r)
	p.mountChat(r)
	p.mountAdmin(r)
}

// view is what the layout of every page shows.
type view struct {
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

func (p *Pages) view(r *http.Request) (view, error) {
	who, err := p.cookies.Visitor(r)
	if err != nil {
		return view{}, err
	}
	v := view{ShopInfo: p.info, Visitor: who, Path: pathOf(r), Notice: notices[r.URL.Query().Get("done")]}
	if who.Known() {
		// While the records are away the catalog may still be shown from what is close at hand.
		v.CartCount, err = p.shop.Cart.ItemCount(r.Context(), who.Session.Owner())
		if err != nil && !errors.Is(err, domain.ErrUnavailable) {
			return view{}, err
		}
		// A guest whose conversation went into an account sees a shop without one.
		thread, err := p.shop.Chat.Mine(r.Context(), who)
		if err != nil && !errors.Is(err, domain.ErrUnauthenticated) {
			return view{}, err
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

// handler is a page that may fail; the failure becomes an error page.
type handler func(w http.ResponseWriter, r *http.Request) error

func (p *Pages) handle(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.Fail(w, r, err)
		}
	})
}

// Fail answers with the page for err.
func (p *Pages) Fail(w http.ResponseWriter, r *http.Request, err error) {
	what := problem.From(err)
	problem.Log(r, what, err)
	what.Head(w.Header())
	v, viewErr := p.view(r)
	if viewErr != nil {
		v = view{ShopInfo: p.info, Path: pathOf(r)}
	}
	if err := render(w, r, what.StatusFor(r), failure(v, what)); err != nil {
		http.Error(w, what.Detail, what.Status)
	}
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// render sends the whole page or fails before a byte of it is sent.
func render(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if err := c.Render(r.Context(), buffer); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(buffer.Bytes()) // whoever asked is gone if this fails
	return nil
}

// back is a redirect after a form, to path, announcing a notice.
func back(w http.ResponseWriter, r *http.Request, path, done string) error {
	u, err := url.Parse(here(path))
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	q := u.Query()
	q.Del("done")
	if done != "" {
		q.Set("done", done)
	}
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
	return nil
}

// here is path when it is one of this shop's own, else the home page: a form must
// not lead anybody to another site.
func here(path string) string {
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

// form reads a posted form. Text that cannot be kept is a failure.
func form(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, unreadable(err)
	}
	if err := clean(r.PostForm); err != nil {
		return nil, err
	}
	return r.PostForm, nil
}

// upload is form for one that may have a file called name; its content is nil when there is none.
// When problem.ErrTooLarge is the failure, the form has what came before the file.
func upload(r *http.Request, name string) (f url.Values, content []byte, err error) {
	parts, err := r.MultipartReader()
	if errors.Is(err, http.ErrNotMultipart) {
		f, err = form(r)
		return f, nil, err
	}
	f = url.Values{}
	for err == nil {
		var part *multipart.Part
		if part, err = parts.NextPart(); err != nil {
			break
		}
		var body []byte
		if body, err = io.ReadAll(part); err != nil {
			break
		}
		switch {
		case part.FormName() == name:
			content = body
		case part.FileName() == "":
			f.Add(part.FormName(), string(body))
		}
	}
	if err == io.EOF { //nolint:errorlint // wrapped, it is that of a form that was cut off
		err = nil
	} else {
		err = unreadable(err)
	}
	if dirty := clean(f); dirty != nil {
		return nil, nil, dirty
	}
	return f, content, err
}

var errUnreadable = problem.Request{Status: http.StatusBadRequest, Code: problem.CodeMalformedBody, Text: "the form could not be read"}

// unreadable is what kept a form from being read.
func unreadable(err error) error {
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return problem.ErrTooLarge
	}
	return errUnreadable
}

// clean reports whether the text of a form can be kept.
func clean(f url.Values) error {
	for name, values := range f {
		if !domain.CleanText(name) {
			return errUnreadable
		}
		for _, value := range values {
			if !domain.CleanText(value) {
				return domain.InvalidFields(map[string]string{name: "has characters that cannot be used"})
			}
		}
	}
	return nil
}

// newToken is the key of a form, by which a form that is sent twice is known.
func newToken() string { return uuid.NewString() }
