package redis

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"eshop/domain"
	"eshop/port"
)

// Events tells news to this server's followers at once, and to the other servers'
// over Redis. What was lost while a server was cut off is made up for by news
// without a key, which says to look again at everything.
type Events struct {
	client *Client
	local  port.Events
	topics sync.Map // followed so far
}

var _ port.Events = (*Events)(nil)

// NewEvents has local tell the news within this process.
func NewEvents(client *Client, local port.Events) *Events {
	e := &Events{client: client, local: local}
	client.work.Go(e.listen)
	return e
}

const (
	channel = keyPrefix + "events"
	// followAgain is how often a server tries to hear from the others while it does not.
	followAgain = 200 * time.Millisecond
)

// news is an event on its way. From is the client that tells it, which has told it to its own followers.
type news struct {
	From  string
	Topic domain.Topic
	Key   string
}

func (e *Events) Publish(ctx context.Context, event domain.Event) error {
	if err := e.local.Publish(ctx, event); err != nil {
		return err
	}
	redis := e.client.redis()
	if redis == nil {
		e.client.owe(e.client.untold, string(event.Topic))
		return nil
	}
	e.client.stats.roundTrips.Add(1)
	if err := tell(redis, news{e.client.prefix, event.Topic, event.Key}); err != nil {
		e.client.owe(e.client.untold, string(event.Topic))
		e.client.failed(err)
	}
	return nil
}

func (e *Events) Subscribe(ctx context.Context, topic domain.Topic) (<-chan domain.Event, error) {
	e.topics.Store(topic, true)
	return e.local.Subscribe(ctx, topic)
}

// listen hears what other servers tell until the client ends.
func (e *Events) listen() {
	ctx := rueidis.WithOnSubscriptionHook(e.client.ends, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" {
			e.lookAgain()
		}
	})
	for e.client.ends.Err() == nil {
		if live := e.client.live.Load(); live != nil {
			// It returns at times without a failure, such as when a Cluster is rearranged.
			_ = (*live).Receive(ctx, (*live).B().Subscribe().Channel(channel).Build(), e.hear)
		}
		select {
		case <-e.client.ends.Done():
		case <-time.After(followAgain):
		}
	}
}

// lookAgain tells this server's followers that they may have missed something.
func (e *Events) lookAgain() {
	e.topics.Range(func(topic, _ any) bool {
		_ = e.local.Publish(context.Background(), domain.Event{Topic: topic.(domain.Topic)})
		return true
	})
}

func (e *Events) hear(message rueidis.PubSubMessage) {
	var n news
	if json.Unmarshal([]byte(message.Message), &n) == nil && n.From != e.client.prefix {
		_ = e.local.Publish(context.Background(), domain.Event{Topic: n.Topic, Key: n.Key})
	}
}

// tell tells other servers' followers.
func tell(redis rueidis.Client, all ...news) error {
	commands := make(rueidis.Commands, len(all))
	for i, n := range all {
		text, err := json.Marshal(n)
		if err != nil {
			return err
		}
		commands[i] = redis.B().Publish().Channel(channel).Message(string(text)).Build()
	}
	if len(commands) == 0 {
		return nil
	}
	ctx, cancel := briefly()
	defer cancel()
	for _, result := range redis.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}
