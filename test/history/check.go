package history

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Check reports what no shop that keeps its promises would have answered: for each object whose calls cannot
// have happened one after another, each between its beginning and its end, a text that shows them. One that
// cannot be decided within the time is reported, too.
func (h *History) Check(within time.Duration) []string {
	h.mu.Lock()
	of := map[Object][]*operation{}
	for _, o := range h.all {
		of[o.object] = append(of[o.object], o)
	}
	initial := maps.Clone(h.initial)
	h.mu.Unlock()
	var wrong []string
	for object, all := range of {
		if says := judge(object, initial[object], inOrder(all), within); says != "" {
			wrong = append(wrong, says)
		}
	}
	slices.Sort(wrong)
	return wrong
}

func judge(object Object, initial any, all []*operation, within time.Duration) string {
	rules := models[object.Kind]
	all = withHolds(all)
	model := (&porcupine.NondeterministicModel{
		Init: func() []any { return []any{rules.init(initial)} },
		Step: func(state, input, _ any) []any { return step(rules, state, input.(*operation)) },
	}).ToModel()
	var history []porcupine.Operation
	for _, o := range all {
		end := int64(o.returned)
		if o.outcome == open {
			if _, ok := o.ask.(Look); ok {
				continue // says nothing
			}
			end = math.MaxInt64
		}
		history = append(history, porcupine.Operation{ClientId: o.client, Input: o, Call: int64(o.call), Return: end})
	}
	result, info := porcupine.CheckOperationsVerbose(model, history, within)
	switch result {
	case porcupine.Ok:
		return ""
	case porcupine.Unknown:
		return fmt.Sprintf("%s: %d calls could not be judged in %v", object, len(history), within)
	default:
		return refusal(object, rules, initial, all, info)
	}
}

// withHolds leaves the holds out, and tells each call how much they may have kept from it.
func withHolds(all []*operation) []*operation {
	var holds, others []*operation
	for _, o := range all {
		if _, ok := o.ask.(Hold); ok {
			holds = append(holds, o)
		} else {
			others = append(others, o)
		}
	}
	for i, o := range others {
		changed := *o
		for _, h := range holds {
			if h.call <= o.returned && (h.outcome == open || o.call <= h.returned) {
				changed.held += h.ask.(Hold).N
			}
		}
		others[i] = &changed
	}
	return others
}

// refusal shows the calls of an object up to the one that fits nowhere: those after it do not matter.
func refusal(object Object, rules rules, initial any, all []*operation, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, some := range partition {
			if len(some) > len(longest) {
				longest = some
			}
		}
	}
	states, placed := []any{rules.init(initial)}, map[*operation]bool{}
	for _, o := range longest {
		placed[o.Input.(*operation)] = true
		var next []any
		for _, s := range states {
			next = append(next, step(rules, s, o.Input.(*operation))...)
		}
		states = next
	}
	text := fmt.Sprintf("%s: no order of its calls gives these answers. It began with %v", object, rules.init(initial))
	var stuck *operation
	for _, o := range all {
		if !placed[o] && o.outcome != open && (stuck == nil || o.returned < stuck.returned) {
			stuck = o
		}
	}
	for _, o := range all {
		if stuck != nil && o.call > stuck.returned {
			break
		}
		mark := "  "
		if o == stuck {
			mark = "! "
		}
		text += "\n" + mark + o.String()
	}
	var be []string
	for _, s := range states {
		be = append(be, fmt.Sprint(s))
	}
	return text + "\n  expected where the mark is: an answer that fits " + strings.Join(slices.Compact(slices.Sorted(slices.Values(be))), " or ")
}

// step is what state becomes, in each of the ways that the call's outcome leaves open.
func step(rules rules, state any, o *operation) []any {
	if o.outcome == refused {
		if rules.refuses(state, o) {
			return []any{state}
		}
		return nil
	}
	after, ok := rules.after(state, o)
	switch {
	case o.outcome == answered && !ok:
		return nil
	case o.outcome == answered:
		return []any{after}
	case !ok || after == state:
		return []any{state}
	default: // it was heard or not
		return []any{state, after}
	}
}

// rules are how one sort of object behaves when it is asked one thing after another. Its states are comparable.
type rules struct {
	init func(given any) any
	// after is the state once it is done; ok is false when it cannot be done, or is answered
	// otherwise. An answer of nil is not known.
	after func(state any, o *operation) (after any, ok bool)
	// refuses reports whether a refusal is right.
	refuses func(state any, o *operation) bool
}

var models = map[Kind]rules{
	Stock: {
		init: func(given any) any {
			n, _ := given.(int)
			return n
		},
		after: func(state any, o *operation) (any, bool) {
			n := state.(int)
			switch a := o.ask.(type) {
			case Take:
				n -= a.N
			case Give:
				n += a.N
			case Count:
				n += a.Delta
			}
			told, ok := o.answer.(int)
			return n, n >= 0 && (!ok || n-o.held <= told && told <= n)
		},
		refuses: func(state any, o *operation) bool {
			switch a := o.ask.(type) {
			case Take:
				return state.(int)-o.held < a.N
			case Count:
				return state.(int)-o.held+a.Delta < 0
			}
			return false
		},
	},
	Cart: {
		init: func(given any) any {
			lines, _ := given.(Lines)
			return lines.String()
		},
		after: func(state any, o *operation) (any, bool) {
			before := linesOf(state.(string))
			lines := maps.Clone(before)
			switch a := o.ask.(type) {
			case Add:
				lines[a.Product] += a.N
			case Put:
				lines[a.Product] = a.N
			case Fill:
				for product, n := range a.Lines {
					lines[product] += n
				}
			case Empty:
				took, ok := o.answer.(Lines)
				return "", len(before) > 0 && (!ok || took.String() == state)
			}
			shows, ok := o.answer.(Lines)
			return lines.String(), !ok || shows.String() == lines.String()
		},
		refuses: func(any, *operation) bool { return true }, // how many may be bought is for another object to say
	},
	Key: {
		init: func(any) any { return "" },
		after: func(state any, o *operation) (any, bool) {
			switch {
			case o.answer == nil && state == "":
				return someOrder, true
			case o.answer == nil:
				return state, true
			default:
				return o.answer, state == "" || state == someOrder || state == o.answer
			}
		},
		refuses: func(state any, _ *operation) bool { return state == "" },
	},
	Session: {
		init: func(given any) any {
			name, _ := given.(string)
			return name
		},
		after: func(state any, o *operation) (any, bool) {
			switch a := o.ask.(type) {
			case SignIn:
				state = a.User
			case SignOut:
				state = ""
			}
			return state, o.answer == nil || o.answer == state
		},
		refuses: func(any, *operation) bool { return true },
	},
}

// someOrder is one whose name nobody was told.
const someOrder = "an order"
