package live

import (
	"context"
	"maps"
	"slices"
	"time"

	"eshop/domain"
	"eshop/web/chat"
)

const (
	// tickEvery is how soon it is announced that somebody went online or offline.
	tickEvery = time.Second
	// askEvery is how often the presence of other servers is asked for, well within onlineFor.
	askEvery = 10 * time.Second
)

// signal publishes what is true for a moment.
func (h *Hub) signal(signals ...domain.ChatSignal) {
	h.workers.start(func(ctx context.Context) {
		for _, s := range signals {
			h.chat.Signal(ctx, s)
		}
	})
}

// hear takes in what a server, maybe this one, signalled.
func (h *Hub) hear(sig domain.ChatSignal) {
	if sig.Kind == domain.SignalTyping {
		h.sendTyping(sig)
		return
	}
	staff := h.staffHere()
	connected := staff
	if sig.From.Side != domain.AgentSide {
		connected = h.shopperHere(sig.Conversation)
	}
	if reply, ok := h.presence.hear(sig, connected, staff, time.Now()); ok {
		h.signal(reply)
	}
}

// sendTyping sends to the other side that somebody is typing.
func (h *Hub) sendTyping(sig domain.ChatSignal) {
	frame := encode(typingFrame{typeTyping, sig.Conversation, chat.Party{Role: sig.From.Side, Name: sig.From.Name}})
	others := h.registry.allStaff()
	if sig.From.Side == domain.AgentSide {
		others = h.registry.audience(sig.Conversation)
	}
	for _, s := range others {
		s.offer(frame)
	}
}

// staffHere reports whether anybody of staff is connected to this server.
func (h *Hub) staffHere() bool { return len(h.registry.allStaff()) > 0 }

// shopperHere reports whether a conversation's shopper is connected to this server.
func (h *Hub) shopperHere(id domain.ConversationID) bool { return len(h.registry.audience(id)) > 0 }

// staffOnline reports whether anybody of staff is connected to any server.
func (h *Hub) staffOnline() bool { return h.presence.staffOnline(h.staffHere(), time.Now()) }

// tick announces who went online or offline: staff to shoppers, and shoppers to staff.
func (h *Hub) tick() {
	now, staff := time.Now(), h.registry.allStaff()
	if online, changed := h.presence.staffChange(len(staff) > 0, now); changed {
		for _, s := range h.registry.allShoppers() {
			s.announceStaff(online)
		}
	}
	for id, online := range h.presence.presenceChanges(maps.Keys(h.registry.threads()), len(staff) > 0, now) {
		for _, s := range staff {
			s.announceShopper(id, online)
		}
	}
}

// ask keeps presence alive: it signals that staff is here, and asks for the shoppers that staff sees and who
// are not connected here.
func (h *Hub) ask() {
	staff := h.registry.allStaff()
	if len(staff) == 0 {
		return
	}
	var ids []domain.ConversationID
	for _, s := range staff {
		ids = append(ids, s.knownOpen()...)
	}
	slices.Sort(ids)
	signals := []domain.ChatSignal{{Kind: domain.SignalHere, From: domain.Party{Side: domain.AgentSide}}}
	for _, id := range slices.Compact(ids) {
		if !h.shopperHere(id) {
			signals = append(signals, domain.ChatSignal{Kind: domain.SignalWho, Conversation: id, From: domain.Party{Side: domain.CustomerSide}})
		}
	}
	h.signal(signals...)
}
