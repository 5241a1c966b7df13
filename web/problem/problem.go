// Package problem turns failures into answers: it is the one place that gives a
// kind of error its status, and the one that logs what is a fault of ours.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"eshop/domain"
)

// Request is a failure of a request that the domain never sees: not JSON, no such route.
type Request struct {
	Status int
	Code   domain.Code
	Text   string
}

func (r Request) Error() string { return r.Text }

// The failures of requests.
var (
	ErrMalformed     = Request{http.StatusBadRequest, CodeMalformedBody, "the body is not valid JSON in UTF-8"}
	ErrNoRoute       = Request{http.StatusNotFound, domain.CodeNotFound, "there is nothing at this address"}
	ErrMethod        = Request{http.StatusMethodNotAllowed, CodeMethodNotAllowed, "this address does not answer that method"}
	ErrCrossSite     = Request{http.StatusForbidden, CodeCrossSite, "the request came from another site"}
	ErrTargetTooLong = Request{http.StatusRequestURITooLong, CodeTargetTooLong, "the address is longer than 4 KiB"}
	ErrTooLarge      = Request{http.StatusRequestEntityTooLarge, CodeTooLarge, "the body is larger than 1 MiB"}
	ErrUpgrade       = Request{http.StatusUpgradeRequired, CodeUpgradeRequired, "this address speaks WebSocket only"}
	ErrDraining      = Request{http.StatusServiceUnavailable, CodeDraining, "this server is about to leave; connect again"}
	ErrContentType   = Request{http.StatusUnsupportedMediaType, CodeUnsupportedMediaType, "the body must be sent as application/json"}
)

// Problem is an error as RFC 9457 writes it, with our additions.
type Problem struct {
	Type      string            `json:"type"`
	Title     string            `json:"title"`
	Status    int               `json:"status"`
	Detail    string            `json:"detail"`
	Code      domain.Code       `json:"code"`
	Fields    map[string]string `json:"fields,omitempty"`
	Available *int              `json:"available,omitempty"`
	Lines     []Line            `json:"lines,omitempty"`
	Total     *Money            `json:"total,omitempty"`

	retryAfter time.Duration
}

// Money is a sum in the currency's minor unit.
type Money struct {
	Amount   int64           `json:"amount"`
	Currency domain.Currency `json:"currency"`
}

// Line is a product of which there is less than was asked for.
type Line struct {
	ProductID string `json:"product_id"`
	Name      string `json:"name"`
	Quantity  int    `json:"quantity"`
	Available int    `json:"available"`
}

// The codes of requests that no use case sees.
const (
	CodeMalformedBody        domain.Code = "malformed_body"
	CodeMethodNotAllowed     domain.Code = "method_not_allowed"
	CodeCrossSite            domain.Code = "cross_site"
	CodeTooLarge             domain.Code = "too_large"
	CodeUnsupportedMediaType domain.Code = "unsupported_media_type"
	CodeUpgradeRequired      domain.Code = "upgrade_required"
	CodeBadUpgrade           domain.Code = "bad_upgrade"
	CodeMalformedFrame       domain.Code = "malformed_frame"
	CodeUnsupportedFrame     domain.Code = "unsupported_frame"
	CodeDraining             domain.Code = "draining"
	CodeTimeout              domain.Code = "timeout"
	CodeTargetTooLong        domain.Code = "uri_too_long"
	CodeBadRequest           domain.Code = "bad_request"
)

var statuses = map[domain.Kind]int{
	domain.ErrInvalid:         http.StatusUnprocessableEntity,
	domain.ErrUnauthenticated: http.StatusUnauthorized,
	domain.ErrDenied:          http.StatusForbidden,
	domain.ErrNotFound:        http.StatusNotFound,
	domain.ErrConflict:        http.StatusConflict,
	domain.ErrDeclined:        http.StatusPaymentRequired,
	domain.ErrLimited:         http.StatusTooManyRequests,
	domain.ErrUnavailable:     http.StatusServiceUnavailable,
}

// From returns the Problem of err, without internal detail.
func From(err error) Problem {
	p := Problem{Type: "about:blank", Status: http.StatusInternalServerError, Code: domain.CodeInternal,
		Detail: "something went wrong on our side; it was noted"}
	var (
		request Request
		tooBig  *http.MaxBytesError
		known   *domain.Error
		kind    domain.Kind
	)
	switch {
	case errors.As(err, &request):
		p.Status, p.Code, p.Detail = request.Status, request.Code, request.Text
	case errors.As(err, &tooBig):
		p.Status, p.Code, p.Detail = ErrTooLarge.Status, ErrTooLarge.Code, ErrTooLarge.Text
	case errors.As(err, &known):
		p.Status, p.Code, p.Detail = statuses[known.Kind], known.Code, known.Text
		p.Fields, p.retryAfter = known.Fields, known.RetryAfter
		// The key is right in form and wrong in content, which the interface calls 422.
		if known.Code == domain.CodeIdempotencyKeyReused {
			p.Status = http.StatusUnprocessableEntity
		}
		for _, s := range known.Shortages {
			p.Lines = append(p.Lines, Line{string(s.Product), s.Name, s.Wanted, s.Available})
		}
		p.Total = (*Money)(known.Total)
		if len(p.Lines) == 1 {
			p.Available = &p.Lines[0].Available
		}
	case errors.As(err, &kind):
		p.Status, p.Code, p.Detail = statuses[kind], domain.CodeOf(kind), kind.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p.Status, p.Code, p.Detail = http.StatusServiceUnavailable, CodeTimeout, "that took too long; try again"
	}
	if p.Status == http.StatusServiceUnavailable && p.retryAfter == 0 {
		p.retryAfter = time.Second
	}
	p.Title = http.StatusText(p.Status)
	return p
}

// RetryAfter is how long to wait before the same may succeed; zero when unknown.
func (p Problem) RetryAfter() time.Duration { return p.retryAfter }

type balancerKey struct{}

// BehindBalancer says of a request with ctx that it came by a balancer, which asks
// another server when this one answers away.
func BehindBalancer(ctx context.Context, away int) context.Context {
	return context.WithValue(ctx, balancerKey{}, away)
}

// IsBehindBalancer reports whether BehindBalancer was said of a request with ctx.
func IsBehindBalancer(ctx context.Context) bool { return ctx.Value(balancerKey{}) != nil }

// StatusFor is the status of an answer to r with the problem. When this server
// has lost its records another may have them still, so a balancer is told to ask
// there; every other failure would be the same elsewhere.
func (p Problem) StatusFor(r *http.Request) int {
	if away, ok := r.Context().Value(balancerKey{}).(int); ok && p.Code == domain.CodeStoreUnavailable {
		return away
	}
	return p.Status
}

// Head sets what an answer with the problem bears besides its body.
func (p Problem) Head(h http.Header) {
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
}

// Write answers a request of the JSON interface with err.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	p := From(err)
	Log(r, p, err)
	p.Head(w.Header())
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.StatusFor(r))
	_ = json.NewEncoder(w).Encode(p) // whoever asked is gone if this fails
}

type logKey struct{}

// WithLog gives ctx the log that Log writes to.
func WithLog(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, logKey{}, log)
}

// LogOf returns the log of the request that ctx belongs to.
func LogOf(ctx context.Context) (log *slog.Logger, ok bool) {
	log, ok = ctx.Value(logKey{}).(*slog.Logger)
	return log, ok
}

type visitorKey struct{}

// WithVisitor gives ctx what tells whose request it is: the account's id, or "".
func WithVisitor(ctx context.Context, id func() domain.UserID) context.Context {
	return context.WithValue(ctx, visitorKey{}, id)
}

func visitorOf(ctx context.Context) domain.UserID {
	id, ok := ctx.Value(visitorKey{}).(func() domain.UserID)
	if !ok {
		return ""
	}
	return id()
}

// Log notes err when it is a fault of ours or of something that we need, and what was
// refused to somebody: what may not be done, or not that often.
func Log(r *http.Request, p Problem, err error) {
	log, ok := LogOf(r.Context())
	switch {
	case ok && (p.Status == http.StatusForbidden || p.Status == http.StatusTooManyRequests):
		log.Info("refused", "code", p.Code, "method", r.Method, "path", r.URL.Path, "by_id", visitorOf(r.Context()))
	case !ok, p.Status < 500, r.Context().Err() != nil && errors.Is(err, context.Canceled):
	case p.Status == http.StatusServiceUnavailable:
		log.Warn("unavailable", "method", r.Method, "path", r.URL.Path, "error", err)
	default:
		log.Error("failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
}
