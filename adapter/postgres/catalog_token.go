package postgres

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"eshop/domain"
)

const (
	// nameMark precedes the words of a product's name. It is no letter, so no word begins with it.
	nameMark = "="
	// maxWord is longer than any word of a query, so longer words may be truncated.
	maxWord = domain.MaxQueryText + 2*utf8.UTFMax
	// lastRune sorts after every letter: the words with a prefix lie between it and the prefix + lastRune.
	lastRune = string(utf8.MaxRune)
)

// tsvectorOf returns the tsvector of p: its words, and those of its name once more
// with nameMark. domain.Words parts them, for PostgreSQL's parsers part words otherwise.
func tsvectorOf(p domain.Product) string {
	var vector strings.Builder
	seen := map[string]bool{}
	add := func(word string) {
		if !seen[word] {
			seen[word] = true
			vector.WriteString(quoted(word) + " ")
		}
	}
	for _, text := range []string{p.Name, p.Category.Name, p.Subcategory.Name, p.Description} {
		for _, word := range domain.Words(text) {
			add(truncated(word))
		}
	}
	for _, word := range domain.Words(p.Name) {
		add(nameMark + truncated(word))
	}
	return vector.String()
}

// quoted returns a word as a part of a tsvector or a tsquery. Words have neither quotes nor backslashes.
func quoted(word string) string { return "'" + word + "'" }

func truncated(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// token is a word of a query's text. It stands for the word itself, for all words with
// that prefix, or for the words that it may be a typo of.
type token struct {
	word        string
	prefix      bool
	corrections []string
	frequency   int // about how many products have it
}

func tokenize(text string) []token {
	words := domain.Words(text)
	tokens := make([]token, len(words))
	for i, word := range words {
		tokens[i] = token{word: word, prefix: i == len(words)-1}
	}
	return tokens
}

// tsquery returns the tokens as a tsquery, each with mark before it and joined by the operator join.
func tsquery(tokens []token, mark, join string) string {
	parts := make([]string, 0, len(tokens))
	for _, t := range tokens {
		switch {
		case t.corrections != nil:
			words := make([]string, 0, len(t.corrections))
			for _, word := range t.corrections {
				words = append(words, quoted(mark+word))
			}
			parts = append(parts, "("+strings.Join(words, " | ")+")")
		case t.prefix:
			parts = append(parts, quoted(mark+t.word)+":*")
		default:
			parts = append(parts, quoted(mark+t.word))
		}
	}
	return strings.Join(parts, join)
}

// fewMatches is how many products are filtered one by one sooner than the index is
// asked for words that a good part of the catalog has.
const fewMatches = 1000

// containsAll returns the condition that the product f has all tokens.
func containsAll(tokens []token) schema.QueryAppender {
	if rarest(tokens).frequency > fewMatches {
		return bun.SafeQuery("f.words @@ ?::tsquery", tsquery(tokens, "", " & "))
	}
	// ts_match_vq is the function behind @@, for which no index is used.
	return bun.SafeQuery("f.words @@ ?::tsquery AND ts_match_vq(f.words, ?::tsquery)",
		tsquery([]token{rarest(tokens)}, "", ""), tsquery(tokens, "", " & "))
}

func rarest(tokens []token) token {
	return slices.MinFunc(tokens, func(a, b token) int { return cmp.Compare(a.frequency, b.frequency) })
}

// allMatch reports whether each of the tokens matches one of the words.
func allMatch(tokens []token, words []string) bool {
	return !slices.ContainsFunc(tokens, func(t token) bool { return !slices.ContainsFunc(words, t.matches) })
}

func (t token) matches(word string) bool {
	switch {
	case t.corrections != nil:
		return slices.Contains(t.corrections, word)
	case t.prefix:
		return strings.HasPrefix(word, t.word)
	}
	return t.word == word
}

// resolve sets the frequency of each token. A token that no product has gets its
// corrections. resolve reports whether every token can be found.
func resolve(ctx context.Context, tx bun.Tx, tokens []token) (bool, error) {
	places, words, ends := []int{}, []string{}, []string{}
	for i, t := range tokens {
		end := t.word
		if t.prefix {
			end += lastRune
		}
		places, words, ends = append(places, i), append(words, t.word), append(ends, end)
	}
	var rows []struct {
		Place     int `bun:"place"`
		Frequency int `bun:"frequency"`
	}
	// A prefix of many words need not be counted to the end.
	if err := tx.NewRaw(`SELECT t.place, known.frequency
		FROM unnest($1::integer[], $2::text[], $3::text[]) AS t (place, word, ending) CROSS JOIN LATERAL (
			SELECT coalesce(sum(n), 0) AS frequency FROM (
				SELECT n FROM product_terms WHERE term >= t.word AND term <= t.ending AND n > 0 LIMIT $4) counted) known`).
		Conn(bind(tx, places, words, ends, fewMatches+1)).Scan(ctx, &rows); err != nil {
		return false, err
	}
	var missing []int
	for _, r := range rows {
		tokens[r.Place].frequency = r.Frequency
		if r.Frequency > 0 {
			continue
		}
		if utf8.RuneCountInString(tokens[r.Place].word) < domain.TypoFrom {
			return false, nil
		}
		missing = append(missing, r.Place)
	}
	if len(missing) == 0 {
		return true, nil
	}
	err := correctTypos(ctx, tx, tokens, missing)
	return !slices.ContainsFunc(tokens, func(t token) bool { return t.frequency == 0 }), err
}

// correctTypos finds the corrections of the tokens at the places given. Wherever a word
// is split at a letter, one typo leaves what is before that letter as it is, or what
// is after it. Indexes find the halves of the first split; the second split leaves few words over.
func correctTypos(ctx context.Context, tx bun.Tx, tokens []token, places []int) error {
	var at, lengths []int
	var heads, tails, longHeads, shortTails []string
	for _, i := range places {
		letters := []rune(tokens[i].word)
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
		Place     int    `bun:"place"`
		Word      string `bun:"word"`
		Frequency int    `bun:"frequency"`
	}
	err := tx.NewRaw(typoCandidates, pgdialect.Array(at), pgdialect.Array(lengths), pgdialect.Array(heads), pgdialect.Array(tails),
		pgdialect.Array(longHeads), pgdialect.Array(shortTails), lastRune).Scan(ctx, &rows)
	for _, r := range rows {
		if t := &tokens[r.Place]; domain.OneTypo(t.word, r.Word) {
			t.corrections, t.frequency = append(t.corrections, r.Word), t.frequency+r.Frequency
		}
	}
	return err
}

// typoCandidates selects words of about the same length that agree with a token in one half of either split.
const typoCandidates = `WITH token AS (
	SELECT * FROM unnest(?0::integer[], ?1::integer[], ?2::text[], ?3::text[], ?4::text[], ?5::text[])
	AS token (place, length, head, tail, long_head, short_tail)
), candidate AS (
	SELECT token.*, t.term, t.n FROM token CROSS JOIN LATERAL (
		SELECT term, n FROM product_terms WHERE length(term) = token.length AND term >= token.head AND term < token.head || ?6) t
	UNION ALL SELECT token.*, t.term, t.n FROM token CROSS JOIN LATERAL (
		SELECT term, n FROM product_terms
		WHERE length(term) = token.length AND reverse(term) >= token.tail AND reverse(term) < token.tail || ?6) t
)
SELECT DISTINCT place, term AS word, n AS frequency FROM candidate
WHERE n > 0 AND (starts_with(term, long_head) OR right(term, length(short_tail)) = short_tail)`
