package port

import (
	"context"
	"time"

	"eshop/domain"
)

// MostSessions bounds a list of sessions: more than anybody would look through.
const MostSessions = 100

// Sessions keeps who is who. A session that was kept is known on every server
// until it is deleted or ends, whatever cache may be lost meanwhile.
//
// What one server changed holds there from then on. Another may go by what was
// before until it hears of it: for a moment, for seconds when it is cut off from the
// others, never for more than a minute.
type Sessions interface {
	// Session returns the session; ErrNotFound when there is none, or it ended before now.
	Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error)

	// PutSession keeps the session, new or changed.
	PutSession(ctx context.Context, s domain.Session) error

	// ReplaceSession keeps the session next and deletes the one named old, if there
	// is one, in one step: the old key is of no use from then on.
	ReplaceSession(ctx context.Context, old domain.SessionKey, next domain.Session) error

	// MarkSessionMerged makes a session that is there no longer Unmerged; it never
	// brings one back that was deleted.
	MarkSessionMerged(ctx context.Context, key domain.SessionKey) error

	// TouchSession makes a session that is there end later; it never brings one back that was deleted.
	TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error

	// ConfirmSession sets ConfirmedAt of a session that is there; it never brings one back that was deleted.
	ConfirmSession(ctx context.Context, key domain.SessionKey, at time.Time) error

	// DeleteSession ends the session. One that is not there is not an error.
	DeleteSession(ctx context.Context, key domain.SessionKey) error

	// SessionsOf returns the account's sessions that have not ended before now, the
	// last used first, MostSessions at most.
	SessionsOf(ctx context.Context, user domain.UserID, now time.Time) ([]domain.Session, error)

	// EndSessions ends all sessions of the account but except, which may be "", and
	// returns their keys.
	EndSessions(ctx context.Context, user domain.UserID, except domain.SessionKey) ([]domain.SessionKey, error)
}
