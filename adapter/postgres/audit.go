package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"iter"
	"strings"

	"github.com/uptrace/bun/dialect/pgdialect"

	"eshop/domain"
)

// Finding is something that breaks a rule of the tables.
type Finding struct {
	Rule string // stock, sums, number, paid, charge, conversation, popularity or count
	ID   string // of what breaks it
	Says string
}

// Audit passes to found all that breaks a rule, and returns the rules that were looked at. It reads one moment and
// locks nothing, so the shop goes on beside it; it has no deadline but the caller's. Orders that were paidElsewhere
// need no charge.
func (s *Store) Audit(ctx context.Context, paidElsewhere []domain.OrderID, found func(Finding)) (rules []string, err error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, kindly(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // it changes nothing
	if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
		return nil, kindly(ctx, err)
	}
	for rule, statement := range audits() {
		rules = append(rules, rule)
		var args []any
		if strings.Contains(statement, "$1") {
			args = append(args, pgdialect.Array(paidElsewhere))
		}
		rows, err := tx.Tx.QueryContext(ctx, statement, args...)
		if err != nil {
			return nil, kindly(ctx, err)
		}
		for rows.Next() {
			f := Finding{Rule: rule}
			if err := rows.Scan(&f.ID, &f.Says); err != nil {
				return nil, kindly(ctx, err)
			}
			found(f)
		}
		if err := rows.Err(); err != nil {
			return nil, kindly(ctx, err)
		}
	}
	return rules, nil
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
