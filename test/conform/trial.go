package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"eshop/test/contract"
)

const (
	// oneAnswer is longer than a shop that is well takes for anything.
	oneAnswer = 20 * time.Second
	// longestWait is how long a limit is waited for that a Retry-After tells of.
	longestWait = 20 * time.Second
	// told are so many breaches of a promise.
	told = 5
)

// trial is a shop that is tried.
type trial struct {
	bases           []string
	staff, password string
	mark            string   // in all that is left behind
	only            []string // promises are tried, or all when there is none

	contract *contract.Contract
	requests atomic.Int64

	mu       sync.Mutex
	breaches map[string][]string // of the promises that every answer keeps
}

func newTrial(bases ...string) *trial {
	t := &trial{mark: "conform_" + strings.ToLower(rand.Text()[:8]), breaches: map[string][]string{}}
	for _, base := range bases {
		t.bases = append(t.bases, strings.TrimRight(base, "/"))
	}
	return t
}

// promise is what a shop keeps or breaks.
type promise struct {
	name string
	try  func(t *trial, ctx context.Context) error
}

// notTried is why a promise was not tried.
type notTried string

func (n notTried) Error() string { return string(n) }

// line is what became of a promise.
type line struct {
	promise string
	says    []string // how it was broken
	why     string   // it was not tried
}

type report []line

func (r report) broken() bool {
	for _, l := range r {
		if len(l.says) > 0 {
			return true
		}
	}
	return false
}

func (r report) String() string {
	var text strings.Builder
	for _, l := range r {
		switch {
		case len(l.says) > 0:
			fmt.Fprintf(&text, "broken     %s\n", l.promise)
			for i, says := range l.says {
				if i == told {
					fmt.Fprintf(&text, "             and %d more\n", len(l.says)-told)
					break
				}
				fmt.Fprintf(&text, "             %s\n", strings.ReplaceAll(says, "\n", "\n             "))
			}
		case l.why != "":
			fmt.Fprintf(&text, "not tried  %s: %s\n", l.promise, l.why)
		default:
			fmt.Fprintf(&text, "kept       %s\n", l.promise)
		}
	}
	return text.String()
}

// The promises that every answer keeps.
const (
	asDocumented = "every answer is as the OpenAPI document says"
	noFailure    = "nothing is answered with 5xx"
	limitsSay    = "who is told to wait is told how long"
)

// try tries every promise. It fails when the shop cannot be tried at all.
func (t *trial) try(ctx context.Context) (report, error) {
	for _, base := range t.bases {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/openapi.json", nil)
		if err != nil {
			return nil, err
		}
		answer, err := (&http.Client{Timeout: oneAnswer}).Do(r)
		if err != nil {
			return nil, fmt.Errorf("there is no shop at %s: %w", base, err)
		}
		content, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close() // it was read
		if err != nil {
			return nil, err
		}
		c, err := contract.New(content)
		if err != nil {
			return nil, fmt.Errorf("%s/api/openapi.json is no document of a shop: %w", base, err)
		}
		if t.contract == nil {
			t.contract = c
		}
	}
	var all report
	for _, p := range promises {
		if len(t.only) > 0 && !slices.Contains(t.only, p.name) {
			continue
		}
		l := line{promise: p.name}
		err := p.try(t, ctx)
		var skipped notTried
		switch {
		case errors.As(err, &skipped):
			l.why = string(skipped)
		case err != nil:
			l.says = strings.Split(err.Error(), "\n\n")
		}
		all = append(all, l)
	}
	for _, name := range []string{asDocumented, noFailure, limitsSay} {
		all = append(all, line{promise: name, says: t.breaches[name]})
	}
	return all, nil
}

func (t *trial) breach(promise, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.breaches[promise] = append(t.breaches[promise], fmt.Sprintf(format, args...))
}

// client is somebody with cookies of their own. It may be asked for several things at once.
type client struct {
	trial *trial
	http  *http.Client
}

// jar is one for all servers: they are one shop, whatever their addresses.
type jar struct {
	*cookiejar.Jar
	shop *url.URL
}

func (j jar) SetCookies(_ *url.URL, cookies []*http.Cookie) { j.Jar.SetCookies(j.shop, cookies) }

func (j jar) Cookies(*url.URL) []*http.Cookie { return j.Jar.Cookies(j.shop) }

func (t *trial) client() *client {
	cookies, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // without options there is nothing to fail
	}
	shop, err := url.Parse(t.bases[0])
	if err != nil {
		panic(err) // it was asked already
	}
	return &client{t, &http.Client{Jar: jar{cookies, shop}, Timeout: oneAnswer, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// reply is an answer and what was in it.
type reply struct {
	contract.Answer
	JSON map[string]any
}

func (r reply) String() string { return fmt.Sprintf("%d %.300s", r.Status, r.Body) }

// at is what lies below the names, nil for nothing.
func (r reply) at(names ...any) any {
	var v any = r.JSON
	for _, name := range names {
		switch in := v.(type) {
		case map[string]any:
			key, _ := name.(string)
			v = in[key]
		case []any:
			i, ok := name.(int)
			if !ok || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

func (r reply) text(names ...any) string {
	text, _ := r.at(names...).(string)
	return text
}

func (r reply) number(names ...any) int {
	n, _ := r.at(names...).(float64)
	return int(n)
}

type object = map[string]any

// ask asks the first server with JSON, or with what is text already.
func (c *client) ask(ctx context.Context, method, path string, body any, headers ...string) reply {
	return c.askAt(ctx, 0, method, path, body, headers...)
}

// askAt asks one of the servers. Whoever is told to wait waits, for a while.
func (c *client) askAt(ctx context.Context, server int, method, path string, body any, headers ...string) reply {
	for until := time.Now().Add(longestWait); ; {
		got := c.once(ctx, server, method, path, body, headers...)
		wait, err := strconv.Atoi(got.Header.Get("Retry-After"))
		if got.Status != http.StatusTooManyRequests || err != nil || time.Now().Add(time.Duration(wait)*time.Second).After(until) {
			return got
		}
		select {
		case <-ctx.Done():
			return got
		case <-time.After(time.Duration(wait) * time.Second):
		}
	}
}

func (c *client) once(ctx context.Context, server int, method, path string, body any, headers ...string) reply {
	t := c.trial
	t.requests.Add(1)
	var content []byte
	switch b := body.(type) {
	case nil:
	case string:
		content = []byte(b)
	default:
		content, _ = json.Marshal(b) // objects of text and numbers
	}
	r, err := http.NewRequestWithContext(ctx, method, t.bases[server%len(t.bases)]+path, bytes.NewReader(content))
	if err != nil {
		return reply{}
	}
	if content != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	what := fmt.Sprintf("%s %.120s", method, path)
	answer, err := c.http.Do(r)
	if err != nil {
		t.breach(noFailure, "%s: no answer: %v", what, err)
		return reply{}
	}
	got := reply{Answer: contract.Answer{Status: answer.StatusCode, Header: answer.Header}}
	got.Body, err = io.ReadAll(answer.Body)
	_ = answer.Body.Close() // it was read
	if err != nil {
		t.breach(noFailure, "%s: half an answer: %v", what, err)
	}
	_ = json.Unmarshal(got.Body, &got.JSON) // the contract knows what must be JSON
	if got.Status >= 500 {
		t.breach(noFailure, "%s: %s\n%.300s", what, got, content)
	}
	if (got.Status == http.StatusTooManyRequests || got.Status == http.StatusServiceUnavailable) && got.Header.Get("Retry-After") == "" {
		t.breach(limitsSay, "%s: %s", what, got)
	}
	hold := t.contract.Hold(r, content, got.Answer)
	if got.Status >= 400 && got.Header.Get("X-Served-By") == "" {
		hold = t.contract.HoldProblem(got.Answer) // of the balancer in front, which answers for every call
	}
	if err := hold; err != nil {
		t.breach(asDocumented, "%s: %s: %v", what, got, err)
	}
	return got
}
