package ui

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"eshop/domain"
	"eshop/web/problem"
)

// failureTitle heads the page for p.
func failureTitle(p problem.Problem) string {
	switch p.Status {
	case 401:
		return "Please sign in"
	case 403:
		return "You do not have access to this page"
	case 404:
		return "Page not found"
	case 429:
		return "Too many requests"
	case 503:
		return "Temporarily unavailable"
	}
	if p.Status >= 500 {
		return "Something went wrong"
	}
	return "We could not do that"
}

// SortedFields says what is wrong with each field, in the same order each time.
func SortedFields(fields map[string]string) []string {
	said := make([]string, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		said = append(said, Sentence(strings.ReplaceAll(name, "_", " ")+" "+fields[name]))
	}
	return said
}

// Sentence is text as one: with a capital letter and a full stop.
func Sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = strings.ToUpper(string(first)) + text[size:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// Shortage says of how much of a product there is less than was asked for.
func Shortage(name string, available int) string {
	switch {
	case name == domain.DiscontinuedProduct("").Name:
		return "Something in your cart is no longer sold."
	case available == 0:
		return name + " is sold out."
	}
	return fmt.Sprintf("Only %d of %s left.", available, name)
}

// Plural is n of what noun names.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// ParsePrice reads a price in the shop's currency: 12, 12.9 or 12.99.
func ParsePrice(text string, pricing domain.Pricing) (domain.Money, error) {
	text = strings.TrimSpace(text)
	text = strings.TrimSpace(strings.TrimPrefix(text, strings.TrimSpace(pricing.Currency.Symbol())))
	whole, part, point := strings.Cut(text, ".")
	if !isDigits(whole, 1, 10) || point && !isDigits(part, 1, 2) {
		return domain.Money{}, domain.InvalidFields(map[string]string{"price": "must be a price, like 12.99"})
	}
	cents, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
	if err != nil {
		return domain.Money{}, err
	}
	return pricing.Sum(cents), nil
}

func isDigits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// CentsText is a price as ParsePrice reads it.
func CentsText(m domain.Money) string { return fmt.Sprintf("%d.%02d", m.Amount/100, m.Amount%100) }

// Paragraphs are the lines of a text that are not blank.
func Paragraphs(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
}

// fewLeft is the stock from which on shoppers are told how many there are.
const fewLeft = 5
