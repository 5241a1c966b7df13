package domain

import (
	_ "embed" // the commonest passwords
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	minPassword = 8   // characters
	maxPassword = 256 // bytes, which bounds the work of hashing
	// leastDifferent is how many different characters a password has at least.
	leastDifferent = 4
	// leastWord is from how many characters on a word of its owner's is looked for in a password.
	leastWord = 3
)

// passwordFault says what is wrong with a new password of u, or "".
func passwordFault(password string, u User) string {
	lower := strings.ToLower(password)
	switch {
	case !CleanText(password):
		return "has characters that cannot be used"
	case utf8.RuneCountInString(password) < minPassword:
		return "must have 8 characters or more"
	case len(password) > maxPassword:
		return "must have at most 256 bytes"
	case different(lower) < leastDifferent, isCommonPassword()[lower]:
		return "is one that many people use; please choose another"
	case utf8.RuneCountInString(withoutWords(lower, u)) < minPassword:
		return "must have 8 characters or more besides your name, your e-mail address and the name of the shop"
	}
	return ""
}

func different(s string) int {
	runes := []rune(s)
	slices.Sort(runes)
	return len(slices.Compact(runes))
}

// withoutWords is a password in lower case without what anybody would guess who knows its owner and the shop.
func withoutWords(lower string, u User) string {
	name, email := LoginName(u.Username), LoginName(u.Email)
	local, _, _ := strings.Cut(email, "@")
	for _, word := range []string{email, local, name, ShopName} {
		if len(word) >= leastWord {
			lower = strings.ReplaceAll(lower, word, "")
		}
	}
	return lower
}

// commonPasswords has a head, an empty line, and the words.
//
//go:embed user_passwords.txt
var commonPasswords string

var isCommonPassword = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	_, words, _ := strings.Cut(commonPasswords, "\n\n")
	for password := range strings.FieldsSeq(words) {
		all[password] = true
	}
	return all
})
