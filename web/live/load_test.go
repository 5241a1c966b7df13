package live_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func TestHub_ManyConversations(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	support := two.member("sue", domain.Staff).connect(two, "/ws/support")
	const conversations, rounds = 50, 10
	clients, ids := make([]*client, conversations), make([]string, conversations)
	for i := range conversations {
		clients[i] = shop.person().connect(one, "/ws/chat")
		clients[i].send(saying("m-0", "begin"))
		ids[i] = clients[i].first("an ack", func(f frame) bool { return f.Type == "ack" }).Conversation
	}

	// Both sides of each conversation write at once, and each message is timed until the other side has it.
	var mu sync.Mutex
	sent := map[string]time.Time{}
	stamp := func(id string) string {
		mu.Lock()
		defer mu.Unlock()
		sent[id] = time.Now()
		return id
	}
	var chatting sync.WaitGroup
	for i := range conversations {
		chatting.Go(func() {
			for n := range rounds {
				clients[i].send(saying(stamp(fmt.Sprintf("c-%d-%d", i, n)), "a question"))
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	chatting.Go(func() {
		for n := range rounds {
			for i := range conversations {
				support.send(object{"type": "message", "conversation": ids[i], "client_id": stamp(fmt.Sprintf("a-%d-%d", i, n)), "body": "an answer"})
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	chatting.Wait()
	var delays []time.Duration
	for i := range conversations {
		for _, end := range []*client{clients[i], support} {
			for _, m := range end.receives(ids[i], 0, 1+2*rounds) {
				if begun, ok := sent[m.ClientID]; ok && (m.From.Role == "agent") == (end != support) {
					delays = append(delays, m.received.Sub(begun))
				}
			}
		}
	}
	slices.Sort(delays)
	require.Len(t, delays, conversations*2*rounds)
	t.Logf("%d conversations across two servers: delivered within %v at the median and %v at the 99th percentile",
		conversations, delays[len(delays)/2], delays[len(delays)*99/100])
}

func TestHub_SlowReader(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	guest, other := shop.person(), shop.person()
	conversation := string(guest.say(one, "m-0", "Go on."))
	const many = 2000 // 32 MB, more than the network buffers
	for n := range many {
		shop.answer(conversation, fmt.Sprint("a", n), strings.Repeat("🙂", domain.MaxMessageBody))
	}
	idle, err := guest.dial(one, "/ws/chat")
	require.NoError(t, err)

	// Another client is served meanwhile.
	quick := other.connect(one, "/ws/chat")
	quick.send(saying("m-1", "Is it just me?"))
	quick.first("an ack", func(f frame) bool { return f.Type == "ack" })

	t.Run("a client that does not read is dropped", func(t *testing.T) {
		// Reading begins after the server has given up: it yields what is buffered, and then the end.
		time.Sleep(7 * time.Second)
		count := 0
		require.NoError(t, idle.conn.SetReadDeadline(time.Now().Add(timeout)))
		for {
			var f frame
			if err := idle.conn.ReadJSON(&f); err != nil {
				t.Logf("dropped after %d of %d messages: %v", count, many+1, err)
				break
			}
			if f.Type == "message" {
				count++
				require.EqualValues(t, count, f.Seq, "what was sent has no gap")
			}
		}
		require.Less(t, count, many)
	})
	t.Run("a client that connects again gets the rest, as fast as it reads", func(t *testing.T) {
		begun := time.Now()
		guest.connect(one, "/ws/chat?after=1").receives(conversation, 1, many)
		t.Logf("%d messages of 16 kB in %v", many, time.Since(begun))
	})
	t.Run("a client that reads slowly gets everything and is not dropped", func(t *testing.T) {
		slow, err := guest.dial(one, "/ws/chat?after=1501")
		require.NoError(t, err)
		require.NoError(t, slow.conn.SetReadDeadline(time.Now().Add(timeout)))
		for want := int64(1502); want <= many+1; {
			var f frame
			require.NoError(t, slow.conn.ReadJSON(&f))
			if f.Type != "message" {
				continue
			}
			require.Equal(t, want, f.Seq)
			if want++; want%50 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
	})
}

// upgrade makes a connection whose client's end takes next to no memory.
func upgrade(t *testing.T, s *server, cookies []*http.Cookie) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: anyAddress()}).DialContext(t.Context(), "tcp", s.http.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	request := "GET /ws/chat HTTP/1.1\r\nHost: " + s.http.Listener.Addr().String() + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, c := range cookies {
		request += "Cookie: " + c.String() + "\r\n"
	}
	_, err = conn.Write([]byte(request + "\r\n"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(timeout)))
	status, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, status, "101")
	return conn
}

func TestHub_IdleConnections(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	const many = 2000
	guest := shop.person()
	guest.say(one, "m-1", "Hello?")
	held := func() uint64 {
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	upgrade(t, one, nil) // allocates what all share
	before := held()
	for i := range many {
		var cookies []*http.Cookie // none for a guest who has not written
		if i%2 == 0 {
			one, _ := shop.guest(fmt.Sprint("guest-", i))
			cookies = one.jar.Cookies(everywhere)
		}
		upgrade(t, one, cookies)
	}
	// Every client has its status before the memory is measured.
	time.Sleep(2 * time.Second)
	each := (held() - before) / many
	t.Logf("%d idle connections take %d bytes each, the client's side included", many, each)
	assert.Less(t, each, uint64(100<<10))
	writer := guest.connect(one, "/ws/chat?after=1")
	begun := time.Now()
	writer.send(saying("m-2", "Still there?"))
	writer.first("an ack", func(f frame) bool { return f.Type == "ack" })
	t.Logf("and a message among them is taken within %v", time.Since(begun))
}

func TestHub_ManyReconnect(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	const many = 500
	people, conversations, clients := make([]*person, many), make([]string, many), make([]*client, many)
	for i := range many {
		people[i], conversations[i] = shop.guest(fmt.Sprint("guest-", i))
		clients[i] = people[i].connect(one, "/ws/chat")
	}
	for i := range many {
		clients[i].receives(conversations[i], 0, 1)
	}

	// What is written while they are away, and while they connect again, reaches neither server as an event.
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		one.end()
	}()
	var all sync.WaitGroup
	begun := time.Now()
	for i := range many {
		all.Go(func() {
			shop.answer(conversations[i], "a-1", "one")
			assert.Equal(t, websocket.CloseServiceRestart, clients[i].ends())
			shop.answer(conversations[i], "a-2", "two")
			last := int64(len(messagesIn(clients[i].all(), conversations[i])))
			again := people[i].connect(two, fmt.Sprintf("/ws/chat?after=%d&conversation=%s", last, conversations[i]))
			shop.answer(conversations[i], "a-3", "three")
			again.send(saying("m-1", "And I."))
			again.receives(conversations[i], last, 5-int(last))
		})
	}
	all.Wait()
	<-gone
	t.Logf("%d came back to another server, and had all that they missed, within %v", many, time.Since(begun))
}
