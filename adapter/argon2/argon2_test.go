package argon2_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/argon2"
)

func TestPasswords(t *testing.T) {
	passwords, err := argon2.New()
	require.NoError(t, err)
	hash, err := passwords.Hash(t.Context(), "correct horse")
	require.NoError(t, err)

	for name, c := range map[string]struct {
		hash, password string
		matches        bool
	}{
		"the right password":          {hash, "correct horse", true},
		"a wrong password":            {hash, "correct horse ", false},
		"an account that is not":      {"", "correct horse", false},
		"the dummy's own, no account": {"", "no password at all", false},
	} {
		t.Run(name, func(t *testing.T) {
			matches, err := passwords.Matches(t.Context(), c.hash, c.password)
			require.NoError(t, err)
			assert.Equal(t, c.matches, matches)
		})
	}
	t.Run("the same password twice has two hashes", func(t *testing.T) {
		again, err := passwords.Hash(t.Context(), "correct horse")
		require.NoError(t, err)
		assert.NotEqual(t, hash, again)
	})
	t.Run("who gave up waits no longer", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := passwords.Matches(ctx, "", "x")
		assert.ErrorIs(t, err, context.Canceled)
	})
}
