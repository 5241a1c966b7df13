package live

import (
	"iter"
	"sync"
	"time"

	"eshop/domain"
)

const (
	// onlineFor is how long somebody on another server counts as online after the last signal.
	onlineFor = 25 * time.Second
	// grace is how long somebody who left still counts as online: they may be on the way to another server.
	grace = 2 * time.Second
)

// presence knows from signals who is connected to other servers, and who was last announced here as
// online. Callers pass who is connected to this server, which the registry knows. It is not
// stored: signals fill it again after a restart.
type presence struct {
	mu            sync.Mutex
	staffUntil    time.Time
	shoppersUntil map[domain.ConversationID]time.Time
	// What was announced: of staff to shoppers, and of shoppers to staff.
	staffAnnounced    bool
	shoppersAnnounced map[domain.ConversationID]bool
}

func newPresence() *presence {
	return &presence{shoppersUntil: map[domain.ConversationID]time.Time{}, shoppersAnnounced: map[domain.ConversationID]bool{}}
}

// staffOnline reports whether anybody of staff is connected to any server; connected reports whether to this one.
func (p *presence) staffOnline(connected bool, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return connected || now.Before(p.staffUntil)
}

// shopperOnline reports whether a conversation's shopper is connected to any server; connected reports whether to
// this one.
func (p *presence) shopperOnline(id domain.ConversationID, connected bool, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return connected || now.Before(p.shoppersUntil[id])
}

// staffChange reports whether staff is online, and whether that has changed since the last call.
func (p *presence) staffChange(connected bool, now time.Time) (online, changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	online = connected || now.Before(p.staffUntil)
	changed = online != p.staffAnnounced
	p.staffAnnounced = online
	return online, changed
}

// presenceChanges returns the shoppers who went online or offline since the last call, by conversation.
// connected has those of this server. Without staff here there is nobody to announce changes to.
func (p *presence) presenceChanges(connected iter.Seq[domain.ConversationID], staff bool, now time.Time) map[domain.ConversationID]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	online := map[domain.ConversationID]bool{}
	for id, until := range p.shoppersUntil {
		if now.Before(until) {
			online[id] = true
		} else {
			delete(p.shoppersUntil, id)
		}
	}
	if !staff {
		clear(p.shoppersAnnounced)
		return nil
	}
	for id := range connected {
		online[id] = true
	}
	changes := map[domain.ConversationID]bool{}
	for id := range online {
		if !p.shoppersAnnounced[id] {
			changes[id] = true
		}
	}
	for id := range p.shoppersAnnounced {
		if !online[id] {
			changes[id] = false
		}
	}
	p.shoppersAnnounced = online
	return changes
}

// hear records a signal of any server, maybe this one, about staff or a shopper. connected reports whether
// they are connected to this server, and staff whether staff is. If ok, reply is to be published: it
// corrects who says, or asks whether, they are gone.
func (p *presence) hear(sig domain.ChatSignal, connected, staff bool, now time.Time) (reply domain.ChatSignal, ok bool) {
	if connected && (sig.Kind == domain.SignalGone || sig.Kind == domain.SignalWho && sig.From.Side == domain.CustomerSide) {
		return domain.ChatSignal{Kind: domain.SignalHere, Conversation: sig.Conversation, From: sig.From}, true
	}
	until := now.Add(grace)
	switch sig.Kind {
	case domain.SignalHere:
		until = now.Add(onlineFor)
	case domain.SignalGone:
	default:
		return domain.ChatSignal{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if sig.From.Side == domain.AgentSide {
		p.staffUntil = until
	} else if staff {
		p.shoppersUntil[sig.Conversation] = until
	}
	return domain.ChatSignal{}, false
}
