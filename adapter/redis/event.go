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

// Events delivers events to this server's subscribers at once, and to those of the other
// servers over Redis. An event without a key makes up for what was lost while a server
// was cut off: it tells subscribers to read everything again.
type Events struct {
	client *Client
	local  port.Events
	topics sync.Map // that somebody has subscribed to
}

var _ port.Events = (*Events)(nil)

// NewEvents returns Events that deliver within this process through local.
func NewEvents(client *Client, local port.Events) *Events {
	e := &Events{client: client, local: local}
	client.work.Go(e.listen)
	return e
}

const (
	channel = keyPrefix + "events"
	// resubscribeAfter is how long a server waits before it subscribes to the channel again.
	resubscribeAfter = 200 * time.Millisecond
)

// message is an event on the channel. From is the prefix of the client that sent it,
// whose own subscribers have it already.
type message struct {
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
		e.client.breaker.postpone(e.client.breaker.gaps, string(event.Topic))
		return nil
	}
	defer e.client.roundTrip(ctx, "PUBLISH", time.Now())
	if err := broadcast(redis, message{e.client.prefix, event.Topic, event.Key}); err != nil {
		e.client.breaker.postpone(e.client.breaker.gaps, string(event.Topic))
		e.client.failed(err)
	}
	return nil
}

func (e *Events) Subscribe(ctx context.Context, topic domain.Topic) (<-chan domain.Event, error) {
	e.topics.Store(topic, true)
	return e.local.Subscribe(ctx, topic)
}

// listen receives what other servers broadcast until the client ends.
func (e *Events) listen() {
	ctx := rueidis.WithOnSubscriptionHook(e.client.ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" {
			e.announceGap()
		}
	})
	for e.client.ctx.Err() == nil {
		if redis := e.client.breaker.redis(); redis != nil {
			// Receive also returns without a failure, such as when a Cluster is rearranged.
			_ = redis.Receive(ctx, redis.B().Subscribe().Channel(channel).Build(), e.receive)
		}
		select {
		case <-e.client.ctx.Done():
		case <-time.After(resubscribeAfter):
		}
	}
}

// announceGap tells this server's subscribers that they may have missed events.
func (e *Events) announceGap() {
	e.topics.Range(func(topic, _ any) bool {
		_ = e.local.Publish(context.Background(), domain.Event{Topic: topic.(domain.Topic)})
		return true
	})
}

func (e *Events) receive(received rueidis.PubSubMessage) {
	var m message
	if json.Unmarshal([]byte(received.Message), &m) == nil && m.From != e.client.prefix {
		_ = e.local.Publish(context.Background(), domain.Event{Topic: m.Topic, Key: m.Key})
	}
}

// broadcast sends messages to all servers.
func broadcast(redis rueidis.Client, messages ...message) error {
	commands := make(rueidis.Commands, len(messages))
	for i, m := range messages {
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		commands[i] = redis.B().Publish().Channel(channel).Message(string(text)).Build()
	}
	if len(commands) == 0 {
		return nil
	}
	ctx, cancel := withTimeout()
	defer cancel()
	for _, result := range redis.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}
