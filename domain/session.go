package domain

import "time"

// SessionKey names a session in the stores: the hash of the visitor's secret, never the secret itself.
type SessionKey string

// How long a session lives: it ends SessionIdle after it was last seen. Seeing
// it is written down at most once in SessionTouch.
const (
	SessionIdle  = 30 * 24 * time.Hour
	SessionTouch = time.Hour
)

// Session is a visitor who came back: a guest with a cart, or somebody signed in.
type Session struct {
	Key       SessionKey
	Guest     OwnerID // whose things are those from before signing in
	User      UserID  // "" for a guest
	Unmerged  bool    // the guest's things are still to be merged into the account
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Owner is whose cart, wishlist and orders the visitor sees.
func (s Session) Owner() OwnerID {
	if s.User != "" {
		return s.User.Owner()
	}
	return s.Guest
}

// Stale reports whether it is time to write down that the session was seen.
func (s Session) Stale(now time.Time) bool {
	return s.ExpiresAt.Sub(now) < SessionIdle-SessionTouch
}
