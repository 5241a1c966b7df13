package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
)

const badInput = "bad input is refused as the document says, and changes nothing"

// promises are tried in their order. What breaks one is told as errors, each for itself.
var promises = []promise{
	{"the catalog is there, each product at its id and at its slug", (*trial).catalog},
	{"a cart holds what was put into it", (*trial).cart},
	{"a change with a key is made once, however often and at however many servers it is sent", (*trial).keyedChange},
	{"changes of one cart at the same time are all made", (*trial).changesAtOnce},
	{"a purchase with a key is one order, which adds up, and empties the cart", (*trial).purchase},
	{"the last pieces are sold once", (*trial).lastPieces},
	{"what is somebody's is nobody else's", (*trial).privacy},
	{"who signed out is signed out, and a wrong password lets nobody in", (*trial).sessions},
	{"a conversation is one log, and a message that is sent again is there once", (*trial).conversation},
	{"what one server acknowledged another shows", (*trial).twoServers},
	{badInput, (*trial).badInput},
	{"what is the staff's is not for shoppers", (*trial).staffOnly},
	{"the staff are told what they may know", (*trial).staffs},
}

// wrongs collects how a promise is broken.
type wrongs []string

func (w *wrongs) add(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

func (w wrongs) err() error {
	if len(w) == 0 {
		return nil
	}
	return errors.New(strings.Join(w, "\n\n"))
}

// need is an answer that the rest of a promise stands on.
func need(got reply, status int, what string) error {
	if got.Status != status {
		return fmt.Errorf("%s: wanted %d, got %s", what, status, got)
	}
	return nil
}

// product is one that may be bought, with many in stock: the nth of them.
func (t *trial) product(ctx context.Context, c *client, nth int) (id string, err error) {
	list := c.ask(ctx, http.MethodGet, "/api/products/?in_stock=true&per_page=100", nil)
	if err := need(list, http.StatusOK, "the list of products"); err != nil {
		return "", err
	}
	products, _ := list.at("products").([]any)
	for i := range products {
		if list.number("products", i, "stock") >= 20 {
			if nth--; nth < 0 {
				return list.text("products", i, "id"), nil
			}
		}
	}
	return "", notTried("the first hundred products are nearly sold out")
}

func (t *trial) catalog(ctx context.Context) error {
	var wrong wrongs
	c := t.client()
	list := c.ask(ctx, http.MethodGet, "/api/products/?per_page=5", nil)
	if err := need(list, http.StatusOK, "the list of products"); err != nil {
		return err
	}
	products, _ := list.at("products").([]any)
	if len(products) == 0 {
		return notTried("the shop has no products")
	}
	for i := range products {
		for _, name := range []string{"id", "slug"} {
			one := c.ask(ctx, http.MethodGet, "/api/products/"+url.PathEscape(list.text("products", i, name)), nil)
			if one.Status != http.StatusOK || one.text("product", "id") != list.text("products", i, "id") {
				wrong.add("the product at its %s %s: %s", name, list.text("products", i, name), one)
			}
		}
	}
	got := c.ask(ctx, http.MethodGet, "/api/products/categories", nil)
	if got.Status != http.StatusOK {
		wrong.add("the categories: %s", got)
	} else if same := c.askAt(ctx, len(t.bases)-1, http.MethodGet, "/api/products/categories", nil, "If-None-Match", got.Header.Get("ETag")); same.Status != http.StatusNotModified {
		wrong.add("the categories, with the ETag that they had a moment before: %s", same)
	}
	return wrong.err()
}

// quantities is what a cart holds, by product.
func quantities(cart reply) map[string]int {
	held := map[string]int{}
	items, _ := cart.at("cart", "items").([]any)
	for i := range items {
		held[cart.text("cart", "items", i, "product", "id")] += cart.number("cart", "items", i, "quantity")
	}
	return held
}

func (t *trial) cart(ctx context.Context) error {
	var wrong wrongs
	c := t.client()
	one, err := t.product(ctx, c, 0)
	if err != nil {
		return err
	}
	two, err := t.product(ctx, c, 1)
	if err != nil {
		return err
	}
	holds := func(after string, got reply, want map[string]int) {
		if held := quantities(got); got.Status != http.StatusOK || !reflect.DeepEqual(held, want) {
			wrong.add("after %s the cart holds %v, and should %v: %s", after, held, want, got)
		}
	}
	holds("nothing", c.ask(ctx, http.MethodGet, "/api/cart/", nil), map[string]int{})
	holds("an add", c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": one, "quantity": 2}), map[string]int{one: 2})
	holds("another", c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": two, "quantity": 1}), map[string]int{one: 2, two: 1})
	got := c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": one, "quantity": 1})
	holds("more of it", got, map[string]int{one: 3, two: 1})
	lines := map[string]string{}
	items, _ := got.at("cart", "items").([]any)
	for i := range items {
		lines[got.text("cart", "items", i, "product", "id")] = url.PathEscape(got.text("cart", "items", i, "id"))
	}
	holds("a quantity", c.ask(ctx, http.MethodPut, "/api/cart/update/"+lines[one], object{"quantity": 5}), map[string]int{one: 5, two: 1})
	holds("a removal", c.ask(ctx, http.MethodDelete, "/api/cart/remove/"+lines[two], nil), map[string]int{one: 5})
	holds("all", c.ask(ctx, http.MethodGet, "/api/cart/", nil), map[string]int{one: 5})
	return wrong.err()
}

func (t *trial) keyedChange(ctx context.Context) error {
	c := t.client()
	id, err := t.product(ctx, c, 0)
	if err != nil {
		return err
	}
	key := uuid.NewString()
	if err := need(c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 1}, "Idempotency-Key", key), http.StatusOK, "an add"); err != nil {
		return err
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c.askAt(ctx, i, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 1}, "Idempotency-Key", key)
		})
	}
	all.Wait()
	var wrong wrongs
	if held := quantities(c.ask(ctx, http.MethodGet, "/api/cart/", nil)); held[id] != 1 {
		wrong.add("one was added nine times with one key, and the cart holds %d", held[id])
	}
	c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 1}, "Idempotency-Key", uuid.NewString())
	if held := quantities(c.ask(ctx, http.MethodGet, "/api/cart/", nil)); held[id] != 2 {
		wrong.add("with another key another was added, and the cart holds %d", held[id])
	}
	return wrong.err()
}

func (t *trial) changesAtOnce(ctx context.Context) error {
	c := t.client()
	id, err := t.product(ctx, c, 0)
	if err != nil {
		return err
	}
	// The first one makes the session that the others share.
	if err := need(c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 1}), http.StatusOK, "an add"); err != nil {
		return err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	made := 1
	for i := range 10 {
		all.Go(func() {
			got := c.askAt(ctx, i, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 1}, "Idempotency-Key", uuid.NewString())
			mu.Lock()
			defer mu.Unlock()
			if got.Status == http.StatusOK {
				made++
			}
		})
	}
	all.Wait()
	if held := quantities(c.ask(ctx, http.MethodGet, "/api/cart/", nil)); held[id] != made {
		return fmt.Errorf("%d adds were acknowledged, and the cart holds %d", made, held[id])
	}
	return nil
}

func (t *trial) order() object {
	return object{
		"email":            t.mark + "@mail.example",
		"shipping_address": object{"name": t.mark, "line1": "1 High Street", "line2": "", "city": "Springfield", "region": "IL", "postal_code": "62701", "country": "US", "phone": "+1 555 010 0123"},
		"payment":          object{"method": "demo_card", "card_number": "4242424242424242", "expiry": "12/39", "cvc": "123"},
	}
}

// takesOrders is why purchases cannot be tried, or nil.
func takesOrders(got reply) error {
	switch got.Status {
	case http.StatusUnprocessableEntity, http.StatusPaymentRequired:
		return notTried("the shop does not take the demo's card: " + got.String())
	case http.StatusTooManyRequests:
		return notTried("too many purchases of late: " + got.String())
	case http.StatusCreated, http.StatusAccepted:
		return nil
	}
	return fmt.Errorf("a purchase: %s", got)
}

func (t *trial) purchase(ctx context.Context) error {
	var wrong wrongs
	c := t.client()
	id, err := t.product(ctx, c, 0)
	if err != nil {
		return err
	}
	if err := need(c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 2}), http.StatusOK, "an add"); err != nil {
		return err
	}
	key := uuid.NewString()
	first := c.ask(ctx, http.MethodPost, "/api/checkout/process", t.order(), "Idempotency-Key", key)
	if err := takesOrders(first); err != nil {
		return err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	for i := range 6 {
		all.Go(func() {
			again := c.askAt(ctx, i, http.MethodPost, "/api/checkout/process", t.order(), "Idempotency-Key", key)
			mu.Lock()
			defer mu.Unlock()
			if again.text("order", "id") != first.text("order", "id") {
				wrong.add("the key made %s, and again: %s", first.text("order", "id"), again)
			}
		})
	}
	all.Wait()
	other := t.order()
	other["email"] = "other_" + t.mark + "@mail.example"
	if got := c.ask(ctx, http.MethodPost, "/api/checkout/process", other, "Idempotency-Key", key); got.Status != http.StatusUnprocessableEntity || got.text("code") != "idempotency_key_reused" {
		wrong.add("another purchase with the same key: %s", got)
	}
	if held := quantities(c.ask(ctx, http.MethodGet, "/api/cart/", nil)); len(held) > 0 {
		wrong.add("the cart still holds %v", held)
	}
	sum := 0
	items, _ := first.at("order", "items").([]any)
	for i := range items {
		sum += first.number("order", "items", i, "line_total", "amount")
	}
	amount := func(name string) int { return first.number("order", name, "amount") }
	if total := amount("subtotal") + amount("shipping") + amount("tax") - amount("discount"); sum != amount("subtotal") || total != amount("total") || total == 0 {
		wrong.add("the order does not add up: %s", first.Body)
	}
	got := c.ask(ctx, http.MethodGet, "/api/checkout/orders/"+url.PathEscape(first.text("order", "id")), nil)
	if got.Status != http.StatusOK || got.number("order", "total", "amount") != amount("total") {
		wrong.add("the order at its own address: %s", got)
	}
	return wrong.err()
}

// fewest are so few pieces that somebody may buy them all.
const fewest = 3

func (t *trial) lastPieces(ctx context.Context) error {
	c := t.client()
	list := c.ask(ctx, http.MethodGet, "/api/products/?in_stock=true&per_page=100", nil)
	products, _ := list.at("products").([]any)
	id, stock := "", 0
	for i := range products {
		if n := list.number("products", i, "stock"); n > 0 && n <= fewest {
			id, stock = list.text("products", i, "id"), n
		}
	}
	if id == "" {
		return notTried(fmt.Sprintf("none of the first hundred products has %d pieces or fewer", fewest))
	}
	buyers := stock + 3
	var all sync.WaitGroup
	var mu sync.Mutex
	sold, refused, other := 0, 0, reply{}
	for i := range buyers {
		all.Go(func() {
			buyer := t.client()
			got := buyer.askAt(ctx, i, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 1})
			if got.Status == http.StatusOK {
				got = buyer.askAt(ctx, i+1, http.MethodPost, "/api/checkout/process", t.order(), "Idempotency-Key", uuid.NewString())
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case got.Status == http.StatusCreated || got.Status == http.StatusAccepted:
				sold++
			case got.Status == http.StatusConflict && got.text("code") == "out_of_stock":
				refused++
			default:
				other = got
			}
		})
	}
	all.Wait()
	if other.Status != 0 {
		if err := takesOrders(other); err != nil {
			return err
		}
	}
	if sold > stock || sold+refused != buyers {
		return fmt.Errorf("%d were in stock; %d of %d buyers have one, and %d were told that it is sold out; another: %s", stock, sold, buyers, refused, other)
	}
	return nil
}

func (t *trial) privacy(ctx context.Context) error {
	var wrong wrongs
	ann, ben := t.client(), t.client()
	id, err := t.product(ctx, ann, 0)
	if err != nil {
		return err
	}
	for _, c := range []*client{ann, ben} {
		if err := need(c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 1}), http.StatusOK, "an add"); err != nil {
			return err
		}
	}
	bought := ann.ask(ctx, http.MethodPost, "/api/checkout/process", t.order(), "Idempotency-Key", uuid.NewString())
	if err := takesOrders(bought); err != nil {
		return err
	}
	path := "/api/checkout/orders/" + url.PathEscape(bought.text("order", "id"))
	for who, c := range map[string]*client{"another shopper": ben, "somebody new": t.client()} {
		if got := c.ask(ctx, http.MethodGet, path, nil); got.Status == http.StatusOK || strings.Contains(string(got.Body), t.mark) {
			wrong.add("%s reads an order: %s", who, got)
		}
	}
	lines := ben.ask(ctx, http.MethodGet, "/api/cart/", nil)
	line := url.PathEscape(lines.text("cart", "items", 0, "id"))
	ann.ask(ctx, http.MethodDelete, "/api/cart/remove/"+line, nil)
	if held := quantities(ben.ask(ctx, http.MethodGet, "/api/cart/", nil)); held[id] != 1 {
		wrong.add("another shopper took a line out of a cart, which holds %v", held)
	}
	return wrong.err()
}

// account makes an account whose client is signed in. A shop lets an address make few of them.
func (t *trial) account(ctx context.Context, name string) (*client, object, error) {
	c := t.client()
	who := object{"username": t.mark + name, "email": t.mark + name + "@mail.example", "password": "correct horse " + t.mark}
	got := c.ask(ctx, http.MethodPost, "/auth/register", who)
	if got.Status == http.StatusTooManyRequests {
		return nil, nil, notTried("too many accounts were made of late: " + got.String())
	}
	return c, who, need(got, http.StatusCreated, "an account")
}

func (t *trial) sessions(ctx context.Context) error {
	var wrong wrongs
	c, who, err := t.account(ctx, "ann")
	if err != nil {
		return err
	}
	is := func(c *client, when, want string) {
		for server := range t.bases {
			got := c.askAt(ctx, server, http.MethodGet, "/auth/current-user", nil)
			if name := got.text("user", "username"); name != want || (want == "") != (got.Status == http.StatusUnauthorized) {
				wrong.add("%s they are %q at server %d, and should be %q: %s", when, name, server+1, want, got)
			}
		}
	}
	name, _ := who["username"].(string)
	is(c, "having registered", name)
	// Somebody else has the same cookies.
	copied := t.client()
	copied.http.Jar.SetCookies(nil, c.http.Jar.Cookies(nil))
	is(copied, "with the same cookie", name)
	if got := c.ask(ctx, http.MethodPost, "/auth/logout", nil); got.Status != http.StatusNoContent {
		wrong.add("signing out: %s", got)
	}
	is(c, "having signed out", "")
	is(copied, "with a cookie of a session that was signed out", "")
	if got := c.ask(ctx, http.MethodPost, "/auth/login", object{"username": name, "password": "wrong"}); got.Status != http.StatusUnauthorized {
		wrong.add("a wrong password: %s", got)
	}
	is(c, "after a wrong password", "")
	if got := c.ask(ctx, http.MethodPost, "/auth/login", object{"username": name, "password": who["password"]}); got.Status != http.StatusOK {
		wrong.add("the right one: %s", got)
	}
	is(c, "having signed in", name)
	return wrong.err()
}

func (t *trial) conversation(ctx context.Context) error {
	var wrong wrongs
	c := t.client()
	ids, seqs := []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}, map[string]int{}
	for i, id := range ids {
		for again := range 2 {
			got := c.askAt(ctx, i+again, http.MethodPost, "/api/chat/messages", object{"client_id": id, "body": fmt.Sprintf("%s says %d", t.mark, i)})
			if got.Status != http.StatusCreated && got.Status != http.StatusOK {
				return fmt.Errorf("a message: %s", got)
			}
			seq := got.number("message", "seq")
			if before, ok := seqs[id]; ok && before != seq {
				wrong.add("message %d came again as %d", before, seq)
			}
			seqs[id] = seq
		}
	}
	for server := range t.bases {
		got := c.askAt(ctx, server, http.MethodGet, "/api/chat/messages", nil)
		messages, _ := got.at("messages").([]any)
		heard := map[string]int{}
		for i := range messages {
			if seq := got.number("messages", i, "seq"); seq != i+1 {
				wrong.add("message %d is where %d belongs", seq, i+1)
			}
			heard[got.text("messages", i, "client_id")]++
		}
		for i, id := range ids {
			if heard[id] != 1 {
				wrong.add("message %d is there %d times: %s", i+1, heard[id], got)
			}
		}
	}
	return wrong.err()
}

func (t *trial) twoServers(ctx context.Context) error {
	if len(t.bases) < 2 {
		return notTried("one address was given")
	}
	var wrong wrongs
	c := t.client()
	id, err := t.product(ctx, c, 0)
	if err != nil {
		return err
	}
	for n := 1; n <= 10; n++ {
		writer := n % 2
		if got := c.askAt(ctx, writer, http.MethodPost, "/api/cart/add", object{"product_id": id, "quantity": 1}); got.Status != http.StatusOK {
			return fmt.Errorf("an add: %s", got)
		}
		if held := quantities(c.askAt(ctx, 1-writer, http.MethodGet, "/api/cart/", nil)); held[id] != n {
			wrong.add("server %d acknowledged a cart with %d, and server %d shows one with %d", writer+1, n, 2-writer, held[id])
		}
	}
	c.askAt(ctx, 0, http.MethodPost, "/api/wishlist/add", object{"product_id": id})
	if got := c.askAt(ctx, 1, http.MethodGet, "/api/wishlist/", nil); !strings.Contains(string(got.Body), id) {
		wrong.add("a wish is not at the other server: %s", got)
	}
	bought := c.askAt(ctx, 0, http.MethodPost, "/api/checkout/process", t.order(), "Idempotency-Key", uuid.NewString())
	if err := takesOrders(bought); err != nil {
		wrong.add("%v", err)
	} else if got := c.askAt(ctx, 1, http.MethodGet, "/api/checkout/orders/"+url.PathEscape(bought.text("order", "id")), nil); got.Status != http.StatusOK {
		wrong.add("an order is not at the other server: %s", got)
	}
	return wrong.err()
}

func (t *trial) staffOnly(ctx context.Context) error {
	var wrong wrongs
	c := t.client()
	c.ask(ctx, http.MethodPost, "/api/chat/messages", object{"client_id": uuid.NewString(), "body": t.mark})
	good := t.goodBodies("")
	for path, item := range t.contract.Paths.Map() {
		if !strings.HasPrefix(path, "/api/support/") {
			continue
		}
		for method, operation := range item.Operations() {
			var body any
			if operation.RequestBody != nil {
				body = good[method+" "+path]
			}
			for _, who := range []*client{c, t.client()} {
				got := who.ask(ctx, method, strings.ReplaceAll(path, "{id}", "x"), body)
				if got.Status != http.StatusUnauthorized && got.Status != http.StatusForbidden {
					wrong.add("%s %s to a shopper: %s", method, path, got)
				}
			}
		}
	}
	return wrong.err()
}

func (t *trial) staffs(ctx context.Context) error {
	if t.staff == "" {
		return notTried("no -staff was given")
	}
	var wrong wrongs
	desk, c := t.client(), t.client()
	if got := desk.ask(ctx, http.MethodPost, "/auth/login", object{"username": t.staff, "password": t.password}); got.Status != http.StatusOK {
		return notTried("the staff's password is not taken: " + got.String())
	}
	said := c.ask(ctx, http.MethodPost, "/api/chat/messages", object{"client_id": uuid.NewString(), "body": t.mark + " asks"})
	conversation := "/api/support/conversations/" + url.PathEscape(said.text("message", "conversation"))
	if got := desk.ask(ctx, http.MethodGet, conversation+"/messages", nil); !strings.Contains(string(got.Body), t.mark+" asks") {
		wrong.add("the staff do not hear a question: %s", got)
	}
	if got := desk.ask(ctx, http.MethodPost, conversation+"/messages", object{"client_id": uuid.NewString(), "body": t.mark + " answers"}); got.Status != http.StatusCreated {
		wrong.add("the staff cannot answer: %s", got)
	}
	if got := c.ask(ctx, http.MethodGet, "/api/chat/messages", nil); !strings.Contains(string(got.Body), t.mark+" answers") {
		wrong.add("the shopper does not hear an answer: %s", got)
	}
	if got := desk.ask(ctx, http.MethodPost, conversation+"/close", nil); got.Status != http.StatusOK {
		wrong.add("the staff cannot close a conversation: %s", got)
	}
	return wrong.err()
}

// everything is all that is a visitor's.
func (t *trial) everything(ctx context.Context, c *client) []string {
	var all []string
	for _, path := range []string{"/api/cart/", "/api/wishlist/", "/api/checkout/orders", "/api/chat/messages", "/auth/current-user"} {
		got := c.ask(ctx, http.MethodGet, path, nil)
		delete(got.JSON, "request_id") // of a refusal
		all = append(all, fmt.Sprint(got.Status, got.JSON))
	}
	return slices.Clip(all)
}
