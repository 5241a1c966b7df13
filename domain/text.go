package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText says whether s is text that can be kept and shown: valid UTF-8
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
	return length(s, least, most)
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

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }
