package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"eshop/web/problem"
	"eshop/web/session"
)

// Proxies are the addresses of the balancers in front of this server. They alone
// are believed about who asks, and whether by TLS.
type Proxies []netip.Prefix

// Believe lets next see a request as the balancer got it.
func (p Proxies) Believe(next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !p.have(peer.Addr()) {
			next.ServeHTTP(w, r)
			return
		}
		away := http.StatusBadGateway
		if r.Header.Get("X-Away-Status") == "403" {
			away = http.StatusForbidden // which nginx does not count against a server
		}
		forwarded, ctx := r.Header.Values("X-Forwarded-For"), r.Context()
		if len(forwarded) > 0 { // else it is somebody at this machine, who asks one server
			ctx = problem.BehindBalancer(ctx, away)
		}
		if r.Header.Get("X-Forwarded-Proto") == "https" {
			ctx = session.OverTLS(ctx)
		}
		r = r.WithContext(ctx)
		if address := p.client(forwarded); address != "" {
			r.RemoteAddr = net.JoinHostPort(address, "0")
		}
		next.ServeHTTP(w, r)
	})
}

// client is the last address that is none of ours: those before it are the
// client's own word. "" when there is none.
func (p Proxies) client(forwarded []string) string {
	addresses := strings.Split(strings.Join(forwarded, ","), ",")
	for _, address := range slices.Backward(addresses) {
		address = strings.TrimSpace(address)
		a, err := netip.ParseAddr(address)
		if err != nil {
			return ""
		}
		if !p.have(a) {
			return address
		}
	}
	return ""
}

func (p Proxies) have(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(a.Unmap()) })
}
