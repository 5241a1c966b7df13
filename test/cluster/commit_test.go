package cluster_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
)

// TestKilledBetweenCommitAndAnswer kills a server whose work is committed before
// it can say so. nginx asks another, which must do nothing twice and answer well.
func TestKilledBetweenCommitAndAnswer(t *testing.T) {
	c := cluster.Start(t, 3)
	product := regexp.MustCompile(`name="product_id" value="([^"]+)"`).FindStringSubmatch(ask(t, "GET", c.URL+"/products?in_stock=true", "").body)[1]
	purchase := `{"email":"sam@mail.example","shipping_address":{"name":"Sam","line1":"1 High Street","line2":"","city":"Springfield",
		"region":"IL","postal_code":"62701","country":"US","phone":""},
		"payment":{"method":"demo_card","card_number":"4242424242424242","expiry":"12/39","cvc":"123"}}`
	const (
		asJSON = "application/json"
		asForm = "application/x-www-form-urlencoded"
	)
	add := fmt.Sprintf(`{"product_id":%q,"quantity":1}`, product)

	for name, sent := range map[string]struct {
		path, kind, body, key string
		status                int
		orders, inCart        int // what there is of both afterwards
	}{
		"adding to the cart, without a key":    {"/api/cart/add", asJSON, add, "", http.StatusOK, 0, 2},
		"adding to the cart, with a key":       {"/api/cart/add", asJSON, add, "the-key-of-an-add", http.StatusOK, 0, 2},
		"adding to the cart by a form":         {"/cart/add", asForm, "token=the-form&quantity=1&product_id=" + product, "", http.StatusSeeOther, 0, 2},
		"checking out, with a key":             {"/api/checkout/process", asJSON, purchase, "the-key-of-a-checkout", http.StatusOK, 1, 0},
		"checking out, without a key":          {"/api/checkout/process", asJSON, purchase, "", http.StatusOK, 1, 0},
		"checking out by a form with a key":    {"/checkout", asForm, purchaseForm("the-key-of-a-form"), "", http.StatusSeeOther, 1, 0},
		"checking out by a form without a key": {"/checkout", asForm, purchaseForm(""), "", http.StatusSeeOther, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c.WaitWhole(t)
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			client := &http.Client{Jar: jar, Timeout: 40 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			post := func(path, kind, body, key string) (status int, server string) {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+path, strings.NewReader(body))
				if !assert.NoError(t, err) {
					return 0, ""
				}
				r.Header.Set("Content-Type", kind)
				if key != "" {
					r.Header.Set("Idempotency-Key", key)
				}
				answer, err := client.Do(r)
				if !assert.NoError(t, err) {
					return 0, ""
				}
				defer answer.Body.Close()
				return answer.StatusCode, answer.Header.Get("X-Served-By")
			}
			status, _ := post("/api/cart/add", asJSON, add, "")
			require.Equal(t, http.StatusOK, status)

			body := sent.body
			if sent.path == "/checkout" {
				shown := ask(t, "GET", c.URL+"/checkout", "", "Cookie", "session="+session(t, c, jar)).body
				body += "&total=" + regexp.MustCompile(`name="total" value="([0-9]+)"`).FindStringSubmatch(shown)[1]
			}

			c.HoldCommits(t)
			var answering sync.WaitGroup
			server := ""
			answering.Go(func() { status, server = post(sent.path, sent.kind, body, sent.key) })
			changed := "carts"
			if sent.orders > 0 {
				changed = "orders"
			}
			killed := c.HeldBack(t, changed)
			killed.Kill(t)
			c.ReleaseCommits(t)
			answering.Wait()
			assert.NotEqual(t, killed.Name, server)
			// The killed server may still be paying, for all that the others know until its lease ends.
			for repeat := time.NewTimer(20 * time.Second); status == http.StatusAccepted; {
				select {
				case <-repeat.C:
					t.Fatal("a repeat of the checkout is answered with pending for 20 seconds")
				case <-time.After(time.Second):
					status, _ = post(sent.path, sent.kind, body, sent.key)
				}
			}
			assert.Equal(t, sent.status, status)
			killed.Start(t)
			killed.WaitReady(t)

			cookie := session(t, c, jar)
			assert.Equal(t, sent.orders, c.OrdersOf(t, cookie), "orders")
			cart := ask(t, "GET", c.URL+"/api/cart/", "", "Cookie", "session="+cookie)
			assert.Contains(t, cart.body, fmt.Sprintf(`"item_count":%d`, sent.inCart))
		})
	}
}

// session is the value of the shopper's cookie.
func session(t *testing.T, c *cluster.Cluster, jar http.CookieJar) string {
	t.Helper()
	at, err := url.Parse(c.URL)
	require.NoError(t, err)
	for _, cookie := range jar.Cookies(at) {
		if cookie.Name == "session" {
			return cookie.Value
		}
	}
	require.Fail(t, "there is no session")
	return ""
}

// purchaseForm is the checkout as its form sends it, without the total that it showed.
func purchaseForm(key string) string {
	form := url.Values{
		"email": {"sam@mail.example"}, "shipping_address.name": {"Sam"}, "shipping_address.line1": {"1 High Street"},
		"shipping_address.city": {"Springfield"}, "shipping_address.region": {"IL"}, "shipping_address.postal_code": {"62701"},
		"shipping_address.country": {"US"}, "payment.card_number": {"4242424242424242"}, "payment.expiry": {"12/39"}, "payment.cvc": {"123"},
	}
	if key != "" {
		form.Set("key", key)
	}
	return form.Encode()
}
