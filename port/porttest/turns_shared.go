package porttest

import (
	"context"
	"time"

	"eshop/domain"
	"eshop/port"
)

type limitsInTurns struct {
	turn
	a, b port.Limits
}

// LimitsInTurns is two servers' answers to port.Limits that count together.
func LimitsInTurns(a, b port.Limits) port.Limits { return &limitsInTurns{a: a, b: b} }

func (t *limitsInTurns) Take(ctx context.Context, key string, limit port.Limit, now time.Time) (time.Duration, error) {
	return pick(&t.turn, t.a, t.b).Take(ctx, key, limit, now)
}

func (t *limitsInTurns) Reset(ctx context.Context, key string) error {
	return pick(&t.turn, t.a, t.b).Reset(ctx, key)
}

type eventsInTurns struct {
	turn
	a, b port.Events
}

// EventsInTurns is two servers' answers to port.Events that hear of each other's news.
func EventsInTurns(a, b port.Events) port.Events { return &eventsInTurns{a: a, b: b} }

func (t *eventsInTurns) Publish(ctx context.Context, e domain.Event) error {
	return pick(&t.turn, t.a, t.b).Publish(ctx, e)
}

func (t *eventsInTurns) Subscribe(ctx context.Context, topic domain.Topic) (<-chan domain.Event, error) {
	return pick(&t.turn, t.a, t.b).Subscribe(ctx, topic)
}
