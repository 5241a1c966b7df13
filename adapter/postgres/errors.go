package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"eshop/domain"
)

// errInDoubt is a commit that was sent and whose answer was lost. Only what it
// would have kept reports whether it happened: look that up in a new transaction.
var errInDoubt = errors.New("the connection was lost during the commit")

// errVanished is a product that was removed while its change was under way: all is to be done again.
var errVanished = errors.New("a product was removed meanwhile")

// errMovedOn is a conversation that was joined into another while it was about to be: all is to be done again.
var errMovedOn = errors.New("a conversation was joined into another meanwhile")

// kindly gives a failure of the driver its kind. Failures that have one, and those of a
// caller that went away, stay as they are. A caller whose time is over was kept waiting by
// the database: it is told so, for another server may be quicker.
func kindly(caller context.Context, err error) error {
	var known *domain.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(caller.Err(), context.Canceled) && errors.Is(err, context.Canceled):
		return err
	case errors.Is(caller.Err(), context.Canceled):
		return fmt.Errorf("%w: %w", context.Canceled, err)
	case unfitPooler(err):
		return unavailable(fmt.Errorf("%s: %w", poolerAdvice, err))
	case caller.Err() != nil || gone(err) || late(err) || short(err) || crowded(err) || conflicting(err) || sqlState(err) == idleInTx ||
		errors.Is(err, errInDoubt) || errors.Is(err, context.Canceled): // by the breaker
		return unavailable(err)
	}
	return err
}

// over returns what a call fails with that finds its caller's time over or the caller gone, or nil.
func over(caller context.Context) error { return kindly(caller, caller.Err()) }

// unavailable says that the store is away, because of err.
func unavailable(err error) error {
	away := domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "the shop cannot reach its records just now; try again in a moment")
	away.RetryAfter = time.Second
	return fmt.Errorf("%w: %w", away, err)
}

// poolerAdvice is what to set when a pooler between the shop and the database does not fit.
const poolerAdvice = "PgBouncer in transaction mode must be 1.21 or newer, with max_prepared_statements above 0 and " +
	"ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout, work_mem, gin_pending_list_limit, random_page_cost; " +
	"the role then needs them by ALTER ROLE … SET, as Config of adapter/postgres says"

// unfitPooler reports whether a pooler refused what a connection asks for at its start, or gave a
// statement's session to somebody else.
func unfitPooler(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) &&
		(strings.HasPrefix(failure.Message, "unsupported startup parameter") || sqlState(err) == "42P05") // duplicate_prepared_statement
}

// idleInTx is idle_in_transaction_session_timeout: the session of a server that was held up has ended.
const idleInTx = "25P03"

// mayRetry reports whether the whole of a transaction that failed with err may be
// run again at once.
func mayRetry(err error) bool {
	return !errors.Is(err, errInDoubt) && (conflicting(err) || outdated(err) || gone(err) || unreached(err) || sqlState(err) == idleInTx)
}

// crowded reports whether there was no connection for a call. Those that there are are good.
func crowded(err error) bool {
	return sqlState(err) == "53300" || errors.Is(err, errCrowded) || errors.Is(err, errNoConnection)
}

// short reports whether the server lacks something that another connection would lack too:
// memory or disk, or that its disk fails.
func short(err error) bool {
	state := sqlState(err)
	return strings.HasPrefix(state, "53") || state == "58030"
}

// outdated reports whether a statement was prepared for a schema or a session that is gone. The next one is prepared anew.
func outdated(err error) bool {
	switch sqlState(err) {
	case "0A000", "26000": // feature_not_supported: the result's types changed; invalid_sql_statement_name
		return true
	}
	return false
}

// unreached reports whether a new connection could not be made in time. Another may be free by now.
func unreached(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) && late(err) && !crowded(err)
}

// numbered are the keys that sequences count. An import by hand leaves a sequence behind what is there, and the next
// number may be free.
var numbered = []string{"orders_pkey", "stock_movements_pkey", "product_changes_number"}

// conflicting reports whether a transaction was undone in favour of another.
func conflicting(err error) bool {
	if errors.Is(err, errVanished) || errors.Is(err, errMovedOn) || slices.Contains(numbered, constraint(err)) {
		return true
	}
	switch sqlState(err) {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return true
	}
	return false
}

// gone reports whether the connection or the server went away, or is not the one that
// takes writes any more. Other connections to it are of no use either.
func gone(err error) bool {
	var (
		connect *pgconn.ConnectError
		network *net.OpError
	)
	if late(err) || crowded(err) {
		return false
	}
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) {
		return true
	}
	switch state := sqlState(err); {
	case state == "":
	case state == "25006", // read_only_sql_transaction: a primary that became a standby
		state == "57P01", state == "57P02", state == "57P03", // shut down, crashed, starting
		state[:2] == "08": // connection_exception
		return true
	}
	for _, gone := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, pgconn.ErrConnClosed, puddle.ErrClosedPool} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// late reports whether a deadline of ours passed, here or in the server. At a deadline
// database/sql undoes a transaction, and says to who then commits it only that it is done.
func late(err error) bool {
	switch sqlState(err) {
	case "57014", "55P03": // query_canceled, lock_not_available
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sql.ErrTxDone) || pgconn.Timeout(err)
}

func sqlState(err error) string {
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		return ""
	}
	return failure.Code
}

// constraint is the name of the constraint that err says was broken, or "".
func constraint(err error) string {
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		return ""
	}
	return failure.ConstraintName
}

// committed tells a commit that failed for certain from one that is in doubt.
func committed(err error) error {
	var failure *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failure) && failure.SeverityUnlocalized == "ERROR", // the server refused it and says so
		errors.Is(err, pgx.ErrTxCommitRollback), errors.Is(err, sql.ErrTxDone),
		err == context.Canceled, err == context.DeadlineExceeded: //nolint:errorlint // bare: database/sql did not send it
		return err
	}
	// Not pgconn.SafeToRetry: it says yes when the connection was lost after the commit was sent.
	return fmt.Errorf("%w: %w", errInDoubt, err)
}
