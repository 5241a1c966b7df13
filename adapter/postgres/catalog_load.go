package postgres

import (
	"context"
	_ "embed"
	"iter"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"eshop/domain"
)

// stagedRow is a product in the staging table, with all that is derived from it.
type stagedRow struct {
	bun.BaseModel `bun:"table:staged"`
	productRow

	Rating    int    `bun:"rating"`
	NameOrder string `bun:"name_order"`
	Words     string `bun:"words"`
}

// stagedRows returns the rows of products. Of a product that comes twice, the last counts.
func stagedRows(products []domain.Product) []stagedRow {
	place := make(map[domain.ProductID]int, len(products))
	rows := make([]stagedRow, 0, len(products))
	for _, p := range products {
		row := stagedRow{
			productRow: newProductRow(p), Rating: int(p.Rating.Average()*10 + 0.5),
			NameOrder: strings.ToLower(p.Name), Words: tsvectorOf(p),
		}
		if at, ok := place[p.ID]; ok {
			rows[at] = row
			continue
		}
		place[p.ID] = len(rows)
		rows = append(rows, row)
	}
	return rows
}

// loadProducts loads the products that stage puts into the staging table.
func loadProducts(ctx context.Context, tx bun.Tx, stage func() error) error {
	if _, err := tx.ExecContext(ctx, stageTable); err != nil {
		return err
	}
	if err := stage(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, loadStaged); err != nil {
		if constraint(err) == "products_slug" {
			return domain.ErrConflict.Errorf(domain.CodeSlugTaken, "another product has that address")
		}
		return err
	}
	var vanished bool
	err := tx.NewRaw(`SELECT EXISTS (SELECT 1 FROM staged WHERE NOT (added OR locked))`).Scan(ctx, &vanished)
	if err == nil && vanished {
		return errVanished
	}
	return err
}

// stageTable creates the staging table of a connection, unless it has one.
//
//go:embed catalog_stage.sql
var stageTable string

// loadStaged brings what is staged into the tables of the catalog.
//
//go:embed catalog_load.sql
var loadStaged string

// copyBatch is how many products are loaded at once: enough to make round trips not count.
const copyBatch = 5000

// CopyProducts keeps products as PutProducts does, thousands at a time by COPY, and
// calls progress with how many are kept so far. Products that are kept already cost
// little, so after a failure the call may be repeated with the same products. It has
// no deadline but the caller's.
func (s *Store) CopyProducts(ctx context.Context, products iter.Seq[domain.Product], progress func(kept int)) error {
	kept := 0
	batch := make([]domain.Product, 0, copyBatch)
	keep := func() error {
		err := s.copyProducts(ctx, batch)
		if err == nil {
			kept += len(batch)
			batch = batch[:0]
			progress(kept)
		}
		return kindly(ctx, err)
	}
	for p := range products {
		batch = append(batch, p)
		if len(batch) < copyBatch {
			continue
		}
		if err := keep(); err != nil {
			return err
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return keep()
}

func (s *Store) copyProducts(ctx context.Context, products []domain.Product) error {
	rows, fields := stagedRows(products), s.db.Dialect().Tables().Get(reflect.TypeFor[stagedRow]()).Fields
	var columns []string
	for _, f := range fields {
		columns = append(columns, f.Name)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL gin_pending_list_limit = '64MB'`); err != nil {
		return err
	}
	err = loadProducts(ctx, tx, func() error {
		return conn.Raw(func(driver any) error {
			_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"staged"}, columns,
				pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
					values := make([]any, len(fields))
					for at, f := range fields {
						values[at] = f.Value(reflect.ValueOf(&rows[i]).Elem()).Interface()
					}
					return values, nil
				}))
			return err
		})
	})
	if err != nil {
		return err
	}
	// Many words enter their index at once at less cost, and before anybody searches them.
	if _, err := tx.ExecContext(ctx, `SELECT gin_clean_pending_list('product_facts_words')`); err != nil {
		return err
	}
	return tx.Commit()
}
