//go:build !race

package schedule_test

// usual is how many schedules are played unless a flag says otherwise.
const usual = 2000
