package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
)

// Contacts holds an adapter to the promises of port.Contacts. open gives a store without a message.
func Contacts(t *testing.T, open func(*testing.T) (a, b port.Contacts)) {
	run(t, open, inTurns, keepingContacts, finishingContacts, cancellingContacts)
}

func keepingContacts(t *testing.T, open func(t *testing.T) turns[port.Contacts]) {
	t.Run("where there is no message every page is empty", func(t *testing.T) {
		contacts := open(t)
		for _, page := range []domain.Page{{Number: 1, Size: 1}, {Number: 9, Size: 100}} {
			got, total := contactsOn(t, contacts, page)
			assert.Empty(t, got)
			assert.Zero(t, total)
		}
	})
	t.Run("a message is kept as it was given", func(t *testing.T) {
		contacts := open(t)
		want := []domain.Contact{
			{ID: "three", Name: "Zoë \"Z\" O'Neil", Email: "Zoe@Example.com", Subject: "50% & <b>more</b>", Message: "Dear shop,\n\n\tdoes the 茶壺 pour?\n🙂 \\n", SentAt: noon.Add(2 * time.Microsecond)},
			{ID: "two", Name: "Ben", Email: "ben@example.com", Subject: "Call me", Message: "Please.", Phone: "+49 (0)30 123-45", CallBack: true, SentAt: noon.Add(time.Microsecond)},
			{ID: "one", Name: "Anna", Email: "anna@example.com", Subject: "s", Message: strings.Repeat("long ", 800), SentAt: noon},
		}
		for _, c := range want {
			require.NoError(t, contacts().AddContact(t.Context(), c))
		}
		got, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 10})
		assert.Equal(t, want, got)
		assert.Equal(t, 3, total)
	})
	t.Run("each field is kept by itself", func(t *testing.T) {
		contacts := open(t)
		eachField(t, aContact(1), map[string]any{"DoneAt": nil, "DoneBy": nil}, func(t *testing.T, changed domain.Contact) {
			changed.ID = domain.ContactID(t.Name())
			addContacts(t, contacts, changed)
			got, _ := contactsOn(t, contacts, domain.Page{Number: 1, Size: 100})
			assert.Contains(t, got, changed)
		})
	})
	t.Run("the newest is first, in whatever order they came", func(t *testing.T) {
		contacts := open(t)
		for _, n := range []int{3, 0, 4, 1, 5, 2} {
			addContacts(t, contacts, aContact(n))
		}
		got, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 100})
		assert.Equal(t, []domain.Contact{aContact(5), aContact(4), aContact(3), aContact(2), aContact(1), aContact(0)}, got)
		assert.Equal(t, 6, total)
	})
	t.Run("each page is its part of the list, and tells of all", func(t *testing.T) {
		contacts := open(t)
		var all []domain.Contact
		for n := range 7 {
			addContacts(t, contacts, aContact(n))
			all = slices.Insert(all, 0, aContact(n))
		}
		for _, c := range []struct {
			page     domain.Page
			from, to int
		}{
			{domain.Page{Number: 1, Size: 3}, 0, 3},
			{domain.Page{Number: 2, Size: 3}, 3, 6},
			{domain.Page{Number: 3, Size: 3}, 6, 7},
			{domain.Page{Number: 4, Size: 3}, 7, 7},
			{domain.Page{Number: 1_000_000, Size: 100}, 7, 7},
			{domain.Page{Number: 1, Size: 7}, 0, 7},
			{domain.Page{Number: 2, Size: 7}, 7, 7},
			{domain.Page{Number: 7, Size: 1}, 6, 7},
		} {
			got, total := contactsOn(t, contacts, c.page)
			assert.Equal(t, 7, total, c.page)
			assert.ElementsMatch(t, all[c.from:c.to], got, c.page)
			if len(got) > 0 {
				assert.Equal(t, all[c.from:c.to], got, c.page)
			}
		}
	})
	t.Run("of messages of one moment each is on one page, and stays there", func(t *testing.T) {
		contacts := open(t)
		var want, got []domain.Contact
		for _, n := range []int{4, 8, 0, 6, 2, 7, 3, 1, 5} {
			c := aContact(n)
			c.SentAt = noon
			addContacts(t, contacts, c)
			want = append(want, c)
		}
		for number := range 5 {
			page := domain.Page{Number: number + 1, Size: 2}
			part, total := contactsOn(t, contacts, page)
			assert.Equal(t, 9, total)
			again, _ := contactsOn(t, contacts, page)
			assert.Equal(t, part, again)
			got = append(got, part...)
		}
		assert.ElementsMatch(t, want, got)
		all, _ := contactsOn(t, contacts, domain.Page{Number: 1, Size: 100})
		assert.Equal(t, all, got, "the order does not depend on the page")
	})
	t.Run("a message whose id is kept already changes nothing", func(t *testing.T) {
		contacts := open(t)
		want := []domain.Contact{aContact(2), aContact(1), aContact(0)}
		addContacts(t, contacts, want...)
		again := aContact(8)
		again.ID = aContact(1).ID
		addContacts(t, contacts, aContact(1), again)
		got, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 100})
		assert.Equal(t, want, got)
		assert.Equal(t, 3, total)
	})
	t.Run("messages that differ in nothing but the id are all kept", func(t *testing.T) {
		contacts := open(t)
		ids := []domain.ContactID{"a", "A", "a ", "b"}
		for _, id := range ids {
			c := aContact(1)
			c.ID = id
			addContacts(t, contacts, c)
		}
		got, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 100})
		assert.Equal(t, len(ids), total)
		assert.Len(t, got, len(ids))
	})
	t.Run("of many with one id at once one is kept whole", func(t *testing.T) {
		contacts := open(t)
		all, errs := make([]domain.Contact, 20), make([]error, 20)
		for i := range all {
			all[i] = aContact(i)
			all[i].ID = "the-one"
		}
		atOnce(len(errs), func(i int) { errs[i] = contacts().AddContact(t.Context(), all[i]) })
		require.NoError(t, errors.Join(errs...))
		got, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 100})
		assert.Equal(t, 1, total)
		require.Len(t, got, 1)
		assert.Contains(t, all, got[0])
	})
	t.Run("of many that come at once none is lost", func(t *testing.T) {
		contacts := open(t)
		want, errs := make([]domain.Contact, 30), make([]error, 30)
		atOnce(len(errs), func(i int) { errs[i] = contacts().AddContact(t.Context(), aContact(i)) })
		require.NoError(t, errors.Join(errs...))
		for i := range want {
			want[i] = aContact(len(want) - 1 - i)
		}
		got, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 100})
		assert.Equal(t, 30, total)
		assert.Equal(t, want, got)
	})
	t.Run("who reads while messages come sees as many as there are said to be", func(t *testing.T) {
		contacts := open(t)
		errs := make([]error, 40)
		atOnce(len(errs), func(i int) {
			if i%2 == 0 {
				errs[i] = contacts().AddContact(t.Context(), aContact(i))
				return
			}
			got, total, err := contacts().Contacts(t.Context(), domain.Page{Number: 1, Size: 100})
			if err == nil && len(got) != total {
				err = fmt.Errorf("%d messages of %d", len(got), total)
			}
			errs[i] = err
		})
		require.NoError(t, errors.Join(errs...))
	})
	t.Run("changing what came out changes nothing that is kept", func(t *testing.T) {
		contacts := open(t)
		want := []domain.Contact{aContact(1), aContact(0)}
		addContacts(t, contacts, want...)
		for _, size := range []int{1, 2, 100} {
			got, _, err := contacts().Contacts(t.Context(), domain.Page{Number: 1, Size: size})
			require.NoError(t, err)
			got[0].Message = "spoilt"
			_ = append(got[:1], aContact(9))
			kept, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 100})
			assert.Equal(t, want, kept)
			assert.Equal(t, 2, total)
		}
	})
}

func finishingContacts(t *testing.T, open func(t *testing.T) turns[port.Contacts]) {
	t.Run("who saw to a message first is noted, and nothing else of it changes", func(t *testing.T) {
		contacts := open(t)
		addContacts(t, contacts, aContact(0), aContact(1))
		want := aContact(0)
		want.DoneBy, want.DoneAt = "Zoë", noon.Add(time.Hour)
		require.NoError(t, contacts().FinishContact(t.Context(), want.ID, "Zoë", want.DoneAt))
		require.NoError(t, contacts().FinishContact(t.Context(), want.ID, "Tom", noon.Add(2*time.Hour)))
		addContacts(t, contacts, aContact(0))
		got, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 10})
		assert.Equal(t, []domain.Contact{aContact(1), want}, got)
		assert.Equal(t, 2, total)
	})
	t.Run("of many that see to one at once one is noted", func(t *testing.T) {
		contacts := open(t)
		addContacts(t, contacts, aContact(0))
		errs := make([]error, 20)
		atOnce(len(errs), func(i int) {
			errs[i] = contacts().FinishContact(t.Context(), aContact(0).ID, fmt.Sprint(i), noon.Add(time.Duration(i)*time.Second))
		})
		require.NoError(t, errors.Join(errs...))
		got, _ := contactsOn(t, contacts, domain.Page{Number: 1, Size: 10})
		require.Len(t, got, 1)
		seconds := got[0].DoneAt.Sub(noon) / time.Second
		assert.Equal(t, fmt.Sprint(int(seconds)), got[0].DoneBy)
	})
	t.Run("what is not there cannot be seen to", func(t *testing.T) {
		contacts := open(t)
		require.ErrorIs(t, contacts().FinishContact(t.Context(), "none", "Tom", noon), domain.ErrNotFound)
		addContacts(t, contacts, aContact(0))
		require.ErrorIs(t, contacts().FinishContact(t.Context(), "none", "Tom", noon), domain.ErrNotFound)
		got, _ := contactsOn(t, contacts, domain.Page{Number: 1, Size: 10})
		assert.Equal(t, []domain.Contact{aContact(0)}, got)
	})
}

func cancellingContacts(t *testing.T, open func(t *testing.T) turns[port.Contacts]) {
	for name, call := range map[string]func(context.Context, turns[port.Contacts]) error{
		"AddContact": func(ctx context.Context, contacts turns[port.Contacts]) error {
			return contacts().AddContact(ctx, aContact(2))
		},
		"FinishContact": func(ctx context.Context, contacts turns[port.Contacts]) error {
			return contacts().FinishContact(ctx, aContact(1).ID, "Tom", noon)
		},
		"Contacts": func(ctx context.Context, contacts turns[port.Contacts]) error {
			_, _, err := contacts().Contacts(ctx, domain.Page{Number: 1, Size: 10})
			return err
		},
	} {
		t.Run(name+" that is cancelled is an error without an effect", func(t *testing.T) {
			contacts := open(t)
			addContacts(t, contacts, aContact(1))
			require.Error(t, call(cancelled(t), contacts))
			got, total := contactsOn(t, contacts, domain.Page{Number: 1, Size: 10})
			assert.Equal(t, []domain.Contact{aContact(1)}, got)
			assert.Equal(t, 1, total)
			addContacts(t, contacts, aContact(2))
			_, total = contactsOn(t, contacts, domain.Page{Number: 1, Size: 10})
			assert.Equal(t, 2, total, "the id was not used up")
		})
	}
}

// aContact is message number n; a higher number was sent later. Its id says nothing of when.
func aContact(n int) domain.Contact {
	return domain.Contact{
		ID: domain.ContactID(fmt.Sprintf("message-%02d", n*37%100)), Name: fmt.Sprint("Anna ", n), Email: "anna@example.com",
		Subject: fmt.Sprint("Question ", n), Message: "Does it pour?", SentAt: noon.Add(time.Duration(n) * time.Microsecond),
	}
}

func addContacts(t *testing.T, contacts turns[port.Contacts], all ...domain.Contact) {
	t.Helper()
	for _, c := range all {
		require.NoError(t, contacts().AddContact(t.Context(), c))
	}
}

func contactsOn(t *testing.T, contacts turns[port.Contacts], page domain.Page) ([]domain.Contact, int) {
	t.Helper()
	all, total, err := contacts().Contacts(t.Context(), page)
	require.NoError(t, err)
	for i := range all {
		all[i].SentAt = all[i].SentAt.UTC()
		if all[i].DoneAt = all[i].DoneAt.UTC(); !all[i].Done() {
			all[i].DoneAt = time.Time{}
		}
	}
	return all, total
}
