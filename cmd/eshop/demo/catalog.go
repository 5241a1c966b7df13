package demo

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"eshop/domain"
)

// kindsJSON is read by web/asset/pictures.mjs too, which draws what it names.
//
//go:embed kinds.json
var kindsJSON []byte

// category is a category of kinds.json, with the words that its products share.
type category struct {
	domain.Category
	Makers   []string
	Models   []string
	Openings []string // of descriptions; {maker}, {model} and {use} are filled in
	Closings []string
	Kinds    []*kind
}

// kind is a sub-kind of kinds.json. Authors and Titles make it one of books: its
// makers are people, and its models what they wrote.
type kind struct {
	domain.Category
	Noun    string // what one of them is called in its name
	Price   [2]int64
	Styles  map[string]string // a word for the name: a sentence for the description
	Facts   []string
	Uses    []string
	Authors [2][]string
	Titles  [2][]string

	in       *category
	styles   []string // sorted, so that the order is the same every time
	makers   []string
	models   []string
	share    int    // how many products of a turn are of this kind
	seed     uint64 // differs from kind to kind
	step     int    // from one product to the next among the combinations of a block
	pictures [][]domain.Image
}

// place is where a product stands: the ordinal-th of its kind in a turn.
type place struct {
	kind    *kind
	ordinal int
}

// shop is the catalog: a turn is all products of the demo shop, and every
// further turn brings as many more, in the same order of kinds.
type shop struct {
	turn  []place
	kinds map[string]*kind
}

const (
	smallShare = 6
	shareRange = 8
	// block is how many makers come into play together.
	block = 12
)

var catalog = sync.OnceValue(func() shop {
	var categories []*category
	if err := json.Unmarshal(kindsJSON, &categories); err != nil {
		panic(fmt.Sprintf("kinds.json: %v", err)) // embedded and tested: it cannot be
	}
	s := shop{kinds: map[string]*kind{}}
	for _, c := range categories {
		for _, k := range c.Kinds {
			k.prepare(c)
			s.kinds[k.Slug] = k
			for ordinal := range k.share {
				s.turn = append(s.turn, place{k, ordinal})
			}
		}
	}
	// Mixed, so that any part of the catalog has something of everything.
	key := func(p place) uint64 { return mix(p.kind.seed + uint64(p.ordinal)) }
	slices.SortFunc(s.turn, func(a, b place) int { return cmp.Compare(key(a), key(b)) })
	return s
})

func (k *kind) prepare(c *category) {
	k.in = c
	k.seed = seedOf(k.Slug)
	k.share = smallShare + int(k.seed%shareRange)
	k.styles = slices.Sorted(maps.Keys(k.Styles))
	k.makers = slices.Concat(c.Makers, joined(townBeginnings, townEndings))
	k.models = c.Models
	if len(k.Titles[0]) > 0 {
		k.makers = joined(k.Authors[0], k.Authors[1])
		k.models = joined(k.Titles[0], k.Titles[1])
	}
	// The golden section spreads what follows each other far apart, and a step
	// without a common divisor comes by every combination once.
	for k.step = k.combinations() * 618 / 1000; divisor(k.step, k.combinations()) > 1; k.step++ {
	}
	k.pictures = picturesOf(k)
}

// combinations is how many names a block of makers gives.
func (k *kind) combinations() int { return block * len(k.models) * len(k.styles) }

// joined is every beginning with every ending, neighbours differing in both.
func joined(beginnings, endings []string) []string {
	all := make([]string, 0, len(beginnings)*len(endings))
	for shift := range endings {
		for i, beginning := range beginnings {
			all = append(all, beginning+endings[(i+shift)%len(endings)])
		}
	}
	return all
}

func divisor(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// townBeginnings and townEndings make names of makers for more products than the
// makers in kinds.json could plausibly have made.
var (
	townBeginnings = []string{
		"Alder", "Amber", "Ash", "Bay", "Beck", "Birk", "Black", "Bram", "Calder", "Cole", "Dun", "East", "Elder", "Fair",
		"Fen", "Glen", "Hawk", "Hazel", "Holm", "Kirk", "Lang", "Lin", "March", "Nether", "Oak", "Raven", "Silver", "Stan",
		"Thorn", "Wester", "Whit", "Wind",
	}
	townEndings = []string{
		"berg", "borough", "bridge", "brook", "by", "croft", "dale", "field", "ford", "gate", "ham", "hurst", "ley", "mere",
		"mont", "ridge", "shaw", "stead", "ton", "wick",
	}
)

// seedOf is the FNV-1a hash of text, mixed.
func seedOf(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return mix(h)
}

// mix spreads the bits of x over the whole word, as SplitMix64 does.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
