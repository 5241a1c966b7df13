package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// wishlistRow is a wishlist as its table has it.
type wishlistRow struct {
	bun.BaseModel `bun:"table:wishlists"`

	Owner domain.OwnerID `bun:"owner,pk"`
	Items []wishlistItem `bun:"wishes,type:jsonb"`
	Keys  []string       `bun:"keys,type:jsonb"`
}

type wishlistItem struct {
	ID      domain.WishlistItemID `json:"id"`
	Product domain.ProductID      `json:"product"`
	AddedAt time.Time             `json:"added_at"`
}

func (r wishlistRow) wishlist() domain.Wishlist {
	list := domain.Wishlist{Keys: r.Keys}
	for _, item := range r.Items {
		item.AddedAt = item.AddedAt.UTC()
		list.Items = append(list.Items, domain.WishlistItem(item))
	}
	return list
}

func newWishlistRow(owner domain.OwnerID, list domain.Wishlist) *wishlistRow {
	row := &wishlistRow{Owner: owner, Items: []wishlistItem{}, Keys: append([]string{}, list.Keys...)}
	for _, item := range list.Items {
		row.Items = append(row.Items, wishlistItem(item))
	}
	return row
}

func (s *Store) Wishlist(ctx context.Context, owner domain.OwnerID) (domain.Wishlist, error) {
	var row wishlistRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewSelect().Model(&row).Where("owner = $1").Conn(bind(db, owner)).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return row.wishlist(), err
}

func (s *Store) UpdateWishlist(ctx context.Context, owner domain.OwnerID, change func(*domain.Wishlist) error) (domain.Wishlist, error) {
	var kept domain.Wishlist
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		list, err := lockWishlist(ctx, tx, owner)
		if err != nil {
			return err
		}
		if err := change(&list); err != nil {
			return err
		}
		kept = list.Clone()
		return keepWishlist(ctx, tx, owner, kept)
	}, wishlistOf(owner))
	if err != nil {
		return domain.Wishlist{}, err
	}
	return kept, nil
}

func (s *Store) MergeWishlist(ctx context.Context, from, into domain.OwnerID) error {
	if from == into {
		return nil
	}
	if list, err := s.Wishlist(ctx, from); err != nil || len(list.Items) == 0 {
		return err
	}
	owners := inOrder(from, into)
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		lists := map[domain.OwnerID]domain.Wishlist{}
		for _, owner := range owners {
			list, err := lockWishlist(ctx, tx, owner)
			if err != nil {
				return err
			}
			lists[owner] = list
		}
		target := lists[into]
		target.Merge(lists[from])
		if err := keepWishlist(ctx, tx, from, domain.Wishlist{}); err != nil {
			return err
		}
		return keepWishlist(ctx, tx, into, target)
	}, wishlistOf(owners[0]), wishlistOf(owners[1]))
}

// wishlistOf names the owner's wishlist, for inTx.
func wishlistOf(owner domain.OwnerID) string { return "wishlist " + string(owner) }

// lockWishlist returns the owner's wishlist and holds it until the transaction ends.
func lockWishlist(ctx context.Context, tx bun.Tx, owner domain.OwnerID) (domain.Wishlist, error) {
	var row wishlistRow
	err := lockRow(ctx, tx, &row, owner)
	return row.wishlist(), err
}

func keepWishlist(ctx context.Context, tx bun.Tx, owner domain.OwnerID, list domain.Wishlist) error {
	return keepRow(ctx, tx, newWishlistRow(owner, list))
}
