package twin

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
	"eshop/test/container"
	"eshop/test/server"
)

// previous is the version that deployment/previous names.
func previous(t *testing.T) (build, commit string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deployment", "previous"))
	require.NoError(t, err)
	commit = strings.TrimSpace(string(text))
	return filepath.Join(server.Checkout(t, commit), "bin", "eshop"), commit
}

// TestThePreviousVersion_RunsBesideThisOne is a deployment: the version before serves, this one
// migrates the database under it, both serve side by side, and this one goes on alone.
func TestThePreviousVersion_RunsBesideThisOne(t *testing.T) {
	s := shop{Cluster: &cluster.Cluster{Postgres: container.StartPostgres(t), Redis: container.StartRedis(t)}}
	build, commit := previous(t)
	settings := []string{"DATABASE_URL=" + s.Postgres.URL, "REDIS_URL=" + s.Redis.URL, "SECRET_KEY=" + secretKey}
	server.RunBuild(t, build, settings, "migrate")
	server.RunBuild(t, build, settings, "seed")
	s.one = server.StartBuild(t, build, append(settings, "SERVER_NAME=before")...)

	seed := uint64(time.Now().UnixNano())
	t.Logf("beside %s, seed %d", commit, seed)
	// Each time others shop, and all register from one address, which has a limit of sixty.
	const shoppers = 16
	hold := func(name string, do func(), bases ...string) {
		t.Helper()
		people := cluster.NewShoppers(t, shoppers, seed, bases...)
		people.Pause = 40 * time.Millisecond
		opening := s.Books(t)
		report := people.During(do)
		t.Logf("%s: %d requests in %v, %d failed, the longest took %v, by %v, %d orders", name, len(report.Answers), report.Took.Round(time.Millisecond),
			len(report.Failed()), report.Longest().Took.Round(time.Millisecond), report.Servers(), people.Orders())
		assert.Empty(t, report.Failures(), name)
		assert.Empty(t, report.Grievances, name)
		assert.Empty(t, s.Audit(t, opening, people), name)
		assert.Positive(t, people.Orders(), name)
		seed++
	}
	hold("the version before, while this one migrates", func() {
		time.Sleep(time.Second)
		t.Log(server.Run(t, settings, "migrate"))
		time.Sleep(3 * time.Second)
	}, s.one.URL)
	s.two = server.Start(t, append(settings, "SERVER_NAME=after")...)
	for _, way := range []struct{ name, from, to string }{{"from the version before", s.one.URL, s.two.URL}, {"from this version", s.two.URL, s.one.URL}} {
		t.Run(way.name+" a session, a cart and an order are the other's too", func(t *testing.T) {
			crosses(t, way.from, way.to)
		})
	}
	hold("both side by side", func() { time.Sleep(12 * time.Second) }, s.one.URL, s.two.URL)
	s.one.Stop()
	hold("this version alone", func() { time.Sleep(3 * time.Second) }, s.two.URL)
}

// crosses lets a visitor begin at one server what the other goes on with.
func crosses(t *testing.T, from, to string) {
	v := newVisitor(t)
	id := v.get(from + "/api/products/?in_stock=true&sort=price")["products"].([]any)[0].(map[string]any)["id"]
	line := map[string]any{"product_id": id, "quantity": 1}
	inCart := func(url string) any { return v.get(url + "/api/cart/")["cart"].(map[string]any)["item_count"] }

	v.ask(http.StatusOK, http.MethodPost, from+"/api/cart/add", line)
	v.ask(http.StatusOK, http.MethodPost, from+"/api/wishlist/add", map[string]any{"product_id": id})
	assert.EqualValues(t, 1, inCart(to), "a guest's cart")
	assert.Len(t, v.get(to + "/api/wishlist/")["items"], 1, "a guest's wishlist")
	name := fmt.Sprintf("crosses%d", time.Now().UnixNano())
	user := v.ask(http.StatusCreated, http.MethodPost, from+"/auth/register", map[string]any{
		"username": name, "email": name + "@mail.example", "password": "quite an unusual phrase",
	})["user"]
	assert.Equal(t, user, v.get(to + "/auth/current-user")["user"])
	v.ask(http.StatusOK, http.MethodPost, to+"/api/cart/add", line)
	assert.EqualValues(t, 2, inCart(from), "what both added")

	order := v.ask(http.StatusCreated, http.MethodPost, from+"/api/checkout/process", map[string]any{
		"shipping_address": map[string]any{"name": "John Doe", "line1": "12 Elm Street", "line2": "", "city": "Springfield", "region": "IL",
			"postal_code": "62701", "country": "US", "phone": ""},
		"payment": map[string]any{"method": "demo_card", "card_number": "4242424242424242", "expiry": "12/39", "cvc": "123"},
	})["order"].(map[string]any)
	assert.Equal(t, "paid", order["status"])
	seen := v.get(to + "/api/checkout/orders/" + order["id"].(string))["order"].(map[string]any)
	for _, member := range []string{"id", "number", "status", "items", "total", "shipping_address", "placed_at"} {
		assert.Equal(t, order[member], seen[member], member)
	}
	assert.EqualValues(t, 0, inCart(to), "the cart was bought")
	assert.EqualValues(t, 1, v.get(to + "/api/checkout/orders")["total"])

	v.ask(http.StatusCreated, http.MethodPost, from+"/api/chat/messages", map[string]any{"client_id": "a", "body": "Where is it?"})
	v.ask(http.StatusCreated, http.MethodPost, to+"/api/chat/messages", map[string]any{"client_id": "b", "body": "Never mind."})
	assert.Len(t, v.get(from + "/api/chat/messages")["messages"], 2)

	// Either version hears of the end of a session, within the minute that port.Sessions allows.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to+"/auth/logout", nil)
	require.NoError(t, err)
	kept := newVisitor(t)
	kept.Jar.SetCookies(r.URL, v.Jar.Cookies(r.URL))
	answer, err := v.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusNoContent, answer.StatusCode)
	require.Eventually(t, func() bool {
		answer, err := kept.Get(from + "/auth/current-user")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusUnauthorized
	}, 70*time.Second, 200*time.Millisecond)
}
