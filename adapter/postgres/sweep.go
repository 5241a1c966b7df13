package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"eshop/domain"
	"eshop/port"
)

const (
	// sweepAtOnce bounds how many rows one statement looks at, so that it holds few locks
	// and for a small part of a second.
	sweepAtOnce = 1000
	// conversationsAtOnce and messagesAtOnce bound a transaction that deletes conversations
	// and a statement of it. One conversation may have more messages than that.
	conversationsAtOnce = 100
	messagesAtOnce      = 5000
	// chargeKept is how long the demo gateway remembers that it took no money. An order
	// is pending for seconds, so nobody asks by then.
	chargeKept = 90 * 24 * time.Hour
)

// Sweep keeps the rules of growth.md. It deletes in batches until one is not full; what
// another server deletes at the same time it skips. One rule that fails stops no other.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	guests := now.Add(-port.GuestKept)
	return errors.Join(
		s.sweepOlder(ctx, "sessions", "expires_at", now.Add(-port.SweepAfter)),
		s.sweepGuests(ctx, "carts", guests),
		s.sweepGuests(ctx, "wishlists", guests),
		s.sweepOlder(ctx, "contacts", "sent_at", now.Add(-port.ContactKept)),
		s.sweepOlder(ctx, "demo_charges", "kept_on", now.Add(-chargeKept)),
		s.sweepConversations(ctx, now.Add(-port.ConversationKept)),
		s.sweepPictures(ctx, now),
		s.numberAllChanges(ctx),
	)
}

// inBatches runs a batch until one finds fewer than full, or ctx ends.
func inBatches(ctx context.Context, full int, batch func(ctx context.Context) (found int, err error)) error {
	for {
		found, err := batch(ctx)
		if err != nil || found < full || ctx.Err() != nil {
			return err
		}
	}
}

// sweptOnly is what else holds of the rows of a table that are swept by their age.
var sweptOnly = map[bun.Ident]string{"demo_charges": "verdict IN ('refused', 'not charged')"}

// sweepOlder deletes the rows whose time is before end. Each batch begins where the one
// before ended: an index leads past deleted rows until they are vacuumed.
func (s *Store) sweepOlder(ctx context.Context, table, column bun.Ident, end time.Time) error {
	also := sweptOnly[table]
	if also == "" {
		also = "true"
	}
	from := time.Time{}
	return inBatches(ctx, sweepAtOnce, func(ctx context.Context) (int, error) {
		var last struct {
			N  int          `bun:"n"`
			At bun.NullTime `bun:"at"`
		}
		err := s.retry(ctx, func(ctx context.Context) error {
			return s.db.NewRaw(`WITH old AS MATERIALIZED (
					SELECT ctid AS at_place, ?1 AS at FROM ?0 WHERE ?1 >= ?2 AND ?1 < ?3 AND ?4
					ORDER BY ?1 LIMIT ?5 FOR UPDATE SKIP LOCKED
				), gone AS (DELETE FROM ?0 WHERE ctid = ANY (ARRAY(SELECT at_place FROM old)))
				SELECT count(*) AS n, max(at) AS at FROM old`, table, column, from, end, bun.Safe(also), sweepAtOnce).Scan(ctx, &last)
		})
		from = last.At.Time
		return last.N, err
	})
}

// sweepGuests deletes what guests without a session have not touched since end. What a guest has
// who is still about is put off until after they were seen last, so that the next sweep does not meet it again.
func (s *Store) sweepGuests(ctx context.Context, table bun.Ident, end time.Time) error {
	var last struct {
		N     int            `bun:"n"`
		On    time.Time      `bun:"touched_on"`
		Owner domain.OwnerID `bun:"owner"`
	}
	return inBatches(ctx, sweepAtOnce, func(ctx context.Context) (int, error) {
		from, after := last.On, last.Owner
		err := s.retry(ctx, func(ctx context.Context) error {
			// A subquery, for it is looked up guest by guest, where a join may read all sessions.
			return s.db.NewRaw(`WITH idle AS MATERIALIZED (
					SELECT owner, touched_on, (SELECT max(expires_at) FROM sessions WHERE guest = of_guest.owner) AS ends
					FROM ?0 AS of_guest WHERE owner LIKE 'guest:%' AND (touched_on, owner) > (?1::date, ?2) AND touched_on < ?3
					ORDER BY touched_on, owner LIMIT ?4 FOR UPDATE OF of_guest SKIP LOCKED
				), gone AS (
					DELETE FROM ?0 AS g USING idle WHERE g.owner = idle.owner AND idle.ends IS NULL
				), put_off AS (
					UPDATE ?0 AS g SET touched_on = greatest(g.touched_on, (idle.ends - ?5 * interval '1 second')::date)
					FROM idle WHERE g.owner = idle.owner AND idle.ends IS NOT NULL
				) SELECT count(*) OVER () AS n, touched_on, owner FROM idle
				UNION ALL SELECT 0, ?1::date, ?2 ORDER BY touched_on DESC, owner DESC LIMIT 1`,
				table, from, after, end, sweepAtOnce, int(domain.SessionIdle.Seconds())).Scan(ctx, &last)
		})
		return last.N, err
	})
}

// sweepConversations deletes those that nobody has changed since end, with their
// messages, their owners and the names that lead to them, in the order of locks of chat.go.
func (s *Store) sweepConversations(ctx context.Context, end time.Time) error {
	return inBatches(ctx, 1, func(ctx context.Context) (int, error) {
		var found []domain.ConversationID
		err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			found = nil
			// One at least, and no more than have as many messages as a statement deletes.
			err := tx.NewRaw(`SELECT id FROM (
					SELECT id, sum(last) OVER (ORDER BY changed_at, id) - last AS before FROM (
						SELECT id, changed_at, last FROM conversations WHERE moved_to IS NULL AND changed_at < ?
						ORDER BY changed_at, id LIMIT ?) AS old) AS counted
				WHERE before < ?`, end, conversationsAtOnce, messagesAtOnce).Scan(ctx, &found)
			if err != nil || len(found) == 0 {
				return err
			}
			for _, lock := range []string{
				`SELECT FROM conversation_owners WHERE conversation = ANY (?0) ORDER BY owner FOR UPDATE`,
				`SELECT FROM conversations WHERE moved_to = ANY (?0) ORDER BY id FOR UPDATE`,
			} {
				if _, err := tx.NewRaw(lock, pgdialect.Array(found)).Exec(ctx); err != nil {
					return err
				}
			}
			var old []domain.ConversationID
			if err := tx.NewRaw(`SELECT id FROM conversations WHERE id = ANY (?) AND moved_to IS NULL AND changed_at < ?
				ORDER BY id FOR UPDATE`, pgdialect.Array(found), end).Scan(ctx, &old); err != nil {
				return err
			}
			return deleteConversations(ctx, tx, old)
		})
		return len(found), err
	})
}

// deleteConversations deletes conversations that are held, and all that belongs to them.
func deleteConversations(ctx context.Context, tx bun.Tx, ids []domain.ConversationID) error {
	err := inBatches(ctx, messagesAtOnce, func(ctx context.Context) (int, error) {
		result, err := tx.NewRaw(`DELETE FROM messages WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM messages WHERE conversation = ANY (?) LIMIT ?))`, pgdialect.Array(ids), messagesAtOnce).Exec(ctx)
		if err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		return int(n), err
	})
	for _, statement := range []string{
		`DELETE FROM conversation_owners WHERE conversation = ANY (?)`,
		`DELETE FROM conversations WHERE moved_to = ANY (?)`,
		`DELETE FROM conversations WHERE id = ANY (?)`,
	} {
		if err == nil {
			_, err = tx.NewRaw(statement, pgdialect.Array(ids)).Exec(ctx)
		}
	}
	return err
}

// sweepPictures deletes pictures that no product has shown for as long as they are kept,
// and dates those that one shows.
func (s *Store) sweepPictures(ctx context.Context, now time.Time) error {
	return inBatches(ctx, sweepAtOnce, func(ctx context.Context) (int, error) {
		var found int
		err := s.retry(ctx, func(ctx context.Context) error {
			// A subquery that counts, so that the index of pictures is asked for each.
			return s.db.NewRaw(`WITH unseen AS MATERIALIZED (
					SELECT name, (SELECT count(*) FROM products WHERE images::text LIKE '%/media/p/%'
						AND images @> jsonb_build_array(jsonb_build_object('URL', '/media/p/' || p.name))) AS shown
					FROM pictures AS p WHERE seen_on < ?0 ORDER BY seen_on, name LIMIT ?1 FOR UPDATE OF p SKIP LOCKED
				), gone AS (
					DELETE FROM pictures AS p USING unseen WHERE p.name = unseen.name AND shown = 0
				), seen AS (
					UPDATE pictures AS p SET seen_on = ?2::timestamptz::date FROM unseen WHERE p.name = unseen.name AND shown > 0
				) SELECT count(*) FROM unseen`, now.Add(-port.PictureKept), sweepAtOnce, now).Scan(ctx, &found)
		})
		return found, err
	})
}

// numberAllChanges empties the outbox of changed products, which readers of the feed do when there are some.
func (s *Store) numberAllChanges(ctx context.Context) error {
	return inBatches(ctx, changesAtOnce, s.numberChanges)
}
