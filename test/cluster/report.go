package cluster

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is what shoppers met while something happened.
type Report struct {
	Took       time.Duration
	Answers    []Answer
	Grievances []string
}

// Failed are the answers that failed.
func (r Report) Failed() []Answer {
	return slices.DeleteFunc(slices.Clone(r.Answers), func(a Answer) bool { return !a.Failed() })
}

// Longest is the answer that took longest.
func (r Report) Longest() Answer {
	return slices.MaxFunc(r.Answers, func(a, b Answer) int { return int(a.Took - b.Took) })
}

// Of is the report of the answers that are of a kind.
func (r Report) Of(kind func(Answer) bool) Report {
	r.Answers = slices.DeleteFunc(slices.Clone(r.Answers), func(a Answer) bool { return !kind(a) })
	return r
}

// catalog are the requests for pages and JSON of the catalog.
var catalog = regexp.MustCompile(`^GET /((api/)?products(/|\?|$)|$)`)

// OfCatalog reports whether the answer is a page or JSON of the catalog.
func OfCatalog(a Answer) bool { return catalog.MatchString(a.Request) }

// OfCheckout reports whether the answer is of a purchase.
func OfCheckout(a Answer) bool { return strings.HasPrefix(a.Request, "POST /api/checkout/") }

// Slow counts the answers that took longer.
func (r Report) Slow(than time.Duration) int {
	n := 0
	for _, a := range r.Answers {
		if a.Took > than {
			n++
		}
	}
	return n
}

// Resent counts the requests that had to be sent again because of a closed connection.
func (r Report) Resent() int {
	n := 0
	for _, a := range r.Answers {
		if a.Resent {
			n++
		}
	}
	return n
}

// Servers counts the answers of each server.
func (r Report) Servers() map[string]int {
	n := map[string]int{}
	for _, a := range r.Answers {
		if a.Server != "" {
			n[a.Server]++
		}
	}
	return n
}

// Failures lists what failed, alike ones once with their number.
func (r Report) Failures() []string {
	alike := map[string]int{}
	for _, a := range r.Failed() {
		request, _, _ := strings.Cut(a.Request, "?")
		alike[fmt.Sprintf("%s: %d by %q Retry-After %q %s", request, a.Status, a.Server, a.RetryAfter, a.Error)]++
	}
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(alike)) {
		lines = append(lines, strconv.Itoa(alike[what])+" × "+what)
	}
	return lines
}
