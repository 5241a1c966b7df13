package porttest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// Events holds an adapter to the promises of port.Events. open gives a store without a subscriber.
// As events may be lost or come twice, who waits for one publishes it until it is received.
func Events(t *testing.T, open func(*testing.T) (a, b port.Events)) {
	run(t, open, inTurns, carryingEvents, leaving, fallingBehind, cancellingEvents)
}

func carryingEvents(t *testing.T, open func(t *testing.T) turns[port.Events]) {
	t.Run("an event reaches every subscriber of its topic", func(t *testing.T) {
		events := open(t)
		subscribers := []<-chan domain.Event{
			subscribe(t, events, domain.OrderChanged), subscribe(t, events, domain.OrderChanged), subscribe(t, events, domain.OrderChanged),
		}
		for n := range 20 {
			for _, subscriber := range subscribers {
				receive(t, events, subscriber, orderEvent(n))
			}
		}
	})
	t.Run("one event is for all subscribers, not for one of them", func(t *testing.T) {
		events := open(t)
		first, second := subscribe(t, events, domain.OrderChanged), subscribe(t, events, domain.OrderChanged)
		both := 0
		for n := range 20 {
			publish(t, events, orderEvent(n))
			if receivedOnce(t, first, orderEvent(n)) && receivedOnce(t, second, orderEvent(n)) {
				both++
			}
		}
		assert.GreaterOrEqual(t, both, 10, "events may be lost, but not as a rule")
	})
	t.Run("an event is received as it was published", func(t *testing.T) {
		events := open(t)
		for _, topic := range []domain.Topic{domain.OrderChanged, domain.ProductChanged} {
			subscriber := subscribe(t, events, topic)
			for _, key := range []string{
				"0198c1de-0000-7000-8000-00000000000f", "a b:c|d,e/f", `"quoted" and 'so'`, "{\"json\":1}", "ä茶🙂", "%s\\n", strings.Repeat("long", 250),
			} {
				receive(t, events, subscriber, domain.Event{Topic: topic, Key: key})
			}
		}
	})
	t.Run("an event of one topic does not reach the subscribers of another", func(t *testing.T) {
		events := open(t)
		orders, products := subscribe(t, events, domain.OrderChanged), subscribe(t, events, domain.ProductChanged)
		for n := range 20 {
			receive(t, events, orders, orderEvent(n))
			for _, received := range receive(t, events, products, domain.Event{Topic: domain.ProductChanged, Key: fmt.Sprint(n)}) {
				assert.Equal(t, domain.ProductChanged, received.Topic)
			}
		}
		for _, received := range receive(t, events, orders, orderEvent(99)) {
			assert.Equal(t, domain.OrderChanged, received.Topic)
		}
	})
	t.Run("a subscriber receives events from when Subscribe returned", func(t *testing.T) {
		events := open(t)
		received := 0
		for n := range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			subscriber, err := events().Subscribe(ctx, domain.OrderChanged)
			require.NoError(t, err)
			publish(t, events, orderEvent(n))
			if receivedOnce(t, subscriber, orderEvent(n)) {
				received++
			}
			cancel()
		}
		assert.GreaterOrEqual(t, received, 10, "events may be lost, but not as a rule")
	})
	t.Run("a subscriber receives no event from before", func(t *testing.T) {
		events := open(t)
		first := subscribe(t, events, domain.OrderChanged)
		publish(t, events, manyEvents(10)...)
		receive(t, events, first, orderEvent(50))
		second := subscribe(t, events, domain.OrderChanged)
		for _, received := range receive(t, events, second, orderEvent(99)) {
			assert.NotContains(t, manyEvents(10), received)
		}
	})
	t.Run("an event without a subscriber reaches nobody", func(t *testing.T) {
		events := open(t)
		publish(t, events, manyEvents(100)...)
		ctx, cancel := context.WithCancel(t.Context())
		subscriber, err := events().Subscribe(ctx, domain.OrderChanged)
		require.NoError(t, err)
		cancel()
		requireCloses(t, subscriber)
		publish(t, events, orderEvent(1))
	})
	t.Run("many publish, subscribe and leave at once", func(t *testing.T) {
		events := open(t)
		steady := subscribe(t, events, domain.OrderChanged)
		inTime(t, func() error {
			errs := make([]error, 24)
			atOnce(len(errs), func(i int) {
				for n := 0; n < 30 && errs[i] == nil; n++ {
					if i%3 == 0 {
						errs[i] = events().Publish(t.Context(), orderEvent(n))
						continue
					}
					errs[i] = subscribeBriefly(t.Context(), events, i%3 == 1)
				}
			})
			return errors.Join(errs...)
		})
		receive(t, events, steady, orderEvent(99))
	})
}

// subscribeBriefly subscribes and leaves, with or without reading, and waits for the end.
func subscribeBriefly(ctx context.Context, events turns[port.Events], read bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	subscriber, err := events().Subscribe(ctx, domain.OrderChanged)
	if err != nil {
		return err
	}
	if read {
		select {
		case <-subscriber:
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	return untilClosed(subscriber)
}

func leaving(t *testing.T, open func(t *testing.T) turns[port.Events]) {
	t.Run("the channel is closed when the context ends", func(t *testing.T) {
		events := open(t)
		for name, published := range map[string]int{"nothing": 0, "a little": 3, "a lot": 500} {
			ctx, cancel := context.WithCancel(t.Context())
			subscriber, err := events().Subscribe(ctx, domain.OrderChanged)
			require.NoError(t, err)
			publish(t, events, manyEvents(published)...)
			cancel()
			requireCloses(t, subscriber, name+" waits to be read")
		}
	})
	t.Run("the channel is closed when the context's time is up", func(t *testing.T) {
		events := open(t)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		subscriber, err := events().Subscribe(ctx, domain.OrderChanged)
		require.NoError(t, err)
		requireCloses(t, subscriber)
		require.Error(t, ctx.Err(), "not before")
	})
	t.Run("the channel is open until the context ends", func(t *testing.T) {
		events := open(t)
		subscriber := subscribe(t, events, domain.OrderChanged)
		for n := range 3 {
			receive(t, events, subscriber, orderEvent(n))
			select {
			case _, more := <-subscriber:
				require.True(t, more)
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	t.Run("who leaves takes no other subscriber along", func(t *testing.T) {
		events := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		goes, err := events().Subscribe(ctx, domain.OrderChanged)
		require.NoError(t, err)
		stays, other := subscribe(t, events, domain.OrderChanged), subscribe(t, events, domain.ProductChanged)
		cancel()
		requireCloses(t, goes)
		for n := range 5 {
			receive(t, events, stays, orderEvent(n))
			receive(t, events, other, domain.Event{Topic: domain.ProductChanged, Key: fmt.Sprint(n)})
		}
	})
	t.Run("who left may subscribe again", func(t *testing.T) {
		events := open(t)
		for n := range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			subscriber, err := events().Subscribe(ctx, domain.OrderChanged)
			require.NoError(t, err)
			receive(t, events, subscriber, orderEvent(n))
			cancel()
			requireCloses(t, subscriber)
		}
	})
	t.Run("nothing is left running of subscribers who left, read or unread", func(t *testing.T) {
		events := open(t)
		receive(t, events, subscribe(t, events, domain.OrderChanged), orderEvent(0)) // connects what is to be connected
		before := runtime.NumGoroutine()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var subscribers []<-chan domain.Event
		for range 100 {
			subscriber, err := events().Subscribe(ctx, domain.OrderChanged)
			require.NoError(t, err)
			subscribers = append(subscribers, subscriber)
		}
		publish(t, events, manyEvents(200)...)
		cancel()
		for _, read := range subscribers[:50] {
			requireCloses(t, read)
		}
		require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+20 }, patience, 10*time.Millisecond)
		for _, unread := range subscribers[50:] {
			requireCloses(t, unread)
		}
	})
}

func fallingBehind(t *testing.T, open func(t *testing.T) turns[port.Events]) {
	t.Run("a subscriber that reads nothing holds up neither publishers nor other subscribers", func(t *testing.T) {
		events := open(t)
		slow := subscribe(t, events, domain.OrderChanged)
		publish(t, events, manyEvents(3000)...)
		other := subscribe(t, events, domain.OrderChanged)
		for n := range 5 {
			receive(t, events, other, orderEvent(10_000+n))
		}
		receive(t, events, slow, orderEvent(20_000)) // it has missed some, and goes on
	})
	t.Run("a subscriber that missed events is told to look again at everything", func(t *testing.T) {
		events := open(t)
		slow := subscribe(t, events, domain.OrderChanged)
		publish(t, events, manyEvents(3000)...)
		missing := map[domain.Event]bool{}
		for _, event := range manyEvents(3000) {
			missing[event] = true
		}
		late := time.After(patience)
		for len(missing) > 0 {
			select {
			case received := <-slow:
				if received.Key == "" {
					return
				}
				delete(missing, received)
			case <-late:
				require.FailNow(t, "missed", "%d events", len(missing))
			}
		}
	})
	t.Run("a subscriber that keeps up receives on while another reads nothing", func(t *testing.T) {
		events := open(t)
		slow, quick := subscribe(t, events, domain.OrderChanged), subscribe(t, events, domain.OrderChanged)
		for n := range 500 {
			receive(t, events, quick, orderEvent(n))
		}
		receive(t, events, slow, orderEvent(999))
	})
}

func cancellingEvents(t *testing.T, open func(t *testing.T) turns[port.Events]) {
	t.Run("Publish that is cancelled is an error without an effect", func(t *testing.T) {
		events := open(t)
		subscriber := subscribe(t, events, domain.OrderChanged)
		receive(t, events, subscriber, orderEvent(0))
		for range 5 {
			require.Error(t, events().Publish(cancelled(t), orderEvent(13)))
		}
		assert.NotContains(t, receive(t, events, subscriber, orderEvent(1)), orderEvent(13))
	})
	t.Run("Subscribe that is cancelled is an error without an effect", func(t *testing.T) {
		events := open(t)
		_, err := events().Subscribe(cancelled(t), domain.OrderChanged)
		require.Error(t, err)
		receive(t, events, subscribe(t, events, domain.OrderChanged), orderEvent(1))
	})
}

func orderEvent(n int) domain.Event {
	return domain.Event{Topic: domain.OrderChanged, Key: fmt.Sprint("order-", n)}
}

func manyEvents(n int) []domain.Event {
	all := make([]domain.Event, n)
	for i := range all {
		all[i] = orderEvent(i)
	}
	return all
}

// publish demands that publishing ends, whoever reads or not.
func publish(t *testing.T, events turns[port.Events], all ...domain.Event) {
	t.Helper()
	inTime(t, func() error {
		for _, event := range all {
			if err := events().Publish(t.Context(), event); err != nil {
				return err
			}
		}
		return nil
	})
}

// inTime demands that call ends, and without an error.
func inTime(t *testing.T, call func() error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(2 * patience):
		require.FailNow(t, "somebody waits for a subscriber")
	}
}

// subscribe subscribes to the end of the test.
func subscribe(t *testing.T, events turns[port.Events], topic domain.Topic) <-chan domain.Event {
	t.Helper()
	subscriber, err := events().Subscribe(t.Context(), topic)
	require.NoError(t, err)
	return subscriber
}

// receive publishes an event until the subscriber receives it, and returns all that was received up to then.
func receive(t *testing.T, events turns[port.Events], subscriber <-chan domain.Event, event domain.Event) []domain.Event {
	t.Helper()
	var received []domain.Event
	again, late := time.NewTicker(50*time.Millisecond), time.After(patience)
	defer again.Stop()
	publish(t, events, event)
	for {
		select {
		case got, more := <-subscriber:
			require.True(t, more, "the channel was closed before the context ended")
			if received = append(received, got); got == event {
				return received
			}
		case <-again.C:
			publish(t, events, event)
		case <-late:
			require.FailNow(t, "the event never came", "%v", event)
		}
	}
}

// receivedOnce reports whether an event that was published once is received.
func receivedOnce(t *testing.T, subscriber <-chan domain.Event, event domain.Event) bool {
	t.Helper()
	late := time.After(time.Second)
	for {
		select {
		case got, more := <-subscriber:
			require.True(t, more, "the channel was closed before the context ended")
			if got == event {
				return true
			}
		case <-late:
			return false
		}
	}
}

func requireCloses(t *testing.T, subscriber <-chan domain.Event, when ...any) {
	t.Helper()
	require.NoError(t, untilClosed(subscriber), when...)
}

func untilClosed(subscriber <-chan domain.Event) error {
	late := time.After(patience)
	for {
		select {
		case _, more := <-subscriber:
			if !more {
				return nil
			}
		case <-late:
			return errors.New("the channel is still open")
		}
	}
}
