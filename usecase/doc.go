// Package usecase is what people do in the shop, one type an activity. It holds
// no state and knows no technology: what it needs of the world comes in as
// ports, a clock, and sources of identifiers and secrets. Web handlers call it;
// tests run it on adapter/memory.
package usecase

import (
	"context"
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

// Act is something that somebody did, or tried, that matters for security. It never holds a secret.
type Act struct {
	What ActKind
	By   domain.User // zero for a stranger, and for those who run the shop
	On   string      // what it was done to
	How  string      // by how much, or from what to what; may be empty
}

// NoteAct writes an act down, with the request that it belongs to. It neither fails nor waits.
type NoteAct func(ctx context.Context, a Act)

// ActKind is what was done.
type ActKind string

// The acts.
const (
	ActRegistered      ActKind = "registered"
	ActSignedIn        ActKind = "signed_in"
	ActSignInFailed    ActKind = "sign_in_failed"
	ActSignedOut       ActKind = "signed_out"
	ActSessionsEnded   ActKind = "sessions_ended"
	ActPasswordChanged ActKind = "password_changed"
	ActPasswordWrong   ActKind = "password_wrong" // by somebody who is signed in
	ActConfirmed       ActKind = "password_confirmed"

	ActStaffAdded   ActKind = "staff_added"
	ActStaffRemoved ActKind = "staff_removed"
	ActStaffNamed   ActKind = "staff_named"

	ActProductAdded   ActKind = "product_added"
	ActProductChanged ActKind = "product_changed"
	ActPriceChanged   ActKind = "price_changed"
	ActProductRemoved ActKind = "product_removed"
	ActStockChanged   ActKind = "stock_changed"
	ActOrderMoved     ActKind = "order_" // and the status that it has from then on

	ActMessageFinished ActKind = "message_finished"
	ActChatAnswered    ActKind = "chat_answered"
	ActChatMoved       ActKind = "chat_" // and the move
)

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
