package session_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"eshop/web/session"
)

func TestAddress_CountsANetworkOfIPv6AsOne(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":              "192.0.2.7",
		"[::ffff:192.0.2.7]:1234":     "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:1234": "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::1]:99":   "2001:db8:1:2::/64",
		"[2001:db8:1:3::1]:1234":      "2001:db8:1:3::/64",
		"[fe80::1%eth0]:1234":         "fe80::/64",
		"@":                           "@",
		"":                            "",
	} {
		assert.Equal(t, want, session.ClientAddress(&http.Request{RemoteAddr: remote}), remote)
	}
}
