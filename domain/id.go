package domain

import "slices"

// maxID bounds what callers name a record by, in bytes.
const maxID = 100

func validID[T ~string](id T) bool {
	return id != "" && len(id) <= maxID && CleanText(string(id))
}

// Valid reports whether an order may have the id.
func (id OrderID) Valid() bool { return validID(id) }

// Valid reports whether an order may have the number.
func (n OrderNumber) Valid() bool { return validID(n) }

// Valid reports whether a conversation may have the id.
func (id ConversationID) Valid() bool { return validID(id) }

// Valid reports whether a message to the shop may have the id.
func (id ContactID) Valid() bool { return validID(id) }

// IdempotencyKey is a caller's name for a change, by which a repeat is told from another change.
// "" is no key.
type IdempotencyKey string

const maxKey = 255

// rememberKeys is how many changes back a repeat is recognised.
const rememberKeys = 50

// usedKeys are the keys of the last changes of a cart or a wishlist, the newest last,
// so that a change that is sent again is not made again.
func usedKeys(keys []string, more ...string) []string {
	for _, key := range more {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys[max(0, len(keys)-rememberKeys):]
}

// ParseIdempotencyKey returns text as a key. It fails with ErrInvalid, naming field, unless text is 1
// to 255 visible ASCII characters.
func ParseIdempotencyKey(field, text string) (IdempotencyKey, error) {
	visible := text != "" && len(text) <= maxKey
	for i := range len(text) {
		visible = visible && text[i] > ' ' && text[i] <= '~'
	}
	if !visible {
		return "", InvalidFields(map[string]string{field: "must be 1 to 255 visible ASCII characters"})
	}
	return IdempotencyKey(text), nil
}
