package live

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop/domain"
)

func TestDeliverer(t *testing.T) {
	// Each delivery reports its conversation and takes a second.
	newTestDeliverer := func(err error) (*deliverer, chan domain.ConversationID) {
		begun := make(chan domain.ConversationID, 100)
		return newDeliverer(newWorkers(), func(ctx context.Context, id domain.ConversationID) error {
			begun <- id
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			return err
		}, slog.New(slog.DiscardHandler)), begun
	}
	t.Run("one worker delivers what was woken meanwhile once more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d, begun := newTestDeliverer(nil)
			d.wake("a")
			synctest.Wait()
			for range 5 {
				d.wake("a")
			}
			synctest.Wait()
			assert.Len(t, begun, 1, "the second begins when the first has ended")
			time.Sleep(5 * time.Second)
			synctest.Wait()
			assert.Len(t, begun, 2)
			assert.Empty(t, d.woken, "the worker has ended")
			d.wake("a")
			synctest.Wait()
			assert.Len(t, begun, 3)
			d.workers.stop()
		})
	})
	t.Run("only so many conversations are delivered at once, and all in the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d, begun := newTestDeliverer(errors.New("away"))
			for id := 'a'; id < 'a'+2*deliverySlots; id++ {
				d.wake(domain.ConversationID(id))
			}
			synctest.Wait()
			assert.Len(t, begun, deliverySlots)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			assert.Len(t, begun, 2*deliverySlots)
			d.workers.stop()
		})
	})
	t.Run("what was stopped ends at once and begins nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d, begun := newTestDeliverer(nil)
			d.wake("a")
			d.wake("a")
			synctest.Wait()
			before := time.Now()
			d.workers.stop()
			assert.Equal(t, before, time.Now())
			d.wake("b")
			synctest.Wait()
			assert.Len(t, begun, 1)
		})
	})
}
