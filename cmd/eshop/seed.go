package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"

	"eshop/adapter/postgres"
	"eshop/cmd/eshop/demo"
	"eshop/domain"
)

// seed fills the database with n products, 0 for those of the demo shop, and
// with the demo accounts and their orders.
func seed(ctx context.Context, n int, cfg config, stderr io.Writer) error {
	if n == 0 {
		n = demo.Size()
	}
	switch {
	case n < demo.Size() || n > demo.Most:
		return fmt.Errorf("--products must be from %d, the demo shop, to %d", demo.Size(), demo.Most)
	case cfg.DatabaseURL == "":
		return errNoDatabase
	case cfg.Environment == production:
		return fmt.Errorf("ESHOP_ENV is production, where demo accounts must not be: their passwords are known to everybody")
	}
	store, closeStore, err := postgres.Open(ctx, postgresConfig(cfg))
	if err != nil {
		return err
	}
	defer closeStore()
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	bar := progress{out: stderr, all: n}
	if err := store.CopyProducts(ctx, firstProducts(n), bar.show); err != nil {
		return err
	}
	bar.end()
	app, closeShop, err := newStoredShop(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer closeShop()
	return app.demo.LoadPeople(ctx)
}

func firstProducts(n int) iter.Seq[domain.Product] {
	return func(yield func(domain.Product) bool) {
		for i := range n {
			if !yield(demo.Product(i)) {
				return
			}
		}
	}
}

// progress shows how far a long piece of work is.
type progress struct {
	out   io.Writer
	all   int
	begun time.Time
	shown time.Time
}

const showEvery = 200 * time.Millisecond

// show is called with how many are done so far.
func (p *progress) show(done int) {
	now := time.Now()
	if p.begun.IsZero() {
		p.begun = now
	}
	if now.Sub(p.shown) < showEvery && done < p.all {
		return
	}
	p.shown = now
	const width = 40
	filled := done * width / p.all
	rate := float64(done) / max(now.Sub(p.begun).Seconds(), 0.001)
	fmt.Fprintf(p.out, "\r[%-*s] %d of %d products, %.0f a second ", width, bar(filled), done, p.all, rate)
}

func (p *progress) end() { fmt.Fprintln(p.out) }

func bar(n int) string {
	const full = "========================================"
	return full[:n]
}
