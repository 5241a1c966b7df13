package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	"eshop/port/porttest"
)

func TestProducts(t *testing.T) { porttest.Products(t, openShops) }

func TestStock(t *testing.T) { porttest.Stock(t, openShops) }

func TestCatalog(t *testing.T) {
	porttest.Catalog(t, openShops)
	t.Run("every text is broad", func(t *testing.T) {
		porttest.Catalog(t, func(t *testing.T) (porttest.Shop, porttest.Shop) {
			a, b := openTwo(t)
			a.Broaden(0, 1_000_000)
			b.Broaden(0, 1_000_000)
			return shopOf(a), shopOf(b)
		})
	})
	t.Run("a store of its own follows", func(t *testing.T) {
		porttest.Catalog(t, func(t *testing.T) (porttest.Shop, porttest.Shop) {
			a, b := openShops(t)
			engine := memory.NewStore()
			a.Catalog = porttest.Follow(a.Products, engine, porttest.Replace(engine))
			b.Catalog = a.Catalog
			return a, b
		})
	})
}

func TestStore_ChangedProducts(t *testing.T) {
	t.Run("a change that is committed late is not stepped over", func(t *testing.T) {
		url := migrated(t)
		s := openAt(t, url)
		stockProducts(t, s, 2, 10)
		late, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		defer func() { require.NoError(t, late.Close(context.WithoutCancel(t.Context()))) }()
		tx, err := late.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "UPDATE product_facts SET price = 777 WHERE id = $1", stockedID(0))
		require.NoError(t, err)
		_, err = s.ChangeStock(t.Context(), domain.StockMovement{Product: stockedID(1), Delta: 1, Reason: domain.StockReceived, At: noon}, "")
		require.NoError(t, err)

		var cursor domain.Cursor
		follow := func() []domain.ProductID {
			changed, next, err := s.ChangedProducts(t.Context(), cursor, 100)
			require.NoError(t, err)
			cursor = next
			var ids []domain.ProductID
			for _, p := range changed {
				ids = append(ids, p.ID)
			}
			return ids
		}
		assert.Len(t, follow(), 2)
		assert.Empty(t, follow())
		require.NoError(t, tx.Commit(t.Context()))
		assert.Equal(t, []domain.ProductID{stockedID(0)}, follow())
	})
}
