package redis

import "sync"

// decodeCache remembers the values of decoded texts, since decoding a list takes far longer
// than looking it up. The values are shared and must not be changed.
type decodeCache struct {
	mu      sync.RWMutex
	entries map[string]decodedText // by the entry's key
	size    int
}

type decodedText struct {
	text  string
	value any
}

// decodeCacheSize bounds the texts, in bytes. Their values take about twice as much.
const decodeCacheSize = 16 << 20

func (c *decodeCache) get(key, text string) (any, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.entries[key]
	return d.value, ok && d.text == text
}

func (c *decodeCache) put(key, text string, value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size += len(text) - len(c.entries[key].text)
	c.entries[key] = decodedText{text, value}
	for other, d := range c.entries { // in random order
		if c.size <= decodeCacheSize {
			return
		}
		c.size -= len(d.text)
		delete(c.entries, other)
	}
}
