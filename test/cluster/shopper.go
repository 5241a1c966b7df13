package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"eshop/test/history"
)

// Shoppers browse, fill carts and buy, each with a mind of their own: they know
// what was acknowledged to them, and note what does not agree with it.
type Shoppers struct {
	Seed uint64
	// Pause is the longest that they think between two steps; a fifth of it is the shortest.
	Pause time.Duration

	all     []*shopper
	history *history.History
}

// Begin forgets what was asked and answered so far; books are what is in stock now. Nobody must be shopping.
func (s *Shoppers) Begin(books Books) {
	begin := time.Now()
	s.history = history.New(func() time.Duration { return time.Since(begin) })
	for product, n := range books {
		s.history.Begin(history.Object{Kind: history.Stock, ID: product}, n)
	}
	for _, one := range s.all {
		one.history = s.history
		one.history.Begin(one.object(history.Cart), history.Lines(maps.Clone(one.cart)))
		one.history.Begin(one.object(history.Session), one.name)
	}
}

// Judgement is what was found of a history.
type Judgement struct {
	Operations int
	Took       time.Duration
	Wrong      []string // what no shop that keeps its promises would have answered
}

// Judge decides whether what was answered since Begin can have been answered; books are what is in stock now, when
// all is settled and nobody is shopping.
func (s *Shoppers) Judge(books Books) Judgement {
	for product, n := range books {
		s.history.Call(len(s.all), history.Object{Kind: history.Stock, ID: product}, history.Look{}).Answer(n)
	}
	begin := time.Now()
	wrong := s.history.Check(judgedWithin)
	return Judgement{s.history.Operations(), time.Since(begin), wrong}
}

// Pay lets the shoppers pay by the cards, in turn, each with every purchase sent twice at
// once when twice is set. Without cards they pay by one that is good, once.
func (s *Shoppers) Pay(twice bool, cards ...string) {
	if len(cards) == 0 {
		cards = []string{goodCard}
	}
	for i, one := range s.all {
		one.card, one.twice = cards[i%len(cards)], twice
	}
}

// Answer is what one request got.
type Answer struct {
	At         time.Time
	Took       time.Duration
	Request    string // method and path
	Status     int    // 0 when there was no answer
	Server     string // which answered; "" for nginx itself
	RetryAfter string
	Error      string
	Resent     bool // because the kept connection that it was first sent on had just been closed
}

// Failed reports whether a shopper would call the answer a failure of the shop.
func (a Answer) Failed() bool { return a.Status == 0 || a.Status >= 500 }

// Order is an order that was acknowledged.
type Order struct {
	ID    string
	Key   string
	Total int64
	Lines map[string]int // how many, by product
}

const (
	patience    = 30 * time.Second // for one answer
	persistence = 3 * time.Minute  // in repeating a request until it is known what became of it: longer than any outage
	goodCard    = "4242424242424242"
	// CatalogAge is how old a figure of stock may be once the stores are well: what a server that died did not tell the
	// cache is believed for a minute.
	CatalogAge = time.Minute
	// judgedWithin is for the calls of one object, which take a thousandth of it.
	judgedWithin = 10 * time.Second
)

type product struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
}

type shopper struct {
	number   int
	name     string // "" for a guest
	email    string
	bases    []string
	pause    time.Duration // before a request is sent again
	client   *http.Client
	chance   *rand.Rand
	products []product
	card     string
	twice    bool     // each purchase is sent twice at once
	paths    []string // all that a visitor looks at, one after another

	// What was acknowledged.
	cart   map[string]int    // by product
	lines  map[string]string // the line of each product
	orders []Order

	history    *history.History
	answers    []Answer
	grievances []string // what the shop did against its word
}

// NewShoppers makes n shoppers, half of them with accounts, who ask now at one and
// now at another of the addresses of a shop. What they do follows from seed.
func NewShoppers(t testing.TB, n int, seed uint64, bases ...string) *Shoppers {
	t.Helper()
	s := &Shoppers{Seed: seed, Pause: 300 * time.Millisecond}
	for i := range n {
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		one := &shopper{
			number: i, bases: bases, card: goodCard, pause: 200 * time.Millisecond, chance: rand.New(rand.NewPCG(seed, uint64(i))),
			client: &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 2}},
			email:  fmt.Sprintf("shopper-%d-%d@mail.example", seed, i),
			cart:   map[string]int{}, lines: map[string]string{},
		}
		one.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		var list struct {
			Products []product `json:"products"`
		}
		answer := one.send("GET", "/api/products/?per_page=100&in_stock=true", nil, "", &list)
		require.Equal(t, http.StatusOK, answer.Status, "%+v", answer)
		require.NotEmpty(t, list.Products)
		one.products = list.Products
		if i%2 == 0 {
			one.name = fmt.Sprintf("shopper_%d_%d", seed%1e6, i)
			answer := one.send("POST", "/auth/register", map[string]any{"username": one.name, "email": one.email, "password": "correct horse"}, "", nil)
			require.Equal(t, http.StatusCreated, answer.Status, "%+v", answer)
		}
		s.all = append(s.all, one)
	}
	s.Begin(nil)
	return s
}

// NewVisitors makes n shoppers who look at paths and do nothing else. Half of them have
// accounts, half of the others are guests with a cart, and the rest have no cookie.
func NewVisitors(t testing.TB, n int, seed uint64, paths []string, bases ...string) *Shoppers {
	t.Helper()
	s := NewShoppers(t, n, seed, bases...)
	for i, one := range s.all {
		if i%4 < 2 {
			one.add()
		}
		start := i * len(paths) / n
		one.paths = slices.Concat(paths[start:], paths[:start])
	}
	return s
}

// look looks at the next path.
func (s *shopper) look() {
	path := s.paths[0]
	s.paths = append(s.paths[1:], path)
	if answer := s.send("GET", path, nil, "", nil); answer.Status != http.StatusOK && !answer.Failed() {
		s.complain("GET %s answered %d", path, answer.Status)
	}
}

// During lets all of them shop while do runs, and returns what they met.
func (s *Shoppers) During(do func()) Report {
	stop := make(chan struct{})
	var at sync.WaitGroup
	for _, one := range s.all {
		one.answers, one.grievances = nil, nil
		at.Go(func() {
			for {
				one.step()
				select {
				case <-stop:
					one.readCart()
					one.beKnown()
					return
				case <-time.After(s.Pause/5 + time.Duration(one.chance.Int64N(int64(s.Pause*4/5)))):
				}
			}
		})
	}
	begin := time.Now()
	defer func() {
		select {
		case <-stop:
		default: // do failed the test
			close(stop)
			at.Wait()
		}
	}()
	do()
	close(stop)
	at.Wait()
	report := Report{Took: time.Since(begin)}
	for _, one := range s.all {
		report.Answers = append(report.Answers, one.answers...)
		for _, g := range one.grievances {
			report.Grievances = append(report.Grievances, one.who()+": "+g)
		}
	}
	slices.SortFunc(report.Answers, func(a, b Answer) int { return a.At.Compare(b.At) })
	return report
}

func (s *shopper) who() string {
	if s.name != "" {
		return s.name
	}
	return "guest " + s.email
}

// object is what the shopper has of a kind.
func (s *shopper) object(kind history.Kind) history.Object {
	return history.Object{Kind: kind, ID: s.email}
}

func (s *shopper) ask(of history.Object, what any) *history.Call {
	return s.history.Call(s.number, of, what)
}

func (s *shopper) complain(format string, args ...any) {
	s.grievances = append(s.grievances, fmt.Sprintf(format, args...))
}

func (s *shopper) any() product { return s.products[s.chance.IntN(len(s.products))] }

// step is one thing that the shopper does.
func (s *shopper) step() {
	if len(s.paths) > 0 {
		s.look()
		return
	}
	switch chance := s.chance.IntN(100); {
	case chance < 45:
		s.browse()
	case chance < 60:
		s.add()
	case chance < 68:
		s.addByForm()
	case chance < 75:
		s.setQuantity()
	case chance < 80:
		s.remove()
	case chance < 88:
		s.readCart()
	case chance < 92:
		s.beKnown()
	default:
		s.buy()
	}
}

// productJSON is a product as the catalog shows it.
type productJSON struct {
	Product struct {
		ID    string `json:"id"`
		Stock int    `json:"stock"`
	} `json:"product"`
}

func (s *shopper) browse() {
	p := s.any()
	paths := []string{
		"/", "/products", "/products?sort=price", "/products/" + p.Slug, "/cart", "/wishlist",
		"/api/products/" + p.ID, "/api/products/?q=" + url.QueryEscape(strings.Split(p.Slug, "-")[0]), "/api/products/categories",
	}
	path := paths[s.chance.IntN(len(paths))]
	if answer := s.send("GET", path, nil, "", nil); answer.Status != http.StatusOK && !answer.Failed() {
		s.complain("GET %s answered %d", path, answer.Status)
	}
}

// basket is the cart as the shop tells it.
type basket struct {
	Cart struct {
		Items []struct {
			ID       string  `json:"id"`
			Product  product `json:"product"`
			Quantity int     `json:"quantity"`
		} `json:"items"`
	} `json:"cart"`
}

func (b basket) quantities() map[string]int {
	held := map[string]int{}
	for _, item := range b.Cart.Items {
		held[item.Product.ID] = item.Quantity
	}
	return held
}

// believe takes what the shop says is in the cart for what is in it.
func (s *shopper) believe(b basket) {
	s.cart, s.lines = b.quantities(), map[string]string{}
	for _, item := range b.Cart.Items {
		s.lines[item.Product.ID] = item.ID
	}
}

// expect takes an acknowledged cart, which must hold what it should.
func (s *shopper) expect(after string, b basket, want map[string]int) {
	if got := b.quantities(); !maps.Equal(got, want) {
		s.complain("after %s the cart holds %v, not %v", after, got, want)
	}
	s.believe(b)
}

func (s *shopper) readCart() {
	if answer := s.lookAtCart("reading"); answer.Status != http.StatusOK && !answer.Failed() {
		s.complain("reading the cart answered %d", answer.Status)
	}
}

// lookAtCart reads the cart, which must hold what it should.
func (s *shopper) lookAtCart(after string) Answer {
	var b basket
	look := s.ask(s.object(history.Cart), history.Look{})
	answer := s.send("GET", "/api/cart/", nil, "", &b)
	if answer.Status == http.StatusOK {
		look.Answer(history.Lines(b.quantities()))
		s.expect(after, b, s.cart)
	} else {
		look.Drop()
	}
	return answer
}

// change asks for a change of the cart until it is known what became of it. With a
// key it is repeated as it is. Without one it may have been made though its answer
// failed, so that sending it again could make it twice: the cart is read to find out.
func (s *shopper) change(asked any, method, path string, body any, key string, want map[string]int) {
	what := method + " " + path
	call := s.ask(s.object(history.Cart), asked)
	for until := time.Now().Add(persistence); ; time.Sleep(s.pause) {
		var b basket
		answer := s.send(method, path, body, key, &b)
		switch {
		case answer.Status == http.StatusOK:
			call.Answer(history.Lines(b.quantities()))
			s.expect(what, b, want)
			return
		case answer.Status == http.StatusConflict || answer.Status == http.StatusUnprocessableEntity:
			call.Refuse() // sold out, or more than may be bought
			return
		case !answer.Failed():
			s.complain("%s answered %d", what, answer.Status)
			return
		case key == "":
			s.findOut(call, what, want)
			return
		case time.Now().After(until):
			s.complain("%s was not answered well in %v", what, persistence)
			return
		}
	}
}

// findOut reads what became of a change whose answer failed. It may still be on its
// way, which reading would not see. Changes of one cart happen one after another, so
// another, which changes nothing, is asked for first: it waits for what is on its way.
func (s *shopper) findOut(call *history.Call, what string, want map[string]int) {
	for until := time.Now().Add(persistence); ; time.Sleep(s.pause) {
		if !s.send("DELETE", "/api/cart/remove/nothing", nil, uuid.NewString(), nil).Failed() {
			call.Doubt()
			var b basket
			look := s.ask(s.object(history.Cart), history.Look{})
			if s.send("GET", "/api/cart/", nil, "", &b).Status == http.StatusOK {
				look.Answer(history.Lines(b.quantities()))
				if got := b.quantities(); !maps.Equal(got, s.cart) && !maps.Equal(got, want) {
					s.complain("after %s failed the cart holds %v, neither %v nor %v", what, got, s.cart, want)
				}
				s.believe(b)
				return
			}
			look.Drop()
		}
		if time.Now().After(until) {
			s.complain("after %s failed the cart could not be read in %v", what, persistence)
			return
		}
	}
}

// sometimesKey is a key in half of all cases: without one nginx must see to it that
// no two servers do the same.
func (s *shopper) sometimesKey() string {
	if s.chance.IntN(2) == 0 {
		return ""
	}
	return uuid.NewString()
}

func (s *shopper) with(product string, n int) map[string]int {
	want := maps.Clone(s.cart)
	want[product] = n
	if n == 0 {
		delete(want, product)
	}
	return want
}

func (s *shopper) add() {
	p, n := s.any().ID, 1+s.chance.IntN(2)
	s.change(history.Add{Product: p, N: n}, "POST", "/api/cart/add", map[string]any{"product_id": p, "quantity": n}, s.sometimesKey(), s.with(p, s.cart[p]+n))
}

func (s *shopper) setQuantity() {
	if p, ok := s.held(); ok {
		n := 1 + s.chance.IntN(3)
		s.change(history.Put{Product: p, N: n}, "PUT", "/api/cart/update/"+s.lines[p], map[string]any{"quantity": n}, s.sometimesKey(), s.with(p, n))
	}
}

func (s *shopper) remove() {
	if p, ok := s.held(); ok {
		s.change(history.Put{Product: p}, "DELETE", "/api/cart/remove/"+s.lines[p], nil, uuid.NewString(), s.with(p, 0))
	}
}

// held is a product in the cart whose line was told: a cart that an order gave back may not have been read yet.
func (s *shopper) held() (string, bool) {
	if len(s.lines) == 0 {
		return "", false
	}
	held := slices.Sorted(maps.Keys(s.lines))
	return held[s.chance.IntN(len(held))], true
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// addByForm adds as a browser without scripts does.
func (s *shopper) addByForm() {
	p := s.any()
	page := s.request("GET", "/products/"+p.Slug, nil, nil)
	token := formToken.FindSubmatch(page.body)
	if page.Status != http.StatusOK || token == nil {
		if !page.Failed() && page.Status != http.StatusOK {
			s.complain("the page of %s answered %d", p.Slug, page.Status)
		}
		return // sold out, or the page did not come
	}
	form := url.Values{"product_id": {p.ID}, "quantity": {"1"}, "token": {string(token[1])}}
	call := s.ask(s.object(history.Cart), history.Add{Product: p.ID, N: 1})
	for until := time.Now().Add(persistence); ; time.Sleep(s.pause) {
		answer := s.request("POST", "/cart/add", []byte(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
		switch {
		case answer.Status == http.StatusSeeOther:
			call.Answer(nil)
			s.cart[p.ID]++
			s.lookAtCart("the form")
			return
		case !answer.Failed():
			call.Refuse() // sold out, or more than may be bought
			return
		case time.Now().After(until):
			s.complain("the form was not answered well in %v", persistence)
			return
		}
	}
}

// beKnown asks who they are, which a shopper with an account must be told.
func (s *shopper) beKnown() {
	if s.name == "" {
		return
	}
	var who struct {
		User struct {
			Username string `json:"username"`
		} `json:"user"`
	}
	look := s.ask(s.object(history.Session), history.Look{})
	answer := s.send("GET", "/auth/current-user", nil, "", &who)
	if answer.Failed() {
		look.Drop()
	} else {
		look.Answer(who.User.Username)
	}
	if !answer.Failed() && (answer.Status != http.StatusOK || who.User.Username != s.name) {
		s.complain("signed out: %d %q", answer.Status, who.User.Username)
	}
}

// send sends JSON and reads JSON.
func (s *shopper) send(method, path string, body any, key string, into any) Answer {
	headers := http.Header{}
	var content []byte
	if body != nil {
		content, _ = json.Marshal(body) // maps of text and numbers
		headers.Set("Content-Type", "application/json")
	}
	if key != "" {
		headers.Set("Idempotency-Key", key)
	}
	got := s.request(method, path, content, headers)
	if into != nil && got.body != nil {
		if err := json.Unmarshal(got.body, into); err != nil {
			s.complain("%s %s answered %d with what is no JSON: %.200s", method, path, got.Status, got.body)
		}
	}
	return got.Answer
}

type reply struct {
	Answer
	body []byte
}

// request sends one request and notes what came of it. Like a browser and curl it
// sends it again when a connection that was kept open turns out to be closed: who
// closes one that is idle has done nothing that was asked for on it.
func (s *shopper) request(method, path string, body []byte, headers http.Header) reply {
	got := s.askAt(s.base(), method, path, body, headers)
	s.answers = append(s.answers, got.Answer)
	return got
}

// base is the address of the shop that the shopper asks next.
func (s *shopper) base() string { return s.bases[s.chance.IntN(len(s.bases))] }

// askAt is request of one address, and notes nothing: it may be called while another is under way.
func (s *shopper) askAt(base, method, path string, body []byte, headers http.Header) reply {
	got := reply{Answer: Answer{At: time.Now(), Request: method + " " + path}}
	kept := s.try(&got, method, base+path, body, headers)
	if got.Status == 0 && kept && time.Since(got.At) < time.Second {
		got.Error, got.Resent = "", true
		s.try(&got, method, base+path, body, headers)
	}
	got.Took = time.Since(got.At)
	return got
}

// try reports whether the request went by a connection that had been kept open, and no answer began.
func (s *shopper) try(got *reply, method, url string, body []byte, headers http.Header) (kept bool) {
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { kept = c.Reused },
	})
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	maps.Copy(r.Header, headers)
	response, err := s.client.Do(r)
	if err == nil {
		kept = false // an answer began, so what was asked for may be done
		got.Status, got.Server = response.StatusCode, response.Header.Get("X-Served-By")
		got.RetryAfter = response.Header.Get("Retry-After")
		got.body, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	if err != nil {
		got.Status, got.Error, got.body = 0, err.Error(), nil
	}
	return kept
}
