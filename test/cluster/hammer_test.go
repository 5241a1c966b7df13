package cluster_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	hammerRate = 700 // changes a second
	hammerFor  = 5 * time.Second
)

// hammering is what became of the changes of one cart.
type hammering struct {
	mu       sync.Mutex
	statuses map[int]int
	wrong    []string // what the shop did against its word
}

// oneLine is a cart that has one line.
type oneLine struct {
	Cart struct {
		Items []struct {
			ID       string `json:"id"`
			Quantity int    `json:"quantity"`
		} `json:"items"`
	} `json:"cart"`
}

// cartHammered changes one cart 700 times a second while others shop.
func (tr *trial) cartHammered(t *testing.T) {
	disabled := tr.Disabled(t)
	line, cookie := tr.cartOfOneLine(t)
	h := &hammering{statuses: map[int]int{}}
	report := tr.run(t, fault{name: "one cart changed 700 times a second", do: func(*testing.T) {
		shop(1)
		h.strike(tr.URL+"/api/cart/update/"+line, cookie)
		shop(1)
	}})
	assert.Equal(t, disabled, tr.Disabled(t), "servers that left the balancer")
	assert.Empty(t, h.wrong)
	assert.Positive(t, h.statuses[http.StatusOK])
	const last = 42
	set := ask(t, "PUT", tr.URL+"/api/cart/update/"+line, fmt.Sprintf(`{"quantity":%d}`, last), "Content-Type", "application/json", "Cookie", cookie)
	require.Equal(t, http.StatusOK, set.status, set.body)
	for _, s := range tr.Servers {
		var held oneLine
		read := ask(t, "GET", s.Direct()+"/api/cart/", "", "Cookie", cookie)
		require.NoError(t, json.Unmarshal([]byte(read.body), &held), read.body)
		require.Len(t, held.Cart.Items, 1)
		assert.Equal(t, last, held.Cart.Items[0].Quantity, "what was acknowledged last, at %s", s.Name)
	}
	tr.note("one cart hammered: answers by status %v; %s", h.statuses, tr.unmoved(t, report))
}

// cartOfOneLine returns the line and the cookie of a guest's new cart, of a product of which there are many.
func (tr *trial) cartOfOneLine(t *testing.T) (line, cookie string) {
	t.Helper()
	var all struct {
		Products []struct {
			ID    string `json:"id"`
			Stock int    `json:"stock"`
		} `json:"products"`
	}
	list := ask(t, "GET", tr.URL+"/api/products/?per_page=100&in_stock=true", "")
	require.NoError(t, json.Unmarshal([]byte(list.body), &all), list.body)
	for _, p := range all.Products {
		if p.Stock < 150 { // others buy of it meanwhile
			continue
		}
		added := ask(t, "POST", tr.URL+"/api/cart/add", fmt.Sprintf(`{"product_id":%q,"quantity":1}`, p.ID), "Content-Type", "application/json")
		var cart oneLine
		require.NoError(t, json.Unmarshal([]byte(added.body), &cart), added.body)
		require.Len(t, cart.Cart.Items, 1)
		return cart.Cart.Items[0].ID, cookieOf(added)
	}
	require.Fail(t, "there are many of no product")
	return "", ""
}

// strike sets the line to 1, 2, 3 and so on, and waits for no answer before the next.
func (h *hammering) strike(url, cookie string) {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 200}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second / hammerRate)
	defer tick.Stop()
	var all sync.WaitGroup
	for i, begin := 0, time.Now(); time.Since(begin) < hammerFor; i++ {
		<-tick.C
		all.Go(func() { h.set(client, url, cookie, 1+i%99) })
	}
	all.Wait()
}

// set sets the line's quantity, and notes what came of it.
func (h *hammering) set(client *http.Client, url, cookie string, quantity int) {
	r, err := http.NewRequest(http.MethodPut, url, strings.NewReader(fmt.Sprintf(`{"quantity":%d}`, quantity)))
	if err != nil {
		panic(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Cookie": {cookie}, "Idempotency-Key": {uuid.NewString()}}
	var cart oneLine
	status, retryAfter := 0, ""
	response, err := client.Do(r)
	if err == nil {
		status, retryAfter = response.StatusCode, response.Header.Get("Retry-After")
		err = json.NewDecoder(response.Body).Decode(&cart)
		_ = response.Body.Close() // it was read
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.statuses[status]++
	switch {
	case err != nil:
		h.wrong = append(h.wrong, err.Error())
	case status == http.StatusOK && (len(cart.Cart.Items) != 1 || cart.Cart.Items[0].Quantity != quantity):
		h.wrong = append(h.wrong, fmt.Sprintf("set to %d, and acknowledged as %+v", quantity, cart))
	case status != http.StatusOK && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable:
		h.wrong = append(h.wrong, fmt.Sprintf("answered %d", status))
	case status != http.StatusOK && retryAfter == "":
		h.wrong = append(h.wrong, fmt.Sprintf("answered %d without Retry-After", status))
	}
}
