// Package live is the chat over WebSocket. It delivers to each client the messages of
// its conversation, whichever server they were sent to.
//
// Events between servers only wake: what is new is then read from the stores by
// sequence number. It is also read when a client connects, and when the reconciliation,
// every five seconds, finds a revision that a client does not know. So a lost event
// delays a message and never loses it.
//
// # Parts
//
// A [Hub] is the connections of one server. Its admission bounds how many there are, in all,
// of an address and of a session. Its registry knows who is connected
// here: shoppers by conversation, and staff, who follow every open one. Its
// deliverer runs a worker for each conversation that was woken. Its presence knows who
// is connected to other servers. A socket is one connection.
//
// # Delivery
//
// A cursor is how far one client knows one conversation: the last message and the
// revision that were sent to it. The window is how many frames may be in flight: handed
// to melody, and not yet written to the network. When the window is full, the ID of
// the conversation goes on the socket's backlog, and its frames are dropped. Once few
// frames are in flight (lowWater), the backlog is woken and read on from the cursors. So a
// slow client delays nobody and takes bounded memory. While too many answers are in
// flight (highWater), nothing more is read from the client.
//
// # Goroutines
//
// Melody runs two goroutines for each connection, a reader and a writer, which end with
// it. Run receives events until its context ends. Deliveries, reconciliations and signals
// are workers: each ends when it is done, at the latest when Drain stops them after
// the last connection has left.
//
// # Locks
//
// Each part and each socket has one mutex for its own fields. No goroutine takes one while
// it holds another, or asks a store while it holds any, so there is no lock order. A
// socket's mutex is held while a frame is handed to melody, which does not block: it calls
// HandleError when its buffer is full.
package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/olahol/melody"
	"github.com/prometheus/client_golang/prometheus"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/session"
)

const (
	// reconcileEvery is how long a lost event delays at most.
	reconcileEvery = 5 * time.Second
	// revisitEvery is how long a connection may outlive its session when nothing is sent over it and
	// the event is lost. It also ends those whose session ends by time.
	revisitEvery = 30 * time.Second
	// storeTime bounds how long one step waits for the stores.
	storeTime = 5 * time.Second
)

// Hub keeps the connections of one server. Run it while the server serves, and Drain it before
// the server ends.
type Hub struct {
	cookies *session.Cookies
	chat    *usecase.Chat
	log     *slog.Logger

	shoppers, staff *melody.Melody // the connections of either address

	admission   *admission
	registry    *registry
	deliverer   *deliverer
	presence    *presence
	workers     *workers
	heard       atomic.Int64 // conversations woken, ends of sessions, and times when events were lost
	reads       *readMarks
	reconciling atomic.Bool
	dismissing  atomic.Bool // all who may no longer be connected

	closing sync.Once
	closed  error // what closing the connections ended with
}

// New returns the hub of one server, which counts its connections in metrics.
func New(cookies *session.Cookies, chat *usecase.Chat, metrics prometheus.Registerer, log *slog.Logger) *Hub {
	h := &Hub{cookies: cookies, chat: chat, log: log, admission: newAdmission(), registry: newRegistry(), presence: newPresence(), workers: newWorkers(), reads: newReadMarks()}
	h.deliverer = newDeliverer(h.workers, h.deliver, log)
	h.shoppers, h.staff = h.melody(), h.melody()
	for side, m := range map[domain.Side]*melody.Melody{domain.CustomerSide: h.shoppers, domain.AgentSide: h.staff} {
		metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "eshop_chat_connections", Help: "Connections that are open now, by side.", ConstLabels: prometheus.Labels{"side": string(side)},
		}, func() float64 { return float64(m.Len()) }))
	}
	return h
}

// Run receives the events of all servers until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	reconcile, tick, ask := time.NewTicker(reconcileEvery), time.NewTicker(tickEvery), time.NewTicker(askEvery)
	revisit := time.NewTicker(revisitEvery)
	defer revisit.Stop()
	defer reconcile.Stop()
	defer tick.Stop()
	defer ask.Stop()
	var changes, signals, ends <-chan domain.Event
	unsubscribe := context.CancelFunc(func() {})
	defer func() { unsubscribe() }()
	subscribe := func() {
		unsubscribe()
		var subscription context.Context
		subscription, unsubscribe = context.WithCancel(ctx)
		var err error
		if changes, signals, err = h.chat.Subscribe(subscription); err != nil {
			changes, signals = nil, nil
		}
		if ends, err = h.cookies.SubscribeEnds(subscription); err != nil {
			ends = nil
		}
		h.missed()
		h.dismiss("")
	}
	subscribe()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-changes:
			switch {
			case !ok:
				changes = nil
			case e.Key == "":
				h.missed()
			default:
				h.wake(domain.ConversationID(e.Key))
			}
		case e, ok := <-signals:
			if !ok {
				signals = nil
			} else if sig, ok := usecase.ParseSignal(e); ok {
				h.hear(sig)
			}
		case e, ok := <-ends:
			if !ok {
				ends = nil
			} else {
				h.heard.Add(1)
				h.dismiss(domain.OwnerID(e.Key))
			}
		case <-revisit.C:
			h.dismiss("")
		case <-tick.C:
			if changes == nil || signals == nil || ends == nil {
				subscribe()
			}
			h.tick()
		case <-ask.C:
			h.ask()
		case <-reconcile.C:
			h.reconcileSoon()
		}
	}
}

// missed reconciles everything, as events were lost: also who joins later may have missed one.
func (h *Hub) missed() {
	h.heard.Add(1)
	for _, s := range h.registry.allShoppers() {
		s.searchSoon()
	}
	h.reconcileSoon()
}

// wake delivers what is new in a conversation to those of this server who follow it.
func (h *Hub) wake(id domain.ConversationID) {
	h.heard.Add(1)
	if h.registry.concerns(id) {
		h.deliverer.wake(id)
	}
}

// dismiss closes the connections of an owner whose session has ended, or that may no longer be
// staff's; "" is every owner.
func (h *Hub) dismiss(owner domain.OwnerID) {
	if owner == "" && !h.dismissing.CompareAndSwap(false, true) {
		return
	}
	h.workers.start(func(ctx context.Context) {
		if owner == "" {
			defer h.dismissing.Store(false)
		}
		for _, s := range h.registry.of(owner) {
			h.check(ctx, s)
		}
	})
}

// check closes a connection whose session has ended, or that may no longer be staff's.
func (h *Hub) check(ctx context.Context, s *socket) {
	if _, err := h.identify(ctx, s, 0); errors.Is(err, domain.ErrUnauthenticated) {
		s.end(errSignedOut)
	}
}

// Drain refuses new connections, asks the present ones to connect again elsewhere, and waits
// until they have left or ctx ends. What they sent before is kept. Draining again changes nothing.
func (h *Hub) Drain(ctx context.Context) error {
	h.admission.drain()
	for _, s := range h.registry.drain() {
		s.close(melody.CloseServiceRestart, "restart")
	}
	left := make(chan struct{})
	go func() {
		h.admission.serving.Wait()
		close(left)
	}()
	defer h.workers.stop()
	select {
	case <-left:
	case <-ctx.Done():
		return ctx.Err()
	}
	h.keepReads(ctx)
	// melody may wait for ever when it is closed again right away.
	h.closing.Do(func() { h.closed = errors.Join(h.shoppers.Close(), h.staff.Close()) })
	return h.closed
}
