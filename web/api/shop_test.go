package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"eshop/adapter/argon2"
	"eshop/domain"
	"eshop/port"
	"eshop/test/contract"
	testshop "eshop/test/shop"
	"eshop/web/api"
	"eshop/web/asset"
)

// The cards that the demo payment knows, as the document has them.
const (
	goodCard       = "4242424242424242"
	declinedCard   = "4000000000000002"
	failingCard    = "4000000000000119"
	paysLaterCard  = "4000000000000341"
	neverPaidCard  = "4000000000009995"
	visitorAddress = "192.0.2.7:1234"
)

// lamp, desk and rug are what every test's shop sells.
var (
	lamp = domain.Product{
		ID: "p-lamp", Slug: "oak-desk-lamp", Name: "Oak Desk Lamp", Description: "A warm light.",
		Category: domain.Category{Slug: "lighting", Name: "Lighting"}, Subcategory: domain.Category{Slug: "desk-lamps", Name: "Desk lamps"},
		Price: domain.Dollars(1999), Stock: 12, Images: []domain.Image{{URL: "/media/lamp.jpg", Alt: "Oak Desk Lamp"}},
		Rating: domain.Rating{Sum: 9, Count: 2},
	}
	desk = domain.Product{
		ID: "p-desk", Slug: "birch-desk", Name: "Birch Desk",
		Category: domain.Category{Slug: "furniture", Name: "Furniture"}, Subcategory: domain.Category{Slug: "desks", Name: "Desks"},
		Price: domain.Dollars(25900), Stock: 100,
	}
	rug = domain.Product{
		ID: "p-rug", Slug: "wool-rug", Name: "Wool Rug",
		Category: domain.Category{Slug: "textiles", Name: "Textiles"}, Subcategory: domain.Category{Slug: "rugs", Name: "Rugs"},
		Price: domain.Dollars(7900), Stock: 0,
	}
)

// parts are what a shop is made of; a test may put in its own before it opens.
type parts = testshop.Parts

// shop is the whole server on the memory adapters.
type shop struct {
	*testshop.Shop
	t      testing.TB
	router *mux.Router // the routes of the JSON interface alone
}

var passwords = sync.OnceValues(argon2.New)

// quick makes passwords cost nothing.
func quick(p *parts) { p.Passwords = testshop.Passwords{} }

// open gives a shop that sells lamp, desk and rug.
func open(t testing.TB, changes ...func(*parts)) *shop {
	t.Helper()
	slow := func(p *parts) {
		var err error
		p.Passwords, err = passwords()
		require.NoError(t, err)
	}
	s := &shop{testshop.Open(t, []domain.Product{lamp, desk, rug}, append([]func(*parts){slow}, changes...)...), t, mux.NewRouter()}
	api.New(nil, s.UseCases, asset.Prefix{}).Mount(s.router)
	return s
}

func (s *shop) stock(id domain.ProductID) int { return s.Product(id).Stock }

// owner is whose the visitor's cart and wishlist are.
func (s *shop) owner(v *visitor) domain.OwnerID {
	s.t.Helper()
	key := sha256.Sum256([]byte(v.cookie()))
	session, err := s.Store.Session(context.Background(), domain.SessionKey(hex.EncodeToString(key[:])), testshop.Opened)
	require.NoError(s.t, err)
	return session.Owner()
}

// loseProducts makes every product in the visitor's cart and wishlist one that is no longer sold.
func (s *shop) loseProducts(v *visitor) {
	s.t.Helper()
	ctx, owner := context.Background(), s.owner(v)
	_, err := s.Store.UpdateCart(ctx, owner, func(c *domain.Cart) error {
		for i := range c.Lines {
			c.Lines[i].Product = "p-gone"
		}
		return nil
	})
	require.NoError(s.t, err)
	_, err = s.Store.UpdateWishlist(ctx, owner, func(w *domain.Wishlist) error {
		for i := range w.Items {
			w.Items[i].Product = "p-gone"
		}
		return nil
	})
	require.NoError(s.t, err)
}

// orders are all orders of the shop, the newest first.
func (s *shop) orders() []domain.Order {
	s.t.Helper()
	orders, total, err := s.Store.Orders(context.Background(), port.OrderFilter{}, domain.Page{Number: 1, Size: 1000})
	require.NoError(s.t, err)
	require.Len(s.t, orders, total)
	return orders
}

// messages are all messages to the shop, the newest first.
func (s *shop) messages() []domain.Contact {
	s.t.Helper()
	messages, _, err := s.Store.Contacts(context.Background(), domain.Page{Number: 1, Size: 1000})
	require.NoError(s.t, err)
	return messages
}

// everything is what the shop holds of a visitor, and what all visitors share.
func (s *shop) everything(v *visitor) []any {
	s.t.Helper()
	ctx := context.Background()
	var held []any
	if v.cookie() != "" {
		cart, err := s.Store.Cart(ctx, s.owner(v))
		require.NoError(s.t, err)
		wishlist, err := s.Store.Wishlist(ctx, s.owner(v))
		require.NoError(s.t, err)
		held = append(held, v.cookie(), cart, wishlist)
	}
	for _, p := range []domain.ProductID{lamp.ID, desk.ID, rug.ID} {
		product, err := s.Store.Product(ctx, string(p))
		require.NoError(s.t, err)
		movements, err := s.Store.Movements(ctx, p)
		require.NoError(s.t, err)
		held = append(held, product, movements)
	}
	for _, state := range []domain.ConversationState{domain.ConversationOpen, domain.ConversationClosed} {
		talks, _, err := s.Store.Conversations(ctx, state, domain.Page{Number: 1, Size: 100})
		require.NoError(s.t, err)
		held = append(held, talks)
	}
	return append(held, s.orders(), s.messages())
}

// RoundTrip sends a request to the shop without a network between, and holds the
// request and its answer against the document.
func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	asked := r.Clone(r.Context())
	asked.RequestURI, asked.RemoteAddr = r.URL.RequestURI(), visitorAddress
	if from, ok := r.Context().Value(addressKey{}).(string); ok {
		asked.RemoteAddr = from
	}
	asked.Body = io.NopCloser(bytes.NewReader(body))
	if r.URL.Scheme == "https" {
		asked.TLS = new(tls.ConnectionState)
	}
	recorder := httptest.NewRecorder()
	s.Handler.ServeHTTP(recorder, asked)
	if err := document().Hold(r, body, answerOf(recorder)); err != nil {
		s.t.Errorf("%s %s answered %d: %v\n%.2000s", r.Method, r.URL, recorder.Code, err, recorder.Body)
	}
	return recorder.Result(), nil
}

var document = sync.OnceValue(func() *contract.Contract {
	content, err := os.ReadFile("openapi.json")
	if err != nil {
		panic(err)
	}
	c, err := contract.New(content)
	if err != nil {
		panic(err)
	}
	return c
})

func answerOf(w *httptest.ResponseRecorder) contract.Answer {
	return contract.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
}

// visitor is somebody with a cookie jar of their own.
type visitor struct {
	t       testing.TB
	client  *http.Client
	address string // and port; visitorAddress unless set
}

type addressKey struct{}

// visitor gives somebody who was never here.
func (s *shop) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &visitor{t: s.t, client: &http.Client{Transport: s, Jar: jar}}
}

// member gives somebody who has just registered.
func (s *shop) member(name string) *visitor {
	s.t.Helper()
	v := s.visitor()
	v.post("/auth/register", registration(name)).is(http.StatusCreated)
	return v
}

// staff gives somebody of the shop's staff, who is signed in; the shop must be quick.
func (s *shop) staff(name string) *visitor {
	s.t.Helper()
	s.AddAccount(name, domain.Staff)
	v := s.visitor()
	v.post("/auth/login", object{"username": name, "password": testshop.Password}).is(http.StatusOK)
	return v
}

// say says something new in the chat.
func (v *visitor) say(id, body string) reply {
	v.t.Helper()
	return v.post("/api/chat/messages", object{"client_id": id, "body": body}).is(http.StatusCreated)
}

func registration(name string) object {
	return object{"username": name, "email": name + "@example.com", "password": testshop.Password}
}

// object is a JSON object, and list a JSON array.
type (
	object = map[string]any
	list   = []any
)

// reply is what came back.
type reply struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
}

// shopURL is where visitors think that the shop is.
var shopURL = &url.URL{Scheme: "http", Host: "shop.test", Path: "/"}

// send sends a request, whose body is text as it is or else JSON of body; headers are names and values in turn.
func (v *visitor) send(method, path string, body any, headers ...string) reply {
	v.t.Helper()
	given := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		given.Set(headers[i], headers[i+1])
	}
	return v.sendWith(method, path, body, given)
}

// sendWith is send with headers that may be given more than once; nil leaves one out.
func (v *visitor) sendWith(method, path string, body any, headers http.Header) reply {
	v.t.Helper()
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		require.NoError(v.t, err)
		content = bytes.NewReader(text)
	}
	ctx := context.Background()
	if v.address != "" {
		ctx = context.WithValue(ctx, addressKey{}, v.address)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(shopURL.String(), "/")+path, content)
	require.NoError(v.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(r.Header, headers)
	answer, err := v.client.Do(r)
	require.NoError(v.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(v.t, err)
	return reply{v.t, answer.StatusCode, answer.Header, string(text)}
}

func (v *visitor) get(path string, headers ...string) reply {
	v.t.Helper()
	return v.send(http.MethodGet, path, nil, headers...)
}

func (v *visitor) post(path string, body any, headers ...string) reply {
	v.t.Helper()
	return v.send(http.MethodPost, path, body, headers...)
}

func (v *visitor) put(path string, body any, headers ...string) reply {
	v.t.Helper()
	return v.send(http.MethodPut, path, body, headers...)
}

func (v *visitor) remove(path string, headers ...string) reply {
	v.t.Helper()
	return v.send(http.MethodDelete, path, nil, headers...)
}

// wish puts a product on the wishlist.
func (v *visitor) wish(p domain.Product) reply {
	v.t.Helper()
	return v.post("/api/wishlist/add", object{"product_id": p.ID}).is(http.StatusOK)
}

// add puts n of a product in the cart.
func (v *visitor) add(p domain.Product, n int) reply {
	v.t.Helper()
	return v.post("/api/cart/add", object{"product_id": p.ID, "quantity": n}).is(http.StatusOK)
}

// line is the id of the cart's first line.
func (v *visitor) line() string {
	v.t.Helper()
	return v.get("/api/cart/").at("cart", "items", 0, "id").(string)
}

// cookie is the session's cookie, "" for who has none.
func (v *visitor) cookie() string {
	for _, c := range v.client.Jar.Cookies(shopURL) {
		if c.Name == "session" {
			return c.Value
		}
	}
	return ""
}

// is fails the test unless the answer has the status.
func (a reply) is(status int) reply {
	a.t.Helper()
	require.Equal(a.t, status, a.Status, a.Body)
	return a
}

// fails fails the test unless the answer is the problem.
func (a reply) fails(status int, code string) reply {
	a.t.Helper()
	a.is(status)
	require.Equal(a.t, "application/problem+json", a.Header.Get("Content-Type"))
	require.Equal(a.t, code, a.at("code"), a.Body)
	require.EqualValues(a.t, status, a.at("status"))
	return a
}

// faults fails the test unless the answer finds fault with exactly the fields.
func (a reply) faults(fields ...string) reply {
	a.t.Helper()
	a.fails(http.StatusUnprocessableEntity, "validation_failed")
	var named []string
	for name := range a.at("fields").(object) {
		named = append(named, name)
	}
	require.ElementsMatch(a.t, fields, named, a.Body)
	return a
}

// at is what stands at a path of names and places in the answer; numbers are float64.
func (a reply) at(path ...any) any {
	a.t.Helper()
	var value any
	require.NoError(a.t, json.Unmarshal([]byte(a.Body), &value), a.Body)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			members, ok := value.(object)
			require.True(a.t, ok, "%v in %s", path, a.Body)
			require.Contains(a.t, members, step, "%v in %s", path, a.Body)
			value = members[step]
		case int:
			items, ok := value.(list)
			require.True(a.t, ok && step < len(items), "%v in %s", path, a.Body)
			value = items[step]
		}
	}
	return value
}

// purchase is what a guest sends to check out with a card.
func purchase(card string) object {
	return object{
		"email": "guest@example.com",
		"shipping_address": object{
			"name": "Jane Smith", "line1": "1 Harbour Street", "line2": "Flat 2", "city": "Portland",
			"region": "OR", "postal_code": "97201", "country": "US", "phone": "+1 503 555 0100",
		},
		"payment": object{"method": "demo_card", "card_number": card, "expiry": "12/30", "cvc": "123"},
	}
}

// buy checks out with a key, or without when it is "".
func (v *visitor) buy(card, key string) reply {
	v.t.Helper()
	if key == "" {
		return v.post("/api/checkout/process", purchase(card))
	}
	return v.post("/api/checkout/process", purchase(card), "Idempotency-Key", key)
}
