package history

import (
	"fmt"
	"maps"
	"slices"
)

// Order is an order as it is kept.
type Order struct {
	ID, Key string // Key is of the purchase that made it
	Total   int64  // in minor units
	Paid    bool   // so that its money is the shop's
}

// Charge is money that a gateway took, less what it gave back.
type Charge struct {
	Order  string
	Amount int64
}

// Money reports where the money that was taken is not that of the orders that are paid, each once, and which
// keys made several orders.
func Money(orders []Order, charges []Charge) []string {
	var wrong []string
	owed, keys := map[string]int64{}, map[string]string{}
	for _, o := range orders {
		if o.Paid {
			owed[o.ID] += o.Total
		}
		if other, ok := keys[o.Key]; ok && o.Key != "" && other != o.ID {
			wrong = append(wrong, fmt.Sprintf("the key %s made the orders %s and %s", o.Key, other, o.ID))
		}
		keys[o.Key] = o.ID
	}
	taken := map[string]int64{}
	for _, c := range charges {
		taken[c.Order] += c.Amount
	}
	for id := range maps.Keys(merged(owed, taken)) {
		if owed[id] != taken[id] {
			wrong = append(wrong, fmt.Sprintf("for order %s %d is due, and %d was taken", id, owed[id], taken[id]))
		}
	}
	slices.Sort(wrong)
	return wrong
}

func merged(a, b map[string]int64) map[string]int64 {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// Message is one of a conversation, as somebody has it.
type Message struct {
	Seq      int64
	ClientID string // whoever said it chose it; "" for what the shop says by itself
	Body     string
}

// Conversation reports where what the ends of a conversation have is not one log: numbered from 1 without gap or
// double, the same at every end, with all that was acknowledged, under its number, and nothing that nobody said. said holds
// what was said, by client id; acknowledged has a Seq for what was.
func Conversation(said map[string]Message, ends ...[]Message) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for n, end := range ends {
		heard := map[string]int64{}
		for i, m := range end {
			if m.Seq != int64(i+1) {
				complain("end %d has message %d where %d belongs", n, m.Seq, i+1)
			}
			if m.ClientID == "" {
				continue
			}
			if seq, ok := heard[m.ClientID]; ok {
				complain("end %d has %s twice, as %d and %d", n, m.ClientID, seq, m.Seq)
			}
			heard[m.ClientID] = m.Seq
			switch by, ok := said[m.ClientID]; {
			case !ok:
				complain("end %d has %s, which nobody said", n, m.ClientID)
			case by.Body != m.Body:
				complain("end %d has %q for %s, and %q was said", n, m.Body, m.ClientID, by.Body)
			case by.Seq != 0 && by.Seq != m.Seq:
				complain("end %d has %s as %d, and it was acknowledged as %d", n, m.ClientID, m.Seq, by.Seq)
			}
		}
		for id, m := range said {
			if _, ok := heard[id]; m.Seq != 0 && !ok {
				complain("end %d lacks %s, which was acknowledged as %d", n, id, m.Seq)
			}
		}
		if n > 0 && !slices.Equal(end, ends[0]) {
			complain("end %d has another log than end 0", n)
		}
	}
	slices.Sort(wrong)
	return wrong
}
