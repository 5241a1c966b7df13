package postgres_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is how a connection is lost as a transaction is committed.
type fault int32

const (
	noFault             fault = iota
	commandLost               // the server is told nothing but that the connection ended
	commandLostSilently       // as before, and it is told that only later
	answerLost                // the server commits, and the client is not told
)

// proxy is a line to the database that can be listened to and cut.
type proxy struct {
	url string

	held  atomic.Bool  // connections that are made now hear nothing
	holds atomic.Int64 // how many hear nothing

	mu    sync.Mutex
	next  fault
	broke bool
	heard []string // texts of statements
	done  []string // statements with their arguments
}

func newProxy(t testing.TB, database string) *proxy {
	t.Helper()
	target, err := url.Parse(database)
	require.NoError(t, err)
	upstream := target.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
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
			if p.held.Load() {
				p.holds.Add(1)
				t.Cleanup(func() { _ = client.Close() })
				continue
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = client.Close()
				continue
			}
			var deaf atomic.Bool // the client is told nothing more
			all.Go(func() {
				answer(client, server, &deaf)
				_ = client.Close()
			})
			all.Go(func() {
				p.ask(client, server, &deaf)
				_ = client.Close()
				_ = server.Close()
			})
		}
	})
	return p
}

// breakNextCommit makes the next commit meet a fault.
func (p *proxy) breakNextCommit(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = f
}

// brokeCommit reports whether a commit met a fault.
func (p *proxy) brokeCommit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broke
}

// statements are those that went to the server since it was asked last.
func (p *proxy) statements() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	heard := p.heard
	p.heard = nil
	return heard
}

// made are the statements that the server was to make since it was asked last, with their arguments in the text.
func (p *proxy) made() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.done
	p.done = nil
	return done
}

// hear notes the text of a statement and returns the fault that it is to meet.
func (p *proxy) hear(name, statement string) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, statement)
	if name == "" {
		p.done = append(p.done, statement)
	}
	if !strings.EqualFold(statement, "commit") || p.next == noFault {
		return noFault
	}
	f := p.next
	p.next, p.broke = noFault, true
	return f
}

// ask carries to the server what the client says.
func (p *proxy) ask(client io.Reader, server io.Writer, deaf *atomic.Bool) {
	from, prepared := bufio.NewReader(client), map[string]string{}
	for first := true; ; first = false {
		message, err := readMessage(from, first)
		if err != nil {
			return
		}
		f := noFault
		if !first {
			switch message[0] {
			case 'Q': // a query's text
				f = p.hear("", strings.TrimRight(string(message[5:]), "\x00"))
			case 'P': // a statement's name and its text
				parts := strings.Split(string(message[5:]), "\x00")
				prepared[parts[0]] = parts[1]
				f = p.hear(parts[0], parts[1])
			case 'B': // a portal's and a statement's name, and the arguments
				parts := strings.SplitN(string(message[5:]), "\x00", 3)
				if parts[1] != "" {
					p.mu.Lock()
					p.done = append(p.done, withArguments(prepared[parts[1]], []byte(parts[2])))
					p.mu.Unlock()
				}
			}
		}
		switch f {
		case commandLost:
			return
		case commandLostSilently:
			deaf.Store(true)
			_ = client.(io.Closer).Close()
			time.Sleep(300 * time.Millisecond) // how long the server keeps the transaction's locks
			return
		case answerLost:
			deaf.Store(true)
		}
		if _, err := server.Write(message); err != nil {
			return
		}
		if f == answerLost {
			_, _ = from.Peek(1) // the other half closes the connection once the answer has come
			return
		}
	}
}

// withArguments writes the arguments of a message that binds them into the statement. A
// bigint and an array come in binary, all others as text.
func withArguments(statement string, message []byte) string {
	number := func() int {
		n := binary.BigEndian.Uint16(message)
		message = message[2:]
		return int(n)
	}
	formats := make([]int, number())
	for i := range formats {
		formats[i] = number()
	}
	literals := make([]string, number())
	for i := range literals {
		value := message[4 : 4+binary.BigEndian.Uint32(message)]
		message = message[4+len(value):]
		if formats[i] == 1 && len(value) > 8 { // dimensions, flags, the elements' type, their number, the first one's
			var elements []string
			for left := value[20:]; len(left) > 0; {
				element := left[4 : 4+binary.BigEndian.Uint32(left)]
				elements, left = append(elements, string(element)), left[4+len(element):]
			}
			value = []byte("{" + strings.Join(elements, ",") + "}")
		}
		literals[i] = "'" + strings.ReplaceAll(string(value), "'", "''") + "'"
		if formats[i] == 1 && len(value) == 8 {
			literals[i] = strconv.FormatUint(binary.BigEndian.Uint64(value), 10)
		}
	}
	for i := len(literals); i > 0; i-- {
		statement = strings.ReplaceAll(statement, "$"+strconv.Itoa(i), literals[i-1])
	}
	return statement
}

// answer carries to the client what the server says, until the client is to be told nothing more.
func answer(client io.Writer, server io.Reader, deaf *atomic.Bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil || deaf.Load() {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// readMessage reads one message of the client; the first of a connection has no letter.
func readMessage(from *bufio.Reader, first bool) ([]byte, error) {
	letters := 1
	if first {
		letters = 0
	}
	head, err := from.Peek(letters + 4)
	if err != nil {
		return nil, err
	}
	message := make([]byte, letters+int(binary.BigEndian.Uint32(head[letters:])))
	_, err = io.ReadFull(from, message)
	return message, err
}
