package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestOrderID_Valid(t *testing.T) {
	for _, id := range []domain.OrderID{"o", "ESH-1000001", "öl", domain.OrderID(strings.Repeat("o", 100))} {
		assert.True(t, id.Valid(), id)
	}
	for _, id := range []domain.OrderID{"", "a\x00b", "\xff", domain.OrderID(strings.Repeat("o", 101))} {
		assert.False(t, id.Valid(), "%q", id)
	}
}

func TestParseIdempotencyKey(t *testing.T) {
	for _, text := range []string{"k", `!"#%&'\~`, strings.Repeat("~", 255)} {
		key, err := domain.ParseIdempotencyKey("token", text)
		require.NoError(t, err)
		assert.Equal(t, domain.IdempotencyKey(text), key)
	}
	for _, text := range []string{"", " ", "a b", "a\tb", "a\x7f", "schlüssel", "\xff", strings.Repeat("k", 256)} {
		key, err := domain.ParseIdempotencyKey("token", text)
		var known *domain.Error
		require.ErrorAs(t, err, &known, "%q", text)
		assert.Contains(t, known.Fields, "token")
		assert.Empty(t, key)
	}
}
