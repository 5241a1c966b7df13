package web

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"eshop/domain"
	"eshop/web/problem"
	"eshop/web/session"
)

// What a server has at work is bounded (load shedding): with more than it can do at once each answer
// takes longer, until all come too late and none is worth its work. Whoever buys has a part of
// their own, so that no crowd of browsers keeps them out; and so has whoever pays, so that a
// gateway that hangs takes nobody's cart away.
const (
	// So many for each processor keep it and the store's connections busy while some wait for a slow store, and are
	// each answered in time when all want the processor.
	browsingAtWork = 8
	buyingAtWork   = 16
	payingAtWork   = 16
	signingAtWork  = 32 // they wait for a turn to hash

	// inLine is more than a thousand browsers at once have for one server, so that these
	// are answered a little later and not refused.
	browsingInLine = 1100
	buyingInLine   = 600
	payingInLine   = 600
	signingInLine  = 64

	// oneOf is the part of a line that one visitor may have at work. What a program asks for in one session without
	// pause, such as changes of one cart, which wait for each other, then waits behind itself and holds up nobody else.
	oneOf = 4

	// In a line that was full nobody begins to wait who would wait this long. Nginx gives a page of
	// the catalog a second and all else three, and what it gives up was waited for in vain.
	browsingPatience = 400 * time.Millisecond
	buyingPatience   = time.Second

	// crowdTime is longer than nginx keeps a server out, so that one that comes back is not filled again.
	crowdTime = 5 * time.Second

	// lineTime is below requestTime: who waited that long is told to come back, and is not served too late.
	lineTime = 2 * time.Second
	// shedRetry is when somebody who was refused may be served.
	shedRetry = 2 * time.Second
)

// shedder bounds what is at work, each kind of request for itself.
type shedder struct{ browsing, buying, paying, signing *line }

func newShedder(processors int64) *shedder {
	return &shedder{
		newLine(processors*browsingAtWork, browsingInLine, browsingPatience),
		newLine(processors*buyingAtWork, buyingInLine, buyingPatience),
		newLine(processors*payingAtWork, payingInLine, buyingPatience),
		newLine(processors*signingAtWork, signingInLine, buyingPatience),
	}
}

// lineOf returns where a request for path waits its turn; nil when it need not.
func (s *shedder) lineOf(path string) *line {
	switch {
	case path == "/health", path == "/ready", path == "/favicon.ico", under(path, "/assets"), under(path, "/logo"), under(path, "/ws"),
		under(path, "/media") && !under(path, "/media/p"):
		return nil
	case under(path, "/checkout"), under(path, "/api/checkout/process"):
		return s.paying
	case under(path, "/admin"): // for staff, who are few
		return s.buying
	case slow.MatchString(path):
		return s.signing
	}
	for _, root := range []string{"/cart", "/checkout", "/orders"} { // orders of the calls are below /api/checkout
		if under(path, root) || under(strings.TrimPrefix(path, "/api"), root) {
			return s.buying
		}
	}
	return s.browsing
}

// line lets some in at once, and others wait in their order. Once it was full it is kept short until
// nobody was refused for crowdTime: more came than can be served, and whoever waited behind all of them would be served too late.
type line struct {
	slots           *semaphore.Weighted
	atWork, longest int64
	patience        time.Duration
	waiting         atomic.Int64
	took            atomic.Int64 // nanoseconds of one at work (exponential moving average)
	crowded         atomic.Int64 // when somebody was refused last, in nanoseconds

	mu       sync.Mutex
	visitors map[string]*visitor // who have something at work or in line
}

// visitor is one of those who ask, by the secret that they claim to have.
type visitor struct {
	slots *semaphore.Weighted
	calls int64
}

func newLine(atWork, longest int64, patience time.Duration) *line {
	return &line{slots: semaphore.NewWeighted(atWork), atWork: atWork, longest: longest, patience: patience, visitors: map[string]*visitor{}}
}

// enterAs waits like enter, and before that behind what the same visitor has asked for already. Who claims to be
// nobody waits for nothing of their own. Who entered must leave as the same.
func (l *line) enterAs(ctx context.Context, name string) error {
	if name == "" {
		return l.enter(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, lineTime)
	defer cancel()
	v, err := l.join(name)
	if err != nil {
		return err
	}
	if v.slots.Acquire(ctx, 1) != nil {
		l.part(name, v)
		return domain.TooOften(shedRetry)
	}
	if err := l.enter(ctx); err != nil {
		v.slots.Release(1)
		l.part(name, v)
		return err
	}
	return nil
}

func (l *line) leaveAs(name string, took time.Duration) {
	if name != "" {
		l.mu.Lock()
		v := l.visitors[name]
		l.mu.Unlock()
		v.slots.Release(1)
		l.part(name, v)
	}
	l.leave(took)
}

// join lets the visitor ask for one more, as long as a whole line would have room for all of it.
func (l *line) join(name string) (*visitor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.visitors[name]
	if v == nil {
		v = &visitor{slots: semaphore.NewWeighted(max(1, l.atWork/oneOf))}
		l.visitors[name] = v
	}
	if v.calls > l.longest {
		return nil, domain.TooOften(shedRetry)
	}
	v.calls++
	return v, nil
}

func (l *line) part(name string, v *visitor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v.calls--; v.calls == 0 {
		delete(l.visitors, name)
	}
}

// enter waits for a turn, for lineTime at most, and fails at once when too many wait. Who entered must leave.
func (l *line) enter(ctx context.Context) error {
	if l.slots.TryAcquire(1) {
		return nil
	}
	begun := time.Now()
	defer l.waiting.Add(-1)
	waiting := l.waiting.Add(1)
	if waiting > l.longest {
		l.crowded.Store(begun.UnixNano())
		return errBusy()
	}
	crowded := func() bool { return time.Since(time.Unix(0, l.crowded.Load())) < crowdTime }
	if crowded() && time.Duration(waiting*l.took.Load()/l.atWork) > l.patience {
		l.crowded.Store(begun.UnixNano())
		return errBusy()
	}
	ctx, cancel := context.WithTimeout(ctx, lineTime)
	defer cancel()
	if err := l.slots.Acquire(ctx, 1); err != nil {
		return errBusy()
	}
	// Whoever began to wait before the line was full leaves its place to those who are not late.
	if crowded() && time.Since(begun) > 2*l.patience {
		l.slots.Release(1)
		return errBusy()
	}
	return nil
}

// leave ends what took so long. Of changes to the average that happen at once some may be lost.
func (l *line) leave(took time.Duration) {
	const weight = 32 // twice as many as are at work on two processors
	average := l.took.Load()
	l.took.Store(average + (int64(took)-average)/weight)
	l.slots.Release(1)
}

func errBusy() error {
	busy := domain.ErrUnavailable.Errorf(domain.CodeBusy, "the shop has too much to do just now; try again in a moment")
	busy.RetryAfter = shedRetry
	return busy
}

// busyPage takes next to no work, as a page with the shop's layout would.
const busyPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Back in a moment</title></head>
<body><main><h1>Back in a moment</h1><p>Very many people are in the shop just now. Your cart and everything you ordered are kept. Please try again in a few seconds.</p><p><a href="/">To the shop</a></p></main></body>
</html>
`

// shed answers in turn what next would answer, and refuses early what would come too late. Refusals are counted by
// their status and not logged, which would be the most of their work.
func shed(next http.Handler) http.Handler {
	return newShedder(int64(runtime.GOMAXPROCS(0))).before(next)
}

func (s *shedder) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line := s.lineOf(r.URL.Path)
		if line == nil {
			next.ServeHTTP(w, r)
			return
		}
		who := session.Claim(r)
		if err := line.enterAs(r.Context(), who); err != nil {
			refuse(w, r, err)
			return
		}
		begun := time.Now()
		defer func() { line.leaveAs(who, time.Since(begun)) }()
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.From(err)
	p.Head(w.Header())
	kind, body := "text/html; charset=utf-8", []byte(busyPage)
	if isJSON(r.URL.Path) {
		var encodeErr error
		if body, encodeErr = json.Marshal(p); encodeErr != nil {
			panic(encodeErr) // a problem is always JSON
		}
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // whoever asked is gone if this fails
}
