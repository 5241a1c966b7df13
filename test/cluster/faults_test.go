package cluster_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop/test/cluster"
)

const (
	shoppers = 24
	// longestWait is how long nginx goes on asking, and the time that the last one it asks has.
	longestWait = 31 * time.Second
	// results is where the table of faults is written.
	results = "faults.md"
)

// fault is something that happens while people shop.
type fault struct {
	name string
	do   func(t *testing.T)
	may  func(cluster.Answer) bool // which failures shoppers may see; none when nil
}

// TestFaults kills, pauses, replaces and cuts off one part after another under
// steady load. Shoppers must notice nothing, or what the fault says.
func TestFaults(t *testing.T) {
	c := cluster.Start(t, 3)
	next := cluster.BuildWithOtherAssets(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	people := cluster.NewShoppers(t, shoppers, seed, c.URL)
	opening := c.Books(t)
	one, two, three := c.Servers[0], c.Servers[1], c.Servers[2]

	faults := &trial{Cluster: c, people: people, opening: opening}
	faults.begin(t)

	for _, f := range append([]fault{
		{"none", func(*testing.T) { shop(6) }, nil},
		{"kill -9 of a server, back after 5 s", func(t *testing.T) {
			shop(2)
			one.Kill(t)
			shop(5)
			one.Start(t)
			one.WaitReady(t)
			shop(3)
		}, nil},
		{"kill -9 of two servers, back after 5 s", func(t *testing.T) {
			shop(2)
			two.Kill(t)
			three.Kill(t)
			shop(5)
			two.Start(t)
			three.Start(t)
			two.WaitReady(t)
			three.WaitReady(t)
			shop(3)
		}, nil},
		{"a server paused for 20 s, then woken", func(t *testing.T) {
			shop(2)
			two.Pause(t)
			shop(20)
			two.Unpause(t)
			shop(4)
		}, nil},
		{"rolling deploy: SIGTERM and another build, one after another", func(t *testing.T) {
			shop(1)
			for _, s := range c.Servers {
				s.Replace(t, next)
				shop(1)
			}
			shop(2)
		}, nil},
		{"nginx reloaded three times", func(t *testing.T) {
			for range 3 {
				shop(2)
				c.Reload(t)
			}
			shop(2)
		}, nil},
		{"Redis killed, back after 4 s", func(t *testing.T) {
			shop(2)
			c.Redis.Kill(t)
			shop(4)
			c.Redis.Start(t)
			shop(4)
		}, nil},
		{"Redis paused for 5 s", func(t *testing.T) {
			shop(2)
			c.Redis.Pause(t)
			shop(5)
			c.Redis.Unpause(t)
			shop(4)
		}, nil},
		{"Redis flushed twice", func(t *testing.T) {
			for range 2 {
				shop(2)
				c.Redis.Run(t, "redis-cli", "FLUSHALL")
			}
			shop(3)
		}, nil},
		{"a server cut off from PostgreSQL for 10 s", func(t *testing.T) {
			shop(2)
			three.CutOff(t)
			shop(10)
			three.Reconnect(t)
			three.WaitReady(t)
			shop(3)
		}, nil},
		{"PostgreSQL restarted, away for 4 s", func(t *testing.T) {
			shop(2)
			c.Postgres.Stop(t)
			shop(4)
			c.Postgres.Start(t)
			for _, s := range c.Servers {
				s.WaitReady(t)
			}
			shop(5)
		}, unavailable},
		{"PostgreSQL paused for 5 s", func(t *testing.T) {
			shop(2)
			c.Postgres.Pause(t)
			shop(5)
			c.Postgres.Unpause(t)
			for _, s := range c.Servers {
				s.WaitReady(t)
			}
			shop(5)
		}, unavailable},
		{"a server started before PostgreSQL", func(t *testing.T) {
			three.Stop(t)
			c.Postgres.Stop(t)
			three.Start(t)
			shop(3)
			ready, says := three.Ready(t.Context())
			assert.False(t, ready, says)
			c.Postgres.Start(t)
			three.WaitReady(t)
			shop(5)
		}, unavailable},
	}, faults.awayFaults(t, next)...) {
		t.Run(f.name, func(t *testing.T) {
			report := faults.run(t, f)
			if bound := longestPage[f.name]; bound != 0 {
				longest := report.Of(cluster.OfCatalog).Longest()
				assert.Less(t, longest.Took, slack*bound, longest.Request)
			}
		})
	}
	t.Run("the payment gateway hangs, and purchases are sent twice", faults.gatewayHangs)
	t.Run("one cart changed 700 times a second", faults.cartHammered)
	t.Run("Redis full of what strangers made", faults.redisFull)
	t.Run("clocks ten minutes ahead, a minute behind, and set back", faults.clocksWrong)
}

// slack is how many times its bound a time may be where other work has the same processors.
const slack = 5

// longestPage bounds the longest answer of the catalog while a server is away: one that was
// killed refuses at once, and one that hangs is found out after a second.
var longestPage = map[string]time.Duration{
	"kill -9 of a server, back after 5 s":       500 * time.Millisecond,
	"kill -9 of two servers, back after 5 s":    500 * time.Millisecond,
	"a server paused for 20 s, then woken":      1200 * time.Millisecond,
	"a server cut off from PostgreSQL for 10 s": 1200 * time.Millisecond,
}

// trial is a shop that faults happen to, and the table of what its shoppers met.
type trial struct {
	*cluster.Cluster
	people  *cluster.Shoppers
	opening cluster.Books
	table   strings.Builder
	notes   strings.Builder // what the table has no column for
	judged  cluster.Judgement
}

// note writes a line below the table.
func (tr *trial) note(format string, args ...any) { fmt.Fprintf(&tr.notes, "- "+format+"\n", args...) }

// begin begins the table, which is written when the test ends.
func (tr *trial) begin(t *testing.T) {
	fmt.Fprintf(&tr.table, "| fault | seconds | requests | failed | sent again | over 1 s | longest | longest of the catalog | orders | answers by server |\n|---|---|---|---|---|---|---|---|---|---|\n")
	t.Cleanup(func() {
		tr.note("%d calls were judged in %.2f s", tr.judged.Operations, tr.judged.Took.Seconds())
		t.Logf("%d shoppers, seed %d\n\n%s", shoppers, tr.people.Seed, tr.table.String()+"\n"+tr.notes.String())
		assert.NoError(t, os.WriteFile(results, []byte(tr.table.String()+"\n"+tr.notes.String()), 0o644))
	})
}

// run lets the fault happen while people shop, and holds what they met against what the
// fault allows and what every fault must leave as it was.
func (tr *trial) run(t *testing.T, f fault) cluster.Report {
	t.Helper()
	before, books := tr.people.Orders(), tr.Books(t)
	tr.people.Begin(books)
	report := tr.people.During(func() { f.do(t) })
	for i, s := range tr.Servers {
		assert.NotEmpty(t, report.Servers()[s.Name], "server %d answers", i+1)
	}
	failed, longest, page := report.Failed(), report.Longest(), report.Of(cluster.OfCatalog).Longest()
	fmt.Fprintf(&tr.table, "| %s | %.0f | %d | %d | %d | %d | %.2f s %s | %.2f s | %d | %v |\n", f.name, report.Took.Seconds(), len(report.Answers),
		len(failed), report.Resent(), report.Slow(time.Second), longest.Took.Seconds(), longest.Request, page.Took.Seconds(),
		tr.people.Orders()-before, report.Servers())
	for _, a := range failed {
		if f.may == nil || !f.may(a) {
			assert.Fail(t, "shoppers saw failures", strings.Join(report.Failures(), "\n"))
			break
		}
	}
	assert.Less(t, longest.Took, longestWait, longest.Request)
	assert.Empty(t, report.Grievances)
	assert.Empty(t, tr.Audit(t, tr.opening, tr.people))
	after := tr.Books(t)
	judged := tr.people.Judge(after)
	assert.Empty(t, judged.Wrong)
	maps.DeleteFunc(books, func(product string, n int) bool { return after[product] == n })
	for product := range books {
		books[product] = after[product]
	}
	if took := tr.WaitShown(t, books); took > time.Second {
		tr.note("%s: each server's catalog showed the %d figures that had changed after %.1f s", f.name, len(books), took.Seconds())
	}
	tr.judged.Operations += judged.Operations
	tr.judged.Took += judged.Took
	return report
}

// unmoved holds that shoppers who have nothing to do with the trouble notice nothing, and
// returns what they waited.
func (tr *trial) unmoved(t *testing.T, others cluster.Report) string {
	t.Helper()
	median, longest := others.Median(), others.Longest()
	assert.Less(t, median, slack*usualMedian)
	assert.Less(t, longest.Took, slack*usualLongest, longest.Request)
	return fmt.Sprintf("the others' median %.3f s, longest %.2f s %s", median.Seconds(), longest.Took.Seconds(), longest.Request)
}

// shop lets people shop for some seconds.
func shop(seconds int) { time.Sleep(time.Duration(seconds) * time.Second) }

// unavailable is a failure that says when to try again.
func unavailable(a cluster.Answer) bool {
	return a.Status == http.StatusServiceUnavailable && a.RetryAfter != ""
}
