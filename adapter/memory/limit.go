package memory

import (
	"context"
	"maps"
	"time"

	"eshop/port"
)

// Take is the generic cell rate algorithm (GCRA). It keeps one time for each key: when all
// that was taken will have come back.
func (s *Store) Take(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	wait, full := s.oneMore(key, limit)
	if wait > 0 {
		return wait, nil
	}
	s.limits[key] = full
	return 0, nil
}

func (s *Store) Peek(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	wait, _ := s.oneMore(key, limit)
	return wait, nil
}

// oneMore returns how long until one more of limit may be taken for key, zero for now, and
// when all will have come back once it is.
func (s *Store) oneMore(key string, limit port.Limit) (wait time.Duration, full time.Time) {
	now := s.Clock()
	s.sweepLimits(now)
	full = s.limits[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(limit.Every)
	return max(0, full.Sub(now)-time.Duration(limit.Burst)*limit.Every), full
}

func (s *Store) Reset(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(s.limits, key)
	return nil
}

func (s *Store) sweepLimits(now time.Time) {
	if !s.limitSweeper.due(len(s.limits)) {
		return
	}
	maps.DeleteFunc(s.limits, func(_ string, full time.Time) bool { return !full.After(now) })
	s.limitSweeper.swept(len(s.limits))
}
