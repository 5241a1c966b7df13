package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// Check asks one dependency whether it answers.
type Check func(ctx context.Context) error

// Health tells a balancer whether the process lives and whether it is fit for traffic.
type Health struct {
	required map[string]Check // by name; one that is away makes the server unfit
	helpful  map[string]Check // by name; one that is away makes the server slower
	draining atomic.Bool
}

// NewHealth asks the required and the helpful dependencies whenever readiness is asked for.
func NewHealth(required, helpful map[string]Check) *Health {
	return &Health{required: required, helpful: helpful}
}

// Drain makes the server unfit for traffic from now on: it is about to leave. What
// it still answers closes the connection, so that none is in use when it goes.
func (h *Health) Drain() { h.draining.Store(true) }

const checkTime = 2 * time.Second

// Check says what is wrong with the required dependencies now.
func (h *Health) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return ask(ctx, h.required, "unavailable", map[string]string{}, map[string]string{})
}

// ask makes the checks, records each dependency's state, "ok" or failed, and why, and returns what is wrong.
func ask(ctx context.Context, checks map[string]Check, failed string, states, why map[string]string) error {
	var wrong []error
	for name, check := range checks {
		states[name] = "ok"
		if err := check(ctx); err != nil {
			states[name], why[name] = failed, err.Error()
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(wrong...)
}

const (
	// firstWatch leaves a server time to connect.
	firstWatch = 2 * time.Second
	watchEvery = 5 * time.Second
)

// Watch logs why a dependency fails, once, and that it is back, until ctx ends. A wrong password is noticed by nobody
// else: the shop does without Redis.
func (h *Health) Watch(ctx context.Context, log *slog.Logger) {
	told := map[string]bool{}
	for wait := firstWatch; ; wait = watchEvery {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		asking, cancel := context.WithTimeout(ctx, checkTime)
		states, why := map[string]string{}, map[string]string{}
		_ = errors.Join(ask(asking, h.required, "unavailable", states, why), ask(asking, h.helpful, "degraded", states, why)) // why tells
		cancel()
		if ctx.Err() != nil {
			return
		}
		for name, state := range states {
			switch {
			case why[name] != "" && !told[name]:
				log.Warn("a dependency fails", "name", name, "state", state, "error", why[name])
			case why[name] == "" && told[name]:
				log.Info("a dependency is back", "name", name)
			}
			told[name] = why[name] != ""
		}
	}
}

func (h *Health) alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"status": "ok"})
}

func (h *Health) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	status, word := http.StatusOK, "ready"
	dependencies, why := map[string]string{}, map[string]string{}
	if err := ask(ctx, h.required, "unavailable", dependencies, why); err != nil {
		status, word = http.StatusServiceUnavailable, "unavailable"
	}
	_ = ask(ctx, h.helpful, "degraded", dependencies, why) // the states tell
	if h.draining.Load() {
		status, word = http.StatusServiceUnavailable, "draining"
	}
	if status != http.StatusOK {
		w.Header().Set("Retry-After", "1")
	}
	body := map[string]any{"status": word, "dependencies": dependencies}
	if len(why) > 0 {
		body["why"] = why
	}
	answer(w, status, body)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked is gone if this fails
}
