package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Sweep goes through all records with the lock held, which is quick in memory.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	maps.DeleteFunc(s.sessions, func(_ domain.SessionKey, session domain.Session) bool {
		return session.ExpiresAt.Before(now.Add(-port.SweepAfter))
	})
	s.sweepGuests(now)
	s.sweepPictures(now)

	unchanged := now.Add(-port.ConversationKept)
	maps.DeleteFunc(s.conversations, func(_ domain.ConversationID, c *conversation) bool { return c.ChangedAt.Before(unchanged) })
	maps.DeleteFunc(s.conversationOf, func(_ domain.OwnerID, c *conversation) bool { return c.ChangedAt.Before(unchanged) })

	s.contacts = slices.DeleteFunc(s.contacts, func(c domain.Contact) bool {
		old := c.SentAt.Before(now.Add(-port.ContactKept))
		if old {
			delete(s.contactIDs, c.ID)
		}
		return old
	})
	return nil
}

// sweepGuests deletes what is kept of guests who have had no session for as long as it is kept.
func (s *Store) sweepGuests(now time.Time) {
	away := map[domain.OwnerID]time.Time{}
	for _, owners := range []func(func(domain.OwnerID) bool){maps.Keys(s.carts), maps.Keys(s.wishlists)} {
		for owner := range owners {
			if owner.IsGuest() {
				away[owner] = now
			}
		}
	}
	for _, session := range s.sessions {
		delete(away, session.Guest)
	}
	s.guestsAway = since(s.guestsAway, away)
	for owner, at := range s.guestsAway {
		if at.Before(now.Add(-port.GuestKept)) {
			delete(s.carts, owner)
			delete(s.wishlists, owner)
			delete(s.guestsAway, owner)
		}
	}
}

// sweepPictures deletes the pictures that no product has shown for as long as they are kept.
func (s *Store) sweepPictures(now time.Time) {
	unshown := map[domain.PictureName]time.Time{}
	for name := range s.pictures {
		unshown[name] = now
	}
	if len(unshown) > 0 {
		for _, p := range s.products {
			for _, image := range p.Images {
				if name, ok := domain.PictureAt(image.URL); ok {
					delete(unshown, name)
				}
			}
		}
	}
	s.picturesUnshown = since(s.picturesUnshown, unshown)
	for name, at := range s.picturesUnshown {
		if at.Before(now.Add(-port.PictureKept)) {
			delete(s.pictures, name)
			delete(s.picturesUnshown, name)
		}
	}
}

// since returns what is found now, each with the time at which it was found first.
func since[K comparable](before, found map[K]time.Time) map[K]time.Time {
	for key, at := range before {
		if _, ok := found[key]; ok {
			found[key] = at
		}
	}
	return found
}
