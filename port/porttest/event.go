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

// Events holds an adapter to the promises of port.Events. open gives a store that nobody follows.
// As news may be lost or come twice, who waits for some publishes it until it is heard.
func Events(t *testing.T, open func(*testing.T) (a, b port.Events)) {
	run(t, open, inTurns, carryingEvents, endingToFollow, fallingBehind, cancellingEvents)
}

func carryingEvents(t *testing.T, open func(t *testing.T) turns[port.Events]) {
	t.Run("news reaches every follower of its topic", func(t *testing.T) {
		events := open(t)
		followers := []<-chan domain.Event{
			follow(t, events, domain.OrderChanged), follow(t, events, domain.OrderChanged), follow(t, events, domain.OrderChanged),
		}
		for n := range 20 {
			for _, follower := range followers {
				hear(t, events, follower, orderNews(n))
			}
		}
	})
	t.Run("one piece of news is for all that follow, not for one of them", func(t *testing.T) {
		events := open(t)
		first, second := follow(t, events, domain.OrderChanged), follow(t, events, domain.OrderChanged)
		both := 0
		for n := range 20 {
			publish(t, events, orderNews(n))
			if heardOnce(t, first, orderNews(n)) && heardOnce(t, second, orderNews(n)) {
				both++
			}
		}
		assert.GreaterOrEqual(t, both, 10, "news may be lost, but not as a rule")
	})
	t.Run("news comes as it was told", func(t *testing.T) {
		events := open(t)
		for _, topic := range []domain.Topic{domain.OrderChanged, domain.ProductChanged} {
			follower := follow(t, events, topic)
			for _, key := range []string{
				"0198c1de-0000-7000-8000-00000000000f", "a b:c|d,e/f", `"quoted" and 'so'`, "{\"json\":1}", "ä茶🙂", "%s\\n", strings.Repeat("long", 250),
			} {
				hear(t, events, follower, domain.Event{Topic: topic, Key: key})
			}
		}
	})
	t.Run("news of one topic does not reach who follows another", func(t *testing.T) {
		events := open(t)
		orders, products := follow(t, events, domain.OrderChanged), follow(t, events, domain.ProductChanged)
		for n := range 20 {
			hear(t, events, orders, orderNews(n))
			for _, heard := range hear(t, events, products, domain.Event{Topic: domain.ProductChanged, Key: fmt.Sprint(n)}) {
				assert.Equal(t, domain.ProductChanged, heard.Topic)
			}
		}
		for _, heard := range hear(t, events, orders, orderNews(99)) {
			assert.Equal(t, domain.OrderChanged, heard.Topic)
		}
	})
	t.Run("a follower hears news from when Follow returned", func(t *testing.T) {
		events := open(t)
		heard := 0
		for n := range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			follower, err := events().Subscribe(ctx, domain.OrderChanged)
			require.NoError(t, err)
			publish(t, events, orderNews(n))
			if heardOnce(t, follower, orderNews(n)) {
				heard++
			}
			cancel()
		}
		assert.GreaterOrEqual(t, heard, 10, "news may be lost, but not as a rule")
	})
	t.Run("a follower hears no news from before", func(t *testing.T) {
		events := open(t)
		first := follow(t, events, domain.OrderChanged)
		publish(t, events, manyNews(10)...)
		hear(t, events, first, orderNews(50))
		second := follow(t, events, domain.OrderChanged)
		for _, heard := range hear(t, events, second, orderNews(99)) {
			assert.NotContains(t, manyNews(10), heard)
		}
	})
	t.Run("news that nobody follows is told to nobody", func(t *testing.T) {
		events := open(t)
		publish(t, events, manyNews(100)...)
		ctx, cancel := context.WithCancel(t.Context())
		follower, err := events().Subscribe(ctx, domain.OrderChanged)
		require.NoError(t, err)
		cancel()
		requireCloses(t, follower)
		publish(t, events, orderNews(1))
	})
	t.Run("many publish, follow and go at once", func(t *testing.T) {
		events := open(t)
		steady := follow(t, events, domain.OrderChanged)
		inTime(t, func() error {
			errs := make([]error, 24)
			atOnce(len(errs), func(i int) {
				for n := 0; n < 30 && errs[i] == nil; n++ {
					if i%3 == 0 {
						errs[i] = events().Publish(t.Context(), orderNews(n))
						continue
					}
					errs[i] = followBriefly(t.Context(), events, i%3 == 1)
				}
			})
			return errors.Join(errs...)
		})
		hear(t, events, steady, orderNews(99))
	})
}

// followBriefly follows and goes, with or without reading, and waits for the end.
func followBriefly(ctx context.Context, events turns[port.Events], read bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	follower, err := events().Subscribe(ctx, domain.OrderChanged)
	if err != nil {
		return err
	}
	if read {
		select {
		case <-follower:
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	return untilClosed(follower)
}

func endingToFollow(t *testing.T, open func(t *testing.T) turns[port.Events]) {
	t.Run("the channel is closed when the context ends", func(t *testing.T) {
		events := open(t)
		for name, published := range map[string]int{"nothing": 0, "a little": 3, "a lot": 500} {
			ctx, cancel := context.WithCancel(t.Context())
			follower, err := events().Subscribe(ctx, domain.OrderChanged)
			require.NoError(t, err)
			publish(t, events, manyNews(published)...)
			cancel()
			requireCloses(t, follower, name+" waits to be read")
		}
	})
	t.Run("the channel is closed when the context's time is up", func(t *testing.T) {
		events := open(t)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		follower, err := events().Subscribe(ctx, domain.OrderChanged)
		require.NoError(t, err)
		requireCloses(t, follower)
		require.Error(t, ctx.Err(), "not before")
	})
	t.Run("the channel is open until the context ends", func(t *testing.T) {
		events := open(t)
		follower := follow(t, events, domain.OrderChanged)
		for n := range 3 {
			hear(t, events, follower, orderNews(n))
			select {
			case _, more := <-follower:
				require.True(t, more)
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	t.Run("one who goes takes no other follower along", func(t *testing.T) {
		events := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		goes, err := events().Subscribe(ctx, domain.OrderChanged)
		require.NoError(t, err)
		stays, other := follow(t, events, domain.OrderChanged), follow(t, events, domain.ProductChanged)
		cancel()
		requireCloses(t, goes)
		for n := range 5 {
			hear(t, events, stays, orderNews(n))
			hear(t, events, other, domain.Event{Topic: domain.ProductChanged, Key: fmt.Sprint(n)})
		}
	})
	t.Run("who went may follow again", func(t *testing.T) {
		events := open(t)
		for n := range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			follower, err := events().Subscribe(ctx, domain.OrderChanged)
			require.NoError(t, err)
			hear(t, events, follower, orderNews(n))
			cancel()
			requireCloses(t, follower)
		}
	})
	t.Run("nothing is left running of followers who went, read or unread", func(t *testing.T) {
		events := open(t)
		hear(t, events, follow(t, events, domain.OrderChanged), orderNews(0)) // connects what is to be connected
		before := runtime.NumGoroutine()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var followers []<-chan domain.Event
		for range 100 {
			follower, err := events().Subscribe(ctx, domain.OrderChanged)
			require.NoError(t, err)
			followers = append(followers, follower)
		}
		publish(t, events, manyNews(200)...)
		cancel()
		for _, read := range followers[:50] {
			requireCloses(t, read)
		}
		require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+20 }, patience, 10*time.Millisecond)
		for _, unread := range followers[50:] {
			requireCloses(t, unread)
		}
	})
}

func fallingBehind(t *testing.T, open func(t *testing.T) turns[port.Events]) {
	t.Run("a follower that reads nothing holds up neither who publishes nor who follows", func(t *testing.T) {
		events := open(t)
		slow := follow(t, events, domain.OrderChanged)
		publish(t, events, manyNews(3000)...)
		other := follow(t, events, domain.OrderChanged)
		for n := range 5 {
			hear(t, events, other, orderNews(10_000+n))
		}
		hear(t, events, slow, orderNews(20_000)) // it has missed some, and goes on
	})
	t.Run("a follower that missed some is told to look again at everything", func(t *testing.T) {
		events := open(t)
		slow := follow(t, events, domain.OrderChanged)
		publish(t, events, manyNews(3000)...)
		unheard := map[domain.Event]bool{}
		for _, news := range manyNews(3000) {
			unheard[news] = true
		}
		late := time.After(patience)
		for len(unheard) > 0 {
			select {
			case heard := <-slow:
				if heard.Key == "" {
					return
				}
				delete(unheard, heard)
			case <-late:
				require.FailNow(t, "missed", "%d pieces of news", len(unheard))
			}
		}
	})
	t.Run("a follower that keeps up hears on while another reads nothing", func(t *testing.T) {
		events := open(t)
		slow, quick := follow(t, events, domain.OrderChanged), follow(t, events, domain.OrderChanged)
		for n := range 500 {
			hear(t, events, quick, orderNews(n))
		}
		hear(t, events, slow, orderNews(999))
	})
}

func cancellingEvents(t *testing.T, open func(t *testing.T) turns[port.Events]) {
	t.Run("Publish that is cancelled is an error without an effect", func(t *testing.T) {
		events := open(t)
		follower := follow(t, events, domain.OrderChanged)
		hear(t, events, follower, orderNews(0))
		for range 5 {
			require.Error(t, events().Publish(cancelled(t), orderNews(13)))
		}
		assert.NotContains(t, hear(t, events, follower, orderNews(1)), orderNews(13))
	})
	t.Run("Follow that is cancelled is an error without an effect", func(t *testing.T) {
		events := open(t)
		_, err := events().Subscribe(cancelled(t), domain.OrderChanged)
		require.Error(t, err)
		hear(t, events, follow(t, events, domain.OrderChanged), orderNews(1))
	})
}

func orderNews(n int) domain.Event {
	return domain.Event{Topic: domain.OrderChanged, Key: fmt.Sprint("order-", n)}
}

func manyNews(n int) []domain.Event {
	all := make([]domain.Event, n)
	for i := range all {
		all[i] = orderNews(i)
	}
	return all
}

// publish demands that telling the news ends, whoever reads it or not.
func publish(t *testing.T, events turns[port.Events], all ...domain.Event) {
	t.Helper()
	inTime(t, func() error {
		for _, news := range all {
			if err := events().Publish(t.Context(), news); err != nil {
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
		require.FailNow(t, "somebody waits for a follower")
	}
}

// follow follows to the end of the test.
func follow(t *testing.T, events turns[port.Events], topic domain.Topic) <-chan domain.Event {
	t.Helper()
	follower, err := events().Subscribe(t.Context(), topic)
	require.NoError(t, err)
	return follower
}

// hear publishes news until the follower hears it, and returns all that was heard up to then.
func hear(t *testing.T, events turns[port.Events], follower <-chan domain.Event, news domain.Event) []domain.Event {
	t.Helper()
	var heard []domain.Event
	again, late := time.NewTicker(50*time.Millisecond), time.After(patience)
	defer again.Stop()
	publish(t, events, news)
	for {
		select {
		case got, more := <-follower:
			require.True(t, more, "the channel was closed before the context ended")
			if heard = append(heard, got); got == news {
				return heard
			}
		case <-again.C:
			publish(t, events, news)
		case <-late:
			require.FailNow(t, "news never came", "%v", news)
		}
	}
}

// heardOnce reports whether news that was published once was heard.
func heardOnce(t *testing.T, follower <-chan domain.Event, news domain.Event) bool {
	t.Helper()
	late := time.After(time.Second)
	for {
		select {
		case got, more := <-follower:
			require.True(t, more, "the channel was closed before the context ended")
			if got == news {
				return true
			}
		case <-late:
			return false
		}
	}
}

func requireCloses(t *testing.T, follower <-chan domain.Event, when ...any) {
	t.Helper()
	require.NoError(t, untilClosed(follower), when...)
}

func untilClosed(follower <-chan domain.Event) error {
	late := time.After(patience)
	for {
		select {
		case _, more := <-follower:
			if !more {
				return nil
			}
		case <-late:
			return errors.New("the channel is still open")
		}
	}
}
