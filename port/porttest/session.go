package porttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Sessions holds an adapter to the promises of port.Sessions. open gives a store without a session.
func Sessions(t *testing.T, open func(*testing.T) (a, b port.Sessions)) {
	run(t, open, inTurns, keepingSessions, replacingSessions, touchingSessions, confirmingSessions, deletingSessions, endingSessions, cancellingSessions)
}

func keepingSessions(t *testing.T, open func(t *testing.T) turns[port.Sessions]) {
	t.Run("a session is kept as it was given", func(t *testing.T) {
		sessions := open(t)
		all := []domain.Session{
			aSession("a"),
			{Key: "A", Guest: "guest:A", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)},
			{Key: "b", User: "user-b", CreatedAt: noon.Add(-time.Microsecond), ExpiresAt: noon.Add(time.Hour + time.Microsecond)},
			{Key: "c", Guest: "guest:c", User: "user-b", Unmerged: true, CreatedAt: noon, ExpiresAt: noon.Add(domain.SessionIdle)},
			{
				Key: "d", User: "user-b", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
				Device: "Firefox on Linux", Address: "2001:db8::/64", ConfirmedAt: noon.Add(time.Minute),
			},
		}
		putSessions(t, sessions, all...)
		for range 2 {
			for _, want := range all {
				assertSession(t, sessions, want)
			}
		}
	})
	t.Run("each field is changed by itself, and back again", func(t *testing.T) {
		sessions, s := open(t), aSession("a")
		putSessions(t, sessions, s)
		eachField(t, s, map[string]any{"Key": nil}, func(t *testing.T, changed domain.Session) {
			for _, want := range []domain.Session{changed, s} {
				putSessions(t, sessions, want)
				assertSession(t, sessions, want)
			}
		})
	})
	t.Run("a session that was never kept is not found", func(t *testing.T) {
		sessions := open(t)
		assertNoSession(t, sessions, "a", noon)
		putSessions(t, sessions, aSession("a"))
		for _, key := range []domain.SessionKey{"", "b", "A", "%", "_", "a "} {
			assertNoSession(t, sessions, key, noon)
		}
	})
	t.Run("a session is there at the very time it ends, and not after", func(t *testing.T) {
		sessions, s := open(t), aSession("a")
		putSessions(t, sessions, s)
		for _, before := range []time.Duration{time.Hour, time.Microsecond, 0} {
			got, err := sessions().Session(t.Context(), s.Key, s.ExpiresAt.Add(-before))
			require.NoError(t, err, "%v before it ends", before)
			assert.Equal(t, s, sessionInUTC(got))
		}
		for _, after := range []time.Duration{time.Microsecond, time.Second, 1000 * time.Hour} {
			assertNoSession(t, sessions, s.Key, s.ExpiresAt.Add(after))
		}
	})
	t.Run("a session that has ended takes no other with it", func(t *testing.T) {
		sessions, short, long := open(t), aSession("short"), aSession("long")
		short.ExpiresAt = noon.Add(time.Second)
		putSessions(t, sessions, short, long)
		assertNoSession(t, sessions, short.Key, noon.Add(time.Minute))
		got, err := sessions().Session(t.Context(), long.Key, noon.Add(time.Minute))
		require.NoError(t, err)
		assert.Equal(t, long, sessionInUTC(got))
	})
	t.Run("a session that is put again is changed in all its parts", func(t *testing.T) {
		sessions, other := open(t), aSession("other")
		putSessions(t, sessions, aSession("a"), other)
		for _, changed := range []domain.Session{
			{Key: "a", Guest: "guest:new", User: "user-1", Unmerged: true, CreatedAt: noon.Add(time.Minute), ExpiresAt: noon.Add(3 * time.Hour)},
			{Key: "a", User: "user-1", CreatedAt: noon.Add(time.Minute), ExpiresAt: noon.Add(time.Minute)},
			{Key: "a", User: "user-1", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour), Device: "x", Address: "y", ConfirmedAt: noon},
			aSession("a"),
		} {
			putSessions(t, sessions, changed)
			assertSession(t, sessions, changed)
		}
		assertSession(t, sessions, other)
	})
	t.Run("a session that ended may be put again", func(t *testing.T) {
		sessions, s := open(t), aSession("a")
		putSessions(t, sessions, s)
		assertNoSession(t, sessions, s.Key, s.ExpiresAt.Add(time.Minute))
		s.ExpiresAt = s.ExpiresAt.Add(time.Hour)
		putSessions(t, sessions, s)
		assertSession(t, sessions, s)
	})
	t.Run("a change is seen by all who ask later, whoever asked meanwhile", func(t *testing.T) {
		sessions := open(t)
		for round := range 30 {
			s := aSession(fmt.Sprint("round-", round))
			s.Unmerged = true
			putSessions(t, sessions, s)
			changed := s
			changed.Unmerged, changed.Guest = false, ""
			errs := make([]error, 6)
			atOnce(len(errs), func(i int) {
				if i == 0 {
					errs[i] = sessions().PutSession(t.Context(), changed)
					return
				}
				got, err := sessions().Session(t.Context(), s.Key, noon)
				if got = sessionInUTC(got); err == nil && got != s && got != changed {
					err = fmt.Errorf("half a change: %+v", got)
				}
				errs[i] = err
			})
			require.NoError(t, errors.Join(errs...))
			assertSession(t, sessions, changed)
		}
	})
}

func replacingSessions(t *testing.T, open func(t *testing.T) turns[port.Sessions]) {
	t.Run("replacing keeps the next and deletes the old alone", func(t *testing.T) {
		sessions := open(t)
		old, next, other := aSession("old"), aSession("next"), aSession("other")
		next.User, next.Unmerged = "user-1", true
		putSessions(t, sessions, old, other)
		require.NoError(t, sessions().ReplaceSession(t.Context(), old.Key, next))
		assertNoSession(t, sessions, old.Key, noon)
		assertSession(t, sessions, next)
		assertSession(t, sessions, other)
	})
	t.Run("replacing one that is not there keeps the next", func(t *testing.T) {
		sessions := open(t)
		other := aSession("other")
		putSessions(t, sessions, other)
		for _, old := range []domain.SessionKey{"", "never", "next-of-never"} {
			next := aSession("next-of-" + string(old))
			require.NoError(t, sessions().ReplaceSession(t.Context(), old, next))
			assertSession(t, sessions, next)
		}
		assertNoSession(t, sessions, "next-of-never", noon)
		assertSession(t, sessions, other)
	})
	t.Run("replacing by one that is there already changes that", func(t *testing.T) {
		sessions := open(t)
		old, next := aSession("old"), aSession("next")
		putSessions(t, sessions, old, next)
		next.User, next.Guest = "user-1", ""
		require.NoError(t, sessions().ReplaceSession(t.Context(), old.Key, next))
		assertNoSession(t, sessions, old.Key, noon)
		assertSession(t, sessions, next)
	})
	t.Run("the old key is of no use from then on", func(t *testing.T) {
		sessions := open(t)
		putSessions(t, sessions, aSession("old"))
		require.NoError(t, sessions().ReplaceSession(t.Context(), "old", aSession("next")))
		touchSession(t, sessions, "old", noon.Add(time.Hour))
		assertNoSession(t, sessions, "old", noon)
		require.NoError(t, sessions().DeleteSession(t.Context(), "old"))
		assertSession(t, sessions, aSession("next"))
	})
	t.Run("who looks meanwhile sees the old or the next, never both and never neither", func(t *testing.T) {
		sessions := open(t)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for round := range 60 {
			old, next := aSession(fmt.Sprint("old-", round)), aSession(fmt.Sprint("next-", round))
			putSessions(t, sessions, old)
			errs := make([]error, 7)
			atOnce(len(errs), func(i int) {
				switch {
				case i == 0:
					errs[i] = sessions().ReplaceSession(ctx, old.Key, next)
				case i%2 == 0:
					errs[i] = untilReplaced(ctx, sessions, old.Key, next.Key)
				default:
					errs[i] = whileNotReplaced(ctx, sessions, old.Key, next.Key)
				}
			})
			require.NoError(t, errors.Join(errs...))
			assertNoSession(t, sessions, old.Key, noon)
			assertSession(t, sessions, next)
		}
	})
	t.Run("many who replace one session at once all get their next", func(t *testing.T) {
		sessions := open(t)
		putSessions(t, sessions, aSession("old"))
		errs := make([]error, 10)
		atOnce(len(errs), func(i int) {
			errs[i] = sessions().ReplaceSession(t.Context(), "old", aSession(fmt.Sprint("next-", i)))
		})
		require.NoError(t, errors.Join(errs...))
		assertNoSession(t, sessions, "old", noon)
		for i := range errs {
			assertSession(t, sessions, aSession(fmt.Sprint("next-", i)))
		}
	})
}

// untilReplaced looks for the old session until it is gone; then the next must be there.
func untilReplaced(ctx context.Context, sessions turns[port.Sessions], old, next domain.SessionKey) error {
	for there := true; there; {
		var err error
		if there, err = sessionThere(ctx, sessions, old); err != nil {
			return err
		}
	}
	there, err := sessionThere(ctx, sessions, next)
	if err == nil && !there {
		return errors.New("neither the old session nor the next is there")
	}
	return err
}

// whileNotReplaced looks for the next session until it is there; then the old must be gone.
func whileNotReplaced(ctx context.Context, sessions turns[port.Sessions], old, next domain.SessionKey) error {
	for there := false; !there; {
		var err error
		if there, err = sessionThere(ctx, sessions, next); err != nil {
			return err
		}
	}
	there, err := sessionThere(ctx, sessions, old)
	if there {
		return errors.New("both the old session and the next are there")
	}
	return err
}

func sessionThere(ctx context.Context, sessions turns[port.Sessions], key domain.SessionKey) (bool, error) {
	_, err := sessions().Session(ctx, key, noon)
	if errors.Is(err, domain.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func touchingSessions(t *testing.T, open func(t *testing.T) turns[port.Sessions]) {
	t.Run("a touch makes a session end later and changes nothing else", func(t *testing.T) {
		sessions, s, other := open(t), aSession("a"), aSession("other")
		s.User, s.Unmerged = "user-1", true
		putSessions(t, sessions, s, other)
		for _, later := range []time.Duration{time.Microsecond, time.Hour, domain.SessionIdle} {
			s.ExpiresAt = s.ExpiresAt.Add(later)
			require.NoError(t, sessions().TouchSession(t.Context(), s.Key, s.ExpiresAt))
			assertSession(t, sessions, s)
			assertSession(t, sessions, other)
		}
	})
	t.Run("a session is marked as merged, and nothing else of it changes", func(t *testing.T) {
		sessions, s, other := open(t), aSession("a"), aSession("other")
		s.User, s.Unmerged, other.User, other.Unmerged = "user-1", true, "user-1", true
		putSessions(t, sessions, s, other)
		for range 2 {
			require.NoError(t, sessions().MarkSessionMerged(t.Context(), s.Key))
			merged := s
			merged.Unmerged = false
			assertSession(t, sessions, merged)
			assertSession(t, sessions, other)
		}
	})
	t.Run("marking brings back no session that was deleted, and makes none", func(t *testing.T) {
		sessions, s := open(t), aSession("a")
		require.NoError(t, sessions().MarkSessionMerged(t.Context(), s.Key))
		assertNoSession(t, sessions, s.Key, noon)
		putSessions(t, sessions, s)
		require.NoError(t, sessions().DeleteSession(t.Context(), s.Key))
		require.NoError(t, sessions().MarkSessionMerged(t.Context(), s.Key))
		assertNoSession(t, sessions, s.Key, noon)
	})
	t.Run("a touch never makes a session end sooner", func(t *testing.T) {
		sessions, s := open(t), aSession("a")
		putSessions(t, sessions, s)
		for _, sooner := range []time.Duration{0, time.Microsecond, time.Minute, 2 * domain.SessionIdle} {
			require.NoError(t, sessions().TouchSession(t.Context(), s.Key, s.ExpiresAt.Add(-sooner)))
			assertSession(t, sessions, s)
		}
	})
	t.Run("of many touches at once the latest holds", func(t *testing.T) {
		sessions, s := open(t), aSession("a")
		putSessions(t, sessions, s)
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			errs[i] = sessions().TouchSession(t.Context(), s.Key, s.ExpiresAt.Add(time.Duration(i)*time.Minute))
		})
		require.NoError(t, errors.Join(errs...))
		s.ExpiresAt = s.ExpiresAt.Add(19 * time.Minute)
		assertSession(t, sessions, s)
	})
	t.Run("a touch brings back no session that was deleted, and makes none", func(t *testing.T) {
		sessions := open(t)
		putSessions(t, sessions, aSession("a"))
		require.NoError(t, sessions().DeleteSession(t.Context(), "a"))
		for _, key := range []domain.SessionKey{"a", "never"} {
			touchSession(t, sessions, key, noon.Add(time.Hour))
			assertNoSession(t, sessions, key, noon)
		}
	})
	t.Run("a touch undoes no change that happens at once with it", func(t *testing.T) {
		sessions := open(t)
		for round := range 40 {
			s := aSession(fmt.Sprint("round-", round))
			s.Unmerged = true
			putSessions(t, sessions, s)
			changed := s
			changed.Unmerged, changed.User, changed.ExpiresAt = false, "user-1", s.ExpiresAt.Add(time.Minute)
			errs := make([]error, 4)
			atOnce(len(errs), func(i int) {
				if i == 0 {
					errs[i] = sessions().PutSession(t.Context(), changed)
					return
				}
				errs[i] = sessions().TouchSession(t.Context(), s.Key, s.ExpiresAt.Add(time.Hour))
			})
			require.NoError(t, errors.Join(errs...))
			got, err := sessions().Session(t.Context(), s.Key, noon)
			require.NoError(t, err)
			assert.Contains(t, []time.Time{changed.ExpiresAt, s.ExpiresAt.Add(time.Hour)}, got.ExpiresAt.UTC())
			got.ExpiresAt = changed.ExpiresAt
			assert.Equal(t, changed, sessionInUTC(got))
		}
	})
}

func deletingSessions(t *testing.T, open func(t *testing.T) turns[port.Sessions]) {
	t.Run("a session that is deleted is gone, and no other", func(t *testing.T) {
		sessions, other := open(t), aSession("other")
		putSessions(t, sessions, aSession("a"), other)
		assertSession(t, sessions, aSession("a"))
		require.NoError(t, sessions().DeleteSession(t.Context(), "a"))
		assertNoSession(t, sessions, "a", noon)
		assertSession(t, sessions, other)
	})
	t.Run("deleting one that is not there is not an error", func(t *testing.T) {
		sessions, other := open(t), aSession("other")
		putSessions(t, sessions, aSession("a"), other)
		for range 3 {
			require.NoError(t, sessions().DeleteSession(t.Context(), "a"))
		}
		for _, key := range []domain.SessionKey{"", "never"} {
			require.NoError(t, sessions().DeleteSession(t.Context(), key))
		}
		assertSession(t, sessions, other)
	})
	t.Run("a session that was deleted may be put again", func(t *testing.T) {
		sessions := open(t)
		putSessions(t, sessions, aSession("a"))
		require.NoError(t, sessions().DeleteSession(t.Context(), "a"))
		putSessions(t, sessions, aSession("a"))
		assertSession(t, sessions, aSession("a"))
	})
	for end, call := range map[string]func(context.Context, turns[port.Sessions], domain.SessionKey) error{
		"deleted": func(ctx context.Context, sessions turns[port.Sessions], key domain.SessionKey) error {
			return sessions().DeleteSession(ctx, key)
		},
		"replaced": func(ctx context.Context, sessions turns[port.Sessions], key domain.SessionKey) error {
			return sessions().ReplaceSession(ctx, key, aSession("next-of-"+string(key)))
		},
	} {
		t.Run("a session that is "+end+" stays so, whoever touches or reads it at once", func(t *testing.T) {
			sessions := open(t)
			for round := range 40 {
				s := aSession(fmt.Sprint("round-", round))
				putSessions(t, sessions, s)
				errs := make([]error, 9)
				atOnce(len(errs), func(i int) {
					switch i % 3 {
					case 0:
						errs[i] = call(t.Context(), sessions, s.Key)
					case 1:
						errs[i] = unlessGone(sessions().TouchSession(t.Context(), s.Key, s.ExpiresAt.Add(time.Hour)))
					default:
						_, errs[i] = sessionThere(t.Context(), sessions, s.Key)
					}
				})
				require.NoError(t, errors.Join(errs...))
				assertNoSession(t, sessions, s.Key, noon)
			}
		})
	}
}

func confirmingSessions(t *testing.T, open func(t *testing.T) turns[port.Sessions]) {
	t.Run("confirming a session notes when, and changes nothing else", func(t *testing.T) {
		sessions, s, other := open(t), aSession("a"), aSession("other")
		s.User = "user-1"
		putSessions(t, sessions, s, other)
		assertSession(t, sessions, s)
		for _, later := range []time.Duration{0, time.Minute, time.Hour} {
			s.ConfirmedAt = noon.Add(later)
			require.NoError(t, sessions().ConfirmSession(t.Context(), s.Key, s.ConfirmedAt))
			assertSession(t, sessions, s)
			assertSession(t, sessions, other)
		}
	})
	t.Run("confirming brings back no session that was deleted, and makes none", func(t *testing.T) {
		sessions := open(t)
		putSessions(t, sessions, aSession("a"))
		require.NoError(t, sessions().DeleteSession(t.Context(), "a"))
		for _, key := range []domain.SessionKey{"a", "never"} {
			require.NoError(t, unlessGone(sessions().ConfirmSession(t.Context(), key, noon)))
			assertNoSession(t, sessions, key, noon)
		}
	})
}

// sessionOf is a session of an account that is named so.
func sessionOf(user domain.UserID, key string, ends time.Duration) domain.Session {
	s := aSession(key)
	s.User, s.ExpiresAt = user, noon.Add(ends)
	return s
}

func endingSessions(t *testing.T, open func(t *testing.T) turns[port.Sessions]) {
	keysOf := func(t *testing.T, sessions turns[port.Sessions], user domain.UserID) []domain.SessionKey {
		t.Helper()
		all, err := sessions().SessionsOf(t.Context(), user, noon)
		require.NoError(t, err)
		keys := make([]domain.SessionKey, len(all))
		for i, s := range all {
			keys[i] = s.Key
		}
		return keys
	}
	t.Run("an account's sessions are listed whole, the last used first, and no others", func(t *testing.T) {
		sessions := open(t)
		a, b, c := sessionOf("user-1", "a", time.Hour), sessionOf("user-1", "b", 3*time.Hour), sessionOf("user-1", "c", 2*time.Hour)
		b.Device, b.Address, b.ConfirmedAt = "Firefox on Linux", "192.0.2.7", noon
		ended, ends := sessionOf("user-1", "ended", -time.Microsecond), sessionOf("user-1", "ends", 0)
		putSessions(t, sessions, a, b, c, ended, ends, sessionOf("user-2", "of-another", time.Hour), aSession("of-a-guest"))
		all, err := sessions().SessionsOf(t.Context(), "user-1", noon)
		require.NoError(t, err)
		for i := range all {
			all[i] = sessionInUTC(all[i])
		}
		assert.Equal(t, []domain.Session{b, c, a, ends}, all)
		for _, nobody := range []domain.UserID{"", "user", "user-3", "%"} {
			assert.Empty(t, keysOf(t, sessions, nobody), nobody)
		}
		require.NoError(t, sessions().DeleteSession(t.Context(), "b"))
		require.NoError(t, sessions().TouchSession(t.Context(), "a", noon.Add(9*time.Hour)))
		assert.Equal(t, []domain.SessionKey{"a", "c", "ends"}, keysOf(t, sessions, "user-1"))
	})
	t.Run("a list of sessions is bounded", func(t *testing.T) {
		sessions := open(t)
		for i := range port.MostSessions + 1 {
			putSessions(t, sessions, sessionOf("user-1", fmt.Sprint(i), time.Duration(i)*time.Minute))
		}
		keys := keysOf(t, sessions, "user-1")
		require.Len(t, keys, port.MostSessions)
		assert.Equal(t, domain.SessionKey(fmt.Sprint(port.MostSessions)), keys[0])
	})
	t.Run("ending an account's sessions ends all but the one that is to stay, also those past the list", func(t *testing.T) {
		sessions := open(t)
		var all []domain.Session
		for i := range port.MostSessions + 10 {
			all = append(all, sessionOf("user-1", fmt.Sprint(i), time.Duration(i+1)*time.Minute))
		}
		stays := all[port.MostSessions/2]
		others := []domain.Session{sessionOf("user-2", "of-another", time.Hour), aSession("of-a-guest")}
		putSessions(t, sessions, append(all, others...)...)
		for _, s := range all {
			assertSession(t, sessions, s)
		}
		ended, err := sessions().EndSessions(t.Context(), "user-1", stays.Key)
		require.NoError(t, err)
		assert.Len(t, ended, len(all)-1)
		assert.NotContains(t, ended, stays.Key)
		for _, s := range all {
			if s.Key != stays.Key {
				assertNoSession(t, sessions, s.Key, noon)
			}
		}
		assertSession(t, sessions, stays)
		for _, s := range others {
			assertSession(t, sessions, s)
		}
		assert.Equal(t, []domain.SessionKey{stays.Key}, keysOf(t, sessions, "user-1"))

		ended, err = sessions().EndSessions(t.Context(), "user-1", "")
		require.NoError(t, err)
		assert.Equal(t, []domain.SessionKey{stays.Key}, ended)
		assertNoSession(t, sessions, stays.Key, noon)
	})
	t.Run("nobody's sessions are none, and guests keep theirs", func(t *testing.T) {
		sessions := open(t)
		putSessions(t, sessions, aSession("of-a-guest"))
		for _, nobody := range []domain.UserID{"", "user-3"} {
			ended, err := sessions().EndSessions(t.Context(), nobody, "")
			require.NoError(t, err)
			assert.Empty(t, ended)
		}
		assertSession(t, sessions, aSession("of-a-guest"))
	})
	t.Run("a session that is ended stays so, whoever touches, confirms or reads it at once", func(t *testing.T) {
		sessions := open(t)
		for round := range 40 {
			s := sessionOf("user-1", fmt.Sprint("round-", round), time.Hour)
			putSessions(t, sessions, s)
			errs := make([]error, 8)
			atOnce(len(errs), func(i int) {
				switch i % 4 {
				case 0:
					_, errs[i] = sessions().EndSessions(t.Context(), "user-1", "")
				case 1:
					errs[i] = unlessGone(sessions().TouchSession(t.Context(), s.Key, s.ExpiresAt.Add(time.Hour)))
				case 2:
					errs[i] = unlessGone(sessions().ConfirmSession(t.Context(), s.Key, noon))
				default:
					_, errs[i] = sessionThere(t.Context(), sessions, s.Key)
				}
			})
			require.NoError(t, errors.Join(errs...))
			assertNoSession(t, sessions, s.Key, noon)
		}
	})
}

func cancellingSessions(t *testing.T, open func(t *testing.T) turns[port.Sessions]) {
	for name, call := range map[string]func(context.Context, turns[port.Sessions]) error{
		"Session": func(ctx context.Context, sessions turns[port.Sessions]) error {
			_, err := sessions().Session(ctx, "a", noon)
			return err
		},
		"PutSession of a new one": func(ctx context.Context, sessions turns[port.Sessions]) error {
			return sessions().PutSession(ctx, aSession("next"))
		},
		"PutSession of one that is there": func(ctx context.Context, sessions turns[port.Sessions]) error {
			changed := aSession("a")
			changed.User = "user-1"
			return sessions().PutSession(ctx, changed)
		},
		"ReplaceSession": func(ctx context.Context, sessions turns[port.Sessions]) error {
			return sessions().ReplaceSession(ctx, "a", aSession("next"))
		},
		"MarkSessionMerged": func(ctx context.Context, sessions turns[port.Sessions]) error {
			return sessions().MarkSessionMerged(ctx, "a")
		},
		"TouchSession": func(ctx context.Context, sessions turns[port.Sessions]) error {
			return sessions().TouchSession(ctx, "a", aSession("a").ExpiresAt.Add(time.Hour))
		},
		"DeleteSession": func(ctx context.Context, sessions turns[port.Sessions]) error {
			return sessions().DeleteSession(ctx, "a")
		},
		"ConfirmSession": func(ctx context.Context, sessions turns[port.Sessions]) error {
			return sessions().ConfirmSession(ctx, "a", noon)
		},
		"SessionsOf": func(ctx context.Context, sessions turns[port.Sessions]) error {
			_, err := sessions().SessionsOf(ctx, "user-1", noon)
			return err
		},
		"EndSessions": func(ctx context.Context, sessions turns[port.Sessions]) error {
			_, err := sessions().EndSessions(ctx, "user-1", "")
			return err
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			sessions := open(t)
			putSessions(t, sessions, aSession("a"))
			err := call(cancelled(t), sessions)
			require.Error(t, err)
			require.NotErrorIs(t, err, domain.ErrNotFound, "it is not known whether it is there")
			assertSession(t, sessions, aSession("a"))
			assertNoSession(t, sessions, "next", noon)
		})
	}
}

// aSession is a guest's session that is named so.
func aSession(key string) domain.Session {
	return domain.Session{
		Key: domain.SessionKey(key), Guest: domain.OwnerID("guest:" + key),
		CreatedAt: noon.Add(-time.Hour), ExpiresAt: noon.Add(domain.SessionIdle),
	}
}

func putSessions(t *testing.T, sessions turns[port.Sessions], all ...domain.Session) {
	t.Helper()
	for _, s := range all {
		require.NoError(t, sessions().PutSession(t.Context(), s))
	}
}

// touchSession touches a session that is not there: whether that is an error is not promised.
func touchSession(t *testing.T, sessions turns[port.Sessions], key domain.SessionKey, expires time.Time) {
	t.Helper()
	require.NoError(t, unlessGone(sessions().TouchSession(t.Context(), key, expires)))
}

func unlessGone(err error) error {
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	return err
}

// assertSession demands that the session is kept and ends when it says.
func assertSession(t *testing.T, sessions turns[port.Sessions], want domain.Session) {
	t.Helper()
	got, err := sessions().Session(t.Context(), want.Key, noon)
	require.NoError(t, err, want.Key)
	assert.Equal(t, want, sessionInUTC(got))
	_, err = sessions().Session(t.Context(), want.Key, want.ExpiresAt)
	require.NoError(t, err, want.Key)
	assertNoSession(t, sessions, want.Key, want.ExpiresAt.Add(time.Microsecond))
}

func assertNoSession(t *testing.T, sessions turns[port.Sessions], key domain.SessionKey, now time.Time) {
	t.Helper()
	_, err := sessions().Session(t.Context(), key, now)
	require.ErrorIs(t, err, domain.ErrNotFound, key)
}

func sessionInUTC(s domain.Session) domain.Session {
	s.CreatedAt, s.ExpiresAt, s.ConfirmedAt = s.CreatedAt.UTC(), s.ExpiresAt.UTC(), s.ConfirmedAt.UTC()
	return s
}
