// Package domain is what a shop is: its values and its rules. It knows no
// clock, no storage and no network; time, identifiers and chance come in as
// arguments. Every other room speaks in its types.
package domain

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kind says what sort of failure an error is; ask with errors.Is(err, domain.ErrNotFound).
// An error without a kind is a fault of ours, and its text is never shown.
type Kind string

// The kinds of failure that a caller can act on.
const (
	ErrInvalid         Kind = "invalid"         // the input cannot be taken as it is
	ErrUnauthenticated Kind = "unauthenticated" // nobody is signed in, or the proof was wrong
	ErrDenied          Kind = "denied"          // signed in, but not allowed
	ErrNotFound        Kind = "not found"       // not there, or not yours
	ErrConflict        Kind = "conflict"        // right in itself, but not in the present state
	ErrDeclined        Kind = "declined"        // the payment was refused for good
	ErrLimited         Kind = "limited"         // too many; try again after RetryAfter
	ErrUnavailable     Kind = "unavailable"     // something that is needed is away for now
)

func (k Kind) Error() string { return string(k) }

// Errorf returns an error of kind k with a stable code, which is a snake_case
// word for programs, and a text for people, shown as it is.
func (k Kind) Errorf(code, format string, args ...any) *Error {
	return &Error{Kind: k, Code: code, Text: fmt.Sprintf(format, args...)}
}

// StoreUnavailable is the code of an ErrUnavailable that means the shop's records:
// another server may reach them.
const StoreUnavailable = "store_unavailable"

// Error is a failure with a kind. Errors.As finds it through any wrapping.
type Error struct {
	Kind Kind
	Code string
	Text string
	// Fields says what is wrong with each part of an input, by the part's name.
	Fields map[string]string
	// Shortages lists what is not in stock, when that is the failure.
	Shortages []Shortage
	// RetryAfter is how long to wait before the same call may succeed; zero when unknown.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return e.Text
	}
	parts := make([]string, 0, len(e.Fields))
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		parts = append(parts, name+" "+e.Fields[name])
	}
	return e.Text + ": " + strings.Join(parts, "; ")
}

// Unwrap lets errors.Is ask for the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Shortage is a product of which there is less than was asked for.
type Shortage struct {
	Product   ProductID
	Name      string
	Wanted    int
	Available int
}

// OutOfStock is the conflict of asking for more than there is.
func OutOfStock(short ...Shortage) *Error {
	err := ErrConflict.Errorf("out_of_stock", "some products are no longer in stock in that quantity")
	if len(short) == 1 {
		if s := short[0]; s.Available > 0 {
			err.Text = fmt.Sprintf("only %d of %s left", s.Available, s.Name)
		} else {
			err.Text = s.Name + " is sold out"
		}
	}
	err.Shortages = short
	return err
}

// fieldErrors gathers what is wrong with an input, so that all of it is said at once.
type fieldErrors map[string]string

func (f fieldErrors) add(name, text string) {
	if _, ok := f[name]; !ok {
		f[name] = text
	}
}

func (f fieldErrors) err() error {
	if len(f) == 0 {
		return nil
	}
	return InvalidFields(f)
}

// InvalidFields is the failure of an input some of whose parts, named in fields, cannot be taken.
func InvalidFields(fields map[string]string) error {
	err := ErrInvalid.Errorf("validation_failed", "some of the input cannot be taken")
	err.Fields = fields
	return err
}

// JoinFields joins the field errors of several checks into one failure. An error
// that is not about fields comes back as it is, before all others.
func JoinFields(errs ...error) error {
	all := fieldErrors{}
	for _, err := range errs {
		if err == nil {
			continue
		}
		var e *Error
		if !errors.As(err, &e) || len(e.Fields) == 0 {
			return err
		}
		for name, text := range e.Fields {
			all.add(name, text)
		}
	}
	return all.err()
}
