package domain

import (
	"regexp"
	"time"
)

// SessionKey names a session in the stores: the hash of the visitor's secret, never the secret itself.
type SessionKey string

// Valid reports whether k can be the key of a session.
func (k SessionKey) Valid() bool { return sessionKey.MatchString(string(k)) }

var sessionKey = regexp.MustCompile(`^[0-9a-f]{64}$`)

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

	// Where the visitor signed in, for people to recognise: the program and the system, and the network.
	Device  string
	Address string

	// ConfirmedAt is when the visitor last gave the password again; zero when not since signing in.
	ConfirmedAt time.Time
}

// UsedAt returns when the session was last seen, as far as that is written down.
func (s Session) UsedAt() time.Time { return s.ExpiresAt.Add(-SessionIdle) }

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
