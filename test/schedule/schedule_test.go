package schedule_test

import (
	"flag"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	seed      = flag.Uint64("seed", 0, "play the schedule of this seed, and of as many after it as -schedules says")
	schedules = flag.Int("schedules", 0, "play so many schedules")
)

// usual is how many schedules are played unless a flag says otherwise.
const usual = 2000

func TestSchedules(t *testing.T) {
	first, n := uint64(1), usual
	if *seed != 0 {
		first, n = *seed, 1
	}
	if *schedules != 0 {
		n = *schedules
	}
	var next, operations atomic.Int64
	var failed sync.Map
	t.Run("all", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				for {
					i := next.Add(1) - 1
					if i >= int64(n) || t.Failed() {
						return
					}
					w := run(t, first+uint64(i), nil)
					operations.Add(int64(w.history.Operations()))
					if wrong := w.judge(); len(wrong) > 0 {
						failed.Store(w.seed, wrong)
						t.Errorf("seed %d: %s\nonce more: go test ./test/schedule -run TestSchedules -seed %d", w.seed, strings.Join(wrong, "\n"), w.seed)
					}
				}
			})
		}
	})
	t.Logf("%d schedules with %d operations", next.Load(), operations.Load())
}

func TestSchedules_FollowFromTheirSeeds(t *testing.T) {
	for seed := uint64(1); seed <= 30; seed++ {
		one, two := run(t, seed, nil).history.String(), run(t, seed, nil).history.String()
		require.Equal(t, strings.Split(one, "\n"), strings.Split(two, "\n"), "seed %d", seed)
		if seed == 1 {
			assert.NotEqual(t, one, run(t, 2, nil).history.String(), "and other seeds others")
		}
	}
}
