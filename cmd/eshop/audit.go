package main

import (
	"context"
	"fmt"

	"eshop/adapter/postgres"
	"eshop/cmd/eshop/demo"
)

// audit looks for what cannot be so in the tables, on a shop that is open or closed.
func audit(ctx context.Context, c call) error {
	if c.cfg.DatabaseURL == "" {
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
	wrong := 0
	rules, err := store.Audit(ctx, demo.OrderIDs(), func(f postgres.Finding) {
		wrong++
		fmt.Fprintf(c.stdout, "%-12s %s: %s\n", f.Rule, f.ID, f.Says)
	})
	if err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d findings", wrong)
	}
	fmt.Fprintf(c.stdout, "all is right: %v\n", rules)
	return nil
}
