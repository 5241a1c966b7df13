package redis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDecodeCache(t *testing.T) {
	c := decodeCache{entries: map[string]decodedText{}}
	t.Run("returns the value of the very text", func(t *testing.T) {
		c.put("a", "one", 1)
		c.put("a", "two", 2)
		got, ok := c.get("a", "two")
		assert.True(t, ok)
		assert.Equal(t, 2, got)
		_, ok = c.get("a", "one")
		assert.False(t, ok)
	})
	t.Run("bounds the size of the texts", func(t *testing.T) {
		big := strings.Repeat("x", 1<<20)
		for i := range 100 {
			c.put(fmt.Sprint(i%50), big, i)
			assert.LessOrEqual(t, c.size, decodeCacheSize)
		}
		sum := 0
		for _, d := range c.entries {
			sum += len(d.text)
		}
		assert.Equal(t, sum, c.size)
		assert.Greater(t, sum, decodeCacheSize/2)
	})
}
