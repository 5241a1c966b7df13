package cluster_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/test/cluster"
)

// soakResults is where the table of a soak is written.
const soakResults = "soak.md"

const (
	// soakPages are few enough that caches are full of them before the first look.
	soakPages   = 60
	soakWarming = time.Minute
	// soakTalkers have a socket each, and soakTabs are more of theirs.
	soakTalkers, soakTabs = 12, 60
	soakSockets           = soakTalkers + soakTabs
	// keptByNginx are connections that its workers keep open for the next who come.
	keptByNginx = 30
)

var minutes = flag.Int("minutes", 3, "how long TestSoak goes on")

// soakBounds are what may rise. Rows that are kept for ever let their tables grow, so that of
// those it is the share that holds no row which must not rise.
func soakBounds(minutes int) []cluster.Bound {
	const mib = 1 << 20
	// In a short run caches still fill.
	room := 48.0 * mib
	if minutes >= 15 {
		room = 8 * mib
	}
	bounds := []cluster.Bound{
		{Figure: "process_resident_memory_bytes", Unit: mib, Share: 0.10, Slack: room},
		{Figure: "go_memstats_next_gc_bytes", Unit: mib, Share: 0.10, Slack: room}, // twice what was in use after the last collection
		// All sockets may come to the server that stays, each with two goroutines. What nobody uses any more is seen at the end.
		{Figure: "go_goroutines", Unit: 1, Share: 0.10, Slack: 30 + 2*soakSockets},
		{Figure: "process_open_fds", Unit: 1, Share: 0.10, Slack: 20 + soakSockets},
		{Figure: "tables_waste", Unit: 0.01, Share: 0, Slack: 0.05},
		{Figure: "tables_dead", Unit: mib, Share: 0.10, Slack: mib},
		{Figure: "indexes_waste", Unit: 0.01, Share: 0, Slack: 0.05},
		{Figure: "redis_connected_clients", Unit: 1, Share: 0.10, Slack: 5},
	}
	if minutes >= 15 { // the third checkpoint lies behind, by which PostgreSQL knows how much it writes between two
		bounds = append(bounds, cluster.Bound{Figure: "wal", Unit: mib, Share: 0.10, Slack: 64 * mib})
	}
	if minutes >= 30 { // an entry of the catalog is kept for 21 minutes
		bounds = append(bounds, cluster.Bound{Figure: "redis_used_memory", Unit: mib, Share: 0.10, Slack: mib, After: 2.0 / 3})
	}
	return bounds
}

// TestSoak lets people shop, look and talk while each minute another server is stopped and opened
// again. The first one stays: what it holds at the end, and what the stores do, must be what they
// held before.
func TestSoak(t *testing.T) {
	c := cluster.Start(t, 3)
	c.BehindBalancer(t)
	c.Watch(t)
	stays := c.Servers[0]
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d minutes", seed, *minutes)
	people := cluster.NewShoppers(t, shoppers, seed, c.URL)
	opening := c.Books(t)
	stock := delivery(t, c, opening)

	// What it holds before anybody comes: whatever it took for them it gives back.
	people.During(func() { shop(3) })
	time.Sleep(2 * time.Second) // kept connections to nginx end
	idle := stays.Figures(t)

	near, asked := catalogPaths(t, stays)
	var samples []cluster.Sample
	var report cluster.Report
	t.Run("people shop, look and talk", func(t *testing.T) {
		looks := cluster.NewVisitors(t, shoppers, seed+1, slices.Concat(near[:soakPages], asked), c.URL)
		talkers := cluster.NewTalkers(t, c, soakTalkers)
		talkers.Pause = 2 * time.Second
		tabs := talkers.MoreTabs(soakTabs)
		var going sync.WaitGroup
		stop := make(chan struct{})
		going.Go(func() {
			looks.During(func() { <-stop })
		})
		var talk cluster.TalkReport
		going.Go(func() { talk = talkers.During(func() { <-stop }) })
		every := max(2*time.Second, time.Duration(*minutes)*time.Second/2)
		report = people.During(func() {
			time.Sleep(soakWarming)
			begin := time.Now()
			restarted := begin
			for n := 0; time.Since(begin) < time.Duration(*minutes)*time.Minute; {
				samples = append(samples, cluster.Sample{At: time.Since(begin), Figures: c.Sample(t, stays)})
				time.Sleep(every)
				if time.Since(restarted) >= time.Minute {
					restarted = time.Now()
					other := c.Servers[1+n%2]
					n++
					other.Stop(t)
					other.Start(t)
					other.WaitReady(t)
					tabs.HangUp() // or all would be on the server that stays, after a while
					stock.arrives(t)
				}
			}
		})
		close(stop)
		going.Wait()
		assert.Empty(t, talk.Unsettled)
		assert.Empty(t, talk.Grievances)
	})
	assert.Empty(t, report.Failures())
	assert.Empty(t, report.Grievances)
	assert.Empty(t, c.Audit(t, opening, people))

	var table strings.Builder
	fmt.Fprintf(&table, "%d minutes, %d requests of shoppers, %d orders\n\n%s", *minutes, len(report.Answers), people.Orders(), cluster.TrendHeader)
	for _, bound := range soakBounds(*minutes) {
		trend := cluster.TrendOf(samples, bound)
		fmt.Fprintln(&table, trend)
		assert.True(t, trend.Flat(), "%s rises", bound.Figure)
	}
	first, last := samples[0].Figures, samples[len(samples)-1].Figures
	fmt.Fprintf(&table, "\ntables %.1f to %.1f MiB, indexes %.1f to %.1f, write-ahead log %.0f to %.0f, Redis %.1f to %.1f\n\n| table | updates | of them within their page | dead | live | vacuumed |\n|---|---|---|---|---|---|\n",
		first["tables"]/(1<<20), last["tables"]/(1<<20), first["indexes"]/(1<<20), last["indexes"]/(1<<20), first["wal"]/(1<<20), last["wal"]/(1<<20), first["redis_used_memory"]/(1<<20), last["redis_used_memory"]/(1<<20))
	for _, of := range c.Churned(t) {
		fmt.Fprintf(&table, "| %s | %d | %.2f | %d | %d | %d |\n", of.Name, of.Updates, float64(of.Kept)/float64(of.Updates), of.Dead, of.Live, of.Autovacua)
	}
	t.Log("\n" + table.String())
	assert.NoError(t, os.WriteFile(soakResults, []byte(table.String()), 0o644))

	// The pool keeps some of its connections for the next who come.
	held := func(figures map[string]float64, of string) float64 {
		return figures[of] - figures["eshop_postgres_connections"]
	}
	for _, of := range []string{"go_goroutines", "process_open_fds"} {
		now := 0.0
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
			if now = held(stays.Figures(t), of); now <= held(idle, of)+keptByNginx || time.Now().After(end) {
				break
			}
		}
		t.Logf("%s: %.0f before anybody came, %.0f when all had gone, without the pool's connections", of, held(idle, of), now)
		assert.LessOrEqual(t, now, held(idle, of)+keptByNginx, of)
	}
}

// deliveries are the stock that arrives.
type deliveries struct {
	store   *postgres.Store
	opening cluster.Books
}

func delivery(t *testing.T, c *cluster.Cluster, opening cluster.Books) deliveries {
	t.Helper()
	store, end, err := postgres.Open(t.Context(), postgres.Config{URL: c.Postgres.URL})
	require.NoError(t, err)
	t.Cleanup(end)
	return deliveries{store, opening}
}

// arrives puts a hundred pieces to each product of which less are left than there were.
func (d deliveries) arrives(t *testing.T) {
	t.Helper()
	all, err := d.store.Products(t.Context(), slices.Collect(func(yield func(domain.ProductID) bool) {
		for id := range d.opening {
			if !yield(domain.ProductID(id)) {
				return
			}
		}
	}))
	require.NoError(t, err)
	for _, p := range all {
		if p.Stock < d.opening[string(p.ID)] {
			_, err := d.store.ChangeStock(t.Context(), domain.StockMovement{Product: p.ID, Delta: 100, Reason: domain.StockReceived, At: time.Now()}, domain.IdempotencyKey(uuid.NewString()))
			require.NoError(t, err)
			d.opening[string(p.ID)] += 100
		}
	}
}

func TestTrend(t *testing.T) {
	bound := cluster.Bound{Figure: "memory", Unit: 1, Share: 0.1, Slack: 1}
	of := func(at func(minute float64) float64) cluster.Trend {
		chance := rand.New(rand.NewPCG(1, 2))
		var samples []cluster.Sample
		for n := range 60 {
			minute := float64(n) / 2
			samples = append(samples, cluster.Sample{
				At:      time.Duration(minute * float64(time.Minute)),
				Figures: map[string]float64{"memory": at(minute) * (1 + 0.04*(chance.Float64()-0.5))},
			})
		}
		return cluster.TrendOf(samples, bound)
	}
	for name, at := range map[string]func(minute float64) float64{
		"what stays is flat":                      func(float64) float64 { return 100 },
		"what fills and then stays is flat":       func(minute float64) float64 { return 100 * min(1, minute/9) },
		"what is cleared again and again is flat": func(minute float64) float64 { return 100 + 10*math.Mod(minute, 2) },
		"what falls is flat":                      func(minute float64) float64 { return 100 - minute },
		"one spike is none":                       func(minute float64) float64 { return map[bool]float64{true: 900, false: 100}[minute == 29] },
		"nothing at all is flat":                  func(float64) float64 { return 0 },
		"what stays below zero is flat":           func(float64) float64 { return -100 },
	} {
		t.Run(name, func(t *testing.T) { assert.True(t, of(at).Flat(), "%v", of(at)) })
	}
	for name, at := range map[string]func(minute float64) float64{
		"a leak is seen":                        func(minute float64) float64 { return 100 + minute },
		"a leak beneath what is cleared is too": func(minute float64) float64 { return 100 + 10*math.Mod(minute, 2) + minute },
		"so is one that begins from nothing":    func(minute float64) float64 { return minute },
		"and one that begins half-way":          func(minute float64) float64 { return 100 + 4*max(0, minute-15) },
	} {
		t.Run(name, func(t *testing.T) { assert.False(t, of(at).Flat(), "%v", of(at)) })
	}
}
