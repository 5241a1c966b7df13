package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web"
	"eshop/web/problem"
	"eshop/web/session"
)

// asked is what a server behind proxies 10.0.0.0/8 and ::1 makes of a request.
func asked(t *testing.T, from string, headers http.Header) *http.Request {
	t.Helper()
	proxies := web.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	var seen *http.Request
	handler := proxies.Believe(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r }))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr, r.Header = from, headers
	handler.ServeHTTP(httptest.NewRecorder(), r)
	return seen
}

func secure(r *http.Request) bool {
	w := httptest.NewRecorder()
	session.New(nil).Set(w, r, usecase.Credential{Secret: "s"})
	return w.Result().Cookies()[0].Secure
}

func TestProxies(t *testing.T) {
	for name, c := range map[string]struct {
		from      string
		forwarded []string
		address   string
	}{
		"a proxy says who asks":                    {"10.0.0.7:80", []string{"192.0.2.9"}, "192.0.2.9"},
		"in IPv6":                                  {"[::1]:80", []string{"2001:db8::9"}, "2001:db8::/64"},
		"as an IPv4 address in IPv6":               {"[::ffff:10.0.0.7]:80", []string{"192.0.2.9"}, "192.0.2.9"},
		"anybody else is not believed":             {"192.0.2.1:80", []string{"192.0.2.9"}, "192.0.2.1"},
		"what the client wrote before is not":      {"10.0.0.7:80", []string{"198.51.100.1, 192.0.2.9"}, "192.0.2.9"},
		"not in a header of its own either":        {"10.0.0.7:80", []string{"198.51.100.1", "192.0.2.9"}, "192.0.2.9"},
		"a proxy behind a proxy is passed over":    {"10.0.0.7:80", []string{"192.0.2.9, 10.0.0.8"}, "192.0.2.9"},
		"what is no address is not passed over":    {"10.0.0.7:80", []string{"192.0.2.9, unknown"}, "10.0.0.7"},
		"a proxy that says nothing asks by itself": {"10.0.0.7:80", nil, "10.0.0.7"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.address, session.ClientAddress(asked(t, c.from, http.Header{"X-Forwarded-For": c.forwarded})))
		})
	}
	t.Run("a proxy's word makes the cookie secure, nobody else's does", func(t *testing.T) {
		tls := http.Header{"X-Forwarded-Proto": {"https"}}
		assert.True(t, secure(asked(t, "10.0.0.7:80", tls)))
		assert.False(t, secure(asked(t, "192.0.2.1:80", tls)))
		assert.False(t, secure(asked(t, "10.0.0.7:80", http.Header{"X-Forwarded-Proto": {"http"}})))
	})
	t.Run("a server that lost its records tells a proxy alone to ask another", func(t *testing.T) {
		status := func(from string, err error, headers ...string) int {
			w := httptest.NewRecorder()
			h := http.Header{"X-Forwarded-For": {"192.0.2.9"}}
			for i := 0; i < len(headers); i += 2 {
				h.Set(headers[i], headers[i+1])
			}
			problem.Write(w, asked(t, from, h), err)
			return w.Code
		}
		lost := domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "away")
		assert.Equal(t, http.StatusBadGateway, status("10.0.0.7:80", lost))
		w := httptest.NewRecorder()
		problem.Write(w, asked(t, "10.0.0.7:80", nil), lost)
		assert.Equal(t, http.StatusServiceUnavailable, w.Code, "who asks at the proxy's machine is no proxy")
		assert.Equal(t, http.StatusForbidden, status("10.0.0.7:80", lost, "X-Away-Status", "403"), "as the proxy wants it said")
		assert.Equal(t, http.StatusBadGateway, status("10.0.0.7:80", lost, "X-Away-Status", "200"))
		assert.Equal(t, http.StatusServiceUnavailable, status("192.0.2.1:80", lost))
		assert.Equal(t, http.StatusServiceUnavailable, status("192.0.2.1:80", lost, "X-Away-Status", "403"))
		assert.Equal(t, http.StatusServiceUnavailable, status("10.0.0.7:80", domain.ErrUnavailable.Errorf(domain.CodePaymentUnavailable, "away")))
	})
}
