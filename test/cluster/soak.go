package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Sample is what a shop holds at one time, by name.
type Sample struct {
	At      time.Duration // since the first
	Figures map[string]float64
}

// Bound is how much a figure may rise while the same things are done again and again.
type Bound struct {
	Figure string
	Unit   float64 // that it is printed in
	Share  float64 // of its median
	Slack  float64 // and this much besides, where the median is small
	After  float64 // which part of the soak is not looked at; 0 is a third
}

// Trend is where a figure is and where it goes.
type Trend struct {
	Bound
	Median, Least, Most float64
	Rise                float64   // over what was looked at, by its slope
	Along               []float64 // from the first sample to the last, those of caches that fill among them
}

// Flat reports whether the figure stays within its bound. One that falls is flat.
func (t Trend) Flat() bool { return t.Rise <= t.Share*math.Abs(t.Median)+t.Slack }

func (t Trend) String() string {
	var along strings.Builder
	for _, value := range t.Along {
		fmt.Fprintf(&along, " %.4g", value/t.Unit)
	}
	return fmt.Sprintf("| %s | %.4g | %.4g | %.4g | %+.4g | %.4g |%s |", t.Figure, t.Median/t.Unit, t.Least/t.Unit, t.Most/t.Unit, t.Rise/t.Unit,
		(t.Share*math.Abs(t.Median)+t.Slack)/t.Unit, along.String())
}

// alongTheWay is into how many parts the way is cut.
const alongTheWay = 6

// TrendHeader is the head of a table of trends.
const TrendHeader = "| figure | median | least | most | rise by its slope | allowed | along the way |\n|---|---|---|---|---|---|---|\n"

// TrendOf leaves the first samples out, while which caches fill. The slope is the
// median of those between any two samples (Theil and Sen), which one spike, or the teeth of what is
// cleared now and then, do not bend.
func TrendOf(samples []Sample, bound Bound) Trend {
	var along []float64
	for n := range alongTheWay + 1 {
		along = append(along, samples[n*(len(samples)-1)/alongTheWay].Figures[bound.Figure])
	}
	samples = samples[int(cmp.Or(bound.After, 1.0/3)*float64(len(samples))):]
	var values, slopes []float64
	for i, a := range samples {
		values = append(values, a.Figures[bound.Figure])
		for _, b := range samples[i+1:] {
			slopes = append(slopes, (b.Figures[bound.Figure]-a.Figures[bound.Figure])/(b.At-a.At).Seconds())
		}
	}
	slices.Sort(values)
	slices.Sort(slopes)
	trend := Trend{Bound: bound, Along: along, Median: values[len(values)/2], Least: values[0], Most: values[len(values)-1]}
	if len(slopes) > 0 {
		trend.Rise = slopes[len(slopes)/2] * (samples[len(samples)-1].At - samples[0].At).Seconds()
	}
	return trend
}

// Watch prepares PostgreSQL for Sample.
func (c *Cluster) Watch(t testing.TB) {
	t.Helper()
	c.administer(t, "CREATE EXTENSION IF NOT EXISTS pgstattuple")
}

// Sample takes a server's figures, and those of PostgreSQL and Redis.
func (c *Cluster) Sample(t testing.TB, of *Server) map[string]float64 {
	t.Helper()
	figures := of.Figures(t)
	// What a table or an index takes beyond its rows, by its pages. A table keeps what its fillfactor
	// leaves empty, and a new page of an index is two thirds full: it is its growth that tells.
	for _, r := range query[struct {
		Heap, HeapWaste, Dead, Index, IndexWaste, Wal float64
	}](t, c, `
		WITH heaps AS (
			SELECT sum(s.table_len) AS size, sum(s.dead_tuple_len + s.free_space) AS waste, sum(s.dead_tuple_len) AS dead
			FROM pg_stat_user_tables u, pgstattuple(u.relid) s
		), indexes AS (
			SELECT sum(s.index_size) AS size, sum(s.index_size * (1 - CASE WHEN s.avg_leaf_density = 'NaN' THEN 0 ELSE s.avg_leaf_density END / 100)) AS waste
			FROM pg_stat_user_indexes u JOIN pg_class k ON k.oid = u.indexrelid JOIN pg_am m ON m.oid = k.relam AND m.amname = 'btree', pgstatindex(u.indexrelid) s
		)
		SELECT h.size::float8 AS heap, h.waste::float8 AS heap_waste, h.dead::float8 AS dead, i.size::float8 AS index, i.waste::float8 AS index_waste,
			(SELECT sum(size) FROM pg_ls_waldir())::float8 AS wal
		FROM heaps h, indexes i`) {
		maps.Copy(figures, map[string]float64{
			"tables": r.Heap, "tables_waste": r.HeapWaste / r.Heap, "tables_dead": r.Dead, "indexes": r.Index, "indexes_waste": r.IndexWaste / r.Index, "wal": r.Wal,
		})
	}
	for _, line := range strings.Fields(c.Redis.Run(t, "sh", "-c", "redis-cli INFO memory; redis-cli INFO clients")) {
		name, text, _ := strings.Cut(line, ":")
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			figures["redis_"+name] = n
		}
	}
	return figures
}

// Churn is how the rows of a table were changed.
type Churn struct {
	Name                  string
	Updates, Kept         int64 // Kept are the updates that left every index as it was
	Dead, Live, Autovacua int64
}

// Churned are the tables whose rows are changed, the most changed first.
func (c *Cluster) Churned(t testing.TB) []Churn {
	t.Helper()
	return query[Churn](t, c, `
		SELECT relname AS name, n_tup_upd AS updates, n_tup_hot_upd AS kept, n_dead_tup AS dead, n_live_tup AS live, autovacuum_count AS autovacua
		FROM pg_stat_user_tables WHERE n_tup_upd > 0 ORDER BY n_tup_upd DESC`)
}
