package live

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestHub_MarkRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hub{log: slog.New(slog.DiscardHandler), workers: newWorkers(), reads: newReadMarks()}
		var kept []int64
		keep := func(_ context.Context, seq int64) error {
			kept = append(kept, seq)
			return nil
		}
		key := readKey{"conversation", domain.CustomerSide}
		mark := func(seq int64) { require.NoError(t, h.markRead(t.Context(), key, seq, keep)) }
		// A client marks a hundred times a second.
		for seq := range int64(500) {
			mark(seq + 1)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * readEvery)
		synctest.Wait()
		assert.Len(t, kept, 6, "the first, and one a second")
		assert.EqualValues(t, 1, kept[0])
		assert.EqualValues(t, 500, kept[5], "and the last")
		assert.Empty(t, h.reads.waiting)

		kept = nil
		mark(501)
		mark(503)
		mark(502)
		h.keepReads(t.Context())
		assert.Equal(t, []int64{501, 503}, kept, "a server that leaves keeps what waits")
		h.workers.stop()
		time.Sleep(2 * readEvery)
	})
}
