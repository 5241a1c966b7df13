package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// notes are lines that are written while others are read.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(line []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(line)
}

func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	defer n.text.Reset()
	return strings.Split(strings.TrimSpace(n.text.String()), "\n")
}

func TestHealth_TellsWhyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrong atomic.Bool
		wrong.Store(true)
		check := func(context.Context) error {
			if wrong.Load() {
				return errors.New("WRONGPASS at redis:6379")
			}
			return nil
		}
		health := NewHealth(map[string]Check{"database": func(context.Context) error { return nil }}, map[string]Check{"redis": check})
		text := new(notes)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			health.Watch(ctx, slog.New(slog.NewTextHandler(text, nil)))
			close(ended)
		}()
		ready := func() string {
			w := httptest.NewRecorder()
			health.ready(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ready", nil))
			assert.Equal(t, http.StatusOK, w.Code)
			return w.Body.String()
		}
		after := func(wait time.Duration) []string {
			time.Sleep(wait)
			synctest.Wait()
			return text.take()
		}
		assert.Equal(t, []string{""}, after(time.Second), "it is still connecting")
		told := after(time.Minute)
		assert.Len(t, told, 1)
		assert.Contains(t, told[0], `name=redis state=degraded error="WRONGPASS at redis:6379"`)
		assert.Contains(t, ready(), `"why":{"redis":"WRONGPASS at redis:6379"}`)
		wrong.Store(false)
		told = after(time.Minute)
		assert.Len(t, told, 1)
		assert.Contains(t, told[0], "back")
		assert.NotContains(t, ready(), "why")
		cancel()
		<-ended
	})
}
