package cluster_test

import (
	"strings"
	"testing"
)

// redisFull fills Redis, bounded and set as deployment/install_redis.sh sets it, with what
// strangers made: at first what may be evicted, then what may not.
func (tr *trial) redisFull(t *testing.T) {
	disabled := tr.Disabled(t)
	fill := func(command ...string) {
		tr.Redis.Run(t, append([]string{"redis-benchmark", "-q", "-n", "30000", "-r", "1000000", "-P", "16"}, command...)...)
	}
	value := strings.Repeat("x", 1000)
	report := tr.run(t, fault{name: "Redis full of what strangers made", do: func(t *testing.T) {
		tr.Redis.Run(t, "redis-cli", "CONFIG", "SET", "maxmemory-policy", "volatile-lru", "maxmemory", "16mb")
		fill("SETEX", "stranger:__rand_int__", "600", value)
		tr.limitsHoldWhile(t, func() { fill("SETEX", "stranger:__rand_int__", "600", value) })
		shop(2)
		// Nothing of this can be evicted: Redis refuses every write from here on.
		tr.Redis.Run(t, "sh", "-c", "redis-benchmark -q -n 30000 -r 1000000 -P 16 SET stays:__rand_int__ "+value+" >/dev/null 2>&1 || true")
		shop(4)
		tr.Redis.Run(t, "redis-cli", "FLUSHALL")
		tr.Redis.Run(t, "redis-cli", "CONFIG", "SET", "maxmemory", "0")
		shop(2)
	}})
	if n := tr.Disabled(t); n != disabled {
		t.Errorf("servers left the balancer %d times", n-disabled)
	}
	tr.note("full Redis: %s", tr.unmoved(t, report))
}
