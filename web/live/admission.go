package live

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"eshop/domain"
	"eshop/web/problem"
)

// A socket lasts as long as its client likes, and needs neither an account nor a cookie.
const (
	// socketsInAll is for shoppers; an idle socket takes some 30 kB. Staff always finds room.
	socketsInAll = 4000
	// socketsOfAddress is for servers without nginx, which lets a whole office have 200.
	socketsOfAddress = 300
	// socketsOfSession is for the tabs of one person.
	socketsOfSession = 20
	// What the shoppers of an address may send, all together.
	addressFramesASecond, addressFramesAtOnce = 300, 900
	// admissionRetry is when somebody who was refused may find room.
	admissionRetry = 10 * time.Second
)

// admission bounds the connections of one server, and counts them until they end.
type admission struct {
	serving sync.WaitGroup

	mu        sync.Mutex
	draining  bool
	inAll     int
	addresses map[string]*crowd
	sessions  map[string]int
}

// crowd is the shoppers of one address.
type crowd struct {
	sockets int
	frames  *rate.Limiter
}

func newAdmission() *admission {
	return &admission{addresses: map[string]*crowd{}, sessions: map[string]int{}}
}

// admit counts a request that is to become a connection, or fails when there is no room for it. The limiter is for
// what all of its address send; nil for staff. A request that was admitted must end by leave.
func (a *admission) admit(staff bool, address, secret string) (*rate.Limiter, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.draining:
		return nil, problem.ErrDraining
	case secret != "" && a.sessions[secret] >= socketsOfSession:
		return nil, tooMany("too many connections of yours are open; close one first")
	case !staff && a.addresses[address] != nil && a.addresses[address].sockets >= socketsOfAddress:
		return nil, tooMany("too many connections are open from where you are; try again later")
	case !staff && a.inAll >= socketsInAll:
		busy := domain.ErrUnavailable.Errorf(domain.CodeBusy, "too many people are connected just now; try again later")
		busy.RetryAfter = admissionRetry
		return nil, busy
	}
	a.serving.Add(1)
	if secret != "" {
		a.sessions[secret]++
	}
	if staff {
		return nil, nil
	}
	a.inAll++
	if a.addresses[address] == nil {
		a.addresses[address] = &crowd{frames: rate.NewLimiter(addressFramesASecond, addressFramesAtOnce)}
	}
	a.addresses[address].sockets++
	return a.addresses[address].frames, nil
}

func tooMany(text string) error {
	limited := domain.ErrLimited.Errorf(domain.CodeRateLimited, "%s", text)
	limited.RetryAfter = admissionRetry
	return limited
}

// leave ends what admit counted.
func (a *admission) leave(staff bool, address, secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.serving.Done()
	if a.sessions[secret]--; a.sessions[secret] <= 0 {
		delete(a.sessions, secret)
	}
	if staff {
		return
	}
	a.inAll--
	if a.addresses[address].sockets--; a.addresses[address].sockets == 0 {
		delete(a.addresses, address)
	}
}

// drain refuses further requests.
func (a *admission) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
}
