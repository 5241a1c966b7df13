package live

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop/domain"
)

func TestPresence(t *testing.T) {
	const id = domain.ConversationID("talk-1")
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	after := func(d time.Duration) time.Time { return begin.Add(d) }
	of := func(kind domain.SignalKind, side domain.Side) domain.ChatSignal {
		sig := domain.ChatSignal{Kind: kind, From: domain.Party{Side: side}}
		if side == domain.CustomerSide {
			sig.Conversation = id
		}
		return sig
	}
	hears := func(t *testing.T, p *presence, sig domain.ChatSignal, staff bool, now time.Time) {
		t.Helper()
		_, ok := p.hear(sig, false, staff, now)
		assert.False(t, ok, "there is nothing to answer")
	}
	changes := func(p *presence, now time.Time, connected ...domain.ConversationID) map[domain.ConversationID]bool {
		return p.presenceChanges(slices.Values(connected), true, now)
	}

	t.Run("staff of another server is online until its signals end", func(t *testing.T) {
		p := newPresence()
		assert.False(t, p.staffOnline(false, begin))
		assert.True(t, p.staffOnline(true, begin))
		hears(t, p, of(domain.SignalHere, domain.AgentSide), false, begin)
		assert.True(t, p.staffOnline(false, after(onlineFor-1)))
		assert.False(t, p.staffOnline(false, after(onlineFor)))
	})
	t.Run("who left is online for a moment, in which they may connect again", func(t *testing.T) {
		p := newPresence()
		hears(t, p, of(domain.SignalHere, domain.CustomerSide), true, begin)
		hears(t, p, of(domain.SignalGone, domain.CustomerSide), true, begin)
		assert.True(t, p.shopperOnline(id, false, after(grace-1)))
		assert.False(t, p.shopperOnline(id, false, after(grace)))
		hears(t, p, of(domain.SignalGone, domain.AgentSide), false, begin)
		assert.True(t, p.staffOnline(false, after(grace-1)))
		assert.False(t, p.staffOnline(false, after(grace)))
	})
	t.Run("shoppers are remembered for staff alone", func(t *testing.T) {
		p := newPresence()
		hears(t, p, of(domain.SignalHere, domain.CustomerSide), false, begin)
		assert.False(t, p.shopperOnline(id, false, begin))
	})
	t.Run("who is connected here answers what says or asks otherwise", func(t *testing.T) {
		p := newPresence()
		for _, c := range []struct {
			sig domain.ChatSignal
			ok  bool
		}{
			{of(domain.SignalGone, domain.AgentSide), true}, {of(domain.SignalHere, domain.AgentSide), false},
			{of(domain.SignalGone, domain.CustomerSide), true}, {of(domain.SignalWho, domain.CustomerSide), true},
			{of(domain.SignalHere, domain.CustomerSide), false},
		} {
			reply, ok := p.hear(c.sig, true, true, begin)
			assert.Equal(t, c.ok, ok, c.sig)
			if ok {
				assert.Equal(t, of(domain.SignalHere, c.sig.From.Side), reply)
			}
		}
		hears(t, p, of(domain.SignalWho, domain.CustomerSide), true, begin)
	})
	t.Run("a change is announced once", func(t *testing.T) {
		p := newPresence()
		online, changed := p.staffChange(true, begin)
		assert.True(t, online && changed)
		_, changed = p.staffChange(true, begin)
		assert.False(t, changed)
		online, changed = p.staffChange(false, begin)
		assert.True(t, !online && changed)

		hears(t, p, of(domain.SignalHere, domain.CustomerSide), true, begin)
		assert.Equal(t, map[domain.ConversationID]bool{id: true, "talk-2": true}, changes(p, begin, "talk-2"))
		assert.Empty(t, changes(p, begin, "talk-2"))
		assert.Equal(t, map[domain.ConversationID]bool{"talk-2": false}, changes(p, begin))
		assert.Empty(t, changes(p, after(onlineFor), id), "it has come here from there")
		assert.Equal(t, map[domain.ConversationID]bool{id: false}, changes(p, after(onlineFor)))
	})
	t.Run("staff that comes is announced everybody anew", func(t *testing.T) {
		p := newPresence()
		assert.NotEmpty(t, changes(p, begin, id))
		assert.Empty(t, p.presenceChanges(slices.Values([]domain.ConversationID{id}), false, begin))
		assert.Equal(t, map[domain.ConversationID]bool{id: true}, changes(p, begin, id))
	})
}
