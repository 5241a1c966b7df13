package porttest

import (
	"sync/atomic"
	"testing"
)

// turns returns the answer of the server whose turn it is. Servers take turns
// call by call, as behind a load balancer: what one wrote the other reads.
type turns[P any] func() P

// follower is an answer that hears of other servers' changes later than they are
// made. CatchUp returns when it has heard of all that were made before.
type follower interface{ CatchUp() error }

// run runs the parts of a suite with one server, then with two.
func run[P, T any](t *testing.T, open func(*testing.T) (a, b P), inTurns func(*testing.T, ...P) T, parts ...func(*testing.T, func(*testing.T) T)) {
	t.Helper()
	for n, name := range []string{"one server", "two servers"} {
		t.Run(name, func(t *testing.T) {
			for _, part := range parts {
				part(t, func(t *testing.T) T {
					a, b := open(t)
					return inTurns(t, []P{a, b}[:n+1]...)
				})
			}
		})
	}
}

// inTurns lets servers take turns. When the test fails it logs who had the last one.
func inTurns[P any](t *testing.T, servers ...P) turns[P] {
	var calls atomic.Int64
	t.Cleanup(func() {
		if n := calls.Load(); t.Failed() && n > 0 {
			t.Logf("the last of %d calls of a %T was made to server %d of %d", n, servers[0], (n-1)%int64(len(servers))+1, len(servers))
		}
	})
	return func() P {
		n := (calls.Add(1) - 1) % int64(len(servers))
		if f, ok := any(servers[n]).(follower); ok && len(servers) > 1 {
			if err := f.CatchUp(); err != nil {
				t.Errorf("server %d of %d does not catch up: %v", n+1, len(servers), err)
			}
		}
		return servers[n]
	}
}
