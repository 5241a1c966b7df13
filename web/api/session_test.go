package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPassword(t *testing.T) {
	s := open(t, quick)
	here, there := s.member("jane"), s.visitor()
	there.signIn("jane")
	copied := s.visitor()
	copied.keep(here.cookie())

	here.post("/auth/password", object{"current": "wrong", "new": "battery staple"}).fails(http.StatusUnauthorized, "invalid_credentials")
	here.post("/auth/password", object{"current": "correct horse", "new": "short"}).faults("new")
	here.post("/auth/password", object{"current": "", "new": ""}).faults("current", "new")
	there.get("/auth/current-user").is(http.StatusOK)

	changed := here.post("/auth/password", object{"current": "correct horse", "new": "battery staple"}).is(http.StatusNoContent)
	assert.Empty(t, changed.Body)
	assert.True(t, sessionCookie(t, changed).HttpOnly)
	here.get("/auth/current-user").is(http.StatusOK)
	for _, v := range []*visitor{there, copied} {
		v.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
		v.post("/auth/password", object{"current": "battery staple", "new": "correct horse"}).fails(http.StatusUnauthorized, "unauthenticated")
	}
	there.post("/auth/login", object{"username": "jane", "password": "correct horse"}).fails(http.StatusUnauthorized, "invalid_credentials")
	there.post("/auth/login", object{"username": "jane", "password": "battery staple"}).is(http.StatusOK)
	for range 10 {
		here.post("/auth/password", object{"current": "wrong", "new": "correct horse"}).fails(http.StatusUnauthorized, "invalid_credentials")
	}
	late := here.post("/auth/password", object{"current": "battery staple", "new": "correct horse"}).fails(http.StatusTooManyRequests, "rate_limited")
	assert.NotEmpty(t, late.Header.Get("Retry-After"))
}

func TestSessions(t *testing.T) {
	s := open(t, quick)
	here, there := s.member("jane"), s.visitor()
	s.Wait(time.Hour)
	there.post("/auth/login", object{"username": "jane", "password": "correct horse"},
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0").is(http.StatusOK)

	listed := here.get("/auth/sessions").is(http.StatusOK)
	require.Len(t, listed.at("sessions"), 2)
	assert.Equal(t, true, listed.at("sessions", 1, "current"))
	assert.Equal(t, false, listed.at("sessions", 0, "current"))
	assert.Equal(t, "Firefox on Linux", listed.at("sessions", 0, "device"))
	assert.Equal(t, "192.0.2.7", listed.at("sessions", 0, "address"))
	assert.Equal(t, "2026-11-24T13:00:00Z", listed.at("sessions", 0, "created_at"))
	assert.Equal(t, "2026-11-24T13:00:00Z", listed.at("sessions", 0, "used_at"))
	assert.NotContains(t, listed.Body, here.cookie())
	path := "/auth/sessions/" + listed.at("sessions", 0, "id").(string)

	guest, john := s.visitor(), s.member("john")
	guest.get("/auth/sessions").fails(http.StatusUnauthorized, "unauthenticated")
	guest.remove("/auth/sessions").fails(http.StatusUnauthorized, "unauthenticated")
	guest.remove(path).fails(http.StatusUnauthorized, "unauthenticated")
	john.remove(path).fails(http.StatusNotFound, "not_found")
	for _, id := range []string{"x", "%20", strings.Repeat("g", 64), strings.Repeat("a", 3000)} {
		here.remove("/auth/sessions/"+id).fails(http.StatusNotFound, "not_found")
	}
	there.get("/auth/current-user").is(http.StatusOK)

	for range 2 {
		here.remove(path).is(http.StatusNoContent)
	}
	there.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
	there.signIn("jane")
	there.remove("/auth/sessions").is(http.StatusNoContent)
	here.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
	own := there.get("/auth/sessions").is(http.StatusOK)
	require.Len(t, own.at("sessions"), 1)

	out := there.remove("/auth/sessions/" + own.at("sessions", 0, "id").(string)).is(http.StatusNoContent)
	assert.Negative(t, sessionCookie(t, out).MaxAge)
	there.get("/auth/current-user").fails(http.StatusUnauthorized, "unauthenticated")
	john.get("/auth/current-user").is(http.StatusOK)
}
