package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"log/slog"

	"eshop/adapter/postgres"
	"eshop/cmd/eshop/demo"
	"eshop/domain"
)

// mostOrders takes a demo shop to some ten gigabytes.
const mostOrders = 10_000_000

// seed fills the database with products, as many as the demo shop has unless told
// otherwise, and with the demo accounts and their orders, and more orders where told so. It makes a demo shop of a
// production shop that nobody has used yet.
func seed(ctx context.Context, c call) error {
	flags := flag.NewFlagSet("seed", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	products := flags.Int("products", demo.Size(), "")
	orders := flags.Int("orders", 0, "")
	if err := flags.Parse(c.args); err != nil || flags.NArg() > 0 {
		return errUsage
	}
	n, cfg := *products, c.cfg
	switch {
	case n < demo.Size() || n > demo.Most:
		return fmt.Errorf("--products must be from %d, the demo shop, to %d", demo.Size(), demo.Most)
	case *orders < 0 || *orders > mostOrders:
		return fmt.Errorf("--orders must be from 0 to %d", mostOrders)
	case cfg.DatabaseURL == "":
		return errNoDatabase
	}
	store, closeStore, err := postgres.Open(ctx, postgresConfig(cfg))
	if err != nil {
		return err
	}
	defer closeStore()
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	was, err := makeDemo(ctx, cfg, store)
	if err != nil {
		return err
	}
	if was == postgres.Production || cfg.Environment == production {
		fmt.Fprintln(c.stdout, "this makes it a demo shop, and it stays one: everybody knows the passwords of its accounts, one of staff among them")
	}
	app, closeShop, err := newStoredShop(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer closeShop()
	err = store.CopyProducts(ctx, firstProducts(app.demo, n), func(done int) { fmt.Fprintf(c.stderr, "\r%d of %d products", done, n) })
	fmt.Fprintln(c.stderr)
	if err != nil {
		return err
	}
	if err := app.demo.LoadPeople(ctx); err != nil {
		return err
	}
	if *orders > 0 {
		err := store.MakeOrders(ctx, *orders, func(made int) { fmt.Fprintf(c.stderr, "\r%d of %d orders", made, *orders) })
		fmt.Fprintln(c.stderr)
		if err != nil {
			return err
		}
	}
	if cfg.Environment == production {
		fmt.Fprintln(c.stdout, "its servers are not ready until they run with ESHOP_ENV=demo: change that setting and restart them")
	}
	return nil
}

func firstProducts(demo *demo.Loader, n int) iter.Seq[domain.Product] {
	return func(yield func(domain.Product) bool) {
		for i := range n {
			if !yield(demo.Product(i)) {
				return
			}
		}
	}
}
