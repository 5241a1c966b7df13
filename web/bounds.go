package web

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"eshop/web/problem"
)

const (
	maxBody = 1 << 20
	// roundPicture is for what a form has besides a picture.
	roundPicture = 100_000
	// maxTarget is room for every address that the shop makes, and for a long search with all of
	// its filters. What comes back of an address, in links and redirects, is bounded by it too.
	maxTarget = 4 << 10
	// maxDeskTarget is room for how far one of staff knows some hundred conversations.
	maxDeskTarget = 12 << 10

	// How long a request may take: less than nginx waits for it, so that the shopper is told by the
	// server, and nginx takes for dead only a server that is. test/arch holds both to each other.
	requestTime         = 2500 * time.Millisecond
	checkoutRequestTime = 5500 * time.Millisecond // a payment gateway is asked
	slowRequestTime     = 7 * time.Second         // passwords are hashed, pictures decoded, refunds asked for
)

// bounded limits what a request may send, how long its address is, and how long it may take.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > maxTarget && (r.URL.Path != "/ws/support" || len(r.RequestURI) > maxDeskTarget) {
			s.fail(w, r, problem.ErrTargetTooLong)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), RequestTime(r.URL.Path))
		defer cancel()
		r = r.WithContext(ctx)
		most := int64(maxBody)
		if under(r.URL.Path, "/admin/products") {
			most = s.upload
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// slow are the addresses that get slowRequestTime.
var slow = regexp.MustCompile(`^/(((auth|account)/)?(login|logout|register|password)|admin)(/|$)`)

// RequestTime returns how long a request for path may take.
func RequestTime(path string) time.Duration {
	switch {
	case under(path, "/checkout"), under(path, "/api/checkout"):
		return checkoutRequestTime
	case slow.MatchString(path) && !under(path, "/admin/chat"):
		return slowRequestTime
	}
	return requestTime
}

// under reports whether path is root or lies below it.
func under(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '/')
}
