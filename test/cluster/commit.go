package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// HoldCommits makes PostgreSQL keep every commit on disk and say nothing of it, as
// if it waited for a standby that is not there, until ReleaseCommits.
func (c *Cluster) HoldCommits(t testing.TB) {
	t.Helper()
	c.administer(t, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
	until(t, func() bool {
		return query[struct{ Held bool }](t, c, "SELECT current_setting('synchronous_standby_names') = 'nobody' AS held")[0].Held
	}, func() string { return "PostgreSQL has not heard of it" })
}

// ReleaseCommits undoes HoldCommits: what was held back is seen by everybody.
func (c *Cluster) ReleaseCommits(t testing.TB) {
	t.Helper()
	c.administer(t, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
}

// HeldBack waits until a commit that changes the table is held back, and returns
// the server that waits for it.
func (c *Cluster) HeldBack(t testing.TB, table string) *Server {
	t.Helper()
	var found *Server
	until(t, func() bool {
		for _, r := range query[struct{ Name string }](t, c, `SELECT application_name AS name FROM pg_stat_activity JOIN pg_locks USING (pid)
			WHERE wait_event = 'SyncRep' AND mode = 'RowExclusiveLock' AND relation = '`+table+"'::regclass") {
			for _, s := range c.Servers {
				if "eshop "+s.Name == r.Name {
					found = s
				}
			}
		}
		return found != nil
	}, func() string { return "no commit of " + table + " is held back" })
	return found
}

// OrdersOf is how many orders a guest has that are not cancelled. Guests are known
// by the value of their cookie.
func (c *Cluster) OrdersOf(t testing.TB, cookie string) int {
	t.Helper()
	key := sha256.Sum256([]byte(cookie))
	return query[struct{ N int }](t, c, `SELECT count(*) AS n FROM orders JOIN sessions ON owner = guest
		WHERE status <> 'cancelled' AND sessions.key = '`+hex.EncodeToString(key[:])+"'")[0].N
}
