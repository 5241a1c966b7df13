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

func TestManyConversationsAcrossServers(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	desk := two.member("sue", domain.Staff).connect(two, "/ws/support")
	const talks, turns = 50, 10
	wires, ids := make([]*wire, talks), make([]string, talks)
	for i := range talks {
		wires[i] = shop.person().connect(one, "/ws/chat")
		wires[i].send(saying("m-0", "begin"))
		ids[i] = wires[i].first("an ack", func(f frame) bool { return f.Type == "ack" }).Conversation
	}

	// Both sides of each conversation talk at once, and each message is timed until the other side has it.
	var mu sync.Mutex
	sent := map[string]time.Time{}
	stamp := func(id string) string {
		mu.Lock()
		defer mu.Unlock()
		sent[id] = time.Now()
		return id
	}
	var talking sync.WaitGroup
	for i := range talks {
		talking.Go(func() {
			for n := range turns {
				wires[i].send(saying(stamp(fmt.Sprintf("c-%d-%d", i, n)), "a question"))
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	talking.Go(func() {
		for n := range turns {
			for i := range talks {
				desk.send(object{"type": "message", "conversation": ids[i], "client_id": stamp(fmt.Sprintf("a-%d-%d", i, n)), "body": "an answer"})
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	talking.Wait()
	var delays []time.Duration
	for i := range talks {
		for _, end := range []*wire{wires[i], desk} {
			for _, m := range end.hears(ids[i], 0, 1+2*turns) {
				if begun, timed := sent[m.ClientID]; timed && (m.From.Role == "agent") == (end != desk) {
					delays = append(delays, m.came.Sub(begun))
				}
			}
		}
	}
	slices.Sort(delays)
	require.Len(t, delays, talks*2*turns)
	t.Logf("%d conversations across two servers: delivered within %v at the median and %v at the 99th percentile",
		talks, delays[len(delays)/2], delays[len(delays)*99/100])
}

func TestASlowReaderLosesNothing(t *testing.T) {
	shop := open(t)
	one := shop.serve(false)
	guest, other := shop.person(), shop.person()
	talk := string(guest.say(one, "m-0", "Go on."))
	const many = 2000 // 32 MB, more than lies on the way
	for n := range many {
		shop.answer(talk, fmt.Sprint("a", n), strings.Repeat("🙂", domain.MaxMessageBody))
	}
	idle, err := guest.dial(one, "/ws/chat")
	require.NoError(t, err)

	// Somebody else is served meanwhile.
	quick := other.connect(one, "/ws/chat")
	quick.send(saying("m-1", "Is it just me?"))
	quick.first("an ack", func(f frame) bool { return f.Type == "ack" })

	t.Run("who does not read is dropped", func(t *testing.T) {
		// Reading begins when the server has given up: what lies on the way comes, and then the end.
		time.Sleep(7 * time.Second)
		count := 0
		require.NoError(t, idle.conn.SetReadDeadline(time.Now().Add(patience)))
		for {
			var f frame
			if err := idle.conn.ReadJSON(&f); err != nil {
				t.Logf("dropped after %d of %d messages: %v", count, many+1, err)
				break
			}
			if f.Type == "message" {
				count++
				require.EqualValues(t, count, f.Seq, "what comes before has no gap")
			}
		}
		require.Less(t, count, many)
	})
	t.Run("who comes back gets all the rest, as quickly as it reads", func(t *testing.T) {
		begun := time.Now()
		guest.connect(one, "/ws/chat?after=1").hears(talk, 1, many)
		t.Logf("%d messages of 16 kB in %v", many, time.Since(begun))
	})
	t.Run("who reads slowly gets all without being dropped", func(t *testing.T) {
		slow, err := guest.dial(one, "/ws/chat?after=1501")
		require.NoError(t, err)
		require.NoError(t, slow.conn.SetReadDeadline(time.Now().Add(patience)))
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

// upgrade makes a connection by hand, of which the client's side takes next to no memory.
func upgrade(t *testing.T, s *server, cookies []*http.Cookie) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.http.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	request := "GET /ws/chat HTTP/1.1\r\nHost: " + s.http.Listener.Addr().String() + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, c := range cookies {
		request += "Cookie: " + c.String() + "\r\n"
	}
	_, err = conn.Write([]byte(request + "\r\n"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	status, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, status, "101")
	return conn
}

func TestIdleConnections(t *testing.T) {
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
	upgrade(t, one, nil) // what the first one needs is everybody's
	before := held()
	for i := range many {
		cookies := guest.jar.Cookies(everywhere)
		if i%2 == 0 {
			cookies = nil // a guest who has not written
		}
		upgrade(t, one, cookies)
	}
	// Everybody was told how things stand before the memory is looked at.
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

func TestManyComeBackAtOnce(t *testing.T) {
	shop := open(t)
	one, two := shop.serve(false), shop.serve(false)
	const many = 500
	people, talks, wires := make([]*person, many), make([]string, many), make([]*wire, many)
	for i := range many {
		people[i], talks[i] = shop.guest(fmt.Sprint("guest-", i))
		wires[i] = people[i].connect(one, "/ws/chat")
	}
	for i := range many {
		wires[i].hears(talks[i], 0, 1)
	}

	// What is said while they are away, and while they come back, is said on neither server.
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		one.end()
	}()
	var all sync.WaitGroup
	begun := time.Now()
	for i := range many {
		all.Go(func() {
			shop.answer(talks[i], "a-1", "one")
			assert.Equal(t, websocket.CloseServiceRestart, wires[i].ends())
			shop.answer(talks[i], "a-2", "two")
			last := int64(len(messagesIn(wires[i].all(), talks[i])))
			again := people[i].connect(two, fmt.Sprintf("/ws/chat?after=%d&conversation=%s", last, talks[i]))
			shop.answer(talks[i], "a-3", "three")
			again.send(saying("m-1", "And I."))
			again.hears(talks[i], last, 5-int(last))
		})
	}
	all.Wait()
	<-gone
	t.Logf("%d came back to another server, and had all that they missed, within %v", many, time.Since(begun))
}
