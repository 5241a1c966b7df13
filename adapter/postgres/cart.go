package postgres

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// cartRow is a cart as its table has it.
type cartRow struct {
	Version int64      `bun:"version"`
	Lines   []cartLine `bun:"lines,type:jsonb"`
	Keys    []string   `bun:"keys,type:jsonb"`
}

type cartLine struct {
	ID       domain.LineID    `json:"id"`
	Product  domain.ProductID `json:"product"`
	Quantity int              `json:"quantity"`
}

func (r cartRow) cart() domain.Cart {
	cart := domain.Cart{Version: r.Version, Keys: r.Keys}
	for _, line := range r.Lines {
		cart.Lines = append(cart.Lines, domain.Line(line))
	}
	return cart
}

func (s *Store) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	var row cartRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewRaw(`SELECT version, lines, keys FROM carts WHERE owner = ?`, owner).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) {
			row, err = cartRow{}, nil
		}
		return err
	})
	return row.cart(), err
}

func (s *Store) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	var kept domain.Cart
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		cart, err := lockCart(ctx, tx, owner)
		if err != nil {
			return err
		}
		if err := change(&cart); err != nil {
			return err
		}
		kept = cart.Clone()
		return keepCart(ctx, tx, owner, kept)
	})
	if err != nil {
		return domain.Cart{}, err
	}
	return kept, nil
}

func (s *Store) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	if from == into {
		return nil
	}
	// Most who sign in have nothing to bring, and need no lock.
	if cart, err := s.Cart(ctx, from); err != nil || len(cart.Lines) == 0 {
		return err
	}
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		carts := map[domain.OwnerID]domain.Cart{}
		for _, owner := range inOrder(from, into) {
			cart, err := lockCart(ctx, tx, owner)
			if err != nil {
				return err
			}
			carts[owner] = cart
		}
		source, target := carts[from], carts[into]
		target.Merge(source)
		// Its version stays: it must not come again, for an order may be kept by it.
		source.Lines = nil
		if err := keepCart(ctx, tx, from, source); err != nil {
			return err
		}
		return keepCart(ctx, tx, into, target)
	})
}

// inOrder are two owners in the order in which what they have is locked.
func inOrder(a, b domain.OwnerID) []domain.OwnerID {
	return slices.Sorted(slices.Values([]domain.OwnerID{a, b}))
}

// lockCart returns the owner's cart and holds it until the transaction ends.
// Writing the row locks it, whether it was there or is new.
func lockCart(ctx context.Context, tx bun.Tx, owner domain.OwnerID) (domain.Cart, error) {
	var row cartRow
	err := tx.NewRaw(`INSERT INTO carts (owner) VALUES (?)
		ON CONFLICT (owner) DO UPDATE SET touched_on = current_date
		RETURNING version, lines, keys`, owner).Scan(ctx, &row)
	return row.cart(), err
}

func keepCart(ctx context.Context, tx bun.Tx, owner domain.OwnerID, cart domain.Cart) error {
	lines, keys := []cartLine{}, append([]string{}, cart.Keys...)
	for _, line := range cart.Lines {
		lines = append(lines, cartLine(line))
	}
	_, err := tx.NewRaw(`UPDATE carts SET version = ?, lines = ?, keys = ? WHERE owner = ?`,
		cart.Version, lines, keys, owner).Exec(ctx)
	return err
}
