package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"iter"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"eshop/domain"
)

// Finding is something that breaks a rule of the tables.
type Finding struct {
	Rule string // its name in audit.sql
	ID   string // of what breaks it
	Says string
}

// Audit passes to found all that breaks a rule, and returns the rules that were looked at. It reads one moment and
// locks nothing, so the shop goes on beside it; it uses one processor and one connection, and has no deadline but the
// caller's. Orders that were paidElsewhere need no charge.
func (s *Store) Audit(ctx context.Context, paidElsewhere []domain.OrderID, found func(Finding)) (rules []string, err error) {
	err = s.unbounded(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, func(tx bun.Tx) error {
		for rule, statement := range audits() {
			rules = append(rules, rule)
			var args []any
			if strings.Contains(statement, "?") {
				args = append(args, pgdialect.Array(paidElsewhere))
			}
			if err := each(ctx, tx, statement, args, func(id, says string) { found(Finding{rule, id, says}) }); err != nil {
				return err
			}
		}
		return nil
	})
	return rules, err
}

func each(ctx context.Context, tx bun.Tx, statement string, args []any, found func(id, says string)) error {
	rows, err := tx.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	for rows.Next() {
		var id, says string
		if err := rows.Scan(&id, &says); err != nil {
			return err
		}
		found(id, says)
	}
	return rows.Err()
}

// repairs put right what follows from other tables, and may be made at any time: each reads what is wrong in the moment in
// which it mends it, and fails when somebody changes the same rows meanwhile.
var repairs = []string{`
	UPDATE product_popularity p SET sold = f.sold, category = f.category, kind = f.kind
	FROM product_facts f WHERE f.id = p.id AND (p.sold, p.category, p.kind) IS DISTINCT FROM (f.sold, f.category, f.kind)`, `
	INSERT INTO product_popularity (id, category, kind, sold) SELECT id, category, kind, sold FROM product_facts f
	WHERE NOT EXISTS (SELECT FROM product_popularity p WHERE p.id = f.id)`, `
	INSERT INTO product_counts AS c (category, kind, band, in_stock, n)
	SELECT category, kind, band, in_stock, coalesce(f.n, 0) - coalesce(c.n, 0)
	FROM (SELECT category, kind, band, in_stock, count(*) AS n FROM product_facts GROUP BY category, kind, band, in_stock) f
	FULL JOIN product_counts c USING (category, kind, band, in_stock) WHERE coalesce(c.n, 0) <> coalesce(f.n, 0)
	ON CONFLICT (category, kind, band, in_stock) DO UPDATE SET n = c.n + excluded.n`,
}

// Repair makes the order of the most sold and the counts of products what the products say, beside a shop that is open,
// and returns how many rows it changed. Nothing else is touched.
func (s *Store) Repair(ctx context.Context) (changed int, err error) {
	for _, statement := range repairs {
		n, err := s.repair(ctx, statement)
		if err != nil {
			return changed, err
		}
		changed += n
	}
	return changed, nil
}

// repairTries are made of a repair that others' changes interrupt.
const repairTries = 10

func (s *Store) repair(ctx context.Context, statement string) (changed int, err error) {
	for range repairTries {
		// A snapshot has the whole of another's transaction or nothing of it, so that the difference which it shows is
		// that of nobody's work.
		err = s.unbounded(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead}, func(tx bun.Tx) error {
			result, err := tx.Tx.ExecContext(ctx, statement)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			changed = int(n)
			return err
		})
		if !conflicting(err) {
			break
		}
	}
	return changed, err
}

// unbounded runs do in a transaction whose statements may take as long as ctx lets them, on one processor.
func (s *Store) unbounded(ctx context.Context, options *sql.TxOptions, do func(tx bun.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, options)
	if err != nil {
		return kindly(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for _, set := range []string{"SET LOCAL statement_timeout = 0", "SET LOCAL max_parallel_workers_per_gather = 0"} {
		if _, err := tx.ExecContext(ctx, set); err != nil {
			return kindly(ctx, err)
		}
	}
	if err := do(tx); err != nil {
		return kindly(ctx, err)
	}
	return kindly(ctx, tx.Commit())
}

//go:embed audit.sql
var auditStatements string

// audits are the statements of audit.sql by the names of their rules.
func audits() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		_, all, _ := strings.Cut(auditStatements, "\n\n")
		for part := range strings.SplitSeq(all, "\n\n") {
			head, statement, _ := strings.Cut(part, "\n")
			rule, _, _ := strings.Cut(strings.TrimPrefix(head, "-- "), ":")
			if !yield(rule, strings.TrimSuffix(strings.TrimSpace(statement), ";")) {
				return
			}
		}
	}
}
