package redis

import "sync"

// memo remembers what texts were decoded to: decoding a list takes far longer than
// finding it. What it gives is shared, and not to be changed.
type memo struct {
	mu   sync.RWMutex
	all  map[string]decoded // by the entry's key
	size int
}

type decoded struct {
	text  string
	value any
}

// memoSize bounds the texts, in bytes; what they were decoded to takes about twice as much.
const memoSize = 16 << 20

func (m *memo) get(key, text string) (any, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	d, ok := m.all[key]
	return d.value, ok && d.text == text
}

func (m *memo) put(key, text string, value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.size += len(text) - len(m.all[key].text)
	m.all[key] = decoded{text, value}
	for other, d := range m.all { // in no order, so any may go
		if m.size <= memoSize {
			return
		}
		m.size -= len(d.text)
		delete(m.all, other)
	}
}
