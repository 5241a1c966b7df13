package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
)

// Migrations expand and, a release later, contract: the binary before and the one
// after a migration run side by side. A file may run again when a server died
// between its end and the note that it was applied.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// ErrOldSchema is a database whose schema is older than this binary needs. A newer one is fine.
var ErrOldSchema = errors.New("the database's schema is older than this version of the shop needs; run: eshop migrate")

// migrationLock is the advisory lock that those who migrate wait for.
const migrationLock = 0x65_73_68_6f_70 // "eshop"

// Migration is a step of the schema.
type Migration struct {
	Name      string
	Applied   bool
	AppliedAt time.Time
}

// Migrate brings the schema up to what this binary needs and returns the names of
// the steps that it took. Any number of servers may call it at once: one migrates,
// the others wait for it. It has no deadline but the caller's, and needs
// connections of its own, past any pooler of transactions.
func (s *Store) Migrate(ctx context.Context) ([]string, error) {
	settings, err := s.settings(0, 0)
	if err != nil {
		return nil, err
	}
	settings.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	settings.MinIdleConns, settings.MaxConns = 0, 2
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	db := bun.NewDB(stdlib.OpenDBFromPool(pool), pgdialect.New())

	applied, err := migrateLocked(ctx, db, pool)
	return applied, kindly(ctx, err)
}

func migrateLocked(ctx context.Context, db *bun.DB, pool *pgxpool.Pool) ([]string, error) {
	// The lock ends with its connection, also when this process dies.
	lock, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	if _, err := lock.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return nil, err
	}
	defer func() { _ = lock.Conn().Close(context.WithoutCancel(ctx)) }()

	steps, err := knownSteps()
	if err != nil {
		return nil, err
	}
	migrator := migratorOf(db, steps)
	if err := migrator.Init(ctx); err != nil {
		return nil, err
	}
	group, err := migrator.Migrate(ctx)
	if err != nil {
		return nil, err
	}
	var applied []string
	for _, m := range group.Migrations {
		applied = append(applied, m.String())
	}
	return applied, nil
}

// MigrationStatus returns the steps that this binary knows, in their order.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	var all []Migration
	err := s.read(ctx, func(ctx context.Context, _ bun.IDB) error {
		known, err := knownSteps()
		if err != nil {
			return err
		}
		steps, err := migratorOf(s.db, known).MigrationsWithStatus(ctx)
		if sqlState(err) == "42P01" { // undefined_table: nobody has migrated yet
			steps, err = known.Sorted(), nil
		}
		if err != nil {
			return err
		}
		all = nil
		for _, step := range steps {
			all = append(all, Migration{step.String(), step.IsApplied(), step.MigratedAt})
		}
		return nil
	})
	return all, err
}

// CheckSchema fails with ErrOldSchema when the schema lacks a step that this
// binary needs, and with domain.ErrUnavailable while the database is away.
func (s *Store) CheckSchema(ctx context.Context) error {
	steps, err := s.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for _, step := range steps {
		if !step.Applied {
			missing = append(missing, step.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w (missing: %s)", ErrOldSchema, strings.Join(missing, ", "))
	}
	s.schemaSeen.Store(true)
	return nil
}

func knownSteps() (*migrate.Migrations, error) {
	steps := migrate.NewMigrations()
	return steps, steps.Discover(migrationFiles)
}

func migratorOf(db *bun.DB, steps *migrate.Migrations) *migrate.Migrator {
	return migrate.NewMigrator(db, steps, migrate.WithTableName("migrations"),
		migrate.WithLocksTableName("migration_locks"), migrate.WithMarkAppliedOnSuccess(true))
}
