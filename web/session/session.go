// Package session resolves who is asking: it reads and sets the session's cookie. A
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
	"eshop/web/problem"
)

const (
	// hostPrefix begins the names of cookies over TLS: browsers take these from this very host alone, and by TLS alone.
	hostPrefix = "__Host-"
	cookieName = "session"
	// deviceCookieName is what the device is known by when somebody signs in once more. It outlives sessions.
	deviceCookieName = "device"
	// cookieAge is the longest that browsers keep a cookie: when a session ends is the store's
	// to say, which lets one that is in use live on.
	cookieAge = 400 * 24 * time.Hour
)

// unattendedHeader marks a request that a page makes by itself, which keeps no session alive.
const unattendedHeader = "X-Unattended"

// Cookies resolves visitors by their cookie.
type Cookies struct {
	account *usecase.Account
}

// New returns Cookies whose sessions are those of account.
func New(account *usecase.Account) *Cookies { return &Cookies{account} }

// mostDeviceCookie bounds what is read of a device's cookie, in bytes: more than a device is given.
const mostDeviceCookie = 1000

// mostCookies bounds how many cookies of one name are tried: another program of the same host, or of one above it, may
// have set its own beside the shop's.
const mostCookies = 3

type visitorKey struct{}

// visit is a visitor and the cookie that told who they are.
type visit struct {
	who    usecase.Visitor
	secret string
}

// Middleware resolves the visitor lazily, at most once per request.
func (k *Cookies) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := newPage(r.Context())
		who := sync.OnceValues(func() (visit, error) { return k.identify(ctx, r) })
		ctx = problem.WithVisitor(context.WithValue(ctx, visitorKey{}, who), func() domain.UserID {
			v, _ := who() // of a visitor who cannot be known nothing is told
			return v.who.User.ID
		})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Visitor returns the visitor of a request; the zero Visitor for somebody who was never here, or whose session ended.
func (k *Cookies) Visitor(r *http.Request) (usecase.Visitor, error) {
	v, err := k.visit(r)
	return v.who, err
}

// Secret returns the secret of a request's visitor, "" for somebody without one.
func (k *Cookies) Secret(r *http.Request) (string, error) {
	v, err := k.visit(r)
	return v.secret, err
}

func (k *Cookies) visit(r *http.Request) (visit, error) {
	if who, ok := r.Context().Value(visitorKey{}).(func() (visit, error)); ok {
		return who()
	}
	return k.identify(r.Context(), r)
}

func (k *Cookies) identify(ctx context.Context, r *http.Request) (visit, error) {
	identify := k.VisitorOf
	if r.Header.Get(unattendedHeader) != "" {
		identify = k.Recall
	}
	var v visit
	for _, secret := range secrets(r) {
		who, err := identify(ctx, secret)
		if err != nil {
			return visit{}, err
		}
		if who.Known() {
			v = visit{who, secret}
			break
		}
	}
	v.who.Device = device(r.UserAgent())
	if keys := values(r, deviceCookieName, mostDeviceCookie); len(keys) > 0 {
		v.who.DeviceKeys = keys[0]
	}
	return v, nil
}

// Claim returns the first of a request's cookies that may be a session's, "" for a request without any. Nobody
// has looked whether it is.
func Claim(r *http.Request) string {
	if all := secrets(r); len(all) > 0 {
		return all[0]
	}
	return ""
}

// secrets are what may be the secret of the visitor's session.
func secrets(r *http.Request) []string { return values(r, cookieName, mostSecret) }

// mostSecret bounds what is read of a session's cookie, in bytes: more than a secret has.
const mostSecret = 200

// values are what the cookies of that name hold, first that which only this host can have set. What is longer than most is left out.
func values(r *http.Request, name string, most int) []string {
	var all []string
	cookies := r.CookiesNamed(name)
	if overTLS(r) {
		cookies = append(r.CookiesNamed(hostPrefix+name), cookies...)
	}
	for _, cookie := range cookies {
		if cookie.Value != "" && len(cookie.Value) <= most && len(all) < mostCookies {
			all = append(all, cookie.Value)
		}
	}
	return all
}

// VisitorOf returns the visitor who has the secret. A connection that outlives its request calls it again each time.
func (k *Cookies) VisitorOf(ctx context.Context, secret string) (usecase.Visitor, error) {
	return visitorOf(ctx, secret, k.account.Identify)
}

// Recall is VisitorOf for a server that asks by itself, which keeps no session alive.
func (k *Cookies) Recall(ctx context.Context, secret string) (usecase.Visitor, error) {
	return visitorOf(ctx, secret, k.account.Recall)
}

// SubscribeEnds returns the owners whose sessions ended, until ctx ends.
func (k *Cookies) SubscribeEnds(ctx context.Context) (<-chan domain.Event, error) {
	return k.account.SubscribeEnds(ctx)
}

func visitorOf(ctx context.Context, secret string, identify func(context.Context, string) (usecase.Visitor, error)) (usecase.Visitor, error) {
	if secret == "" {
		return usecase.Visitor{}, nil
	}
	who, err := identify(ctx, secret)
	if errors.Is(err, domain.ErrNotFound) {
		return usecase.Visitor{}, nil
	}
	return who, err
}

// Begin returns the credential of a visitor who is about to write something. A new visitor's is a
// guest's; Keep it once the write succeeded, so that a failed write leaves nothing. The key of the
// write may be a PageToken: then it is the same guest for all that is written from that page at once.
func (k *Cookies) Begin(r *http.Request, key domain.IdempotencyKey) (usecase.Credential, error) {
	who, err := k.Visitor(r)
	if err != nil {
		return usecase.Credential{}, err
	}
	if who.Known() {
		return usecase.Credential{Visitor: who}, nil
	}
	if err := k.account.AdmitGuest(r.Context(), ClientAddress(r)); err != nil {
		return usecase.Credential{}, err
	}
	if seed, ok := pageOf(r, key); ok {
		return k.account.GuestOf(r.Context(), seed)
	}
	return k.account.NewGuest(), nil
}

// Keep keeps a new guest's credential and sets its cookie; one that was known before stays as it is.
func (k *Cookies) Keep(w http.ResponseWriter, r *http.Request, c usecase.Credential) error {
	if c.Secret == "" {
		return nil
	}
	if err := k.account.Keep(r.Context(), c); err != nil {
		return err
	}
	k.Set(w, r, c)
	return nil
}

// Set sets the cookie of a credential that is kept already.
func (k *Cookies) Set(w http.ResponseWriter, r *http.Request, c usecase.Credential) {
	http.SetCookie(w, cookie(r, cookieName, c.Secret, cookieAge))
	if c.DeviceKeys != "" {
		http.SetCookie(w, cookie(r, deviceCookieName, c.DeviceKeys, cookieAge))
	}
}

// Clear removes the visitor's cookie, and over TLS one from before there was TLS.
func (k *Cookies) Clear(w http.ResponseWriter, r *http.Request) {
	gone := cookie(r, cookieName, "", -time.Second)
	http.SetCookie(w, gone)
	if gone.Name != cookieName {
		gone.Name = cookieName
		http.SetCookie(w, gone)
	}
}

type tlsKey struct{}

// OverTLS marks a request with ctx as one that came to the balancer by TLS.
func OverTLS(ctx context.Context) context.Context { return context.WithValue(ctx, tlsKey{}, true) }

func overTLS(r *http.Request) bool { return r.TLS != nil || r.Context().Value(tlsKey{}) != nil }

func cookie(r *http.Request, name, value string, age time.Duration) *http.Cookie {
	if overTLS(r) {
		name = hostPrefix + name
	}
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		HttpOnly: true, Secure: overTLS(r), SameSite: http.SameSiteLaxMode,
	}
}

// ClientAddress is where the request came from, by which what may be done only so often is
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
