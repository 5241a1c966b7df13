package redis_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy stands between a server and its Redis, and can delay or cut their connections.
type proxy struct {
	url      string
	upstream string
	listener net.Listener

	mu          sync.Mutex
	delay       time.Duration // of all data; forever if negative
	cut         bool
	connections map[net.Conn]bool
	work        sync.WaitGroup
}

func newProxy(t testing.TB, redisURL string) *proxy {
	t.Helper()
	u, err := url.Parse(redisURL)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{upstream: u.Host, listener: listener, connections: map[net.Conn]bool{}}
	u.Host = listener.Addr().String()
	p.url = u.String()
	p.work.Go(p.serve)
	t.Cleanup(func() {
		_ = listener.Close()
		p.disconnect(true)
		p.work.Wait()
	})
	return p
}

func (p *proxy) serve() {
	for {
		down, err := p.listener.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", p.upstream)
		if err != nil || !p.register(down, up) {
			_ = down.Close()
			continue
		}
		p.work.Go(func() { p.forward(down, up) })
		p.work.Go(func() { p.forward(up, down) })
	}
}

func (p *proxy) register(down, up net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		_ = up.Close()
		return false
	}
	p.connections[down], p.connections[up] = true, true
	return true
}

func (p *proxy) forward(from, to net.Conn) {
	defer func() {
		_ = from.Close()
		_ = to.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n == 0 && err != nil {
			return
		}
		p.wait()
		if _, err := to.Write(buffer[:n]); err != nil && !errors.Is(err, io.EOF) {
			return
		}
	}
}

// wait delays data.
func (p *proxy) wait() {
	p.mu.Lock()
	delay, cut := p.delay, p.cut
	p.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	for delay < 0 && !cut {
		time.Sleep(5 * time.Millisecond)
		p.mu.Lock()
		delay, cut = p.delay, p.cut
		p.mu.Unlock()
	}
}

// slow delays all data from now on, forever if delay is negative.
func (p *proxy) slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

// disconnect closes all connections, and refuses new ones until it is called with false.
func (p *proxy) disconnect(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	for connection := range p.connections {
		_ = connection.Close()
	}
	clear(p.connections)
}
