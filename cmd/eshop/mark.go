package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"eshop/adapter/postgres"
	"eshop/cmd/eshop/demo"
	"eshop/domain"
	"eshop/web"
)

// Why a database does not fit the shop that the settings ask for.
var (
	errDemoAccounts       = errors.New("the database holds demo accounts, whose passwords are known to everybody; a production shop needs a database of its own")
	errDemoDatabase       = errors.New("the database is a demo shop's and stays one; a production shop needs a database of its own")
	errProductionDatabase = errors.New("the database is a production shop's; a demo shop needs a database of its own, " +
		"or eshop seed, which makes a demo shop of one that has no order and no account yet")
	errRealRecords = errors.New("the database has an order or an account that is not the demo's, and is left as it is; a demo shop needs a database of its own")
)

// fitDatabase asks whether the database answers, has the schema that is needed, and is
// not another shop's. The first time that it answers it is marked as this shop's.
func fitDatabase(c config, store *postgres.Store) web.Check {
	var marked atomic.Bool
	return func(ctx context.Context) error {
		if !marked.Load() {
			if err := store.Ping(ctx); err != nil {
				return err
			}
			if err := claim(ctx, c, store); err != nil {
				return err
			}
			marked.Store(true)
			return nil
		}
		mark, err := store.Mark(ctx)
		if err != nil {
			return err
		}
		return c.fits(mark)
	}
}

// claim marks the database as the shop's that the settings ask for. It fails when it is
// marked as another's, or holds what cannot be this shop's.
func claim(ctx context.Context, c config, store *postgres.Store) error {
	found, err := look(ctx, store)
	if err != nil {
		return err
	}
	_, err = store.UpdateMark(ctx, func(m *postgres.Mark) error {
		c.takeCurrency(m, found)
		mode := c.mode()
		switch err := c.fits(*m); {
		case err != nil:
			return err
		case mode == "":
			return nil
		case mode == postgres.Production && found.demoAccounts:
			return errDemoAccounts
		case mode == postgres.Demo && m.Mode == "" && found.others && !found.demoAccounts:
			return errRealRecords
		}
		m.Mode = mode
		return nil
	})
	return err
}

// mode is what a database is used for under these settings; a developer's shop without
// demo data goes with any.
func (c config) mode() postgres.Mode {
	switch {
	case c.hasDemoData():
		return postgres.Demo
	case c.Environment == production:
		return postgres.Production
	}
	return ""
}

// fits reports whether a database with the mark may be this shop's.
func (c config) fits(m postgres.Mark) error {
	switch mode := c.mode(); {
	case mode == postgres.Production && m.Mode == postgres.Demo:
		return errDemoDatabase
	case mode == postgres.Demo && m.Mode == postgres.Production:
		return errProductionDatabase
	}
	return c.fitsCurrency(m)
}

func (c config) fitsCurrency(m postgres.Mark) error {
	if m.Currency == c.currency() {
		return nil
	}
	return fmt.Errorf("ESHOP_CURRENCY is %s, and the shop sells in %s: it is the same on all servers, and stays once products are on sale", c.currency(), m.Currency)
}

// takeCurrency makes the settings' currency the mark's while nothing is on sale.
func (c config) takeCurrency(m *postgres.Mark, found records) {
	m.Currency = cmp.Or(found.soldIn, c.currency())
}

// records is what a database holds: demo accounts, others' orders or accounts, and products
// in a currency, "" for none.
type records struct {
	demoAccounts, others bool
	soldIn               domain.Currency
}

func look(ctx context.Context, store *postgres.Store) (records, error) {
	demoAccounts, err := demo.Present(ctx, store)
	if err != nil {
		return records{}, err
	}
	others, err := store.HasOthers(ctx, demo.UserIDs(), demo.OrderIDs())
	if err != nil {
		return records{}, err
	}
	soldIn, err := store.SoldIn(ctx)
	return records{demoAccounts, others, soldIn}, err
}

// makeDemo marks the database as a demo shop's and returns what it was before. A shop
// that was never a demo must have no order and no account yet.
func makeDemo(ctx context.Context, c config, store *postgres.Store) (was postgres.Mode, err error) {
	found, err := look(ctx, store)
	if err != nil {
		return "", err
	}
	_, err = store.UpdateMark(ctx, func(m *postgres.Mark) error {
		inProduction := m.Mode == postgres.Production || c.Environment == production
		if m.Mode != postgres.Demo && found.others && (inProduction || !found.demoAccounts) {
			return errRealRecords
		}
		was, m.Mode = m.Mode, postgres.Demo
		c.takeCurrency(m, found)
		return c.fitsCurrency(*m)
	})
	return was, err
}
