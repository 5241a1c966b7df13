package domain

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
