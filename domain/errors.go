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

// Code is a snake_case word that tells programs what went wrong. It never changes its meaning.
type Code string

// The codes of the shop's failures. Those of requests that no use case sees are in web/problem.
const (
	CodeValidationFailed     Code = "validation_failed"
	CodePageTooDeep          Code = "page_too_deep"
	CodeUnauthenticated      Code = "unauthenticated"
	CodeInvalidCredentials   Code = "invalid_credentials"
	CodeForbidden            Code = "forbidden"
	CodeNotFound             Code = "not_found"
	CodeConflict             Code = "conflict"
	CodeRateLimited          Code = "rate_limited"
	CodeIdempotencyKeyReused Code = "idempotency_key_reused"

	CodeUsernameTaken Code = "username_taken"
	CodeEmailTaken    Code = "email_taken"

	CodeSlugTaken      Code = "slug_taken"
	CodeProductAdded   Code = "product_added"
	CodeProductChanged Code = "product_changed"
	CodeStockBounds    Code = "stock_bounds"

	CodeCartEmpty    Code = "cart_empty"
	CodeCartFull     Code = "cart_full"
	CodeWishlistFull Code = "wishlist_full"
	CodeOutOfStock   Code = "out_of_stock"

	CodeTotalChanged       Code = "total_changed"
	CodeOrderState         Code = "order_state"
	CodePaymentDeclined    Code = "payment_declined"
	CodePaymentUnavailable Code = "payment_unavailable"
	CodeNotCharged         Code = "not_charged"

	CodeConversationClosed Code = "conversation_closed"
	CodeConversationTaken  Code = "conversation_taken"

	// CodeStoreUnavailable means the shop's records: another server may reach them.
	CodeStoreUnavailable Code = "store_unavailable"
	CodeRedisAway        Code = "redis_away"
	CodeUnavailable      Code = "unavailable"
	CodeBusy             Code = "busy"
	CodeInternal         Code = "internal" // a failure without a kind
)

var codes = map[Kind]Code{
	ErrInvalid:         CodeValidationFailed,
	ErrUnauthenticated: CodeUnauthenticated,
	ErrDenied:          CodeForbidden,
	ErrNotFound:        CodeNotFound,
	ErrConflict:        CodeConflict,
	ErrDeclined:        CodePaymentDeclined,
	ErrLimited:         CodeRateLimited,
	ErrUnavailable:     CodeUnavailable,
}

// CodeOf returns the code of err. A bare Kind has that of its sort, any other error CodeInternal.
func CodeOf(err error) Code {
	var (
		known *Error
		kind  Kind
	)
	switch {
	case errors.As(err, &known):
		return known.Code
	case errors.As(err, &kind):
		return codes[kind]
	}
	return CodeInternal
}

// Errorf returns an error of kind k with a code and a text for people, shown as it is.
func (k Kind) Errorf(code Code, format string, args ...any) *Error {
	return &Error{Kind: k, Code: code, Text: fmt.Sprintf(format, args...)}
}

// Error is a failure with a kind. Errors.As finds it through any wrapping.
type Error struct {
	Kind Kind
	Code Code
	Text string
	// Fields says what is wrong with each part of an input, by the part's name.
	Fields map[string]string
	// Shortages lists what is not in stock, when that is the failure.
	Shortages []Shortage
	// Total is what would be charged, when that is not what was expected.
	Total *Money
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

// NotFound is the failure to find what noun names.
func NotFound(noun string) *Error {
	return ErrNotFound.Errorf(CodeNotFound, "there is no such %s", noun)
}

// SignInFirst is the failure of a guest to do what only accounts can.
func SignInFirst() *Error {
	return ErrUnauthenticated.Errorf(CodeUnauthenticated, "sign in first")
}

// StaffOnly is the failure of anybody else to do what the staff does.
func StaffOnly() *Error {
	return ErrDenied.Errorf(CodeForbidden, "only the shop's staff may do that")
}

// TooOften is the failure of a call that may succeed after wait.
func TooOften(wait time.Duration) *Error {
	err := ErrLimited.Errorf(CodeRateLimited, "that was too often; wait a little and try again")
	err.RetryAfter = wait
	return err
}

// UsernameTaken is the conflict of two accounts with one username.
func UsernameTaken() *Error {
	return ErrConflict.Errorf(CodeUsernameTaken, "that username is taken")
}

// EmailTaken is the conflict of two accounts with one e-mail address.
func EmailTaken() *Error {
	return ErrConflict.Errorf(CodeEmailTaken, "there is an account with that e-mail address already")
}

// KeyReused is the conflict of two different purchases with one idempotency key.
func KeyReused() *Error {
	return ErrConflict.Errorf(CodeIdempotencyKeyReused, "that key was used before with something else")
}

// TotalChanged is the conflict of a purchase that costs another sum than its shopper was shown.
func TotalChanged(total Money) *Error {
	err := ErrConflict.Errorf(CodeTotalChanged,
		"your cart or a price has changed, so nothing was charged. The total is now %s: please check it and pay again", total)
	err.Total = &total
	return err
}

// CartEmpty is the conflict of buying nothing.
func CartEmpty() *Error { return ErrConflict.Errorf(CodeCartEmpty, "there is nothing in the cart") }

// StockBounds is the conflict of a change that leaves less than none of a product, or more than
// MaxStock, when there are stock.
func StockBounds(stock int) *Error {
	return ErrConflict.Errorf(CodeStockBounds, "there are %d in stock, which must stay from 0 to %d", stock, MaxStock)
}

// Shortage is a product of which there is less than was asked for.
type Shortage struct {
	Product   ProductID
	Name      string
	Wanted    int
	Available int
}

// OutOfStock is the conflict of asking for more than there is.
func OutOfStock(short ...Shortage) *Error {
	err := ErrConflict.Errorf(CodeOutOfStock, "some products are no longer in stock in that quantity")
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
	err := ErrInvalid.Errorf(CodeValidationFailed, "some of the input cannot be taken")
	err.Fields = fields
	return err
}

// PageTooDeep is the failure of a page of products past MaxDepth.
func PageTooDeep(page Page) *Error {
	err := ErrInvalid.Errorf(CodePageTooDeep,
		"only the first %d products of a list are shown: search for words, or choose a category or a price, to see others", MaxDepth)
	err.Fields = map[string]string{"page": fmt.Sprintf("must be at most %d", page.Pages(MaxDepth))}
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
