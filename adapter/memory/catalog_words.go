package memory

import (
	"slices"
	"strings"
	"unicode/utf8"

	"eshop/domain"
)

// posting is an occurrence of a word in a product, with its weight.
type posting struct {
	doc    int32
	weight int32
}

// The weight of a word by where it occurs.
const (
	inDescription = 1
	inCategory    = 2
	inName        = 4
)

// wordsOf returns the words of p and the weight of each.
func wordsOf(p *product) map[string]int32 {
	words := map[string]int32{}
	for _, part := range []struct {
		text   string
		weight int32
	}{{p.Description, inDescription}, {p.Subcategory.Name, inCategory}, {p.Category.Name, inCategory}, {p.Name, inName}} {
		for _, word := range domain.Words(part.text) {
			words[word] = part.weight // the last part weighs most
		}
	}
	return words
}

func (x *index) addWords(p *product) {
	for word, weight := range wordsOf(p) {
		list := x.postings[word]
		if len(list) == 0 {
			x.terms = append(x.terms, word)
		}
		at := len(list)
		if at > 0 && list[at-1].doc > p.doc {
			at, _ = slices.BinarySearchFunc(list, p.doc, compareDoc)
		}
		x.postings[word] = slices.Insert(list, at, posting{p.doc, weight})
	}
}

func (x *index) removeWords(p *product) {
	for word := range wordsOf(p) {
		list := x.postings[word]
		at, _ := slices.BinarySearchFunc(list, p.doc, compareDoc)
		x.postings[word] = slices.Delete(list, at, at+1)
		if len(list) == 1 {
			delete(x.postings, word)
			x.unsorted = true
		}
	}
}

func compareDoc(p posting, doc int32) int { return int(p.doc - doc) }

// want is a word that is searched for: as it is, as the beginning of a word, or as a word
// with one typo.
type want struct {
	word         string
	prefix, typo bool
	terms        []string // the words of the catalog that it matches
}

// wants returns the words of a text. Only a word that is found nowhere counts as mistyped.
func (x *index) wants(text string) []want {
	words := domain.Words(text)
	wants := make([]want, len(words))
	for i, word := range words {
		w := want{word: word, prefix: i == len(words)-1}
		w.terms = x.termsOf(w)
		if len(w.terms) == 0 && utf8.RuneCountInString(word) >= domain.TypoFrom {
			w.typo = true
			w.terms = x.termsOf(w)
		}
		wants[i] = w
	}
	return wants
}

func (x *index) termsOf(w want) []string {
	if w.typo {
		var near []string
		for _, term := range x.terms {
			if w.matches(term) {
				near = append(near, term)
			}
		}
		return near
	}
	from, ok := slices.BinarySearch(x.terms, w.word)
	if w.prefix {
		length, _ := slices.BinarySearchFunc(x.terms[from:], w.word, func(term, prefix string) int {
			if strings.HasPrefix(term, prefix) {
				return -1
			}
			return 1
		})
		return x.terms[from : from+length]
	}
	if ok {
		return x.terms[from : from+1]
	}
	return nil
}

func (w want) matches(term string) bool {
	switch {
	case w.typo:
		return domain.OneTypo(w.word, term)
	case w.prefix:
		return strings.HasPrefix(term, w.word)
	}
	return w.word == term
}

// scores returns how well each product, by number, matches all wants. A score of 0 is no
// match. Without wants every product matches.
func (x *index) scores(wants []want) []int32 {
	scores := make([]int32, len(x.products))
	if len(wants) == 0 {
		for doc := range scores {
			scores[doc] = 1
		}
		return scores
	}
	best := make([]int32, len(x.products))
	for i, w := range wants {
		clear(best)
		for _, term := range w.terms {
			for _, p := range x.postings[term] {
				best[p.doc] = max(best[p.doc], p.weight)
			}
		}
		for doc, weight := range best {
			switch {
			case weight == 0:
				scores[doc] = 0
			case i == 0 || scores[doc] > 0:
				scores[doc] += weight
			}
		}
	}
	return scores
}
