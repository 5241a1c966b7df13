package postgres

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"eshop/domain"
)

const (
	// inName marks a word of a product's name: it is no letter, so it begins no word.
	inName = "="
	// maxWord is more than a word in a query can have, so cutting longer ones changes no answer.
	maxWord = domain.MaxQueryText + 2*utf8.UTFMax
)

// vectorOf is the tsvector of p: all its words, and those of its name once more
// with their mark. PostgreSQL's own parsers part words otherwise than the shop does.
func vectorOf(p domain.Product) string {
	var vector strings.Builder
	seen := map[string]bool{}
	add := func(word string) {
		if !seen[word] {
			seen[word] = true
			vector.WriteString(quote(word) + " ")
		}
	}
	for _, text := range []string{p.Name, p.Category.Name, p.Kind.Name, p.Description} {
		for _, word := range domain.Words(text) {
			add(cut(word))
		}
	}
	for _, word := range domain.Words(p.Name) {
		add(inName + cut(word))
	}
	return vector.String()
}

// quote writes a word as a part of a tsvector or a tsquery. Words have neither quotes nor backslashes.
func quote(word string) string { return "'" + word + "'" }

func cut(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// want is a word that is looked for, and how loosely: as it is, as the beginning
// of a word, or as one of the words that it may be mistyped from.
type want struct {
	word   string
	prefix bool
	near   []string
}

func wantsOf(text string) []want {
	words := domain.Words(text)
	wants := make([]want, len(words))
	for i, word := range words {
		wants[i] = want{word: word, prefix: i == len(words)-1}
	}
	return wants
}

// queryOf is the tsquery for wants, all marked and joined.
func queryOf(wants []want, mark, join string) string {
	parts := make([]string, 0, len(wants))
	for _, w := range wants {
		switch {
		case w.near != nil:
			near := make([]string, 0, len(w.near))
			for _, term := range w.near {
				near = append(near, quote(mark+term))
			}
			parts = append(parts, "("+strings.Join(near, " | ")+")")
		case w.prefix:
			parts = append(parts, quote(mark+w.word)+":*")
		default:
			parts = append(parts, quote(mark+w.word))
		}
	}
	return strings.Join(parts, join)
}

func allMatch(wants []want, words []string) bool {
	return !slices.ContainsFunc(wants, func(w want) bool { return !slices.ContainsFunc(words, w.matches) })
}

func (w want) matches(term string) bool {
	switch {
	case w.near != nil:
		return slices.Contains(w.near, term)
	case w.prefix:
		return strings.HasPrefix(term, w.word)
	}
	return w.word == term
}

// loosen lets those of the wants that are found nowhere stand for words that they
// may be mistyped from, and says whether all wants can now be found.
func loosen(ctx context.Context, tx bun.Tx, wants []want) (bool, error) {
	queries := make([]string, 0, len(wants))
	for i := range wants {
		queries = append(queries, queryOf(wants[i:i+1], "", ""))
	}
	var missing []int
	err := tx.NewRaw(`SELECT w.place - 1 FROM unnest(?::text[]) WITH ORDINALITY AS w (query, place)
		WHERE NOT EXISTS (SELECT 1 FROM product_facts f WHERE f.words @@ w.query::tsquery)`, pgdialect.Array(queries)).Scan(ctx, &missing)
	if err != nil || len(missing) == 0 {
		return false, err
	}
	for _, i := range missing {
		if utf8.RuneCountInString(wants[i].word) < domain.TypoFrom {
			return false, nil
		}
	}
	if err := findNear(ctx, tx, wants, missing); err != nil {
		return false, err
	}
	return !slices.ContainsFunc(missing, func(i int) bool { return wants[i].near == nil }), nil
}

// findNear finds the words that the wants at the places given may be mistyped from.
// One typo leaves either what is before the middle of a word as it is, or what is
// after it, so both are looked for in indexes.
func findNear(ctx context.Context, tx bun.Tx, wants []want, places []int) error {
	var at, lengths []int
	var heads, tails []string
	for _, i := range places {
		letters := []rune(wants[i].word)
		middle := (len(letters) - 1) / 2
		tail := slices.Clone(letters[middle+1:])
		slices.Reverse(tail)
		for _, length := range []int{len(letters) - 1, len(letters), len(letters) + 1} {
			at, lengths = append(at, i), append(lengths, length)
			heads, tails = append(heads, string(letters[:middle])), append(tails, string(tail))
		}
	}
	const last = string(utf8.MaxRune)
	var rows []struct {
		Place int    `bun:"place"`
		Term  string `bun:"term"`
	}
	err := tx.NewRaw(`WITH w AS (SELECT * FROM unnest(?::integer[], ?::integer[], ?::text[], ?::text[]) AS w (place, n, head, tail))
		SELECT w.place, t.term FROM w CROSS JOIN LATERAL (
			SELECT term FROM product_terms WHERE length(term) = w.n AND term >= w.head AND term < w.head || ?) t
		UNION SELECT w.place, t.term FROM w CROSS JOIN LATERAL (
			SELECT term FROM product_terms WHERE length(term) = w.n AND reverse(term) >= w.tail AND reverse(term) < w.tail || ?) t`,
		pgdialect.Array(at), pgdialect.Array(lengths), pgdialect.Array(heads), pgdialect.Array(tails), last, last).Scan(ctx, &rows)
	for _, r := range rows {
		if w := &wants[r.Place]; domain.OneTypo(w.word, r.Term) {
			w.near = append(w.near, r.Term)
		}
	}
	return err
}
