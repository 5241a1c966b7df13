package page_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/web/page"
)

// acts are the lines of the log that tell of an act or a refusal, after those of before.
func (s *shop) acts(before string) []string {
	lines := strings.Split(strings.TrimPrefix(s.Log.String(), before), "\n")
	return slices.DeleteFunc(lines, func(line string) bool {
		return !strings.Contains(line, "msg=act ") && !strings.Contains(line, "msg=refused ")
	})
}

// requireAct demands one line with all of it.
func requireAct(t *testing.T, lines []string, parts ...string) {
	t.Helper()
	found := slices.ContainsFunc(lines, func(line string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line+" ", " "+part+" ") })
	})
	require.True(t, found, "no line with %q among %q", parts, lines)
	for _, line := range lines {
		assert.Contains(t, line, " request_id=")
		assert.Contains(t, line, " address=192.0.2.7")
	}
}

func TestStaff_EachActIsTold(t *testing.T) {
	s := open(t)
	b := s.staff()
	shopper := s.visitor()
	orders := make([]string, 2)
	for i := range orders {
		shopper.add(lamp, 1)
		orders[i] = strings.TrimPrefix(shopper.buy(), "/orders/")
	}
	shopper.post("/contact", letter(url.Values{})).leadsTo("/contact?done=sent")
	letterID, conversation := string(s.messages()[0].ID), shopper.write("Hello?")
	edit := b.get("/admin/products/p-cup").form("/admin/products/p-cup/edit")

	type act struct {
		path string
		form url.Values
		what string
		on   string
	}
	acts := map[string][]act{
		"/admin/orders/{number}": {
			{"/admin/orders/" + orders[0], url.Values{"status": {"shipped"}}, "order_shipped", orders[0]},
			{"/admin/orders/" + orders[0], url.Values{"status": {"delivered"}}, "order_delivered", orders[0]},
			{"/admin/orders/" + orders[1], url.Values{"status": {"refunded"}}, "order_refunded", orders[1]},
		},
		"/admin/orders/{number}/settle": {{"/admin/orders/" + s.pending() + "/settle", url.Values{}, "order_cancelled", "order-1"}},
		"/admin/products/new":           {{"/admin/products/new", b.mug(), "product_added", ""}},
		"/admin/products/{id}/edit":     {{"/admin/products/p-cup/edit", with(edit, "name", "Red Cup"), "product_changed", "p-cup"}},
		"/admin/products/{id}":          {{"/admin/products/p-lamp", url.Values{"price": {"15.00"}}, "price_changed", "p-lamp"}, {"/admin/products/p-lamp", url.Values{"delta": {"3"}}, "stock_changed", "p-lamp"}},
		"/admin/products/{id}/remove":   {{"/admin/products/p-rug/remove", url.Values{}, "product_removed", "p-rug"}},
		"/admin/messages/{id}/done":     {{"/admin/messages/" + letterID + "/done", url.Values{}, "message_finished", letterID}},
		"/admin/chat/{id}":              {{"/admin/chat/" + conversation, url.Values{"client_id": {"m-1"}, "body": {"Good day."}}, "chat_answered", conversation}},
		"/admin/chat/{id}/{move:take|hand-back|close|reopen}": {
			{"/admin/chat/" + conversation + "/take", url.Values{}, "chat_take", conversation}, {"/admin/chat/" + conversation + "/hand-back", url.Values{}, "chat_hand-back", conversation},
			{"/admin/chat/" + conversation + "/close", url.Values{}, "chat_close", conversation}, {"/admin/chat/" + conversation + "/reopen", url.Values{}, "chat_reopen", conversation},
		},
	}
	var tried, routes []string
	router := mux.NewRouter()
	page.New(page.ShopInfo{}, nil, s.UseCases).Mount(router)
	require.NoError(t, router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		methods, _ := route.GetMethods()
		if slices.Contains(methods, http.MethodPost) && strings.HasPrefix(path, "/admin") {
			routes = append(routes, path)
		}
		return err
	}))
	for route, all := range acts {
		tried = append(tried, route)
		for _, a := range all {
			t.Run(a.what, func(t *testing.T) {
				before := s.Log.String()
				require.Equal(t, http.StatusSeeOther, b.post(a.path, a.form).status)
				parts := []string{"what=" + a.what, "by=sue", "by_id=u-sue"}
				if a.on != "" {
					parts = append(parts, "on="+a.on)
				}
				requireAct(t, s.acts(before), parts...)
			})
		}
	}
	assert.ElementsMatch(t, routes, tried, "every route by which staff change something is tried")
	for _, secret := range []string{password, b.session(), shopper.session(), goodCard, "Good day."} {
		assert.NotContains(t, s.Log.String(), secret)
	}
}

func TestAccount_EachActIsTold(t *testing.T) {
	s := open(t)
	s.AddAccount("anna", domain.Customer)
	b := s.visitor()
	var secrets []string
	told := func(what, by string, do func()) {
		t.Helper()
		before := s.Log.String()
		do()
		requireAct(t, s.acts(before), "what="+what, "by="+by)
		if b.hasSession() {
			secrets = append(secrets, b.session())
		}
	}
	signIn := func(name, password string) answer {
		return b.post("/login", url.Values{"username": {name}, "password": {password}})
	}
	told("registered", "bert", func() {
		b.post("/register", url.Values{"username": {"bert"}, "email": {"bert@mail.example"}, "password": {"tulips and rain"}}).leadsTo("/?done=welcome")
	})
	told("signed_out", "bert", func() { b.post("/logout", nil) })
	told("sign_in_failed", `""`, func() { signIn("my secret password", "another secret").is(http.StatusUnauthorized) })
	told("sign_in_failed", `""`, func() { signIn("anna", "another secret").is(http.StatusUnauthorized) })
	requireAct(t, s.acts(""), "what=sign_in_failed", "on=anna")
	told("signed_in", "anna", func() { signIn("anna", password).leadsTo("/?done=welcome") })
	told("password_wrong", "anna", func() {
		b.post("/account/password", url.Values{"current": {"another secret"}, "new": {"tulips and rain"}}).is(http.StatusUnauthorized)
	})
	told("password_changed", "anna", func() {
		b.post("/account/password", url.Values{"current": {password}, "new": {"tulips and rain"}}).leadsTo("/account?done=password-changed")
	})
	told("sessions_ended", "anna", func() {
		b.post("/account/sessions", url.Values{"session": {"others"}}).leadsTo("/account?done=ended")
	})

	before := s.Log.String()
	b.ask("/admin").is(http.StatusForbidden)
	requireAct(t, s.acts(before), "code=forbidden", "path=/admin", "by_id=u-anna")
	before = s.Log.String()
	for range 11 {
		signIn("nobody", "another secret")
	}
	requireAct(t, s.acts(before), "code=rate_limited", "path=/login")
	for _, secret := range append(secrets, password, "tulips and rain", "another secret", "my secret password") {
		assert.NotContains(t, s.Log.String(), secret)
	}
}
