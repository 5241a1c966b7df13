package memory

import (
	"context"
	"sync"

	"eshop/domain"
)

// news is who follows what. It has a lock of its own: it holds connections, not records.
type news struct {
	mu        sync.Mutex
	followers map[domain.Topic]map[chan domain.Event]bool
}

// backlog is how much news waits for a follower before it misses some.
const backlog = 64

func (s *Store) Publish(ctx context.Context, e domain.Event) error {
	s.news.mu.Lock()
	defer s.news.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for follower := range s.news.followers[e.Topic] {
		news := e
		if len(follower) == backlog-1 {
			news.Key = "" // the last place is for saying that some is missed
		}
		select {
		case follower <- news:
		default:
		}
	}
	return nil
}

func (s *Store) Subscribe(ctx context.Context, topic domain.Topic) (<-chan domain.Event, error) {
	s.news.mu.Lock()
	defer s.news.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	follower := make(chan domain.Event, backlog)
	if s.news.followers[topic] == nil {
		s.news.followers[topic] = map[chan domain.Event]bool{}
	}
	s.news.followers[topic][follower] = true
	context.AfterFunc(ctx, func() {
		s.news.mu.Lock()
		defer s.news.mu.Unlock()
		delete(s.news.followers[topic], follower)
		close(follower)
	})
	return follower, nil
}
