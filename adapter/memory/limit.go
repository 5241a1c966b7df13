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
	now := s.Clock()
	s.sweepLimits(now)
	full := s.limits[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(limit.Every)
	if wait := full.Sub(now) - time.Duration(limit.Burst)*limit.Every; wait > 0 {
		return wait, nil
	}
	s.limits[key] = full
	return 0, nil
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
