package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"eshop/adapter/postgres"
)

var errNoDatabase = errors.New("DATABASE_URL is not set; the embedded stores need nothing of the kind")

// migrate brings the schema up to date, or says how it stands.
func migrate(ctx context.Context, c call) error {
	args, cfg, stdout := c.args, c.cfg, c.stdout
	action := "up"
	if len(args) == 1 {
		action = args[0]
	}
	if len(args) > 1 || action != "up" && action != "status" {
		return errUsage
	}
	if cfg.DatabaseURL == "" {
		return errNoDatabase
	}
	settings := postgresConfig(cfg)
	settings.Notice = func(text string) { fmt.Fprintln(stdout, text) }
	store, closeStore, err := postgres.Open(ctx, settings)
	if err != nil {
		return err
	}
	defer closeStore()
	if action == "status" {
		return status(ctx, store, stdout)
	}
	applied, err := store.Migrate(ctx)
	for _, name := range applied {
		fmt.Fprintln(stdout, "applied", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Fprintln(stdout, "the schema was up to date")
	}
	return err
}

func status(ctx context.Context, store *postgres.Store, stdout io.Writer) error {
	steps, err := store.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	for _, step := range steps {
		when := "missing"
		if step.Applied {
			when = "applied " + step.AppliedAt.UTC().Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(stdout, "%-40s %s\n", step.Name, when)
	}
	return nil
}
