// Package usecase is what people do in the shop, one type an activity. It holds
// no state and knows no technology: what it needs of the world comes in as
// ports, a clock, and sources of identifiers and secrets. Web handlers call it;
// tests run it on adapter/memory.
package usecase

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"eshop/domain"
)

// Clock tells the time in UTC.
type Clock func() time.Time

// NewID makes an identifier that nobody made before.
type NewID func() string

// NewSecret makes a text of 256 random bits or more that nobody can guess.
type NewSecret func() string

func staffOnly(by domain.User) error {
	if by.Role != domain.Staff {
		return domain.StaffOnly()
	}
	return nil
}

// digest names a text by its SHA-256.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
