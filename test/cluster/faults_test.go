package cluster_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	needContainers(t)
	next := cluster.BuildWithOtherAssets(t)
	c := cluster.Start(t, 3)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	people := cluster.NewShoppers(t, shoppers, seed, c.URL)
	opening := c.Books(t)
	one, two, three := c.Servers[0], c.Servers[1], c.Servers[2]

	table := &strings.Builder{}
	fmt.Fprintf(table, "| fault | seconds | requests | failed | sent again | over 1 s | longest | orders | answers by server |\n|---|---|---|---|---|---|---|---|---|\n")
	defer func() {
		t.Logf("%d shoppers, seed %d\n\n%s", shoppers, seed, table)
		require.NoError(t, os.WriteFile(results, []byte(table.String()), 0o644))
	}()

	for _, f := range []fault{
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
	} {
		t.Run(f.name, func(t *testing.T) {
			before := people.Orders()
			report := people.During(func() { f.do(t) })
			for i, s := range c.Servers {
				assert.NotEmpty(t, report.Servers()[s.Name], "server %d answers", i+1)
			}
			failed := report.Failed()
			longest := report.Longest()
			fmt.Fprintf(table, "| %s | %.0f | %d | %d | %d | %d | %.2f s %s | %d | %v |\n", f.name, report.Took.Seconds(), len(report.Answers),
				len(failed), report.Resent(), report.Slow(time.Second), longest.Took.Seconds(), longest.Request, people.Orders()-before, report.Servers())
			for _, a := range failed {
				if f.may == nil || !f.may(a) {
					assert.Fail(t, "shoppers saw failures", strings.Join(report.Failures(), "\n"))
					break
				}
			}
			assert.Less(t, longest.Took, longestWait, longest.Request)
			assert.Empty(t, report.Grievances)
			assert.Empty(t, c.Audit(t, opening, people))
		})
	}
}

// shop lets people shop for some seconds.
func shop(seconds int) { time.Sleep(time.Duration(seconds) * time.Second) }

// unavailable is a failure that says when to try again.
func unavailable(a cluster.Answer) bool {
	return a.Status == http.StatusServiceUnavailable && a.RetryAfter != ""
}
