// Package argon2 keeps passwords as Argon2id hashes.
package argon2

import (
	"context"
	"runtime"

	"github.com/alexedwards/argon2id"
)

// The parameters are the second choice of OWASP's Password Storage Cheat Sheet:
// 19 MiB, two passes, one lane.
var params = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Passwords hashes and compares, no more at once than there are processors:
// each takes its memory, and many sign-ins at once must not take all of it.
type Passwords struct {
	slots chan struct{}
	dummy string
}

// New makes Passwords.
func New() (*Passwords, error) {
	dummy, err := argon2id.CreateHash("no password at all", params)
	if err != nil {
		return nil, err
	}
	return &Passwords{make(chan struct{}, runtime.NumCPU()), dummy}, nil
}

// Hash makes a hash of the password, with a salt of its own.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	return argon2id.CreateHash(password, params)
}

// Matches reports whether the hash was made of the password. An empty hash takes
// the time of another, so that nobody learns which accounts there are.
func (p *Passwords) Matches(ctx context.Context, hash, password string) (bool, error) {
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer p.leave()
	if hash == "" {
		_, err := argon2id.ComparePasswordAndHash(password, p.dummy)
		return false, err
	}
	return argon2id.ComparePasswordAndHash(password, hash)
}

func (p *Passwords) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Passwords) leave() { <-p.slots }
