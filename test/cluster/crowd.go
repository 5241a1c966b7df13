package cluster

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Door is where nginx listens on its network, with no proxy of Docker's before it.
func (c *Cluster) Door() string { return net.JoinHostPort(c.host(2).String(), "80") }

// NginxErrors returns what nginx noted of errors since the last call.
func (c *Cluster) NginxErrors(t testing.TB) []string {
	t.Helper()
	const file = "/var/log/nginx/ecommerce_error.log"
	return strings.FieldsFunc(c.Nginx.Run(t, "sh", "-c", "cat "+file+" && : >"+file), func(r rune) bool { return r == '\n' })
}

// Request is what one of a crowd sends.
type Request struct {
	Method, Path, Body, Address string
	Header                      http.Header
}

// Client asks as a stranger does.
type Client struct{ Transport *http.Transport }

// NewClient returns a Client that keeps as many connections as it has had at once.
func NewClient(door string) *Client {
	return &Client{&http.Transport{
		MaxIdleConnsPerHost: math.MaxInt32, DisableCompression: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, door)
		},
	}}
}

// Close closes the connections that nobody uses.
func (c *Client) Close() { c.Transport.CloseIdleConnections() }

// Send sends one request and returns what came of it.
func (c *Client) Send(r Request) Answer {
	got := Answer{At: time.Now(), Request: r.Method + " " + r.Path}
	for {
		kept := c.try(&got, r)
		// Like a browser: a kept connection that the shop had just closed has done nothing.
		if got.Status != 0 || !kept || got.Resent {
			break
		}
		got.Error, got.Resent = "", true
	}
	got.Took = time.Since(got.At)
	return got
}

func (c *Client) try(got *Answer, r Request) (kept bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { kept = i.Reused }})
	request, err := http.NewRequestWithContext(ctx, r.Method, "http://shop.example"+r.Path, strings.NewReader(r.Body))
	if err != nil {
		panic(err)
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	request.Header.Set("X-Forwarded-For", r.Address)
	response, err := c.Transport.RoundTrip(request)
	if err != nil {
		got.Error = err.Error()
		return kept
	}
	defer response.Body.Close()
	got.Status, got.Server = response.StatusCode, response.Header.Get("X-Served-By")
	got.RetryAfter = response.Header.Get("Retry-After")
	if got.Status == http.StatusSwitchingProtocols {
		return kept // what follows is no body
	}
	if _, err = io.Copy(io.Discard, response.Body); err != nil {
		got.Status, got.Error = 0, err.Error()
	}
	return kept
}

// Notes are answers that many note at once.
type Notes struct {
	mu      sync.Mutex
	answers []Answer
}

// Add notes an answer.
func (n *Notes) Add(a Answer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers = append(n.answers, a)
}

// Report returns what was noted since the last Report.
func (n *Notes) Report() Report {
	n.mu.Lock()
	defer n.mu.Unlock()
	report := Report{Answers: n.answers}
	n.answers = nil
	return report
}

// Offer sends requests at an even rate, whatever becomes of those before (an open loop), and
// returns when each is answered.
func Offer(perSecond float64, during time.Duration, send func(n int)) {
	var under sync.WaitGroup
	begun := time.Now()
	for n := 0; ; {
		since := time.Since(begun)
		if since >= during {
			break
		}
		for due := int(since.Seconds() * perSecond); n < due; n++ {
			under.Go(func() { send(n) })
		}
		time.Sleep(2 * time.Millisecond)
	}
	under.Wait()
}

// Visit asks for path from address by a new connection, twenty times a second, while do runs.
func Visit(door, path, address string, do func()) Report {
	client, notes := NewClient(door), new(Notes)
	client.Transport.DisableKeepAlives = true
	done := make(chan struct{})
	var at sync.WaitGroup
	at.Go(func() {
		for ticker := time.NewTicker(50 * time.Millisecond); ; {
			notes.Add(client.Send(Request{Method: "GET", Path: path, Address: address}))
			select {
			case <-done:
				return
			case <-ticker.C:
			}
		}
	})
	func() {
		defer at.Wait()
		defer close(done) // also when do fails the test
		do()
	}()
	return notes.Report()
}

// Median is how long the middle one of the answers took.
func (r Report) Median() time.Duration { return r.Percentile(50) }

// Percentile is how long all but the slowest of the answers took.
func (r Report) Percentile(p int) time.Duration {
	took := make([]time.Duration, len(r.Answers))
	for i, a := range r.Answers {
		took[i] = a.Took
	}
	slices.Sort(took)
	return took[(len(took)-1)*p/100]
}

// Statuses counts the answers of each status.
func (r Report) Statuses() map[int]int {
	n := map[int]int{}
	for _, a := range r.Answers {
		n[a.Status]++
	}
	return n
}

// Crowd is connections that are held open, each opened again when the shop closes it.
type Crowd struct {
	open   atomic.Int64
	cancel context.CancelFunc
	held   sync.WaitGroup
}

// Member is what one connection of a crowd does.
type Member struct {
	Sends string        // at first
	Reads time.Duration // a byte each; 0 to read as it comes
}

// dialPause is between two of a crowd, which come quickly and not all at once.
const dialPause = time.Millisecond

// Gather opens a crowd of n connections, and returns when each has been tried.
func Gather(door string, n int, member func(i int) Member) *Crowd {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Crowd{cancel: cancel}
	for i := range n {
		c.held.Go(func() {
			for ctx.Err() == nil {
				c.hold(ctx, door, member(i))
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
		time.Sleep(dialPause)
	}
	return c
}

// Open is how many connections are open now.
func (c *Crowd) Open() int { return int(c.open.Load()) }

// Leave closes all of them.
func (c *Crowd) Leave() {
	c.cancel()
	c.held.Wait()
}

func (c *Crowd) hold(ctx context.Context, door string, m Member) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if m.Reads > 0 {
		// What is not read must not lie in this machine's buffer.
		dialer.Control = func(_, _ string, raw syscall.RawConn) error {
			var failed error
			err := raw.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2048) })
			return errors.Join(err, failed)
		}
	}
	conn, err := dialer.DialContext(ctx, "tcp", door)
	if err != nil {
		return
	}
	c.open.Add(1)
	defer c.open.Add(-1)
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err = io.WriteString(conn, m.Sends); err != nil {
		return
	}
	if m.Reads == 0 {
		_, _ = io.Copy(io.Discard, conn) // until the shop closes it
		return
	}
	one := make([]byte, 1)
	for {
		if _, err = conn.Read(one); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(m.Reads):
		}
	}
}
