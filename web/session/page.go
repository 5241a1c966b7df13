package session

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"eshop/domain"
)

// tokenAge is for how long a new visitor is known by a page: longer than most look at
// a page before they put something in the cart.
const tokenAge = 15 * time.Minute

// pageToken is the form of what PageToken returns: when the page was made, in minutes,
// its name, and the token's own.
var pageToken = regexp.MustCompile(`^(p([0-9a-z]{1,8})-[A-Z2-7]{26})-[A-Z2-7]{26}$`)

type pageKey struct{}

// newPage returns ctx with the name of the page that is the answer to its request.
func newPage(ctx context.Context) context.Context {
	minutes := strconv.FormatInt(time.Now().Unix()/60, 36)
	return context.WithValue(ctx, pageKey{}, "p"+minutes+"-"+rand.Text())
}

// PageToken returns a new key of a form, which also names the page that the form is on.
// A visitor without a cookie who sends two forms of a page at once is known by it as one.
func PageToken(ctx context.Context) string {
	page, ok := ctx.Value(pageKey{}).(string)
	if !ok {
		return rand.Text()
	}
	return page + "-" + rand.Text()
}

// pageOf returns what names the page of a token, and the browser that has it: page, network
// and program. ok is false for any other key, and for a page that is old.
func pageOf(r *http.Request, key domain.IdempotencyKey) (seed string, ok bool) {
	parts := pageToken.FindStringSubmatch(string(key))
	if parts == nil {
		return "", false
	}
	minutes, err := strconv.ParseInt(parts[2], 36, 64)
	// The page may be another server's, whose clock differs.
	if age := time.Since(time.Unix(minutes*60, 0)).Abs(); err != nil || age > tokenAge {
		return "", false
	}
	return parts[1] + "\x00" + ClientAddress(r) + "\x00" + r.UserAgent(), true
}
