package redis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMemo(t *testing.T) {
	m := memo{all: map[string]decoded{}}
	m.put("a", "one", 1)
	m.put("a", "two", 2)
	got, ok := m.get("a", "two")
	assert.True(t, ok)
	assert.Equal(t, 2, got)
	_, ok = m.get("a", "one")
	assert.False(t, ok, "it is of another text")
	big := strings.Repeat("x", 1<<20)
	for i := range 100 {
		m.put(fmt.Sprint(i%50), big, i)
		assert.LessOrEqual(t, m.size, memoSize)
	}
	sum := 0
	for _, d := range m.all {
		sum += len(d.text)
	}
	assert.Equal(t, sum, m.size)
	assert.Greater(t, sum, memoSize/2)
}
