package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDoctor(t *testing.T) {
	server := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "/ready", r.URL.Path)
			w.Header().Set("X-Served-By", "Server-2")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	well := server(http.StatusOK, `{"status":"ready","dependencies":{"database":"ok"}}`)
	stores := []string{"SECRET_KEY=0123456789abcdef0123456789abcdef", "DATABASE_URL=postgres://eshop:hidden@127.0.0.1:1/eshop", "REDIS_URL=redis://:hidden@127.0.0.1:1"}
	for name, c := range map[string]struct {
		args, environ []string
		code          int
		says          []string
	}{
		"all is well":                    {[]string{well}, nil, 0, []string{"ready, says Server-2", "none: all is in the memory", "none: this is the only", "disk of /"}},
		"nobody is there":                {nil, []string{"PORT=1"}, 1, []string{"127.0.0.1:1 ", "type: systemctl status nginx"}},
		"a server that is not ready":     {[]string{well, server(http.StatusServiceUnavailable, `{"status":"unavailable","why":{"database":"away"}}`)}, nil, 1, []string{"Server-2 is unavailable map[database:away]", "1 of 5 are wrong"}},
		"one without Redis":              {[]string{server(http.StatusOK, `{"status":"ready","why":{"redis":"WRONGPASS"}}`)}, nil, 1, []string{"WRONGPASS", "type: eshop config"}},
		"what is no server":              {[]string{server(http.StatusBadGateway, "<html>")}, nil, 1, []string{"502 Bad Gateway"}},
		"another program":                {[]string{server(http.StatusOK, "hello")}, nil, 1, []string{"another program"}},
		"nginx from outside":             {[]string{server(http.StatusForbidden, "")}, nil, 1, []string{"where nginx runs"}},
		"a certificate that nobody made": {[]string{secure.URL}, nil, 1, []string{"certificate", "type: certbot certificates"}},
		"stores that are away":           {[]string{well}, stores, 1, []string{"type: systemctl status postgresql", "type: systemctl status redis-server", "2 of 4 are wrong"}},
		"no address":                     {[]string{"localhost:80"}, nil, 2, []string{"usage: eshop COMMAND"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said bytes.Buffer
			code := run(t.Context(), append([]string{"doctor"}, c.args...), c.environ, os.Stdin, &said, &said)
			require.Equal(t, c.code, code, said.String())
			for _, says := range c.says {
				assert.Contains(t, said.String(), says)
			}
			assert.NotContains(t, said.String(), "hidden")
		})
	}
}

func TestLookAtClock(t *testing.T) {
	clock := func(ahead time.Duration) func(context.Context) (time.Time, error) {
		return func(context.Context) (time.Time, error) { return time.Now().Add(ahead), nil }
	}
	assert.Empty(t, lookAtClock(t.Context(), "Redis", clock(0)).wrong)
	for _, ahead := range []time.Duration{-time.Minute, time.Minute} {
		found := lookAtClock(t.Context(), "Redis", clock(ahead))
		assert.Contains(t, found.wrong, "1m0s from this machine's")
		assert.Equal(t, "timedatectl set-ntp true", found.line)
	}
}

func TestLookAtDisks(t *testing.T) {
	folder := t.TempDir()
	assert.Len(t, lookAtDisks([]string{folder, folder + "/none", folder}), 1, "each disk once, and none that is not here")
	found := lookAtDisks([]string{"/proc"})
	assert.Empty(t, found[0].wrong, "a disk without size is not full")
}
