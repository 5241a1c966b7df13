// Package twin runs two servers on one PostgreSQL and one Redis, without anything
// in front of them: shoppers go now to one and now to the other.
package twin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
	"eshop/test/container"
	"eshop/test/server"
)

const (
	secretKey  = "a secret of these tests and of no other shop"
	shoppers   = 40
	operations = 10_000
)

// shop is what two servers share, and the servers.
type shop struct {
	*cluster.Cluster // of which only the stores are used
	one, two         *server.Server
}

func open(t *testing.T) shop {
	t.Helper()
	s := shop{Cluster: &cluster.Cluster{Postgres: container.StartPostgres(t), Redis: container.StartRedis(t)}}
	settings := []string{"DATABASE_URL=" + s.Postgres.URL, "REDIS_URL=" + s.Redis.URL, "SECRET_KEY=" + secretKey}
	server.Run(t, settings, "migrate")
	server.Run(t, settings, "seed")
	t.Cleanup(func() { server.Run(t, settings, "audit") })
	s.one = server.Start(t, append(settings, "SERVER_NAME=one")...)
	s.two = server.Start(t, append(settings, "SERVER_NAME=two")...)
	return s
}

// visitor is somebody with a cookie jar, which both servers see: a cookie knows no port.
type visitor struct {
	t *testing.T
	http.Client
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{t, http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

func (v *visitor) ask(status int, method, url string, body any) map[string]any {
	v.t.Helper()
	content, err := json.Marshal(body)
	require.NoError(v.t, err)
	r, err := http.NewRequestWithContext(v.t.Context(), method, url, bytes.NewReader(content))
	require.NoError(v.t, err)
	r.Header.Set("Content-Type", "application/json")
	answer, err := v.Do(r)
	require.NoError(v.t, err)
	defer answer.Body.Close()
	whole, err := io.ReadAll(answer.Body)
	require.NoError(v.t, err)
	require.Equal(v.t, status, answer.StatusCode, "%s %s: %s", method, url, whole)
	said := map[string]any{}
	require.NoError(v.t, json.Unmarshal(whole, &said))
	return said
}

func (v *visitor) get(url string) map[string]any {
	v.t.Helper()
	return v.ask(http.StatusOK, http.MethodGet, url, nil)
}

// figure reads a number of a server's metrics.
func figure(t *testing.T, s *server.Server, name string) float64 {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Metrics, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			return value
		}
	}
	require.Fail(t, "there is no such figure", name)
	return 0
}

func TestTwoServers_AreOneShop(t *testing.T) {
	s := open(t)
	v := newVisitor(t)
	found := v.get(s.one.URL + "/api/products/?in_stock=true&sort=price")
	id := found["products"].([]any)[0].(map[string]any)["id"]
	v.ask(http.StatusOK, http.MethodPost, s.two.URL+"/api/cart/add", map[string]any{"product_id": id, "quantity": 1})
	v.ask(http.StatusOK, http.MethodPost, s.one.URL+"/auth/login", map[string]any{"username": "john_doe", "password": "password123"})
	v.ask(http.StatusOK, http.MethodPost, s.two.URL+"/api/cart/add", map[string]any{"product_id": id, "quantity": 1})
	cart := v.get(s.one.URL + "/api/cart/")["cart"].(map[string]any)
	assert.EqualValues(t, 2, cart["item_count"], "what the guest had came along")
	order := v.ask(http.StatusCreated, http.MethodPost, s.one.URL+"/api/checkout/process", map[string]any{
		"shipping_address": map[string]any{"name": "John Doe", "line1": "12 Elm Street", "line2": "", "city": "Springfield", "region": "IL",
			"postal_code": "62701", "country": "US", "phone": ""},
		"payment": map[string]any{"method": "demo_card", "card_number": "4242424242424242", "expiry": "12/39", "cvc": "123"},
	})["order"].(map[string]any)
	assert.Equal(t, "paid", order["status"])
	seen := v.get(s.two.URL + "/api/checkout/orders/" + order["id"].(string))["order"]
	assert.Equal(t, order, seen)
}

func TestWhatStaffSellsAtOneServer_IsSoldAtTheOther(t *testing.T) {
	s := open(t)
	v := newVisitor(t)
	v.ask(http.StatusOK, http.MethodPost, s.one.URL+"/auth/login", map[string]any{"username": "admin", "password": "admin123"})
	page := func(url string) string {
		t.Helper()
		answer, err := v.Get(url)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return fmt.Sprint(answer.StatusCode, " ", string(body))
	}
	// Both servers have looked, so that each has something old to let go.
	shows := func(url, text string, shown bool) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(page(url), text) == shown }, 10*time.Second, 20*time.Millisecond, "%s and %q", url, text)
	}
	send := func(url string, form url.Values) string {
		t.Helper()
		answer, err := v.PostForm(url, form)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		return answer.Request.URL.Path
	}
	pottery := "/products?category=pottery"
	for _, server := range []*server.Server{s.one, s.two} {
		shows(server.URL+pottery, "Speckled Mug", false)
		shows(server.URL+"/", "Pottery", false)
		shows(server.URL+"/products/speckled-mug", "404", true)
	}
	form := url.Values{"key": {"a-form"}, "name": {"Speckled Mug"}, "category": {"Pottery"}, "kind": {"Mugs"}, "price": {"12.50"}, "stock": {"7"}}
	path := send(s.one.URL+"/admin/products/new", form)
	assert.Equal(t, path, send(s.two.URL+"/admin/products/new", form), "the other server knows the form")
	for _, server := range []*server.Server{s.one, s.two} {
		shows(server.URL+pottery, "Speckled Mug", true)
		shows(server.URL+"/", "Pottery", true)
		shows(server.URL+"/products/speckled-mug", "$12.50", true)
	}
	send(s.two.URL+path, url.Values{"price": {"14"}})
	for _, server := range []*server.Server{s.one, s.two} {
		shows(server.URL+pottery, "$14.00", true)
		shows(server.URL+"/products/speckled-mug", "$14.00", true)
	}
	send(s.one.URL+path+"/remove", nil)
	for _, server := range []*server.Server{s.one, s.two} {
		shows(server.URL+pottery, "Speckled Mug", false)
		shows(server.URL+"/", "Pottery", false)
		shows(server.URL+"/products/speckled-mug", "404", true)
	}
}

func TestAKnownVisitorAndCachedProductsCostNoStatementAndNoRoundTrip(t *testing.T) {
	s := open(t)
	v := newVisitor(t)
	v.ask(http.StatusOK, http.MethodPost, s.one.URL+"/auth/login", map[string]any{"username": "john_doe", "password": "password123"})
	list := s.one.URL + "/api/products/?category=shoes"
	product := s.one.URL + "/api/products/" + v.get(list)["products"].([]any)[0].(map[string]any)["slug"].(string)
	addresses := []string{list, product, s.one.URL + "/auth/current-user", s.one.URL + "/api/products/categories"}
	// A server that has just connected does not trust Redis yet.
	require.Eventually(t, func() bool {
		before := figure(t, s.one, "eshop_cache_loads_total")
		for range 2 {
			for _, address := range addresses {
				v.get(address)
			}
		}
		return figure(t, s.one, "eshop_cache_loads_total") == before
	}, 20*time.Second, 100*time.Millisecond, "what is read again and again comes to be close at hand")

	const rounds = 250
	statements, trips, begin := figure(t, s.one, "eshop_postgres_statements_total"), figure(t, s.one, "eshop_redis_round_trips_total"), time.Now()
	for range rounds {
		for _, address := range addresses {
			v.get(address)
		}
	}
	took := time.Since(begin)
	statements, trips = figure(t, s.one, "eshop_postgres_statements_total")-statements, figure(t, s.one, "eshop_redis_round_trips_total")-trips
	t.Logf("%d requests in %v: %v statements, %v round trips", rounds*len(addresses), took, statements, trips)
	// The server itself settles orders once a second, and entries are read anew once in a while.
	background := 10 + 6*took.Seconds()
	assert.LessOrEqual(t, statements, background)
	assert.LessOrEqual(t, trips, background)
}

// TestTwoServers_KeepEveryPromise lets shoppers loose on both servers while Redis
// and then PostgreSQL go away and come back.
func TestTwoServers_KeepEveryPromise(t *testing.T) {
	s := open(t)
	seed := uint64(time.Now().UnixNano())
	people := cluster.NewShoppers(t, shoppers, seed, s.one.URL, s.two.URL)
	people.Pause = 40 * time.Millisecond
	opening := s.Books(t)
	t.Logf("seed %d", seed)

	hold := func(name string, do func(), may func(cluster.Answer) bool) int {
		report := people.During(do)
		t.Logf("%s: %d requests in %v, %d failed, the longest took %v", name, len(report.Answers), report.Took.Round(time.Millisecond),
			len(report.Failed()), report.Longest().Took.Round(time.Millisecond))
		for _, a := range report.Failed() {
			if may == nil || !may(a) {
				assert.Fail(t, "shoppers saw failures", "%s\n%s", name, strings.Join(report.Failures(), "\n"))
				break
			}
		}
		assert.Empty(t, report.Grievances, name)
		assert.Empty(t, s.Audit(t, opening, people), name)
		return len(report.Answers)
	}

	done := 0
	for round := 1; done < operations; round++ {
		done += hold(fmt.Sprintf("Redis stopped, started and flushed, round %d", round), func() {
			time.Sleep(3 * time.Second)
			s.Redis.Stop(t)
			time.Sleep(3 * time.Second)
			s.Redis.Start(t)
			time.Sleep(4 * time.Second)
			s.Redis.Run(t, "redis-cli", "FLUSHALL")
			time.Sleep(3 * time.Second)
		}, nil)
	}
	hold("PostgreSQL restarted", func() {
		time.Sleep(2 * time.Second)
		s.Postgres.Stop(t)
		time.Sleep(3 * time.Second)
		s.Postgres.Start(t)
		require.Eventually(t, func() bool { return s.one.Ready() && s.two.Ready() }, 30*time.Second, 50*time.Millisecond)
		time.Sleep(4 * time.Second)
	}, func(a cluster.Answer) bool { return a.Status == http.StatusServiceUnavailable && a.RetryAfter != "" })
	t.Logf("%d operations, %d orders", done, people.Orders())
}
