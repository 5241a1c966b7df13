//go:build race

package schedule_test

// usual is fewer than without the race detector, which makes each four times as long.
const usual = 1000
