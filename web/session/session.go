// Package session tells who is asking: it reads and sets the session's cookie. A
// visitor who only looks around gets none.
package session

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"eshop/domain"
	"eshop/usecase"
)

const (
	cookieName = "session"
	// cookieAge is the longest that browsers keep a cookie: when a session ends is the store's
	// to say, which lets one that is in use live on.
	cookieAge = 400 * 24 * time.Hour
)

// Visits knows visitors by their cookie.
type Cookies struct {
	account *usecase.Account
}

// New knows visitors by account.
func New(account *usecase.Account) *Cookies { return &Cookies{account} }

type visitorKey struct{}

// Remember lets all of a request ask for its visitor at the price of once.
func (v *Cookies) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		who := sync.OnceValues(func() (usecase.Visitor, error) { return v.identify(ctx, r) })
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, visitorKey{}, who)))
	})
}

// Who is the visitor; the zero Visitor for somebody who was never here, or whose session ended.
func (v *Cookies) Visitor(r *http.Request) (usecase.Visitor, error) {
	if who, ok := r.Context().Value(visitorKey{}).(func() (usecase.Visitor, error)); ok {
		return who()
	}
	return v.identify(r.Context(), r)
}

func (v *Cookies) identify(ctx context.Context, r *http.Request) (usecase.Visitor, error) {
	return v.VisitorOf(ctx, Secret(r))
}

// Secret is what the visitor's cookie holds; "" without one.
func Secret(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil || len(cookie.Value) > 200 {
		return ""
	}
	return cookie.Value
}

// Recognise is Who for a connection that outlives its request: it looks anew each time.
func (v *Cookies) VisitorOf(ctx context.Context, secret string) (usecase.Visitor, error) {
	if secret == "" {
		return usecase.Visitor{}, nil
	}
	who, err := v.account.Identify(ctx, secret)
	if errors.Is(err, domain.ErrNotFound) {
		return usecase.Visitor{}, nil
	}
	return who, err
}

// Confirm keeps a new guest's pass that was handed out by Welcome before there was anything to keep it for.
func (v *Cookies) Confirm(ctx context.Context, pass usecase.Credential) error {
	return v.account.Keep(ctx, pass)
}

// Begin is the pass of who is about to write something. For somebody new it is a
// guest's pass; Keep it once the write succeeded, so that what fails leaves nothing.
func (v *Cookies) Begin(r *http.Request) (usecase.Credential, error) {
	who, err := v.Visitor(r)
	if err != nil {
		return usecase.Credential{}, err
	}
	if who.Known() {
		return usecase.Credential{Visitor: who}, nil
	}
	return v.account.NewGuest(), nil
}

// Keep keeps a new guest's pass and hands it out; one that was known before stays as it is.
func (v *Cookies) Keep(w http.ResponseWriter, r *http.Request, pass usecase.Credential) error {
	if pass.Secret == "" {
		return nil
	}
	if err := v.account.Keep(r.Context(), pass); err != nil {
		return err
	}
	v.Set(w, r, pass)
	return nil
}

// Welcome hands out a pass that is kept already, or will be by Confirm.
func (v *Cookies) Set(w http.ResponseWriter, r *http.Request, pass usecase.Credential) {
	http.SetCookie(w, cookie(r, pass.Secret, cookieAge))
}

// Forget takes the visitor's cookie back.
func (v *Cookies) Clear(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, cookie(r, "", -time.Second))
}

type tlsKey struct{}

// OverTLS says of a request with ctx that it came to the balancer by TLS.
func OverTLS(ctx context.Context) context.Context { return context.WithValue(ctx, tlsKey{}, true) }

func cookie(r *http.Request, value string, age time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		HttpOnly: true, Secure: r.TLS != nil || r.Context().Value(tlsKey{}) != nil, SameSite: http.SameSiteLaxMode,
	}
}

// Address is where the request came from, by which what may be done only so often is
// counted. Of IPv6 it is the network: who has one address there has 2^64.
func ClientAddress(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := from.Addr().Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	return netip.PrefixFrom(address, 64).Masked().String()
}
