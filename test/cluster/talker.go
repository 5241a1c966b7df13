package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"eshop/test/history"
)

// Talkers are shoppers and one of the staff who talk over WebSocket. Each sends what it says again
// until it is acknowledged, comes back when its connection ends, and notes what came twice or not at all.
type Talkers struct {
	Staff    *Talker
	Shoppers []*Talker
	// Pause is how long a shopper waits before the next question, and at most half as long again.
	Pause time.Duration

	t         testing.TB
	base      string
	ctx       context.Context
	going     sync.WaitGroup
	tabs      Tabs
	addresses int // that were given out
	mu        sync.Mutex
	sent      map[string]time.Time                  // by client id: when it was first said
	said      map[string]map[string]history.Message // by conversation and client id, numbered once it is acknowledged
	late      []time.Duration                       // from when something was said until the other side had it
}

// Talker is one end of conversations. It comes back by itself until its talkers end.
type Talker struct {
	all    *Talkers
	staff  bool
	quiet  bool // it times nothing
	client *http.Client
	writes sync.Mutex // one writer at a time

	mu         sync.Mutex
	conn       *websocket.Conn
	server     string // that the connection is to
	talk       string // a shopper's conversation
	last       map[string]int64
	heard      map[string][]Frame // by conversation
	owed       []object           // said and not acknowledged, in order
	grievances []string
	refused    string // why it could not connect the last time, "" once it could
	returns    int
	away       time.Duration // the longest
}

type object = map[string]any

// Frame is what comes over a connection of the chat.
type Frame struct {
	Type         string
	Conversation string
	Seq          int64
	ClientID     string `json:"client_id"`
	From         struct{ Role string }
	Body         string
	Code         string
	Detail       string
}

const (
	// comeBackWithin is the longest pause before a client tries again; the first is shorter by chance.
	comeBackWithin = 500 * time.Millisecond
	sayAgainAfter  = 3 * time.Second
)

// NewTalkers begins n conversations, and has staff at the desk. They end with the test.
func NewTalkers(t testing.TB, c *Cluster, n int) *Talkers {
	t.Helper()
	all := &Talkers{Pause: time.Second, t: t, base: c.URL, sent: map[string]time.Time{}, said: map[string]map[string]history.Message{}}
	ctx, cancel := context.WithCancel(context.Background())
	all.ctx = ctx
	all.Staff = all.talker(true)
	require.Equal(t, http.StatusOK, all.Staff.post("/auth/login", object{"username": "admin", "password": "admin123"}, nil))
	for range n {
		all.Shoppers = append(all.Shoppers, all.talker(false))
	}
	for _, s := range all.Shoppers {
		var answer struct{ Message Frame }
		id := uuid.NewString()
		require.Equal(t, http.StatusCreated, s.post("/api/chat/messages", object{"client_id": id, "body": "Hello?"}, &answer))
		s.talk = answer.Message.Conversation
		all.say(s.talk, history.Message{Seq: answer.Message.Seq, ClientID: id, Body: "Hello?"})
	}
	for _, one := range append([]*Talker{all.Staff}, all.Shoppers...) {
		all.going.Go(func() { one.stay(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		all.going.Wait()
	})
	return all
}

// Tabs are more connections of shoppers, which only listen.
type Tabs []*Talker

// MoreTabs opens n more connections, some for each shopper.
func (all *Talkers) MoreTabs(n int) Tabs {
	for i := range n {
		of := all.Shoppers[i%len(all.Shoppers)]
		tab := &Talker{all: all, client: of.client, talk: of.talk, last: map[string]int64{}, heard: map[string][]Frame{}, quiet: true}
		all.tabs = append(all.tabs, tab)
		all.going.Go(func() { tab.stay(all.ctx) })
	}
	return all.tabs
}

// HangUp ends all connections of the tabs at once, of which nobody is told. They come back.
func (tabs Tabs) HangUp() {
	for _, tab := range tabs {
		tab.mu.Lock()
		_ = tab.conn.Close()
		tab.mu.Unlock()
	}
}

// Settle waits until each tab is connected to the server, as long as it goes on.
func (tabs Tabs) Settle(t testing.TB, on *Server) {
	t.Helper()
	for n := -1; n < len(tabs); {
		before := n
		until(t, func() bool {
			n = 0
			for _, tab := range tabs {
				if tab.Server() == on.Name {
					n++
				}
			}
			return n == len(tabs) || n > before+len(tabs)/20
		}, func() string {
			return fmt.Sprintf("%d of %d tabs are connected to %s; of the others: %v", n, len(tabs), on.Name, tabs.refused())
		})
	}
}

// refused is how often each reason is the last for which a tab could not connect.
func (tabs Tabs) refused() map[string]int {
	all := map[string]int{}
	for _, tab := range tabs {
		tab.mu.Lock()
		if tab.refused != "" {
			all[tab.refused]++
		}
		tab.mu.Unlock()
	}
	return all
}

// Returns is how many of the tabs' connections ended and came back.
func (tabs Tabs) Returns() int {
	n := 0
	for _, tab := range tabs {
		tab.mu.Lock()
		n += tab.returns
		tab.mu.Unlock()
	}
	return n
}

// Away is the longest that one of the tabs was without a connection.
func (tabs Tabs) Away() time.Duration {
	longest := time.Duration(0)
	for _, tab := range tabs {
		tab.mu.Lock()
		longest = max(longest, tab.away)
		tab.mu.Unlock()
	}
	return longest
}

// Missing waits until each tab has heard what its shopper has, and says what it has not.
func (tabs Tabs) Missing() []string {
	deadline := time.Now().Add(30 * time.Second)
	for {
		var missing []string
		for i, tab := range tabs {
			of := tab.all.Shoppers[i%len(tab.all.Shoppers)]
			if got, want := tab.Heard(tab.talk), of.Heard(of.talk); !slices.Equal(got, want) {
				missing = append(missing, fmt.Sprintf("%s: a tab heard %d of %d", tab.talk, len(got), len(want)))
			}
			tab.mu.Lock()
			missing = append(missing, tab.grievances...)
			tab.mu.Unlock()
		}
		if len(missing) == 0 || time.Now().After(deadline) {
			return missing
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (all *Talkers) talker(staff bool) *Talker {
	jar, err := cookiejar.New(nil)
	require.NoError(all.t, err)
	return &Talker{
		all: all, staff: staff, client: &http.Client{Jar: jar, Timeout: patience, Transport: from{all.anAddress()}},
		last: map[string]int64{}, heard: map[string][]Frame{},
	}
}

// from asks from an address of its own, where nginx stands behind a balancer.
type from struct{ address http.Header }

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	maps.Copy(r.Header, f.address)
	return http.DefaultTransport.RoundTrip(r)
}

func (all *Talkers) anAddress() http.Header {
	all.addresses++
	return http.Header{"X-Forwarded-For": {fmt.Sprintf("10.9.%d.%d", all.addresses/200, all.addresses%200+1)}}
}

func (k *Talker) post(path string, body object, into any) int {
	text, err := json.Marshal(body)
	require.NoError(k.all.t, err)
	answer, err := k.client.Post(k.all.base+path, "application/json", strings.NewReader(string(text)))
	require.NoError(k.all.t, err)
	defer answer.Body.Close()
	if into != nil {
		require.NoError(k.all.t, json.NewDecoder(answer.Body).Decode(into))
	}
	return answer.StatusCode
}

// address asks for what came after all that was heard.
func (k *Talker) address() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	address := "ws" + strings.TrimPrefix(k.all.base, "http")
	query := url.Values{}
	if !k.staff {
		query.Set("after", fmt.Sprint(k.last[k.talk]))
		query.Set("conversation", k.talk)
		return address + "/ws/chat?" + query.Encode()
	}
	for talk, last := range k.last {
		query.Add("after", fmt.Sprintf("%s:%d", talk, last))
	}
	return address + "/ws/support?" + query.Encode()
}

// stay keeps a connection until ctx ends.
// note keeps why the talker could not connect.
func (k *Talker) note(answer *http.Response, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused = err.Error()
	if answer != nil {
		k.refused += " " + answer.Status + " " + answer.Header.Get("X-Served-By")
	}
}

func (k *Talker) stay(ctx context.Context) {
	dialer := websocket.Dialer{Jar: k.client.Jar, HandshakeTimeout: 5 * time.Second}
	left := time.Now()
	for tries := 0; ctx.Err() == nil; tries++ {
		conn, answer, err := dialer.DialContext(ctx, k.address(), k.client.Transport.(from).address)
		if err == nil {
			hangUp := context.AfterFunc(ctx, func() { _ = conn.Close() })
			k.begin(conn, answer.Header.Get("X-Served-By"), time.Since(left))
			k.listen(conn)
			hangUp()
			left, tries = time.Now(), 0
		} else {
			k.note(answer, err)
		}
		pause := comeBackWithin
		if tries == 0 {
			pause = rand.N(comeBackWithin)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (k *Talker) begin(conn *websocket.Conn, server string, away time.Duration) {
	k.mu.Lock()
	if k.conn != nil {
		k.returns++
		k.away = max(k.away, away)
	}
	k.conn, k.server, k.refused = conn, server, ""
	k.mu.Unlock()
	k.sayAgain()
}

// listen takes in frames until the connection ends. The server pings; who says nothing for so long is dead.
func (k *Talker) listen(conn *websocket.Conn) {
	defer conn.Close()
	const silence = 40 * time.Second
	_ = conn.SetReadDeadline(time.Now().Add(silence))
	answer := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		_ = conn.SetReadDeadline(time.Now().Add(silence))
		return answer(data)
	})
	for {
		var f Frame
		if conn.ReadJSON(&f) != nil {
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(silence))
		k.hear(f)
	}
}

func (k *Talker) hear(f Frame) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch f.Type {
	case "ack":
		k.forget(f.ClientID)
		k.all.acknowledged(f)
	case "error":
		if f.Code != "rate_limited" && f.Code != "store_unavailable" && f.Code != "unavailable" && f.Code != "timeout" {
			k.grievances = append(k.grievances, fmt.Sprintf("refused: %s %s", f.Code, f.Detail))
		}
	case "message":
		if want := k.last[f.Conversation] + 1; f.Seq != want && (k.last[f.Conversation] > 0 || !k.staff) {
			k.grievances = append(k.grievances, fmt.Sprintf("message %d of %s came where %d was next", f.Seq, f.Conversation, want))
		}
		k.last[f.Conversation] = f.Seq
		k.heard[f.Conversation] = append(k.heard[f.Conversation], f)
		if (f.From.Role == "agent") != k.staff && !k.quiet {
			k.all.arrived(f.ClientID)
			if k.staff && strings.HasPrefix(f.Body, "question") {
				go k.Say(f.Conversation, "answer to "+f.Body)
			}
		}
	}
}

func (k *Talker) forget(id string) {
	k.owed = slices.DeleteFunc(k.owed, func(o object) bool { return o["client_id"] == id })
}

// Say says something, and again until it is acknowledged.
func (k *Talker) Say(talk, body string) {
	id := uuid.NewString()
	message := object{"type": "message", "client_id": id, "body": body}
	if k.staff {
		message["conversation"] = talk
	} else {
		talk = k.talk
	}
	k.all.mu.Lock()
	k.all.sent[id] = time.Now()
	k.all.mu.Unlock()
	k.all.say(talk, history.Message{ClientID: id, Body: body})
	k.mu.Lock()
	k.owed = append(k.owed, message)
	k.mu.Unlock()
	k.write(message)
}

// sayAgain says all that was not acknowledged.
func (k *Talker) sayAgain() {
	k.mu.Lock()
	owed := slices.Clone(k.owed)
	k.mu.Unlock()
	for _, message := range owed {
		k.write(message)
	}
}

func (k *Talker) write(message object) {
	k.mu.Lock()
	conn := k.conn
	k.mu.Unlock()
	if conn == nil {
		return
	}
	k.writes.Lock()
	defer k.writes.Unlock()
	_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = conn.WriteJSON(message) // what does not arrive is said again
}

func (all *Talkers) arrived(id string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if begun, ok := all.sent[id]; ok {
		all.late = append(all.late, time.Since(begun))
		delete(all.sent, id)
	}
}

// During lets every shopper ask now and then, which staff answers, while do runs.
// Then it waits until all is said and heard, and returns how it went.
func (all *Talkers) During(do func()) TalkReport {
	all.mu.Lock()
	all.late = nil
	all.mu.Unlock()
	everybody := append([]*Talker{all.Staff}, all.Shoppers...)
	for _, k := range everybody {
		k.mu.Lock()
		k.returns, k.away = 0, 0
		k.mu.Unlock()
	}
	stop := make(chan struct{})
	var going sync.WaitGroup
	var said atomic.Int64
	for _, s := range all.Shoppers {
		going.Go(func() {
			pause := rand.N(all.Pause)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(pause):
				}
				s.Say("", fmt.Sprint("question ", n))
				said.Add(1)
				pause = all.Pause + rand.N(all.Pause/2)
			}
		})
	}
	again := make(chan struct{})
	var nagging sync.WaitGroup
	nagging.Go(func() {
		for {
			select {
			case <-again:
				return
			case <-time.After(sayAgainAfter):
				for _, k := range everybody {
					k.sayAgain()
				}
			}
		}
	})
	do()
	close(stop)
	going.Wait()
	report := TalkReport{Said: int(said.Load()), Unsettled: all.settle()}
	close(again)
	nagging.Wait()
	for _, k := range everybody {
		k.mu.Lock()
		report.Returns += k.returns
		report.Away = max(report.Away, k.away)
		report.Grievances = append(report.Grievances, k.grievances...)
		k.grievances = nil
		k.mu.Unlock()
	}
	all.mu.Lock()
	report.Delays = slices.Sorted(slices.Values(all.late))
	all.mu.Unlock()
	return report
}

// settle waits until nothing is owed and both ends have heard all, and returns what is missing.
func (all *Talkers) settle() string {
	deadline := time.Now().Add(60 * time.Second)
	for {
		missing := all.missing()
		if missing == "" || time.Now().After(deadline) {
			return missing
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (all *Talkers) missing() string {
	for _, k := range append([]*Talker{all.Staff}, all.Shoppers...) {
		k.mu.Lock()
		owed := len(k.owed)
		k.mu.Unlock()
		if owed > 0 {
			return fmt.Sprintf("%d messages were not acknowledged to %s", owed, k.talk)
		}
	}
	for _, s := range all.Shoppers {
		mine, theirs := s.Heard(s.talk), all.Staff.Heard(s.talk)
		if len(mine) == 0 || len(theirs) == 0 || mine[len(mine)-1] != theirs[len(theirs)-1] {
			return fmt.Sprintf("%s: the shopper heard %d, staff heard %d", s.talk, len(mine), len(theirs))
		}
		answers, questions := 0, 0
		for _, f := range mine {
			if strings.HasPrefix(f.Body, "question") {
				questions++
			} else if strings.HasPrefix(f.Body, "answer") {
				answers++
			}
		}
		if answers < questions {
			return fmt.Sprintf("%s: %d of %d questions were answered", s.talk, answers, questions)
		}
	}
	return ""
}

// Heard is what a talker has heard of a conversation, in the order in which it came.
func (k *Talker) Heard(talk string) []Frame {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.heard[talk])
}

// Server is the name of the server that the talker is connected to.
func (k *Talker) Server() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.server
}

// TalkReport is what talkers met.
type TalkReport struct {
	Said       int // by shoppers; staff answers each
	Delays     []time.Duration
	Returns    int           // connections that ended and came back
	Away       time.Duration // the longest that one was without
	Unsettled  string        // what is still missing long after
	Grievances []string
}

// Delay is within what a share of the messages, such as 0.99, were delivered.
func (r TalkReport) Delay(share float64) time.Duration {
	if len(r.Delays) == 0 {
		return 0
	}
	return r.Delays[min(len(r.Delays)-1, int(share*float64(len(r.Delays))))]
}

// say keeps that something is said.
func (all *Talkers) say(talk string, m history.Message) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.said[talk] == nil {
		all.said[talk] = map[string]history.Message{}
	}
	all.said[talk][m.ClientID] = m
}

// acknowledged keeps under which number something was said.
func (all *Talkers) acknowledged(f Frame) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if m, ok := all.said[f.Conversation][f.ClientID]; ok {
		m.Seq = f.Seq
		all.said[f.Conversation][f.ClientID] = m
	}
}

// AuditTalks holds what both ends have heard, and what is kept, to be one log of what was said.
func (c *Cluster) AuditTalks(t testing.TB, all *Talkers) []string {
	t.Helper()
	type row struct {
		Conversation, ClientID, Body string
		Seq                          int64
	}
	kept := map[string][]history.Message{}
	for _, r := range query[row](t, c, `SELECT conversation, client_id, body, seq FROM messages ORDER BY conversation, seq`) {
		kept[r.Conversation] = append(kept[r.Conversation], history.Message{Seq: r.Seq, ClientID: r.ClientID, Body: r.Body})
	}
	heard := func(k *Talker, talk string) []history.Message {
		var log []history.Message
		for _, f := range k.Heard(talk) {
			log = append(log, history.Message{Seq: f.Seq, ClientID: f.ClientID, Body: f.Body})
		}
		return log
	}
	var wrong []string
	for _, s := range all.Shoppers {
		ends := [][]history.Message{kept[s.talk], heard(s, s.talk), heard(all.Staff, s.talk)}
		all.mu.Lock()
		for _, says := range history.Conversation(all.said[s.talk], ends...) {
			wrong = append(wrong, s.talk+": "+says)
		}
		all.mu.Unlock()
	}
	return wrong
}
