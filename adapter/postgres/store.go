// Package postgres answers the ports from PostgreSQL 15 or newer: what must never
// be lost, shared by any number of servers. Statements are written with bun and
// travel over pgx, which knows several hosts and finds the one that takes writes.
//
// The database is the guarantee: constraints, row locks and one transaction a
// method. Nothing is remembered between calls but open connections, so a server
// may die at any moment.
//
// Every call has a deadline, callTime, or the caller's when that is shorter. While the
// database is away or hangs calls fail with domain.ErrUnavailable within that time, at
// once when that has been noticed (circuit breaker), and work again by themselves when it
// is back.
package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"

	"eshop/domain"
	"eshop/port"
)

// Config says where the database is.
type Config struct {
	// URL is postgres://user:password@host:port/name?settings. It may name several
	// hosts, host1:port1,host2:port2; the one that takes writes is used unless
	// target_session_attrs says otherwise. pool_max_conns bounds the connections
	// of this server, 16 unless it is given; libpq's settings work too.
	//
	// PgBouncer in transaction mode must know prepared statements, as it does from 1.21 with
	// max_prepared_statements above 0. It refuses the settings that a connection asks for, so it needs
	//
	//	ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout, work_mem, gin_pending_list_limit, random_page_cost
	//
	// and the role has them instead, else nothing ends what a server that died has begun:
	//
	//	ALTER ROLE eshop SET statement_timeout = '1800ms';
	//	ALTER ROLE eshop SET lock_timeout = '1500ms';
	//	ALTER ROLE eshop SET idle_in_transaction_session_timeout = '1200ms';
	//	ALTER ROLE eshop SET timezone = 'UTC';
	//	ALTER ROLE eshop SET work_mem = '16MB';
	//	ALTER ROLE eshop SET gin_pending_list_limit = '256kB';
	//	ALTER ROLE eshop SET random_page_cost = 1.1;
	//
	// "eshop migrate" goes to the database itself, for it holds a lock of its session.
	URL string
	// Name is what the database shows this server as; eshop unless it is given.
	Name string
	// Notice is told what Migrate waits for, when it is given.
	Notice func(text string)
	// Tracer makes spans of the statements of calls that are traced, when it is given.
	Tracer trace.Tracer
}

// Check reports whether the URL can be read. What it says does not repeat it, for it
// holds a password.
func (c Config) Check() error {
	_, err := c.parse()
	return err
}

// Hosts returns the hosts that the URL names, without sockets of this machine. The URL must pass Check.
func (c Config) Hosts() []string {
	settings, err := c.parse()
	if err != nil {
		return nil
	}
	hosts := []string{settings.ConnConfig.Host}
	for _, more := range settings.ConnConfig.Fallbacks {
		hosts = append(hosts, more.Host)
	}
	return slices.DeleteFunc(hosts, func(host string) bool { return strings.HasPrefix(host, "/") })
}

func (c Config) parse() (*pgxpool.Config, error) {
	settings, err := pgxpool.ParseConfig(c.URL)
	if err != nil || tornPassword(settings) {
		return nil, errors.New("the address of the database cannot be read: it should be postgres://user:password@host:5432/name, with special characters percent-encoded")
	}
	return settings, nil
}

// tornPassword reports whether a password that is not encoded was taken for a host or a database in part, which
// would be told to name servers and to the log.
func tornPassword(settings *pgxpool.Config) bool {
	at := settings.ConnConfig
	torn := strings.Contains(at.Host+at.Database, "@")
	for _, more := range at.Fallbacks {
		torn = torn || strings.Contains(more.Host, "@")
	}
	return torn
}

// Store keeps what a shop must not lose. Make one with Open.
type Store struct {
	db                 *bun.DB
	pool               *pgxpool.Pool
	breaker            *breaker
	cfg                Config
	statements         *counter
	retries            atomic.Int64
	turns              turns
	writers            *semaphore.Weighted // a connection each
	schemaSeen         atomic.Bool         // the schema was new enough once, and never gets older
	broadFrom, sampled int                 // as the constants say
}

var (
	_ port.Products      = (*Store)(nil)
	_ port.Stock         = (*Store)(nil)
	_ port.Catalog       = (*Store)(nil)
	_ port.Carts         = (*Store)(nil)
	_ port.Wishlists     = (*Store)(nil)
	_ port.Orders        = (*Store)(nil)
	_ port.Users         = (*Store)(nil)
	_ port.Sessions      = (*Store)(nil)
	_ port.Contacts      = (*Store)(nil)
	_ port.Conversations = (*Store)(nil)
	_ port.Pictures      = (*Store)(nil)
	_ port.Sweeper       = (*Store)(nil)
)

const (
	// callTime bounds a call, so that a request that needs one is answered within two
	// seconds; statementTime and lockTime end on the server what the caller has given up.
	callTime      = 1800 * time.Millisecond
	statementTime = 1800 * time.Millisecond
	lockTime      = 1500 * time.Millisecond
	// idleInTxTime is less than lockTime: who waits for a lock outlasts a server that
	// was held up while it had it.
	idleInTxTime = 1200 * time.Millisecond
	// connectTime bounds a new connection, which may be made for a later call.
	connectTime = 2 * time.Second

	maxConns = 16
	// writersOf4 is how many of four connections may be used by transactions that write.
	// They wait for each other's locks, and reading must go on meanwhile.
	writersOf4 = 3
)

// Open makes a store; the second result closes it. It does not wait for the
// database: calls find out. A URL that makes no sense is an error at once, which
// does not repeat it, for it holds a password.
func Open(ctx context.Context, cfg Config) (*Store, func(), error) {
	s := &Store{
		cfg: cfg, statements: &counter{}, breaker: newBreaker(), turns: turns{queue: map[string]*queue{}},
		broadFrom: broadFrom, sampled: sampled,
	}
	settings, err := s.settings(statementTime, lockTime)
	if err != nil {
		return nil, nil, err
	}
	probed := settings.ConnConfig.Copy()
	probed.Tracer = nil
	connections := pool{crowdedUntil: new(atomic.Int64)}
	settings.BeforeConnect = connections.beforeConnect
	s.pool, err = pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, nil, err
	}
	s.writers = semaphore.NewWeighted(max(1, int64(settings.MaxConns)*writersOf4/4))
	connections.Connector = stdlib.GetPoolConnector(s.pool)
	connections.conns = func() int { stat := s.pool.Stat(); return int(stat.AcquiredConns() + stat.IdleConns()) }
	db := sql.OpenDB(connections)
	db.SetMaxIdleConns(0) // the pool keeps them
	s.db = bun.NewDB(db, pgdialect.New(), bun.WithDiscardUnknownColumns())
	probing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var probe sync.WaitGroup
	probe.Go(func() { s.supervise(probing, probed) })
	return s, func() {
		stop()
		probe.Wait()
		_ = s.db.Close() // it holds nothing of its own
		s.pool.Close()
	}, nil
}

// settings are those of connections whose statements and waits for locks end
// after the times given; 0 is never.
func (s *Store) settings(statement, lock time.Duration) (*pgxpool.Config, error) {
	settings, err := s.cfg.parse()
	if err != nil {
		return nil, err
	}
	conn := settings.ConnConfig
	// bun writes arguments into the text, so a statement kept prepared would rarely be met again.
	conn.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn.Tracer = s.statements
	if s.cfg.Tracer != nil {
		conn.Tracer = spans{s.statements, s.cfg.Tracer}
	}
	if conn.ConnectTimeout == 0 || conn.ConnectTimeout > time.Minute { // pgx itself waits two minutes
		conn.ConnectTimeout = connectTime
	}
	if conn.ValidateConnect == nil {
		conn.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	for name, value := range map[string]string{
		"application_name":                    cmp.Or(s.cfg.Name, "eshop"),
		"statement_timeout":                   milliseconds(statement),
		"lock_timeout":                        milliseconds(lock),
		"idle_in_transaction_session_timeout": milliseconds(idleInTxTime),
		"timezone":                            "UTC",
		"work_mem":                            "16MB",  // the matches of a broad search
		"gin_pending_list_limit":              "256kB", // every search reads what the index of words has pending
		"random_page_cost":                    "1.1",   // the catalog lies in memory or on flash
	} {
		if _, ok := conn.RuntimeParams[name]; !ok {
			conn.RuntimeParams[name] = value
		}
	}
	if !strings.Contains(s.cfg.URL, "pool_max_conns") {
		settings.MaxConns = maxConns
	}
	settings.MinIdleConns = min(2, settings.MaxConns)
	settings.MaxConnLifetime, settings.MaxConnLifetimeJitter = 30*time.Minute, 5*time.Minute
	settings.MaxConnIdleTime, settings.HealthCheckPeriod = 5*time.Minute, 15*time.Second
	settings.PingTimeout = connectTime
	return settings, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Ping reports whether the database answers and has a schema that is new enough.
func (s *Store) Ping(ctx context.Context) error {
	if !s.schemaSeen.Load() {
		return s.CheckSchema(ctx)
	}
	return s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		_, err := db.ExecContext(ctx, "SELECT 1")
		return err
	})
}

// Now returns the time by the database's clock.
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	err = s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&now)
	})
	return now.UTC(), err
}

// Stats are figures about the store in this server since it was opened.
type Stats struct {
	Conns, IdleConns, MaxConns int
	Waits                      int64         // how often a call had to wait for a connection
	Waited                     time.Duration // how long in all
	Statements                 int64         // sent to the database, beginnings and ends of transactions too
	Retries                    int64         // calls that were made once more
}

// Stats returns how the store has done so far.
func (s *Store) Stats() Stats {
	pool := s.pool.Stat()
	return Stats{
		Conns: int(pool.TotalConns()), IdleConns: int(pool.IdleConns()), MaxConns: int(pool.MaxConns()),
		Waits: pool.EmptyAcquireCount(), Waited: pool.EmptyAcquireWaitTime(),
		Statements: s.statements.sent.Load(), Retries: s.retries.Load(),
	}
}

// counter counts the statements that go to the database.
type counter struct{ sent atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.sent.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

const (
	maxTries   = 5
	leastPause = 10 * time.Millisecond
	mostPause  = 200 * time.Millisecond
)

// read runs do, whose statements only read and need not agree with each other.
// do may run more than once.
func (s *Store) read(ctx context.Context, do func(ctx context.Context, db bun.IDB) error) error {
	return s.retry(ctx, func(ctx context.Context) error { return do(ctx, s.db) })
}

// snapshot runs do, whose statements only read, and all see the same moment. do
// may run more than once.
func (s *Store) snapshot(ctx context.Context, do func(ctx context.Context, tx bun.Tx) error) error {
	return s.retry(ctx, func(ctx context.Context) error {
		return s.tryTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, do)
	})
}

// inTx runs do in a transaction at READ COMMITTED, whole or not at all. When the
// database asks for it or when a connection was lost before the commit was sent,
// do runs again in a new transaction. A commit whose answer was lost is
// errInDoubt: it may have happened, and is not repeated. rows name what do holds for
// long; calls of this server that name the same wait without a connection, one after
// another, and fail with ErrLimited when too many do. Like locks, rows are named in one
// order.
func (s *Store) inTx(ctx context.Context, do func(ctx context.Context, tx bun.Tx) error, rows ...string) error {
	return s.retry(ctx, func(ctx context.Context) error {
		for _, row := range rows {
			end, err := s.turns.take(ctx, row)
			if err != nil {
				return err
			}
			defer end()
		}
		err := s.writeTx(ctx, do)
		if late(err) && !errors.Is(err, errInDoubt) && s.turns.crowded(rows) {
			// The crowd at the row is why, here and at the other servers, and no server's failure.
			return domain.TooOften(time.Second)
		}
		return err
	})
}

// writeTx runs do in a transaction while it may have the connection of a writer.
func (s *Store) writeTx(ctx context.Context, do func(ctx context.Context, tx bun.Tx) error) error {
	if err := s.writers.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.writers.Release(1)
	return s.tryTx(ctx, nil, do)
}

// retry runs do until it succeeds or fails for good, with a deadline for all of it.
func (s *Store) retry(caller context.Context, do func(ctx context.Context) error) error {
	if err := over(caller); err != nil {
		return err
	}
	closed, err := s.breaker.pass()
	if err != nil {
		return unavailable(err)
	}
	ctx, cancel := context.WithTimeout(caller, callTime)
	defer cancel()
	defer context.AfterFunc(closed, cancel)()
	for try := 1; ; try++ {
		err := do(ctx)
		if err == nil || try == maxTries || ctx.Err() != nil || !mayRetry(err) {
			return kindly(caller, err)
		}
		if gone(err) {
			s.breaker.suspect()
			s.pool.Reset() // the other connections went to the same server
		}
		s.retries.Add(1)
		select {
		case <-ctx.Done():
			return kindly(caller, err)
		case <-time.After(leastPause + rand.N(mostPause-leastPause)):
		}
	}
}

func (s *Store) tryTx(ctx context.Context, opts *sql.TxOptions, do func(ctx context.Context, tx bun.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to roll back after the commit
	if err := do(ctx, tx); err != nil {
		return err
	}
	return committed(tx.Commit())
}

// bound sends a statement of bun's with arguments, which the text calls $1, $2 and so on.
// Every connection prepares such a statement once, which saves most of its cost. bun
// itself writes arguments into the text, and no such text comes twice. bound is for
// frequent statements whose plan does not depend on their arguments.
type bound struct {
	conn bun.IConn
	args []any
}

// bind returns the connection for a frequent statement: NewSelect().Where("id = $1").Conn(bind(db, id)).
func bind(db bun.IDB, args ...any) bun.IConn {
	args = append([]any{pgx.QueryExecModeCacheStatement}, args...)
	switch db := db.(type) {
	case *bun.DB:
		return bound{db.DB, args}
	case bun.Tx:
		return bound{db.Tx, args}
	}
	return bound{db, args}
}

func (b bound) QueryContext(ctx context.Context, statement string, _ ...any) (*sql.Rows, error) {
	return b.conn.QueryContext(ctx, statement, b.args...)
}

func (b bound) ExecContext(ctx context.Context, statement string, _ ...any) (sql.Result, error) {
	return b.conn.ExecContext(ctx, statement, b.args...)
}

func (b bound) QueryRowContext(ctx context.Context, statement string, _ ...any) *sql.Row {
	return b.conn.QueryRowContext(ctx, statement, b.args...)
}

// keepRow updates all columns of row, which points to a struct with a primary key, by a prepared statement.
func keepRow(ctx context.Context, tx bun.Tx, row any) error {
	value := reflect.ValueOf(row).Elem()
	table := tx.Dialect().Tables().Get(value.Type())
	query, args := tx.NewUpdate().Model(row), make([]any, 0, len(table.Fields))
	argument := func(f *schema.Field) string {
		arg := f.Value(value).Interface()
		if f.NullZero && f.HasZeroValue(value) {
			arg = nil
		}
		args = append(args, arg)
		return "$" + strconv.Itoa(len(args))
	}
	for _, f := range table.DataFields {
		query = query.Value(f.Name, argument(f))
	}
	for _, f := range table.PKs {
		query = query.Where("? = "+argument(f), bun.Ident(f.Name))
	}
	_, err := query.Conn(bind(tx, args...)).Exec(ctx)
	return err
}

// lockRow reads the row of owner into row and holds it until the transaction ends.
// Writing the row locks it, whether it is there already or new.
func lockRow(ctx context.Context, tx bun.Tx, row any, owner domain.OwnerID) error {
	_, err := tx.NewInsert().Model(row).Column("owner").Value("owner", "$1").
		On("CONFLICT (owner) DO UPDATE").Set("touched_on = current_date").Returning("?Columns").Conn(bind(tx, owner)).Exec(ctx)
	return err
}

// scanPage scans a page of all, in the order given, into rows, whose structs have a Total.
// One statement does: the total comes with every row, and with a row of nulls when the page is empty.
func scanPage(ctx context.Context, db bun.IDB, rows any, all *bun.SelectQuery, order string, page domain.Page) error {
	return db.NewSelect().ColumnExpr("counted.total, page.*").
		TableExpr("(?) AS counted", all.Clone().ColumnExpr("count(*) AS total")).
		Join("LEFT JOIN (?) AS page ON true", all.Clone().OrderExpr(order).Limit(int64(page.Size)).Offset(int64(page.Offset()))).
		OrderExpr(order).Scan(ctx, rows)
}
