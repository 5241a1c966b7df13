package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// write is a call that changes something, and a body that it takes.
type write struct {
	method, path string
	good         object
}

// writes are all calls that take a body; line is a line of the cart, and conversation is the id of one.
func writes(line, conversation string) []write {
	return []write{
		{"POST", "/auth/register", registration("somebody")},
		{"POST", "/auth/login", object{"username": "jane", "password": "correct horse"}},
		{"POST", "/auth/password", object{"current": "correct horse", "new": "battery staple"}},
		{"POST", "/api/cart/add", object{"product_id": lamp.ID, "quantity": 1}},
		{"PUT", "/api/cart/update/" + line, object{"quantity": 3}},
		{"POST", "/api/wishlist/add", object{"product_id": desk.ID}},
		{"POST", "/api/checkout/process", purchase(goodCard)},
		{"POST", "/api/contact", with(letter(), object{"phone": "+1 503 555 0100", "call_back": true})},
		{"POST", "/api/chat/messages", object{"client_id": "m-1", "body": "Does it pour?"}},
		{"POST", "/api/chat/read", object{"seq": 1}},
		{"POST", "/api/support/conversations/" + conversation + "/messages", object{"client_id": "m-2", "body": "It does."}},
		{"POST", "/api/support/conversations/" + conversation + "/read", object{"seq": 1}},
	}
}

// witness is a shop with a member who has all that can be lost, to see that nothing is.
type witness struct {
	*shop
	member       *visitor
	line         string
	conversation string
	before       []any
}

func newWitness(t *testing.T) *witness {
	s := open(t, quick)
	v := s.staff("jane")
	v.add(desk, 1)
	v.buy(goodCard, "key-1").is(http.StatusCreated)
	v.add(lamp, 2)
	v.wish(lamp)
	conversation := v.say("m-0", "Hello?").at("message", "conversation").(string)
	return &witness{s, v, v.line(), conversation, s.everything(v)}
}

// refuses sends a request as a member and as somebody new, and says how it was
// refused; the test fails if it changed anything or began a session.
func (w *witness) refuses(t *testing.T, method, path string, body any, headers http.Header, check func(reply)) {
	t.Helper()
	for _, v := range []*visitor{w.member, w.visitor()} {
		before := v.cookie()
		refused := v.sendWith(method, path, body, headers)
		refused.t = t
		check(refused)
		assert.Empty(t, refused.Header.Values("Set-Cookie"))
		assert.Equal(t, before, v.cookie())
		assert.Equal(t, "no-store", refused.Header.Get("Cache-Control"))
	}
	assert.Equal(t, w.before, w.everything(w.member), "nothing changed")
}

func TestWrites_AreAllTried(t *testing.T) {
	var taken []string
	for path, item := range document().Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody != nil {
				taken = append(taken, method+" "+path)
			}
		}
	}
	var tried []string
	for _, call := range writes("{id}", "{id}") {
		tried = append(tried, call.method+" "+call.path)
	}
	assert.ElementsMatch(t, taken, tried)
}

func TestWrites_TakeTheirGoodBodies(t *testing.T) {
	for _, call := range writes("{line}", "{conversation}") {
		t.Run(call.path, func(t *testing.T) {
			w := newWitness(t)
			call.path = strings.NewReplacer("{line}", w.line, "{conversation}", w.conversation).Replace(call.path)
			got := w.member.send(call.method, call.path, call.good, "Content-Type", `Application/JSON; charset="UTF-8"`)
			assert.Less(t, got.Status, 300, got.Body)
		})
	}
}

func TestWrites_RefuseWhatIsNotJSON(t *testing.T) {
	w := newWitness(t)
	for _, call := range writes(w.line, w.conversation) {
		text, err := json.Marshal(call.good)
		require.NoError(t, err)
		good := string(text)
		inside := strings.TrimSuffix(good, "}")
		name := slices.Sorted(maps.Keys(call.good))[0]
		twice := fmt.Sprintf(`{%q:1,%s`, name, good[1:])
		for name, body := range map[string]string{
			"nothing":                     "",
			"spaces":                      " \n\t",
			"words":                       "quantity=1&product_id=p-lamp",
			"markup":                      "<cart/>",
			"half":                        inside,
			"more than an object":         good + "}",
			"words behind it":             good + " and so on",
			"two objects":                 good + good,
			"two lines of objects":        good + "\n" + good,
			"a comma too many":            inside + ",}",
			"a comment":                   good + "// yes",
			"single quotes":               strings.ReplaceAll(good, `"`, `'`),
			"a name without quotes":       inside + `,more:1}`,
			"not a number":                inside + `,"more":NaN}`,
			"infinity":                    inside + `,"more":Infinity}`,
			"a leading zero":              inside + `,"more":01}`,
			"a plus":                      inside + `,"more":+1}`,
			"hexadecimal":                 inside + `,"more":0x1}`,
			"a byte order mark":           "\xef\xbb\xbf" + good,
			"UTF-16":                      "\xff\xfe{\x00}\x00",
			"invalid UTF-8":               inside + ",\"more\":\"\xff\"}",
			"an overlong slash":           inside + ",\"more\":\"\xc0\xaf\"}",
			"a surrogate in UTF-8":        inside + ",\"more\":\"\xed\xa0\x80\"}",
			"half a surrogate pair":       inside + `,"more":"\ud83d"}`,
			"the other half":              inside + `,"more":"\ude00"}`,
			"two high halves":             inside + `,"more":"\ud83d\ud83d"}`,
			"half a pair in a name":       inside + `,"\udead":1}`,
			"a NUL byte":                  inside + ",\"more\":\"a\x00b\"}",
			"a NUL byte behind it":        good + "\x00",
			"a line break in a string":    inside + ",\"more\":\"a\nb\"}",
			"an unknown escape":           inside + `,"more":"\x41"}`,
			"a name twice":                twice,
			"a name twice, once escaped":  inside + `,"a":1,"\u0061":2}`,
			"a name twice deep within":    inside + `,"more":{"a":1,"a":2}}`,
			"a name twice within a list":  inside + `,"more":[{"a":1,"a":2}]}`,
			"deep lists":                  strings.Repeat("[", 100_000),
			"deep lists, closed":          strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
			"deep objects":                strings.Repeat(`{"a":`, 100_000),
			"deep objects, closed":        strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
			"a field a hundred thousand":  inside + `,"more":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}",
			"a field thirty-three levels": inside + `,"more":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + "}",
		} {
			t.Run(call.path+" "+name, func(t *testing.T) {
				w.refuses(t, call.method, call.path, body, nil, func(a reply) {
					a.fails(http.StatusBadRequest, "malformed_body")
				})
			})
		}
	}
}

func TestWrites_RefuseWhatIsNoObject(t *testing.T) {
	w := newWitness(t)
	for _, call := range writes(w.line, w.conversation) {
		for _, body := range []string{"null", "true", "0", "1e400", `""`, `"quantity"`, "[]", `[{"quantity":1}]`, strings.Repeat("[", 20) + strings.Repeat("]", 20)} {
			t.Run(call.path+" "+body, func(t *testing.T) {
				w.refuses(t, call.method, call.path, body, nil, func(a reply) { a.faults("body") })
			})
		}
	}
}

// optional are the fields of all writes that need not be given.
var optional = []string{"email", "shipping_address.line2", "shipping_address.region", "shipping_address.phone", "phone", "call_back"}

func TestWrites_RefuseFieldsThatDoNotFit(t *testing.T) {
	w := newWitness(t)
	for _, call := range writes(w.line, w.conversation) {
		for _, path := range fields(call.good, "") {
			isOptional := slices.Contains(optional, path) && (path != "email" || call.path == "/api/checkout/process")
			bad := map[string]any{
				"a list": list{}, "a list of one": list{at(call.good, path)}, "a null in a list": list{nil}, "a fraction": json.Number("1.5"),
				"an exponent": json.Number("1e2"), "a whole number with a point": json.Number("2.0"), "beyond all numbers": json.Number("1e999999"),
			}
			if !isOptional {
				bad["nothing"], bad["null"] = missing, nil
			}
			switch at(call.good, path).(type) {
			case object:
				bad["text"], bad["a number"], bad["a truth"] = "text", 1, true
			case bool:
				bad["text"], bad["a number"], bad["an object"] = "true", 1, object{}
			case int:
				bad["text"], bad["a truth"], bad["an object"] = "1", true, object{"amount": 1}
			default:
				bad["a number"], bad["a truth"], bad["an object"] = 1, true, object{"text": "text"}
				bad["a NUL"], bad["a bell"], bad["a C1 control"] = "a\x00b", "\a", "a\u0085b"
				bad["a NUL alone"] = "\x00"
			}
			for name, value := range bad {
				t.Run(fmt.Sprintf("%s %s: %s", call.path, path, name), func(t *testing.T) {
					body := put(call.good, path, value)
					w.refuses(t, call.method, call.path, body, nil, func(a reply) {
						a.fails(http.StatusUnprocessableEntity, "validation_failed")
						assert.Contains(t, a.at("fields"), path)
						assert.Len(t, a.at("fields"), 1)
					})
				})
			}
		}
	}
}

func TestWrites_RefuseFieldsThatTheyDoNotKnow(t *testing.T) {
	w := newWitness(t)
	for _, call := range writes(w.line, w.conversation) {
		inside := []string{""}
		for _, path := range fields(call.good, "") {
			if _, ok := at(call.good, path).(object); ok {
				inside = append(inside, path+".")
			}
		}
		for _, prefix := range inside {
			for _, name := range []string{"more", "", "__proto__", "price", "owner", "NUL\x00", "ключ"} {
				for _, value := range []any{1, nil, object{"more": 1}, list{object{}}} {
					t.Run(fmt.Sprintf("%s %s%q %v", call.path, prefix, name, value), func(t *testing.T) {
						body := put(call.good, prefix+name, value)
						w.refuses(t, call.method, call.path, body, nil, func(a reply) { a.faults(prefix + name) })
					})
				}
			}
		}
		for _, path := range fields(call.good, "") {
			t.Run(call.path+" "+path+" in another case", func(t *testing.T) {
				at := strings.LastIndex(path, ".") + 1
				body := put(call.good, path[:at]+strings.ToUpper(path[at:]), 1)
				w.refuses(t, call.method, call.path, body, nil, func(a reply) { a.faults(path[:at] + strings.ToUpper(path[at:])) })
			})
		}
		t.Run(call.path+" one that is very long", func(t *testing.T) {
			body := put(call.good, strings.Repeat("é", 100_000), 1)
			w.refuses(t, call.method, call.path, body, nil, func(a reply) { a.faults(strings.Repeat("é", 32) + "…") })
		})
		t.Run(call.path+" ten thousand of them", func(t *testing.T) {
			body := maps.Clone(call.good)
			for i := range 10_000 {
				body[fmt.Sprintf("more-%d", i)] = i
			}
			w.refuses(t, call.method, call.path, body, nil, func(a reply) {
				a.fails(http.StatusUnprocessableEntity, "validation_failed")
				assert.Less(t, len(a.Body), 4096, "the answer does not grow with the mistake")
			})
		})
	}
}

func TestWrites_RefuseQuantitiesThatMakeNoSense(t *testing.T) {
	w := newWitness(t)
	for _, number := range []string{
		"0", "-0", "-1", "-99", "100", "2147483647", "2147483648", "-2147483649", "4294967297", "9223372036854775807", "9223372036854775808",
		"-9223372036854775808", "-9223372036854775809", "18446744073709551617", strings.Repeat("9", 1000), "-" + strings.Repeat("9", 1000),
		"0.5", "1.0", "1.5", "-1.5", "99.9999999999999999999", "1e0", "1e1", "1E1", "10e-1", "1e400", "1e-400", "1e999999999",
		`"1"`, `""`, `" 1"`, `"1.0"`, "true", "false", "null", "[]", "[1]", "{}", `{"value":1}`,
	} {
		t.Run(fmt.Sprintf("%.30s", number), func(t *testing.T) {
			w.refuses(t, "POST", "/api/cart/add", `{"product_id":"p-lamp","quantity":`+number+`}`, nil, func(a reply) { a.faults("quantity") })
			// Somebody new has no such line, which counts for more than how many it should hold.
			before := w.member.cookie()
			w.member.put("/api/cart/update/"+w.line, `{"quantity":`+number+`}`).faults("quantity")
			assert.Equal(t, before, w.member.cookie())
			assert.Equal(t, w.before, w.everything(w.member))
		})
	}
}

func TestWrites_RefuseProductsThatAreNot(t *testing.T) {
	w := newWitness(t)
	for name, id := range map[string]string{
		"nothing": "", "a space": " ", "unknown": "p-none", "in another case": "P-LAMP", "with a space": "p-lamp ", "long": strings.Repeat("a", 100_000),
		"a quote": "p-lamp' OR '1'='1", "a wildcard": "%", "a path": "../p-lamp", "a line break": "p-lamp\n", "an emoji": "💡", "a list": "p-lamp,p-desk",
	} {
		t.Run(name, func(t *testing.T) {
			notThere := func(a reply) { a.fails(http.StatusNotFound, "not_found") }
			w.refuses(t, "POST", "/api/cart/add", object{"product_id": id, "quantity": 1}, nil, notThere)
			w.refuses(t, "POST", "/api/wishlist/add", object{"product_id": id}, nil, notThere)
		})
	}
}

func TestWrites_RefuseIDsThatAreNot(t *testing.T) {
	w := newWitness(t)
	odd := maps.Clone(oddIDs)
	odd["a product's"], odd["a wish's"] = "p-lamp", w.member.get("/api/wishlist/").at("items", 0, "id").(string)
	for name, id := range odd {
		t.Run(name, func(t *testing.T) {
			notThere := func(a reply) { a.fails(http.StatusNotFound, "not_found") }
			w.refuses(t, "PUT", "/api/cart/update/"+id, object{"quantity": 1}, nil, notThere)
			w.refuses(t, "DELETE", "/api/cart/remove/"+id, nil, nil, notThere)
			if name != "a wish's" {
				w.refuses(t, "DELETE", "/api/wishlist/remove/"+id, nil, nil, notThere)
			}
		})
	}
	t.Run("a line's is no wish", func(t *testing.T) {
		w.refuses(t, "DELETE", "/api/wishlist/remove/"+w.line, nil, nil, func(a reply) { a.fails(http.StatusNotFound, "not_found") })
	})
}

func TestWrites_RefuseOtherContentTypes(t *testing.T) {
	w := newWitness(t)
	for _, call := range writes(w.line, w.conversation) {
		for name, types := range map[string][]string{
			"none": {}, "an empty one": {""}, "text": {"text/plain"}, "text that is JSON": {"text/json"}, "a form": {"application/x-www-form-urlencoded"},
			"a form in parts": {"multipart/form-data; boundary=x"}, "anything": {"*/*"}, "a problem": {"application/problem+json"}, "nonsense": {"json"},
			"in Latin 1": {"application/json; charset=iso-8859-1"}, "in UTF-16": {"application/json; charset=utf-16"}, "with a wish": {"application/json; q=1"},
			"two": {"application/json", "text/plain"}, "twice": {"application/json", "application/json"}, "two in one": {"application/json, text/plain"},
			"not closed": {`application/json; charset="utf-8`},
		} {
			t.Run(call.path+" "+name, func(t *testing.T) {
				w.refuses(t, call.method, call.path, call.good, http.Header{"Content-Type": types}, func(a reply) {
					a.fails(http.StatusUnsupportedMediaType, "unsupported_media_type")
				})
			})
		}
	}
}

func TestWrites_RefuseTooMuch(t *testing.T) {
	w := newWitness(t)
	const limit = 1 << 20
	for _, call := range writes(w.line, w.conversation) {
		text, err := json.Marshal(call.good)
		require.NoError(t, err)
		for name, body := range map[string]string{
			"ten megabytes":               `{"more":"` + strings.Repeat("a", 10<<20) + `"}`,
			"a byte more than a mebibyte": string(text) + strings.Repeat(" ", limit+1-len(text)),
			"too many brackets":           strings.Repeat("[", limit+1),
			"too many NULs":               strings.Repeat("\x00", limit+1),
		} {
			t.Run(call.path+" "+name, func(t *testing.T) {
				w.refuses(t, call.method, call.path, body, nil, func(a reply) { a.fails(http.StatusRequestEntityTooLarge, "too_large") })
			})
		}
	}
	t.Run("a mebibyte is not too much", func(*testing.T) {
		text := `{"product_id":"p-lamp","quantity":1}`
		w.visitor().post("/api/cart/add", text+strings.Repeat(" ", limit-len(text))).is(http.StatusOK)
	})
}

func TestWrites_RefuseAnotherSite(t *testing.T) {
	w := newWitness(t)
	calls := append(writes(w.line, w.conversation),
		write{"DELETE", "/api/cart/remove/" + w.line, nil},
		write{"DELETE", "/api/wishlist/remove/" + w.member.get("/api/wishlist/").at("items", 0, "id").(string), nil},
		write{"POST", "/auth/logout", nil})
	for _, call := range calls {
		var body any
		if call.good != nil {
			body = call.good
		}
		for name, headers := range map[string]http.Header{
			"as a browser says it":     {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			"a neighbour":              {"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://other.shop.test"}},
			"as an old browser says":   {"Origin": {"https://evil.example"}},
			"another port":             {"Origin": {"http://shop.test:8081"}},
			"a page without an origin": {"Origin": {"null"}},
		} {
			t.Run(call.path+" "+name, func(t *testing.T) {
				w.refuses(t, call.method, call.path, body, headers, func(a reply) { a.fails(http.StatusForbidden, "cross_site") })
			})
		}
	}
	t.Run("but not what only reads", func(*testing.T) {
		w.member.get("/api/cart/", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").is(http.StatusOK)
	})
	t.Run("nor the shop's own pages", func(*testing.T) {
		w.visitor().post("/api/cart/add", object{"product_id": lamp.ID, "quantity": 1}, "Sec-Fetch-Site", "same-origin", "Origin", "http://shop.test").is(http.StatusOK)
		w.visitor().post("/api/cart/add", object{"product_id": lamp.ID, "quantity": 1}, "Origin", "http://shop.test").is(http.StatusOK)
	})
}

func TestCalls_RefuseOtherMethods(t *testing.T) {
	w := newWitness(t)
	for path, item := range document().Paths.Map() {
		if path == "/health" || path == "/ready" {
			continue
		}
		allowed := slices.Collect(maps.Keys(item.Operations()))
		if item.Get != nil {
			allowed = append(allowed, http.MethodHead)
		}
		path := strings.ReplaceAll(path, "{id}", w.line)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CART"} {
			if slices.Contains(allowed, method) {
				continue
			}
			t.Run(method+" "+path, func(t *testing.T) {
				w.refuses(t, method, path, nil, nil, func(a reply) {
					if method == http.MethodHead {
						a.is(http.StatusMethodNotAllowed)
					} else {
						a.fails(http.StatusMethodNotAllowed, "method_not_allowed")
					}
					assert.ElementsMatch(t, allowed, strings.Split(a.Header.Get("Allow"), ", "))
				})
			})
		}
	}
}

func TestCalls_UnknownAddresses(t *testing.T) {
	w := newWitness(t)
	for _, path := range []string{
		"/api", "/api/", "/api/nothing", "/api/v2/cart/", "/api/cart/add/more", "/api/cart/nothing", "/api/cart/update/", "/api/cart/remove/",
		"/api/wishlist/remove/", "/api/checkout", "/api/checkout/", "/api/checkout/orders/a/b", "/api/products/a/b", "/api/products/a%2Fb",
		"/auth/", "/auth/nothing", "/auth/login/", "/api/contact/",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			t.Run(method+" "+path, func(t *testing.T) {
				w.refuses(t, method, path, nil, nil, func(a reply) { a.fails(http.StatusNotFound, "not_found") })
			})
		}
	}
}

func TestWrites_ABodyWhereNoneIsAskedForIsPassedOver(t *testing.T) {
	for _, body := range []string{"not JSON", `{"quantity":-1}`, strings.Repeat("[", 1000), "\x00\xff"} {
		s := open(t)
		v := s.member("jane")
		v.add(lamp, 1)
		wish := v.wish(lamp).at("items", 0, "id").(string)
		v.send("DELETE", "/api/cart/remove/"+v.line(), body).is(http.StatusOK)
		v.send("DELETE", "/api/wishlist/remove/"+wish, body).is(http.StatusOK)
		v.post("/auth/logout", body).is(http.StatusNoContent)
	}
}

// missing stands for a field that is left out.
var missing = struct{}{}

// fields are the dotted paths of all that is in o.
func fields(o object, prefix string) []string {
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		paths = append(paths, prefix+name)
		if nested, ok := o[name].(object); ok {
			paths = append(paths, fields(nested, prefix+name+".")...)
		}
	}
	return paths
}

// at is what stands in o at a dotted path.
func at(o object, path string) any {
	name, rest, ok := strings.Cut(path, ".")
	if ok {
		return at(o[name].(object), rest)
	}
	return o[name]
}

// put is o with value at a dotted path.
func put(o object, path string, value any) object {
	name, rest, ok := strings.Cut(path, ".")
	changed := maps.Clone(o)
	switch {
	case ok:
		changed[name] = put(o[name].(object), rest, value)
	case value == missing:
		delete(changed, name)
	default:
		changed[name] = value
	}
	return changed
}
