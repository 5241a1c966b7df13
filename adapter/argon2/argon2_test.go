package argon2_test

import (
	"context"
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/argon2"
)

func TestPasswords(t *testing.T) {
	passwords, err := argon2.New()
	require.NoError(t, err)
	hash, err := passwords.Hash(t.Context(), "correct horse")
	require.NoError(t, err)

	const composed, decomposed = "\u00e9t\u00e9 \u00e0 Zo\u00eb", "e\u0301te\u0301 a\u0300 Zoe\u0308"
	ofComposed, err := passwords.Hash(t.Context(), composed)
	require.NoError(t, err)
	ofDecomposed, err := passwords.Hash(t.Context(), decomposed)
	require.NoError(t, err)
	asTyped, err := argon2id.CreateHash(decomposed, &argon2id.Params{Memory: 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	require.NoError(t, err)

	for name, c := range map[string]struct {
		hash, password string
		matches        bool
	}{
		"the right password":           {hash, "correct horse", true},
		"a wrong password":             {hash, "correct horse ", false},
		"an account that is not":       {"", "correct horse", false},
		"the dummy's own, no account":  {"", "no password at all", false},
		"accents typed as marks":       {ofComposed, decomposed, true},
		"accents typed as letters":     {ofDecomposed, composed, true},
		"the same marks":               {ofDecomposed, decomposed, true},
		"no accents":                   {ofComposed, "ete a Zoe", false},
		"letters that only look alike": {ofComposed, "\u00e9t\u00e9 \u00e0 Z\u043e\u00eb", false},
		"marks hashed as typed":        {asTyped, decomposed, true},
		"marks of no account":          {"", decomposed, false},
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
