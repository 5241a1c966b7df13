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
	bun.BaseModel `bun:"table:carts"`

	Owner   domain.OwnerID `bun:"owner,pk"`
	Version int64          `bun:"version"`
	Lines   []cartLine     `bun:"lines,type:jsonb"`
	Keys    []string       `bun:"keys,type:jsonb"`
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

func newCartRow(owner domain.OwnerID, cart domain.Cart) *cartRow {
	row := &cartRow{Owner: owner, Version: cart.Version, Lines: []cartLine{}, Keys: append([]string{}, cart.Keys...)}
	for _, line := range cart.Lines {
		row.Lines = append(row.Lines, cartLine(line))
	}
	return row
}

func (s *Store) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	var row cartRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewSelect().Model(&row).Where("owner = $1").Conn(bind(db, owner)).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
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
	}, cartOf(owner))
	if err != nil {
		return domain.Cart{}, err
	}
	return kept, nil
}

func (s *Store) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	if from == into {
		return nil
	}
	// Most who sign in bring nothing, and need no lock.
	if cart, err := s.Cart(ctx, from); err != nil || len(cart.Lines) == 0 {
		return err
	}
	owners := inOrder(from, into)
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		carts := map[domain.OwnerID]domain.Cart{}
		for _, owner := range owners {
			cart, err := lockCart(ctx, tx, owner)
			if err != nil {
				return err
			}
			carts[owner] = cart
		}
		source, target := carts[from], carts[into]
		target.Merge(source)
		// The version stays: an order may be kept by it, so it must not come twice.
		source.Lines = nil
		if err := keepCart(ctx, tx, from, source); err != nil {
			return err
		}
		return keepCart(ctx, tx, into, target)
	}, cartOf(owners[0]), cartOf(owners[1]))
}

// cartOf names the owner's cart, for inTx.
func cartOf(owner domain.OwnerID) string { return "cart " + string(owner) }

// inOrder returns two owners in the order in which their rows are locked.
func inOrder(a, b domain.OwnerID) []domain.OwnerID {
	return slices.Sorted(slices.Values([]domain.OwnerID{a, b}))
}

// lockCart returns the owner's cart and holds it until the transaction ends.
func lockCart(ctx context.Context, tx bun.Tx, owner domain.OwnerID) (domain.Cart, error) {
	var row cartRow
	err := lockRow(ctx, tx, &row, owner)
	return row.cart(), err
}

func keepCart(ctx context.Context, tx bun.Tx, owner domain.OwnerID, cart domain.Cart) error {
	return keepRow(ctx, tx, newCartRow(owner, cart))
}
