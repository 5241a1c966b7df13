package live

import (
	"context"
	"time"

	"eshop/domain"
	"eshop/web/chat"
)

const (
	// presentFor is how long somebody on another server counts as there after the last sign.
	presentFor = 25 * time.Second
	askEvery   = 10 * time.Second
	// grace is how long nobody is told that somebody has gone, who may be on the way to another server.
	grace = 2 * time.Second
	// tickEvery is how soon it is noticed that somebody came or went.
	tickEvery = time.Second
)

// presence is who is connected to other servers, and what was said of it here.
// It is nobody's record: it vanishes and comes again by itself.
type presence struct {
	staffUntil time.Time
	until      map[domain.ConversationID]time.Time
	online     bool                           // what shoppers were told of the staff
	here       map[domain.ConversationID]bool // what staff was told of the shoppers
}

func newPresence() presence {
	return presence{until: map[domain.ConversationID]time.Time{}, here: map[domain.ConversationID]bool{}}
}

// staffed reports whether anybody of the staff is connected anywhere.
func (h *Hub) staffed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isStaffed(time.Now())
}

func (h *Hub) isStaffed(now time.Time) bool {
	return len(h.staff) > 0 || now.Before(h.presence.staffUntil)
}

// here reports whether the shopper is connected anywhere.
func (h *Hub) here(id domain.ConversationID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isHere(id, time.Now())
}

func (h *Hub) isHere(id domain.ConversationID, now time.Time) bool {
	return len(h.rooms[id].membersIfAny()) > 0 || now.Before(h.presence.until[id])
}

// tick tells who is told of presence what has changed.
func (h *Hub) tick() {
	now := time.Now()
	h.mu.Lock()
	online := h.isStaffed(now)
	changed := online != h.presence.online
	h.presence.online = online
	var shoppers []*socket
	if changed {
		for s := range h.joined {
			if !s.staff {
				shoppers = append(shoppers, s)
			}
		}
	}
	moved := h.comings(now)
	var staff []*socket
	for s := range h.staff {
		staff = append(staff, s)
	}
	h.mu.Unlock()
	for _, s := range shoppers {
		s.tellOnline(online)
	}
	for id, here := range moved {
		for _, s := range staff {
			s.tellHere(id, here)
		}
	}
}

// comings are the shoppers who came or went since staff was told. It is called with h.mu held.
func (h *Hub) comings(now time.Time) map[domain.ConversationID]bool {
	p := &h.presence
	for id, until := range p.until {
		if now.After(until) {
			delete(p.until, id)
		}
	}
	if len(h.staff) == 0 {
		clear(p.here)
		return nil
	}
	moved := map[domain.ConversationID]bool{}
	for id := range p.here {
		if !h.isHere(id, now) {
			moved[id] = false
			delete(p.here, id)
		}
	}
	come := func(id domain.ConversationID) {
		if !p.here[id] {
			moved[id], p.here[id] = true, true
		}
	}
	for id, r := range h.rooms {
		if len(r.members) > 0 {
			come(id)
		}
	}
	for id := range p.until {
		come(id)
	}
	return moved
}

func (s *socket) tellOnline(online bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.places) == 0 {
		s.push(encode(standingOf(domain.Conversation{}, online)))
	}
	for _, p := range s.places {
		now := p.standing
		if now.Online = online; now.Type != "" && now != p.standing && s.push(encode(now)) {
			p.standing = now
		}
	}
}

func (s *socket) tellHere(id domain.ConversationID, here bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.places[id]; p != nil && p.here != here &&
		s.push(encode(presenceFrame{typePresence, id, chat.Party{Role: domain.CustomerSide}, here})) {
		p.here = here
	}
}

// signal tells other servers what is true for a moment.
func (h *Hub) signal(signals ...domain.ChatSignal) {
	h.background(func() {
		for _, s := range signals {
			h.talking.Signal(h.ctx, s)
		}
	})
}

// ask keeps the knowledge of who is where alive: it says that staff is here, and asks for the shoppers that staff sees.
func (h *Hub) ask() {
	h.mu.Lock()
	var signals []domain.ChatSignal
	if len(h.staff) > 0 {
		signals = append(signals, domain.ChatSignal{Kind: domain.SignalHere, From: domain.Party{Side: domain.AgentSide}})
	}
	asked := map[domain.ConversationID]bool{}
	for s := range h.staff {
		s.mu.Lock()
		for id := range s.places {
			if !asked[id] && len(h.rooms[id].membersIfAny()) == 0 {
				asked[id] = true
				signals = append(signals, domain.ChatSignal{Kind: domain.SignalWho, Conversation: id, From: domain.Party{Side: domain.CustomerSide}})
			}
		}
		s.mu.Unlock()
	}
	h.mu.Unlock()
	if len(signals) > 0 {
		h.signal(signals...)
	}
}

// hear takes in what another server, or this one, signalled.
func (h *Hub) hear(sig domain.ChatSignal) {
	switch {
	case sig.Kind == domain.SignalTyping:
		h.tellTyping(sig)
	case sig.From.Side == domain.AgentSide:
		h.hearOfStaff(sig)
	default:
		h.hearOfShopper(sig)
	}
}

func (h *Hub) hearOfStaff(sig domain.ChatSignal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case sig.Kind == domain.SignalHere:
		h.presence.staffUntil = time.Now().Add(presentFor)
	case sig.Kind == domain.SignalGone && len(h.staff) > 0:
		h.replyLocked(domain.ChatSignal{Kind: domain.SignalHere, From: sig.From})
	case sig.Kind == domain.SignalGone:
		h.presence.staffUntil = time.Now().Add(grace)
	}
}

func (h *Hub) hearOfShopper(sig domain.ChatSignal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	connected := len(h.rooms[sig.Conversation].membersIfAny()) > 0
	switch {
	case connected && (sig.Kind == domain.SignalWho || sig.Kind == domain.SignalGone):
		h.replyLocked(domain.ChatSignal{Kind: domain.SignalHere, Conversation: sig.Conversation, From: sig.From})
	case len(h.staff) == 0:
	case sig.Kind == domain.SignalHere:
		h.presence.until[sig.Conversation] = time.Now().Add(presentFor)
	case sig.Kind == domain.SignalGone:
		h.presence.until[sig.Conversation] = time.Now().Add(grace)
	}
}

// replyLocked is signal with h.mu held.
func (h *Hub) replyLocked(sig domain.ChatSignal) {
	if h.ctx.Err() == nil {
		h.workers.Go(func() { h.talking.Signal(h.ctx, sig) })
	}
}

// tellTyping passes on that somebody types, to the other side.
func (h *Hub) tellTyping(sig domain.ChatSignal) {
	frame := encode(typingFrame{typeTyping, sig.Conversation, chat.Party{Role: sig.From.Side, Name: sig.From.Name}})
	h.mu.Lock()
	var listeners []*socket
	if sig.From.Side == domain.AgentSide {
		for s := range h.rooms[sig.Conversation].membersIfAny() {
			listeners = append(listeners, s)
		}
	} else {
		for s := range h.staff {
			listeners = append(listeners, s)
		}
	}
	h.mu.Unlock()
	for _, s := range listeners {
		s.offer(frame)
	}
}

// Run delivers what other servers say until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	var changes, signals <-chan domain.Event
	unfollow := context.CancelFunc(func() {})
	defer func() { unfollow() }()
	beat, tick, ask := time.NewTicker(beatEvery), time.NewTicker(tickEvery), time.NewTicker(askEvery)
	defer beat.Stop()
	defer tick.Stop()
	defer ask.Stop()
	beating := make(chan struct{}, 1)
	follow := func() {
		unfollow()
		var following context.Context
		following, unfollow = context.WithCancel(ctx)
		var err error
		if changes, signals, err = h.talking.Subscribe(following); err != nil {
			changes, signals = nil, nil
		}
		h.beatSoon(beating)
	}
	follow()
	for {
		select {
		case <-ctx.Done():
			return
		case e, more := <-changes:
			if !more {
				changes = nil
				continue
			}
			if e.Key == "" {
				// Some news was missed.
				h.beatSoon(beating)
				continue
			}
			h.wake(domain.ConversationID(e.Key))
		case e, more := <-signals:
			if !more {
				signals = nil
				continue
			}
			if sig, ok := domain.ParseChatSignal(e.Key); ok {
				h.hear(sig)
			}
		case <-tick.C:
			if changes == nil || signals == nil {
				follow()
			}
			h.tick()
		case <-ask.C:
			h.ask()
		case <-beat.C:
			h.beatSoon(beating)
		}
	}
}

// beatSoon beats, unless a beat is still at work.
func (h *Hub) beatSoon(beating chan struct{}) {
	select {
	case beating <- struct{}{}:
		h.background(func() {
			defer func() { <-beating }()
			ctx, cancel := context.WithTimeout(h.ctx, storeTime)
			defer cancel()
			h.beat(ctx)
		})
	default:
	}
}
