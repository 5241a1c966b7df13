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
// it is written down at most once in SessionTouch, and of staff in StaffTouch.
const (
	SessionIdle  = 30 * 24 * time.Hour
	SessionTouch = time.Hour
	StaffTouch   = time.Minute
)

// StaffSessions is how long a session of the staff lives, which is worth more than another.
type StaffSessions struct {
	Idle time.Duration // after it was last seen
	Most time.Duration // in all
}

// Ended reports whether a session of the staff has ended by now.
func (l StaffSessions) Ended(s Session, now time.Time) bool {
	return now.Sub(s.UsedAt()) > l.Idle || now.Sub(s.CreatedAt) > l.Most
}

// ConfirmedFor is how long after giving the password one of the staff may do what cannot be undone.
const ConfirmedFor = 15 * time.Minute

// Confirmed reports whether the visitor has given the password lately.
func (s Session) Confirmed(now time.Time) bool {
	last := s.CreatedAt
	if s.ConfirmedAt.After(last) {
		last = s.ConfirmedAt
	}
	return now.Sub(last) <= ConfirmedFor
}

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

// UnmergedGuest returns the guest whose things are still to be merged into the account; "" when there is none.
func (s Session) UnmergedGuest() OwnerID {
	if !s.Unmerged {
		return ""
	}
	return s.Guest
}

// Stale reports whether it is time to write down that the session was seen by an account of that role.
func (s Session) Stale(role Role, now time.Time) bool {
	touch := SessionTouch
	if role == Staff {
		touch = StaffTouch
	}
	return now.Sub(s.UsedAt()) > touch
}
