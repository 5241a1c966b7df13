package cluster_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
)

const (
	talkers = 6
	// sayEvery is a little less often than one shopper may.
	sayEvery = 1100 * time.Millisecond
)

// TestChat lets guests talk while what carries their connections is replaced,
// killed and reloaded. Each message must be in the conversation once, and each
// connection must be back within a moment.
func TestChat(t *testing.T) {
	needContainers(t)
	c := cluster.Start(t, 3)
	var all []*talker
	stop := make(chan struct{})
	var talking sync.WaitGroup
	for range talkers {
		one := newTalker(t, c.URL)
		all = append(all, one)
		talking.Go(func() { one.talk(stop) })
	}
	end := sync.OnceFunc(func() {
		close(stop)
		talking.Wait()
	})
	defer end()

	var table strings.Builder
	fmt.Fprintf(&table, "| fault | connections lost | longest without one |\n|---|---|---|\n")
	for _, f := range []struct {
		name  string
		do    func()
		bound time.Duration // of being without a connection
	}{
		{"none", func() { shop(3) }, 0},
		{"nginx reloaded", func() { c.Reload(t); shop(2) }, 0},
		{"SIGTERM to each server in turn", func() {
			for _, s := range c.Servers {
				s.Stop(t)
				s.Start(t)
				s.WaitReady(t)
			}
			shop(2)
		}, 2 * time.Second},
		{"kill -9 of a server", func() {
			c.Servers[0].Kill(t)
			shop(4)
			c.Servers[0].Start(t)
			c.Servers[0].WaitReady(t)
			shop(1)
		}, 2 * time.Second},
		{"Redis killed, back after 3 s", func() {
			c.Redis.Kill(t)
			shop(3)
			c.Redis.Start(t)
			shop(3)
		}, 0},
	} {
		f.do()
		lost, longest := 0, time.Duration(0)
		for _, one := range all {
			n, without := one.lost()
			lost, longest = lost+n, max(longest, without)
		}
		fmt.Fprintf(&table, "| %s | %d | %.2f s |\n", f.name, lost, longest.Seconds())
		assert.LessOrEqual(t, longest, f.bound, f.name)
	}
	end()
	t.Logf("%d guests talk\n\n%s", talkers, &table)
	for i, one := range all {
		assert.Empty(t, one.wrong, "guest %d", i)
		assert.Greater(t, len(one.said), 10, "guest %d", i)
		assert.Equal(t, one.said, one.heard, "guest %d: what was said is heard, once and in order", i)
	}
}

// talker says something now and then, and says again what was not acknowledged
// before the connection was lost.
type talker struct {
	url    string
	dialer *websocket.Dialer

	said, heard []string // ids of messages
	last        int64    // the number of the last message heard
	wrong       []string

	mu      sync.Mutex
	gone    []time.Duration // how long each time there was no connection
	without time.Time       // since when there is none; zero while there is one
}

func newTalker(t *testing.T, url string) *talker {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &talker{url: url, dialer: &websocket.Dialer{Jar: jar, HandshakeTimeout: 5 * time.Second}}
}

// lost is how often the connection was lost since it was last asked, and the
// longest time without one.
func (k *talker) lost() (int, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	gone := k.gone
	if !k.without.IsZero() {
		gone = append(gone, time.Since(k.without))
	}
	k.gone = nil
	if len(gone) == 0 {
		return 0, 0
	}
	return len(gone), slices.Max(gone)
}

func (k *talker) complain(format string, args ...any) {
	k.wrong = append(k.wrong, fmt.Sprintf(format, args...))
}

// talk talks until stop, and then until all that was said is heard.
func (k *talker) talk(stop <-chan struct{}) {
	unheard := "" // what was said last, while it is not heard
	for {
		connection, answer, err := k.dialer.Dial(fmt.Sprintf("ws%s/ws/chat?after=%d", strings.TrimPrefix(k.url, "http"), k.last),
			http.Header{"Origin": {k.url}})
		if err != nil {
			if !errors.Is(err, websocket.ErrBadHandshake) || answer.StatusCode < 500 {
				k.complain("connecting: %v", err)
			}
			time.Sleep(50 * time.Millisecond)
			continue
		}
		k.mu.Lock()
		if !k.without.IsZero() {
			k.gone = append(k.gone, time.Since(k.without))
			k.without = time.Time{}
		}
		k.mu.Unlock()
		ended := k.converse(connection, stop, &unheard)
		_ = connection.Close()
		if ended {
			return
		}
		k.mu.Lock()
		k.without = time.Now()
		k.mu.Unlock()
	}
}

// converse talks by one connection; it says whether the talker is done.
func (k *talker) converse(connection *websocket.Conn, stop <-chan struct{}, unheard *string) bool {
	frames := make(chan frame)
	go func() {
		defer close(frames)
		for {
			var f frame
			if connection.ReadJSON(&f) != nil {
				return
			}
			frames <- f
		}
	}()
	defer func() {
		_ = connection.Close()
		for range frames { // until its reader has ended
		}
	}()
	say := func() bool {
		return connection.WriteJSON(map[string]string{"type": "message", "client_id": *unheard, "body": "hello " + *unheard}) == nil
	}
	if *unheard != "" && !say() {
		return false
	}
	turn := time.NewTicker(sayEvery)
	defer turn.Stop()
	for {
		select {
		case f, open := <-frames:
			switch {
			case !open:
				return false
			case f.Type == "error":
				k.complain("refused: %s", f.Code)
			case f.Type != "message":
			case f.Seq != k.last+1:
				k.complain("message %d came after %d", f.Seq, k.last)
			default:
				k.last = f.Seq
				k.heard = append(k.heard, f.ClientID)
				if f.ClientID == *unheard {
					*unheard = ""
				}
			}
		case <-turn.C:
			select {
			case <-stop:
				if *unheard == "" {
					return true
				}
			default:
				if *unheard == "" {
					*unheard = uuid.NewString()
					k.said = append(k.said, *unheard)
					if !say() {
						return false
					}
				}
			}
		}
	}
}

type frame struct {
	Type     string `json:"type"`
	Code     string `json:"code"`
	Seq      int64  `json:"seq"`
	ClientID string `json:"client_id"`
}
