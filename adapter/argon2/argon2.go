// Package argon2 keeps passwords as Argon2id hashes.
package argon2

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"

	"eshop/domain"
)

// The parameters are the second choice of OWASP's Password Storage Cheat Sheet:
// 19 MiB, two passes, one lane.
var params = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// queueTime is how long somebody who signs in waits for a turn, and is then told to come back:
// a queue that grows past the patience of whoever asks does its work for nobody.
const queueTime = 2 * time.Second

// Passwords hashes and compares, no more at once than half of the processors, so that a
// crowd that signs in leaves the other half to the shop. Each hash takes its memory, too.
type Passwords struct {
	slots   *semaphore.Weighted
	waiting atomic.Int64 // for a slot
	dummy   string
}

// New makes Passwords.
func New() (*Passwords, error) {
	dummy, err := argon2id.CreateHash("no password at all", params)
	if err != nil {
		return nil, err
	}
	return &Passwords{slots: semaphore.NewWeighted(int64(max(1, runtime.GOMAXPROCS(0)/2))), dummy: dummy}, nil
}

// Hash makes a hash of the password, with a salt of its own.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave(time.Now())
	return argon2id.CreateHash(norm.NFC.String(password), params)
}

// Matches reports whether the hash was made of the password. An empty hash takes
// the time of another, so that nobody learns which accounts there are. What is typed in
// another form than NFC is compared as it is too: servers of before hashed it so.
func (p *Passwords) Matches(ctx context.Context, hash, password string) (bool, error) {
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer p.leave(time.Now())
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	composed := norm.NFC.String(password)
	matches, err := argon2id.ComparePasswordAndHash(composed, hash)
	if err == nil && !matches && composed != password {
		matches, err = argon2id.ComparePasswordAndHash(password, hash)
	}
	return matches && known, err
}

// enter waits for a turn, for queueTime at most.
func (p *Passwords) enter(ctx context.Context) error {
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	waiting, cancel := context.WithTimeout(ctx, queueTime)
	defer cancel()
	err := p.slots.Acquire(waiting, 1)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		busy := domain.ErrUnavailable.Errorf(domain.CodeBusy, "too many people are signing in just now; try again in a moment")
		busy.RetryAfter = queueTime
		return busy
	}
	return err
}

// leave gives back a slot that was taken at begun. While others wait it stays empty for as long as it was
// used: servers that share a machine do not know of each other, and each leaves the others their part.
func (p *Passwords) leave(begun time.Time) {
	if p.waiting.Load() == 0 {
		p.slots.Release(1)
		return
	}
	time.AfterFunc(time.Since(begun), func() { p.slots.Release(1) })
}
