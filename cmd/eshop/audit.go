package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"eshop/adapter/postgres"
	"eshop/cmd/eshop/demo"
)

const (
	// auditTime bounds an audit: as long as it reads one moment, nothing that was deleted since then is cleared away.
	auditTime = 30 * time.Minute
	// toldOfARule are so many findings; the others are counted.
	toldOfARule = 100
)

// audit looks for what cannot be so in the tables, on a shop that is open or closed.
func audit(ctx context.Context, c call) error {
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	repair := flags.Bool("repair", false, "")
	switch err := flags.Parse(c.args); {
	case err != nil || flags.NArg() > 0:
		return errUsage
	case c.cfg.DatabaseURL == "":
		return errNoDatabase
	}
	store, closeStore, err := postgres.Open(ctx, postgresConfig(c.cfg))
	if err != nil {
		return err
	}
	defer closeStore()
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, auditTime)
	defer cancel()
	if *repair {
		n, err := store.Repair(ctx)
		fmt.Fprintf(c.stdout, "%d counts and ranks were wrong and are right now\n", n)
		if err != nil {
			return err
		}
	}
	found := map[string]int{}
	rules, err := store.Audit(ctx, demo.OrderIDs(), func(f postgres.Finding) {
		if found[f.Rule]++; found[f.Rule] <= toldOfARule {
			fmt.Fprintf(c.stdout, "%s %s: %s\n", f.Rule, f.ID, f.Says)
		}
	})
	if err != nil {
		return err
	}
	total := 0
	for _, n := range found {
		total += n
	}
	if err := store.NoteAudit(ctx, total); err != nil { // a role that may only read may audit
		fmt.Fprintf(c.stderr, "eshop audit: the servers' figures do not tell of this audit: %v\n", err)
	}
	var counts []string
	for _, rule := range slices.Sorted(maps.Keys(found)) {
		counts = append(counts, fmt.Sprintf("%d of %s", found[rule], rule))
	}
	if len(counts) > 0 {
		return fmt.Errorf("found %s", strings.Join(counts, ", "))
	}
	fmt.Fprintf(c.stdout, "all is right: %s\n", strings.Join(rules, ", "))
	return nil
}
