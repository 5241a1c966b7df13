package memory

import (
	"context"
	"sync"

	"eshop/domain"
)

// subscriptions are the channels of the subscribers, by topic. They have a lock of their
// own: they are connections, not records.
type subscriptions struct {
	mu      sync.Mutex
	byTopic map[domain.Topic]map[chan domain.Event]bool
}

// backlog is how many events wait for a subscriber before it misses some.
const backlog = 64

func (s *Store) Publish(ctx context.Context, e domain.Event) error {
	s.subscriptions.mu.Lock()
	defer s.subscriptions.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for subscriber := range s.subscriptions.byTopic[e.Topic] {
		event := e
		if len(subscriber) == backlog-1 {
			event.Key = "" // the last place announces that events were missed
		}
		select {
		case subscriber <- event:
		default:
		}
	}
	return nil
}

func (s *Store) Subscribe(ctx context.Context, topic domain.Topic) (<-chan domain.Event, error) {
	s.subscriptions.mu.Lock()
	defer s.subscriptions.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	subscriber := make(chan domain.Event, backlog)
	if s.subscriptions.byTopic[topic] == nil {
		s.subscriptions.byTopic[topic] = map[chan domain.Event]bool{}
	}
	s.subscriptions.byTopic[topic][subscriber] = true
	context.AfterFunc(ctx, func() {
		s.subscriptions.mu.Lock()
		defer s.subscriptions.mu.Unlock()
		delete(s.subscriptions.byTopic[topic], subscriber)
		close(subscriber)
	})
	return subscriber, nil
}
