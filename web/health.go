package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	return ask(ctx, h.required, "unavailable", map[string]string{})
}

// ask makes the checks, records each dependency's state, "ok" or failed, and returns what is wrong.
func ask(ctx context.Context, checks map[string]Check, failed string, states map[string]string) error {
	var wrong []error
	for name, check := range checks {
		states[name] = "ok"
		if err := check(ctx); err != nil {
			states[name] = failed
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(wrong...)
}

func (h *Health) alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"status": "ok"})
}

func (h *Health) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	status, word := http.StatusOK, "ready"
	dependencies := map[string]string{}
	if err := ask(ctx, h.required, "unavailable", dependencies); err != nil {
		status, word = http.StatusServiceUnavailable, "unavailable"
	}
	_ = ask(ctx, h.helpful, "degraded", dependencies) // the states tell
	if h.draining.Load() {
		status, word = http.StatusServiceUnavailable, "draining"
	}
	if status != http.StatusOK {
		w.Header().Set("Retry-After", "1")
	}
	answer(w, status, map[string]any{"status": word, "dependencies": dependencies})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked is gone if this fails
}
