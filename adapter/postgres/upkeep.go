package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// BackupSlot is the replication slot by which deployment/backup.sh keeps the write-ahead log.
const BackupSlot = "ecommerce_backup"

// Upkeep is what was done for the records and not by the shop.
type Upkeep struct {
	BackedUpAt, AuditedAt time.Time // zero for never
	Wrong                 int       // findings of that audit
	// Behind is how many bytes were written that the backup has not got yet: -1 without BackupSlot,
	// math.MaxInt64 where they cannot be got any more.
	Behind int64
}

// Upkeep returns when what was last done.
func (s *Store) Upkeep(ctx context.Context) (Upkeep, error) {
	var row struct {
		BackedUpAt time.Time `bun:"backed_up_at"`
		AuditedAt  time.Time `bun:"audited_at"`
		Wrong      int       `bun:"wrong"`
		Behind     int64     `bun:"behind"`
	}
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.NewRaw(`SELECT max(done_at) FILTER (WHERE what = 'backup') AS backed_up_at, max(done_at) FILTER (WHERE what = 'audit') AS audited_at,
			coalesce(max(wrong) FILTER (WHERE what = 'audit'), 0) AS wrong,
			coalesce((SELECT coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 9223372036854775807)
				FROM pg_replication_slots WHERE slot_name = ?), -1)::bigint AS behind
			FROM upkeep`, BackupSlot).Scan(ctx, &row)
	})
	return Upkeep(row), err
}

// NoteAudit keeps that an audit was made now, and how much it found wrong.
func (s *Store) NoteAudit(ctx context.Context, wrong int) error {
	return s.repeat(ctx, `INSERT INTO upkeep AS u (what, done_at, wrong) VALUES ('audit', now(), ?)
		ON CONFLICT (what) DO UPDATE SET done_at = excluded.done_at, wrong = excluded.wrong`, wrong)
}
