package cluster_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
)

const (
	crowdSize = 5000
	// filesLeft are for all else that the test has open.
	filesLeft = 3000
	// Times are asserted at five times their bound: the machine has other work.
	leniency = 5
	// quickHome is how long the home page may take at the median whatever is asked of the shop besides.
	quickHome = 100 * time.Millisecond
	// smallest is a median below which the machine is measured and not the shop.
	smallest = 5 * time.Millisecond

	crowdAddress   = "198.51.100.1"
	visitorAddress = "203.0.113.1"
)

// crowdTest is what strangers do to a shop while others shop in it.
type crowdTest struct {
	t      *testing.T
	c      *cluster.Cluster
	door   string
	people *cluster.Shoppers
	before time.Duration // the home page's median without a crowd
}

// TestCrowds lets crowds of strangers at the shop, one kind after another. Shoppers and visitors must hardly notice.
func TestCrowds(t *testing.T) {
	c := cluster.Start(t, 3)
	c.BehindBalancer(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	people := cluster.NewShoppers(t, 12, seed, c.URL)
	opening := c.Books(t)
	test := &crowdTest{c: c, door: c.Door(), people: people}
	quiet := cluster.Visit(test.door, "/", visitorAddress, func() { people.During(func() { shop(4) }) })
	test.before = quiet.Median()
	t.Logf("no crowd: the home page's median is %v, its 90th percentile %v", quiet.Median(), quiet.Percentile(90))

	for _, row := range []struct {
		name string
		do   func(*crowdTest)
	}{
		{"an idle crowd of one address", (*crowdTest).idle},
		{"a slow-reading crowd of one address", (*crowdTest).slowReaders},
		{"a flood of sign-ins", (*crowdTest).logins},
		{"long addresses, cookies and ways back", (*crowdTest).longAddresses},
		{"sign-ins from networks of 64 bits", (*crowdTest).networks},
		{"a thousand at once from one address", (*crowdTest).thousand},
	} {
		t.Run(row.name, func(t *testing.T) {
			c.NginxErrors(t)
			test.t = t
			row.do(test)
			assert.Empty(t, c.Audit(t, opening, people))
		})
	}
}

// beside does something while people shop and one visitor looks at the home page, and returns what these met.
func (c *crowdTest) beside(do func()) (home, shoppers cluster.Report) {
	home = cluster.Visit(c.door, "/", visitorAddress, func() { shoppers = c.people.During(do) })
	c.t.Logf("the home page's median is %v (%.1f times that without a crowd), its 90th percentile %v, the longest %v; "+
		"shoppers: %d answers, median %v, the longest %v %s", home.Median(), float64(home.Median())/float64(c.before), home.Percentile(90), home.Longest().Took,
		len(shoppers.Answers), shoppers.Median(), shoppers.Longest().Took, shoppers.Longest().Request)
	assert.Empty(c.t, shoppers.Grievances)
	return home, shoppers
}

// unnoticed wants no failures, each server at work, and nothing that nginx counted against one or could not do.
func (c *crowdTest) unnoticed(home, shoppers cluster.Report) {
	c.t.Helper()
	assert.Empty(c.t, home.Failures())
	assert.Equal(c.t, []int{http.StatusOK}, slices.Collect(maps.Keys(home.Statuses())))
	assert.Empty(c.t, shoppers.Failures())
	for _, s := range c.c.Servers {
		assert.NotEmpty(c.t, shoppers.Servers()[s.Name], s.Name)
	}
	var against []string
	late := 0
	for _, line := range c.c.NginxErrors(c.t) {
		switch {
		case latePage.MatchString(line):
			late++
		case strings.Contains(line, "buffered to a temporary file"):
		case strings.Contains(line, "upstream") || strings.Contains(line, "worker_connections") ||
			strings.Contains(line, "[alert]") || strings.Contains(line, "[crit]"):
			against = append(against, line)
		}
	}
	assert.Empty(c.t, against[:min(5, len(against))], "%d lines of nginx", len(against))
	c.t.Logf("nginx notes %d lines of pages of the catalog that took a second", late)
}

// latePage is what nginx notes when a page of the catalog takes a second, as it may on a machine with other work:
// it asks another server, and nobody notices.
var latePage = regexp.MustCompile(`(upstream timed out|upstream server temporarily disabled) .*request: "GET /(products[/? ]|api/products/|search/|media/|[? ])`)

// twice wants a median of less than twice that without a crowd.
func (c *crowdTest) twice(home cluster.Report) {
	c.t.Helper()
	assert.Less(c.t, home.Median(), leniency*2*max(c.before, smallest))
}

// needFiles fails where this process may not open as many files as a crowd needs. Go has raised its limit to the
// highest that the system allows.
func (c *crowdTest) needFiles() {
	c.t.Helper()
	var files syscall.Rlimit
	require.NoError(c.t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	require.GreaterOrEqual(c.t, int(files.Cur), crowdSize+filesLeft, "a crowd needs more open files: ulimit -n")
}

// head is the beginning of a request that asks for path.
func head(path, address string, more ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: " + address + "\r\n" + strings.Join(more, "")
}

const socketHead = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://shop.example\r\n\r\n"

func (c *crowdTest) idle() {
	c.needFiles()
	// One after another: nothing, half a head, a page and then nothing, and now and then a socket.
	crowd := cluster.Gather(c.door, crowdSize, func(i int) cluster.Member {
		switch {
		case i%10 == 0:
			return cluster.Member{Sends: head("/ws/chat", crowdAddress, socketHead)}
		case i%10 < 4:
			return cluster.Member{Sends: head("/health", crowdAddress, "\r\n")}
		case i%10 < 7:
			return cluster.Member{Sends: head("/", crowdAddress)}
		}
		return cluster.Member{}
	})
	defer crowd.Leave()
	open := crowd.Open()
	home, shoppers := c.beside(func() { shop(6) })
	c.t.Logf("%d connections of %d were open at first, %d at last", open, crowdSize, crowd.Open())
	assert.Greater(c.t, open, crowdSize/2)
	c.unnoticed(home, shoppers)
	c.twice(home)

	socket := func(address string) int {
		conn := cluster.NewClient(c.door)
		defer conn.Close()
		return conn.Send(cluster.Request{Method: "GET", Path: "/ws/chat", Address: address, Header: http.Header{
			"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Origin": {"http://shop.example"},
		}}).Status
	}
	assert.Equal(c.t, http.StatusTooManyRequests, socket(crowdAddress))
	assert.Equal(c.t, http.StatusSwitchingProtocols, socket(visitorAddress))
}

func (c *crowdTest) slowReaders() {
	c.needFiles()
	crowd := cluster.Gather(c.door, crowdSize, func(i int) cluster.Member {
		page := []string{"/", "/products", "/products?per_page=100&page=2"}[i%3]
		return cluster.Member{Sends: head(page, crowdAddress, "\r\n"), Reads: 2 * time.Second}
	})
	defer crowd.Leave()
	open := crowd.Open()
	home, shoppers := c.beside(func() { shop(6) })
	c.t.Logf("%d connections of %d were open at first, %d at last", open, crowdSize, crowd.Open())
	assert.Greater(c.t, open, crowdSize/2)
	c.unnoticed(home, shoppers)
	c.twice(home)
}

// logIn asks to be let in as somebody who is not.
func logIn(address string, n int) cluster.Request {
	return cluster.Request{
		Method: "POST", Path: "/auth/login", Address: address, Header: http.Header{"Content-Type": {"application/json"}},
		Body: fmt.Sprintf(`{"username":"nobody_%d_%d","password":"wrong horse"}`, rand.IntN(1e6), n),
	}
}

func (c *crowdTest) logins() {
	const perSecond, seconds = 120, 8
	client, notes := cluster.NewClient(c.door), new(cluster.Notes)
	defer client.Close()
	home, shoppers := c.beside(func() {
		cluster.Offer(perSecond, seconds*time.Second, func(n int) {
			notes.Add(client.Send(logIn(fmt.Sprintf("192.0.%d.%d", n/250, 1+n%250), n)))
		})
	})
	tries := notes.Report()
	c.t.Logf("%d sign-ins: %v, median %v, the longest %v", len(tries.Answers), tries.Statuses(), tries.Median(), tries.Longest().Took)
	c.unnoticed(home, shoppers)
	assert.Less(c.t, home.Median(), leniency*quickHome)
	// Who waits for a turn is told before nginx gives the server up.
	assert.Less(c.t, tries.Longest().Took, 8*time.Second)
	for _, a := range tries.Answers {
		refused := (a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable) && a.RetryAfter != "" && a.Server != ""
		if !refused && a.Status != http.StatusUnauthorized {
			assert.Fail(c.t, "not how a sign-in is refused", "%+v", a)
			break
		}
	}
}

func (c *crowdTest) longAddresses() {
	client, notes := cluster.NewClient(c.door), new(cluster.Notes)
	defer client.Close()
	long := func(n int) string { return strings.Repeat("a", n<<10) }
	json, form := http.Header{"Content-Type": {"application/json"}}, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	var requests []cluster.Request
	for _, kib := range []int{3, 5, 9, 15, 17, 31, 60} {
		for _, path := range []string{"/%s", "/products/%s", "/products?q=%s", "/search/%s", "/api/products/?q=%s", "/login?next=/%s", "/media/p/%s", "/ws/chat?x=%s", "/auth/%s", "/account?next=%s", "/assets/%s"} {
			requests = append(requests, cluster.Request{Method: "GET", Path: fmt.Sprintf(path, long(kib))})
		}
		next := url.Values{"next": {"/" + long(kib)}, "return": {"/" + long(kib)}, "back": {"/" + long(kib)}, "username": {"nobody"}, "password": {"wrong horse"}}
		requests = append(requests,
			cluster.Request{Method: "GET", Path: "/", Header: http.Header{"Cookie": {"session=" + long(kib)}}},
			cluster.Request{Method: "GET", Path: "/cart", Header: http.Header{"Cookie": {"a=" + long(kib/4+1), "b=" + long(kib/4+1), "c=" + long(kib/4+1)}}},
			cluster.Request{Method: "GET", Path: "/products", Header: http.Header{"Referer": {"http://shop.example/" + long(kib)}, "User-Agent": {long(kib)}}},
			cluster.Request{Method: "GET", Path: "/", Header: http.Header{"If-None-Match": {`"` + long(kib) + `"`}, "Accept-Language": {long(kib)}}},
			cluster.Request{Method: "POST", Path: "/login", Body: next.Encode(), Header: form},
			cluster.Request{Method: "POST", Path: "/cart/add", Body: "product_id=" + long(kib) + "&" + next.Encode(), Header: form},
			cluster.Request{Method: "POST", Path: "/api/cart/add", Body: `{"product_id":"` + long(kib) + `"}`, Header: json},
			cluster.Request{Method: "POST", Path: "/cart/add?next=/" + long(kib), Header: form},
			cluster.Request{Method: "DELETE", Path: "/api/cart/remove/" + long(kib)},
		)
	}
	home, shoppers := c.beside(func() {
		cluster.Offer(40, time.Duration(len(requests))*time.Second/40+25*time.Millisecond, func(n int) {
			r := requests[n%len(requests)]
			r.Address = crowdAddress
			if a := client.Send(r); a.Status != 0 || !cutOff(r, a) {
				notes.Add(a)
			}
		})
	})
	met := notes.Report()
	c.t.Logf("%d requests: %v, the longest %v", len(met.Answers), met.Statuses(), met.Longest().Took)
	c.unnoticed(home, shoppers)
	assert.Less(c.t, home.Median(), leniency*quickHome)
	for _, a := range met.Answers {
		method, target, _ := strings.Cut(a.Request, " ")
		short := fmt.Sprintf("%s %.30s (%d bytes)", method, target, len(target))
		if len(target) > 4<<10 {
			assert.Equal(c.t, http.StatusRequestURITooLong, a.Status, "%s %s", short, a.Error)
		}
		assert.True(c.t, a.Status >= 200 && a.Status < 500, "%s answered %d %s", short, a.Status, a.Error)
	}
	assert.Positive(c.t, met.Statuses()[http.StatusOK], "what is not too long is answered")
}

// cutOff reports whether nginx refused a request of which it does not read the rest: it closes the connection with
// bytes unread, on which the system sends a reset that may overtake the answer.
func cutOff(r cluster.Request, a cluster.Answer) bool {
	const nginxBuffer = 16 << 10 // large_client_header_buffers
	longest := len(r.Path)
	for _, values := range r.Header {
		longest = max(longest, len(values[0]))
	}
	return longest > nginxBuffer && (strings.Contains(a.Error, "connection reset by peer") || strings.Contains(a.Error, "broken pipe"))
}

// networks lets many hosts of one network sign in. nginx writes addresses in their shortest form, where
// the network's own zeros may be in the gap.
func (c *crowdTest) networks() {
	client, notes := cluster.NewClient(c.door), new(cluster.Notes)
	defer client.Close()
	const tries, atOnce = 70, 8
	home, shoppers := c.beside(func() {
		for _, network := range []string{"2001:db8:1:2", "2001:db8:0:5", "2001:db8:7:0", "2001:db8:0:0", "2001:0:0:9"} {
			var at sync.WaitGroup
			for worker := range atOnce {
				at.Go(func() {
					for n := worker; n < tries; n += atOnce {
						host := fmt.Sprintf("%x:%x:%x:%x", rand.IntN(3), rand.IntN(2), rand.IntN(2), 1+rand.IntN(1<<16-1))
						notes.Add(client.Send(logIn(network+":"+host, n)))
					}
				})
			}
			at.Wait()
			met := notes.Report()
			byNginx := 0
			for _, a := range met.Answers {
				if a.Status == http.StatusTooManyRequests && a.Server == "" {
					byNginx++
					assert.NotEmpty(c.t, a.RetryAfter)
				}
			}
			c.t.Logf("%s::/64: %d tries, %d refused by nginx: %v in %v", network, tries, byNginx, met.Statuses(), met.Longest().Took)
			assert.Positive(c.t, byNginx, "%s::/64 is one address", network)
			assert.Less(c.t, byNginx, tries-30, "which may try some times")
			neighbour := client.Send(logIn(network[:len(network)-1]+"e::1", 0))
			assert.NotEmpty(c.t, neighbour.Server, "%s: the next network is another address", network)
		}
	})
	c.unnoticed(home, shoppers)
}

// rush asks n times by so many clients, each as soon as it was answered (a closed loop).
func rush(client *cluster.Client, clients, n int, request func(n int) cluster.Request) cluster.Report {
	notes := new(cluster.Notes)
	var at sync.WaitGroup
	begun := time.Now()
	for first := range clients {
		at.Go(func() {
			for i := first; i < n; i += clients {
				notes.Add(client.Send(request(i)))
			}
		})
	}
	at.Wait()
	report := notes.Report()
	report.Took = time.Since(begun)
	return report
}

// thousand is what "ab -n 20000 -c 1000" does.
func (c *crowdTest) thousand() {
	client := cluster.NewClient(c.door)
	client.Transport.DisableKeepAlives = true
	met := rush(client, 1000, 20000, func(int) cluster.Request {
		return cluster.Request{Method: "GET", Path: "/", Address: crowdAddress}
	})
	c.t.Logf("20,000 in %v, %.0f a second; median %v, 99th percentile %v, longest %v; %v",
		met.Took, 20000/met.Took.Seconds(), met.Median(), met.Percentile(99), met.Longest().Took, met.Statuses())
	assert.Equal(c.t, map[int]int{http.StatusOK: 20000}, met.Statuses(), met.Failures())
}
