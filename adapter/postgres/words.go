package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

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
	for _, text := range []string{p.Name, p.Category.Name, p.Subcategory.Name, p.Description} {
		for _, word := range domain.Words(text) {
			add(shortened(word))
		}
	}
	for _, word := range domain.Words(p.Name) {
		add(inName + shortened(word))
	}
	return vector.String()
}

// quote writes a word as a part of a tsvector or a tsquery. Words have neither quotes nor backslashes.
func quote(word string) string { return "'" + word + "'" }

func shortened(word string) string {
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
	count  int // how many products have it, about; 0 when none has
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

// fewMatches is how many products are looked at one by one sooner than asking the
// index for words that a good part of the catalog has.
const fewMatches = 1000

// haveAll is the condition that the product f has all wants.
func haveAll(wants []want) schema.QueryAppender {
	if rarest(wants).count > fewMatches {
		return bun.SafeQuery("f.words @@ ?::tsquery", queryOf(wants, "", " & "))
	}
	// No index knows the function behind @@.
	return bun.SafeQuery("f.words @@ ?::tsquery AND ts_match_vq(f.words, ?::tsquery)",
		queryOf([]want{rarest(wants)}, "", ""), queryOf(wants, "", " & "))
}

func rarest(wants []want) want {
	return slices.MinFunc(wants, func(a, b want) int { return cmp.Compare(a.count, b.count) })
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

// afterAll is behind every word that begins with what it follows.
const afterAll = string(utf8.MaxRune)

// lookUp finds out how many products have each of the wants, lets those that none
// has stand for words that they may be mistyped from, and reports whether every want can be found.
func lookUp(ctx context.Context, tx bun.Tx, wants []want) (bool, error) {
	places, words, ends := []int{}, []string{}, []string{}
	for i, w := range wants {
		end := w.word
		if w.prefix {
			end += afterAll
		}
		places, words, ends = append(places, i), append(words, w.word), append(ends, end)
	}
	// A beginning of many words need not be counted out.
	counts, err := prepared(ctx, tx, scanCount, `SELECT w.place, t.n
		FROM unnest($1::integer[], $2::text[], $3::text[]) AS w (place, word, ending) CROSS JOIN LATERAL (
			SELECT coalesce(sum(n), 0) AS n FROM (
				SELECT n FROM product_terms WHERE term >= w.word AND term <= w.ending AND n > 0 LIMIT $4) x) t`,
		places, words, ends, fewMatches+1)
	if err != nil {
		return false, err
	}
	var missing []int
	for _, c := range counts {
		wants[c.place].count = c.n
		if c.n > 0 {
			continue
		}
		if utf8.RuneCountInString(wants[c.place].word) < domain.TypoFrom {
			return false, nil
		}
		missing = append(missing, c.place)
	}
	if len(missing) == 0 {
		return true, nil
	}
	err = findNear(ctx, tx, wants, missing)
	return !slices.ContainsFunc(wants, func(w want) bool { return w.count == 0 }), err
}

// wordCount is how many products have the want at a place.
type wordCount struct{ place, n int }

func scanCount(rows *sql.Rows) (wordCount, error) {
	var c wordCount
	return c, rows.Scan(&c.place, &c.n)
}

// findNear finds the words that the wants at the places given may be mistyped from.
// Wherever a word is cut at a letter, one typo leaves what is before that letter as
// it is, or what is after it. The first cut is looked for in indexes, the second leaves few over.
func findNear(ctx context.Context, tx bun.Tx, wants []want, places []int) error {
	var at, lengths []int
	var heads, tails, longHeads, shortTails []string
	for _, i := range places {
		letters := []rune(wants[i].word)
		first := (len(letters) - 1) / 2
		second := (first + len(letters)) / 2
		tail := slices.Clone(letters[first+1:])
		slices.Reverse(tail)
		for _, length := range []int{len(letters) - 1, len(letters), len(letters) + 1} {
			at, lengths = append(at, i), append(lengths, length)
			heads, tails = append(heads, string(letters[:first])), append(tails, string(tail))
			longHeads, shortTails = append(longHeads, string(letters[:second])), append(shortTails, string(letters[second+1:]))
		}
	}
	var rows []struct {
		Place int    `bun:"place"`
		Term  string `bun:"term"`
		N     int    `bun:"n"`
	}
	err := tx.NewRaw(`WITH w AS (
			SELECT * FROM unnest(?0::integer[], ?1::integer[], ?2::text[], ?3::text[], ?4::text[], ?5::text[])
			AS w (place, length, head, tail, long_head, short_tail)
		), near AS (
			SELECT w.place, t.term, t.n FROM w CROSS JOIN LATERAL (
				SELECT term, n FROM product_terms WHERE length(term) = w.length AND term >= w.head AND term < w.head || ?6) t
			WHERE t.n > 0 AND (starts_with(t.term, w.long_head) OR right(t.term, length(w.short_tail)) = w.short_tail)
			UNION SELECT w.place, t.term, t.n FROM w CROSS JOIN LATERAL (
				SELECT term, n FROM product_terms WHERE length(term) = w.length AND reverse(term) >= w.tail AND reverse(term) < w.tail || ?6) t
			WHERE t.n > 0 AND (starts_with(t.term, w.long_head) OR right(t.term, length(w.short_tail)) = w.short_tail)
		) SELECT place, term, n FROM near`,
		pgdialect.Array(at), pgdialect.Array(lengths), pgdialect.Array(heads), pgdialect.Array(tails),
		pgdialect.Array(longHeads), pgdialect.Array(shortTails), afterAll).Scan(ctx, &rows)
	for _, r := range rows {
		if w := &wants[r.Place]; domain.OneTypo(w.word, r.Term) {
			w.near, w.count = append(w.near, r.Term), w.count+r.N
		}
	}
	return err
}
