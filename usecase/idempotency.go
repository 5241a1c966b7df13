package usecase

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"eshop/domain"
	"eshop/port"
)

// SecretKey keys the fingerprints of purchases, which stand for card numbers too, and
// what new guests are known by: all servers of a shop have the same, and nobody else has it.
type SecretKey []byte

// ownKey returns the key as one of by's own, so that two people may use the same.
func ownKey(by domain.User, key domain.IdempotencyKey) domain.IdempotencyKey {
	if key == "" {
		return ""
	}
	return domain.IdempotencyKey(by.ID) + " " + key
}

// placement returns what the store tells a repeat of a purchase by. Without a key the
// cart's version is the key: placing an order leaves it, so a second click finds
// the order of the first. That version is returned beside: the order must be of no other.
func (c *Checkout) placement(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, p domain.Purchase) (port.Placement, int64, error) {
	name, version := "key:"+string(key), int64(0)
	if key == "" {
		cart, err := c.deps.Carts.Cart(ctx, owner)
		if err != nil {
			return port.Placement{}, 0, err
		}
		version = cart.Version
		name = fmt.Sprintf("cart:%d", version)
	}
	fingerprint, err := c.deps.SecretKey.fingerprint(p)
	// The version of a cart names that cart alone, and not the one of a guest who signed in.
	return port.Placement{Owner: owner, Key: name, Fingerprint: fingerprint, Adopted: key != "", Lease: leaseFor}, version, err
}

// fingerprint returns a keyed hash (HMAC-SHA-256) of all of a purchase. Without k,
// nobody who reads the store finds the card's number by trying.
func (k SecretKey) fingerprint(p domain.Purchase) (string, error) {
	// The fields of the Card, which does not print its number.
	whole, err := json.Marshal([]any{p.Email, p.ShippingAddress, p.Method, p.Card.Number, p.Card.Expiry, p.Card.CVC})
	if err != nil {
		return "", err
	}
	return k.mac(whole), nil
}

// derive returns 256 bits for a purpose that depend on seed, and that nobody can guess without k.
func (k SecretKey) derive(purpose, seed string) string {
	return k.mac([]byte(purpose + "\x00" + seed))
}

func (k SecretKey) mac(text []byte) string {
	mac := hmac.New(sha256.New, k)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}
