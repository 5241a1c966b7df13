package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
)

// Migrations expand and, a release later, contract: the binary before and the one
// after a migration run side by side. Their numbers say the order, and may have gaps.
//
// A file named .tx.up.sql is one transaction. It may run again when a server died
// between its end and the note that it was applied. A file named .up.sql runs outside a
// transaction, one statement after another, parted by lines "--bun:split": for CREATE INDEX
// CONCURRENTLY, which keeps nobody waiting. It may be interrupted anywhere and then runs again from its
// first statement, so it drops what it makes before it makes it.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// ErrOldSchema is a database whose schema is older than this binary needs. A newer one is fine.
var ErrOldSchema = errors.New("the database's schema is older than this version of the shop needs; run: eshop migrate")

// migrationLock is the advisory lock that those who migrate wait for.
const migrationLock = 0x65_73_68_6f_70 // "eshop"

const (
	// migrationLockTime is how long a transaction of a migration waits for a lock. All who want the
	// table queue behind it meanwhile, so it is less than what nginx waits for an answer.
	migrationLockTime = time.Second
	// migrationPatience is how long a step is tried, and how long a statement outside a transaction waits,
	// behind which nobody queues. A dump of the database takes less, or is to be ended.
	migrationPatience = 10 * time.Minute
	// migrationPause lets those who queued have their turn before the next try.
	migrationPause = 2 * time.Second
)

// Migration is a step of the schema.
type Migration struct {
	Name      string
	Applied   bool
	AppliedAt time.Time
}

// Migrate brings the schema up to what this binary needs and returns the names of
// the steps that it took. Any number of servers may call it at once: one migrates,
// the others wait for it. A step that does not get a lock is tried again, for ten minutes; Config.Notice is
// told what it waits for. Migrate needs connections of its own, past any pooler of transactions.
func (s *Store) Migrate(ctx context.Context) ([]string, error) {
	m := migration{notice: s.cfg.Notice}
	if m.notice == nil {
		m.notice = func(string) {}
	}
	for name, lockTime := range map[string]time.Duration{"inside": migrationLockTime, "outside": migrationPatience} {
		settings, err := s.settings(0, lockTime)
		if err != nil {
			return nil, err
		}
		settings.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
		settings.ConnConfig.RuntimeParams["application_name"] = migrationName
		settings.MinIdleConns, settings.MaxConns = 0, 2
		pool, err := pgxpool.NewWithConfig(ctx, settings)
		if err != nil {
			return nil, err
		}
		defer pool.Close()
		if db := bun.NewDB(stdlib.OpenDBFromPool(pool), pgdialect.New()); name == "inside" {
			m.inside, m.watch = db, pool
		} else {
			m.outside = db
		}
	}
	applied, err := m.run(ctx)
	return applied, kindly(ctx, err)
}

// migrationName is what the database shows connections that migrate as.
const migrationName = "eshop migrate"

// migration is one call of Migrate.
type migration struct {
	inside, outside *bun.DB // for steps inside and outside a transaction
	watch           *pgxpool.Pool
	notice          func(string)
}

func (m *migration) run(ctx context.Context) ([]string, error) {
	// The lock ends with its connection, also when this process dies.
	lock, err := m.watch.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	defer func() { _ = lock.Conn().Close(context.WithoutCancel(ctx)) }()
	if err := m.lock(ctx, lock.Conn()); err != nil {
		return nil, err
	}
	known, err := knownSteps()
	if err != nil {
		return nil, err
	}
	if err := mine(ctx, lock.Conn()); err != nil {
		return nil, err
	}
	inside, outside := migratorOf(m.inside, known), migratorOf(m.outside, known)
	if err := inside.Init(ctx); err != nil {
		return nil, err
	}
	steps, err := inside.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, err
	}
	var applied []string
	group := steps.LastGroupID() + 1
	for _, step := range steps.Unapplied() {
		step.GroupID = group
		by := outside
		if inTransaction(step.String()) {
			by = inside
		}
		if err := m.take(ctx, by, &step, lock.Conn()); err != nil {
			return applied, err
		}
		applied = append(applied, step.String())
	}
	return applied, nil
}

// created finds the tables that migrations make.
var created = regexp.MustCompile(`CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)`)

// mine fails when the database is another program's, before anything of it is changed: it has tables of the
// shop's names and no note of the shop's steps. It also needs to hold every character that people write.
func mine(ctx context.Context, conn *pgx.Conn) error {
	var names []string
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := fs.ReadFile(migrationFiles, file)
		if err != nil {
			return err
		}
		for _, table := range created.FindAllStringSubmatch(string(text), -1) {
			names = append(names, table[1])
		}
	}
	var (
		encoding       string
		noted, foreign bool
		there          []string
	)
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_encoding'), to_regclass('migrations') IS NOT NULL,
		to_regclass('migrations') IS NOT NULL AND 3 > (SELECT count(*) FROM pg_attribute
			WHERE attrelid = to_regclass('migrations') AND attname IN ('name', 'group_id', 'migrated_at')),
		ARRAY(SELECT DISTINCT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL ORDER BY name)`, names).
		Scan(&encoding, &noted, &foreign, &there); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, in which not every text can be kept; make one with: createdb --encoding=UTF8 --template=template0 NAME", encoding)
	}
	if foreign {
		there = []string{"migrations"}
	}
	if foreign || !noted && len(there) > 0 {
		return fmt.Errorf("the database has tables of another program (%s), and nothing was changed; give the shop a database of its own", strings.Join(there, ", "))
	}
	return nil
}

// lock waits for others who migrate. It asks again and again, for a statement that waits would
// itself be waited for by the others' CREATE INDEX CONCURRENTLY.
func (m *migration) lock(ctx context.Context, conn *pgx.Conn) error {
	for told := false; ; told = true {
		var locked bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(migrationLock)).Scan(&locked); err != nil || locked {
			return err
		}
		if !told {
			m.notice("waiting for another process that migrates")
		}
		if err := pause(ctx, migrationPause/10); err != nil {
			return err
		}
	}
}

// inTransaction reports whether a step's file is one transaction.
func inTransaction(step string) bool {
	_, err := migrationFiles.Open("migrations/" + step + ".tx.up.sql")
	return err == nil
}

// take takes a step and notes it. While it waits for a lock, watch looks who has it.
func (m *migration) take(ctx context.Context, by *migrate.Migrator, step *migrate.Migration, watch *pgx.Conn) error {
	patience, cancel := context.WithTimeout(ctx, migrationPatience)
	defer cancel()
	for {
		done := make(chan error, 1)
		go func() { done <- step.Up(patience, by, step) }()
		waited, err := m.await(patience, done, step, watch)
		switch {
		case err == nil:
			return by.MarkApplied(ctx, step)
		case lockedOut(err) && pause(patience, migrationPause) == nil:
			continue
		case waited != "":
			err = fmt.Errorf("it waited for %s; when that has ended, migrate again: %w", waited, err)
		}
		return fmt.Errorf("migration %s: %w", step.String(), err)
	}
}

// await waits for a step to be done, and tells what it waits for, once each time that it is something else.
func (m *migration) await(ctx context.Context, done <-chan error, step *migrate.Migration, watch *pgx.Conn) (waited string, err error) {
	tick := time.NewTicker(migrationLockTime / 4)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return waited, err
		case <-tick.C:
		}
		if now := waitsFor(ctx, watch); now != "" && now != waited {
			waited = now
			m.notice("migration " + step.String() + " waits for " + waited)
		}
	}
}

// waitsFor returns what the connections that migrate wait for, and who has it.
func waitsFor(ctx context.Context, watch *pgx.Conn) string {
	var waited string
	err := watch.QueryRow(ctx, `SELECT coalesce('table ' || l.relation::regclass, 'a ' || l.locktype || ' lock') || ', held by process ' || b.pid ||
			' (' || concat_ws(', ', nullif(b.application_name, ''), b.state, 'since ' || to_char(b.xact_start, 'HH24:MI:SS "UTC"')) || ')'
		FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND NOT l.granted
			JOIN pg_stat_activity b ON b.pid = ANY (pg_blocking_pids(a.pid))
		WHERE a.datname = current_database() AND a.application_name = $1
		ORDER BY b.xact_start, b.pid LIMIT 1`, migrationName).Scan(&waited)
	if err != nil {
		return "" // nobody waits, or nobody knows
	}
	return waited
}

// lockedOut reports whether a lock was not had in time, or was given up for another's.
func lockedOut(err error) bool {
	state := sqlState(err)
	return state == "55P03" || state == "40P01" // lock_not_available, deadlock_detected
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
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
