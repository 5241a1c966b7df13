package port

import (
	"context"

	"eshop/domain"
)

// Events carries news between servers. News may be lost or come twice.
type Events interface {
	// Publish tells every follower, on this server and on others. It does not wait for them.
	Publish(ctx context.Context, e domain.Event) error

	// Follow returns the news of a topic from when it returns until ctx ends; then
	// the channel is closed. A follower that does not keep up misses some, never holds
	// up others. One that missed news, for whatever reason, gets an event without a key
	// once it can: it looks again at everything.
	Subscribe(ctx context.Context, topic domain.Topic) (<-chan domain.Event, error)
}
