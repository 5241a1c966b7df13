package main

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eshop/adapter/postgres"
)

// upkeepTimeout keeps a database that hangs from holding up what else is scraped.
const upkeepTimeout = time.Second

// upkeepFigures are when the records were last backed up and audited. What was never done has no figure, and nothing has
// one while the database cannot be read.
type upkeepFigures struct {
	store                            *postgres.Store
	backedUp, audited, wrong, behind *prometheus.Desc
}

func newUpkeepFigures(store *postgres.Store) *upkeepFigures {
	of := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &upkeepFigures{
		store,
		of("eshop_backup_timestamp_seconds", "When the last backup that can be restored was made, since 1970."),
		of("eshop_audit_timestamp_seconds", "When eshop audit last looked at the records, since 1970."),
		of("eshop_audit_findings", "What eshop audit found wrong then."),
		of("eshop_backup_behind_bytes", "What was written to the write-ahead log and the backup has not got yet; +Inf when that is lost."),
	}
}

func (u *upkeepFigures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{u.backedUp, u.audited, u.wrong, u.behind} {
		to <- d
	}
}

func (u *upkeepFigures) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), upkeepTimeout)
	defer cancel()
	of, err := u.store.Upkeep(ctx)
	if err != nil {
		return
	}
	say := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	seconds := func(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }
	if !of.BackedUpAt.IsZero() {
		say(u.backedUp, seconds(of.BackedUpAt))
	}
	if !of.AuditedAt.IsZero() {
		say(u.audited, seconds(of.AuditedAt))
		say(u.wrong, float64(of.Wrong))
	}
	switch {
	case of.Behind == math.MaxInt64:
		say(u.behind, math.Inf(1))
	case of.Behind >= 0:
		say(u.behind, float64(of.Behind))
	}
}
