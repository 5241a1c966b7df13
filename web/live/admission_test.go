package live

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/web/problem"
)

func TestAdmission(t *testing.T) {
	refused := func(t *testing.T, err error, status int) {
		t.Helper()
		p := problem.From(err)
		assert.Equal(t, status, p.Status)
		assert.Positive(t, p.RetryAfter())
	}
	t.Run("an address has so many, and no more than its part of all", func(t *testing.T) {
		a := newAdmission()
		for range socketsOfAddress {
			_, err := a.admit(false, "192.0.2.1", "")
			require.NoError(t, err)
		}
		_, err := a.admit(false, "192.0.2.1", "")
		refused(t, err, http.StatusTooManyRequests)
		_, err = a.admit(false, "192.0.2.2", "")
		require.NoError(t, err, "who is elsewhere finds room")
		_, err = a.admit(true, "192.0.2.1", "of staff")
		require.NoError(t, err, "staff does")
		a.leave(false, "192.0.2.1", "")
		_, err = a.admit(false, "192.0.2.1", "")
		require.NoError(t, err, "who leaves makes room")
	})
	t.Run("a session has so many, wherever it is", func(t *testing.T) {
		a := newAdmission()
		for i := range socketsOfSession {
			_, err := a.admit(i%2 == 0, string(rune('a'+i)), "mine")
			require.NoError(t, err)
		}
		_, err := a.admit(false, "z", "mine")
		refused(t, err, http.StatusTooManyRequests)
		_, err = a.admit(false, "z", "another")
		require.NoError(t, err)
	})
	t.Run("a server has so many", func(t *testing.T) {
		a := newAdmission()
		for i := range socketsInAll {
			_, err := a.admit(false, string(rune(i)), "")
			require.NoError(t, err)
		}
		_, err := a.admit(false, "one more", "")
		refused(t, err, http.StatusServiceUnavailable)
		assert.Equal(t, domain.CodeBusy, domain.CodeOf(err))
		_, err = a.admit(true, "one more", "of staff")
		require.NoError(t, err)
	})
	t.Run("nothing is kept of who has left", func(t *testing.T) {
		a := newAdmission()
		_, err := a.admit(false, "192.0.2.1", "mine")
		require.NoError(t, err)
		a.leave(false, "192.0.2.1", "mine")
		assert.Empty(t, a.addresses)
		assert.Empty(t, a.sessions)
		assert.Zero(t, a.inAll)
	})
	t.Run("what the shoppers of an address send is counted together", func(t *testing.T) {
		a := newAdmission()
		one, err := a.admit(false, "192.0.2.1", "")
		require.NoError(t, err)
		two, err := a.admit(false, "192.0.2.1", "")
		require.NoError(t, err)
		assert.Same(t, one, two)
	})
}
