package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"

	"eshop/test/contract"
)

// goodBodies are what the calls that take a body take. A call that is not here is told of as not tried.
func (t *trial) goodBodies(product string) map[string]object {
	return map[string]object{
		"POST /auth/register":                           {"username": t.mark + "never", "email": t.mark + "never@mail.example", "password": "correct horse"},
		"POST /auth/login":                              {"username": t.mark + "never", "password": "correct horse"},
		"POST /auth/password":                           {"current": "correct horse", "new": "battery staple"},
		"POST /api/cart/add":                            {"product_id": product, "quantity": 1},
		"PUT /api/cart/update/{id}":                     {"quantity": 3},
		"POST /api/wishlist/add":                        {"product_id": product},
		"POST /api/checkout/process":                    t.order(),
		"POST /api/contact":                             {"name": t.mark, "email": t.mark + "@mail.example", "subject": t.mark, "message": "Nobody needs to answer."},
		"POST /api/chat/messages":                       {"client_id": uuid.NewString(), "body": t.mark},
		"POST /api/chat/read":                           {"seq": 1},
		"POST /api/support/conversations/{id}/messages": {"client_id": uuid.NewString(), "body": t.mark},
		"POST /api/support/conversations/{id}/read":     {"seq": 1},
	}
}

// strange are values that stand where others belong.
var strange = []any{
	nil, true, 0, -1, 1.5, 1e30, "", " ", "\x00", "a\x00b", "\u202e", "9", strings.Repeat("x", 70_000), []any{}, []any{object{}}, object{}, object{"amount": 1},
}

// texts are bodies that are no object of JSON.
func texts(good string) []string {
	inside := strings.TrimSuffix(good, "}")
	return []string{
		"", " ", "null", "true", "1", `"text"`, "[]", "[" + good + "]", inside, good + "}", good + good, inside + ",}", inside + `,"more":NaN}`, inside + ",\"more\":\"\xff\"}",
		inside + `,"more":"\ud800"}`, "\xef\xbb\xbf" + good, "quantity=1&product_id=x", "<xml/>", strings.Repeat("[", 20_000), strings.Repeat(`{"a":`, 20_000),
	}
}

// badIDs are no ids of anything.
var badIDs = []string{"nothing", "%00", "%ff", "..%2f..%2fetc%2fpasswd", "%27%20OR%201=1--", "%F0%9F%9B%92", strings.Repeat("x", 300), "0", "-1", "null"}

// badQueries are no questions to a list.
var badQueries = []string{
	"page=0", "page=-1", "page=x", "page=1e9", "page=99999999999999999999", "per_page=0", "per_page=100000", "min_price=-1", "min_price=x", "min_price=99999999999999999999",
	"max_price=NaN", "in_stock=maybe", "sort=chance", "after=-1", "after=x", "after=99999999999999999999", "q=" + strings.Repeat("x", 3000), "q=%00", "q=%ff", "category=%00", "kind=" + strings.Repeat("y", 300),
}

func (t *trial) badInput(ctx context.Context) error {
	var wrong wrongs
	c := t.client()
	product, err := t.product(ctx, c, 0)
	if err != nil {
		return err
	}
	added := c.ask(ctx, http.MethodPost, "/api/cart/add", object{"product_id": product, "quantity": 2})
	if err := need(added, http.StatusOK, "an add"); err != nil {
		return err
	}
	line := added.text("cart", "items", 0, "id")
	before := t.everything(ctx, c)
	refused := func(what string, got reply) {
		if got.Status < 400 || got.Status >= 500 {
			wrong.add("%s: %s", what, got)
		}
	}
	good := t.goodBodies(product)
	for path, item := range t.contract.Paths.Map() {
		at := strings.ReplaceAll(path, "{id}", line)
		for method, operation := range item.Operations() {
			what := method + " " + path
			if strings.HasPrefix(path, "/ws/") {
				continue // which are no calls
			}
			if strings.Contains(path, "{id}") {
				for _, id := range badIDs {
					var body any
					if operation.RequestBody != nil {
						body = good[what]
					}
					refused(what+" of "+id, c.once(ctx, 0, method, strings.ReplaceAll(path, "{id}", id), body))
				}
			}
			if method == http.MethodGet {
				for _, query := range badQueries {
					if got := c.once(ctx, 0, method, at+"?"+query, nil); got.Status >= 500 {
						wrong.add("%s?%.100s: %s", what, query, got)
					}
				}
			}
			if operation.RequestBody == nil {
				continue
			}
			body, ok := good[what]
			if !ok {
				wrong.add("%s takes a body that conform does not know", what)
				continue
			}
			text, err := json.Marshal(body)
			if err != nil {
				return err
			}
			for _, bad := range texts(string(text)) {
				refused(fmt.Sprintf("%s with %.60q", what, bad), c.once(ctx, 0, method, at, bad))
			}
			for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense"} {
				refused(what+" as "+kind, c.once(ctx, 0, method, at, string(text), "Content-Type", kind))
			}
			schema := contract.Pointer("paths", path, strings.ToLower(method), "requestBody", "content", "application/json", "schema")
			for _, bad := range variants(body) {
				if t.contract.Fits(schema, plain(bad)) != nil {
					refused(fmt.Sprintf("%s with %.150s", what, asText(bad)), c.once(ctx, 0, method, at, bad))
				}
			}
		}
		for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodPost, http.MethodDelete} {
			if item.GetOperation(method) == nil {
				refused("what is not in the document: "+method+" "+path, c.once(ctx, 0, method, at, object{}))
			}
		}
	}
	if after := t.everything(ctx, c); !reflect.DeepEqual(before, after) {
		wrong.add("something changed: before %v, after %v", before, after)
	}
	return wrong.err()
}

// variants are bodies that differ from the good one in one member: it is missing, strange, or one too many. Members of
// members are taken, too.
func variants(good object) []object {
	all := []object{with(good, "unknown", 1), with(good, strings.Repeat("n", 300), "x")}
	for _, name := range slices.Sorted(maps.Keys(good)) {
		without := maps.Clone(good)
		delete(without, name)
		all = append(all, without)
		for _, value := range strange {
			all = append(all, with(good, name, value))
		}
		if inner, ok := good[name].(object); ok {
			for _, v := range variants(inner) {
				all = append(all, with(good, name, v))
			}
		}
	}
	return all
}

func with(of object, name string, value any) object {
	changed := maps.Clone(of)
	changed[name] = value
	return changed
}

// plain is what v is once it went through JSON.
func plain(v any) (read any) {
	text, _ := json.Marshal(v) // made of texts and numbers
	_ = json.Unmarshal(text, &read)
	return read
}

func asText(v any) string {
	text, _ := json.Marshal(v) // made of texts and numbers
	return string(text)
}
