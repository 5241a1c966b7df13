package postgres_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is how a connection is lost as a transaction is committed.
type fault int32

const (
	none                fault = iota
	commandLost               // the server is told nothing but that the connection ended
	commandLostSilently       // as before, and it is told that only later
	answerLost                // the server commits, and the client is not told
)

// proxy is a line to the database that can be cut.
type proxy struct {
	url   string
	next  atomic.Int32
	fired atomic.Bool
}

func newProxy(t *testing.T, database string) *proxy {
	t.Helper()
	target, err := url.Parse(database)
	require.NoError(t, err)
	upstream := target.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it waits for nothing
	require.NoError(t, err)
	target.Host = listener.Addr().String()
	p := &proxy{url: target.String()}
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream) //nolint:noctx // the address is this host's
			if err != nil {
				_ = client.Close()
				continue
			}
			all.Go(func() { p.carry(client, server) })
		}
	})
	return p
}

// breakNextCommit makes the next commit meet a fault.
func (p *proxy) breakNextCommit(f fault) { p.next.Store(int32(f)) }

// broke says whether a commit met a fault.
func (p *proxy) broke() bool { return p.fired.Load() }

// carry carries what client and server say until either is gone.
func (p *proxy) carry(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	var deaf atomic.Bool // the client is told nothing more
	answered := make(chan struct{}, 1)
	go func() {
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			if deaf.Load() {
				answered <- struct{}{}
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(bytes.ToLower(buffer[:n]), []byte("commit\x00")) {
			switch fault(p.next.Swap(int32(none))) {
			case commandLost:
				p.fired.Store(true)
				return
			case commandLostSilently:
				p.fired.Store(true)
				_ = client.Close()
				time.Sleep(300 * time.Millisecond) // how long the server keeps the transaction's locks
				return
			case answerLost:
				p.fired.Store(true)
				deaf.Store(true)
				if _, err := server.Write(buffer[:n]); err != nil {
					return
				}
				<-answered
				return
			}
		}
		if _, err := io.Copy(server, bytes.NewReader(buffer[:n])); err != nil {
			return
		}
	}
}
