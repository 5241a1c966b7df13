package domain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText reports whether s is text that can be kept and shown: valid UTF-8
// without control characters, line breaks and tabs aside.
func CleanText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}

// line says what is wrong with s as one line of least to most characters, or "".
func line(s string, least, most int) string {
	if !CleanText(s) || strings.ContainsAny(s, "\r\n\t\u2028\u2029") {
		return "has characters that cannot be used"
	}
	if text := length(s, least, most); text != "" || !hasHidden(s) {
		return text
	}
	return "has characters that cannot be used"
}

// hasHidden reports whether s has characters that are not seen and make it read as
// another text, such as those that turn the direction. Joiners are part of some
// scripts and of pictures, so they may stand between what is seen.
func hasHidden(s string) bool {
	const joiners = "\u200c\u200d"
	before := ' '
	runes := []rune(s)
	for i, r := range runes {
		if unicode.Is(unicode.Cf, r) {
			within := i+1 < len(runes) && visible(before) && visible(runes[i+1])
			if !within || !strings.ContainsRune(joiners, r) {
				return true
			}
		}
		before = r
	}
	return false
}

// paragraph is line for text that may have several lines.
func paragraph(s string, least, most int) string {
	if !CleanText(s) {
		return "has characters that cannot be used"
	}
	return length(s, least, most)
}

func length(s string, least, most int) string {
	switch n := utf8.RuneCountInString(strings.TrimSpace(s)); {
	case least > 0 && !strings.ContainsFunc(s, visible):
		return "must be given"
	case n < least:
		return "must have " + plural(least, "character") + " or more"
	case utf8.RuneCountInString(s) > most:
		return "must have at most " + plural(most, "character")
	}
	return ""
}

// visible leaves out what only joins or turns the text around it, such as a zero-width space.
func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }

// MaxSlug bounds a slug, in bytes.
const MaxSlug = 200

// spelt is how letters beyond a to z are written in addresses.
var spelt = func() map[rune]string {
	m := map[rune]string{}
	for plain, letters := range map[string]string{
		"": "'’ʼ", "a": "àáâãåāăą", "ae": "äæ", "c": "çćčĉċ", "d": "ďđð", "e": "èéêëēĕėęě", "g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįı",
		"j": "ĵ", "k": "ķ", "l": "ĺļľŀł", "n": "ñńņňŋ", "o": "òóôõøōŏő", "oe": "öœ", "r": "ŕŗř", "s": "śŝşšș", "ss": "ß",
		"t": "ţťŧț", "th": "þ", "u": "ùúûũūŭůűų", "ue": "ü", "w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	} {
		for _, r := range letters {
			m[r] = plain
		}
	}
	return m
}()

// UnixLines returns text with each line break as one character. Browsers send two and count one.
func UnixLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// SlugOf is text as a part of an address, at most limit bytes of it. Letters that
// have no Latin spelling here become their number, so that other names get other
// slugs. It is "" when text has neither letters nor digits.
func SlugOf(text string, limit int) string {
	var s strings.Builder
	for _, r := range strings.ToLower(text) {
		plain, ok := spelt[r]
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			s.WriteRune(r)
		case ok:
			s.WriteString(plain)
		case unicode.IsMark(r):
		case isWordRune(r):
			fmt.Fprintf(&s, "-%x-", r)
		default:
			s.WriteByte('-')
		}
	}
	whole := strings.Join(strings.FieldsFunc(s.String(), func(r rune) bool { return r == '-' }), "-")
	return strings.TrimRight(whole[:min(limit, len(whole))], "-")
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }
