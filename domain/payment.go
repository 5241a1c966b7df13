package domain

import (
	"strconv"
	"strings"
	"time"
)

// Card is what a shopper pays with. It is passed to the payment gateway and
// kept nowhere: not in a record, not in a log.
type Card struct {
	Number string // digits only
	Expiry string // MM/YY
	CVC    string
}

// NewCard reads a card as shoppers type it: spaces and hyphens in the number are dropped.
func NewCard(number, expiry, cvc string) Card {
	return Card{
		Number: strings.NewReplacer(" ", "", "-", "").Replace(number),
		Expiry: strings.ReplaceAll(expiry, " ", ""),
		CVC:    strings.TrimSpace(cvc),
	}
}

// String keeps the card out of anything that prints it.
func (c Card) String() string { return "card ending in " + c.Last4() }

// GoString keeps the card out of anything that prints it.
func (c Card) GoString() string { return c.String() }

// Last4 is the part of the number that may be kept and shown.
func (c Card) Last4() string { return c.Number[max(0, len(c.Number)-4):] }

// check adds to wrong what is wrong with the card at time now, by field under prefix.
func (c Card) check(prefix string, now time.Time, wrong fieldErrors) {
	if len(c.Number) < 12 || len(c.Number) > 19 || !digits(c.Number) || !luhn(c.Number) {
		wrong.add(prefix+"card_number", "must be a card number")
	}
	switch month, year, ok := c.expiry(); {
	case !ok:
		wrong.add(prefix+"expiry", "must be a month and year as MM/YY")
	case !now.Before(time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC)):
		wrong.add(prefix+"expiry", "must not be in the past")
	}
	if len(c.CVC) < 3 || len(c.CVC) > 4 || !digits(c.CVC) {
		wrong.add(prefix+"cvc", "must be the 3 or 4 digits of the security code")
	}
}

func (c Card) expiry() (month, year int, ok bool) {
	m, y, slash := strings.Cut(c.Expiry, "/")
	if !slash || len(m) != 2 || len(y) != 2 || !digits(m+y) {
		return 0, 0, false
	}
	month, _ = strconv.Atoi(m)
	year, _ = strconv.Atoi(y)
	return month, 2000 + year, month >= 1 && month <= 12
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// luhn is the check of ISO/IEC 7812-1, annex B.
func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// PaymentStatus is where the money is.
type PaymentStatus string

// Where the money is.
const (
	PaymentPending  PaymentStatus = "pending" // asked for, the gateway has not said yet
	PaymentPaid     PaymentStatus = "paid"
	PaymentFailed   PaymentStatus = "failed" // nothing was taken
	PaymentRefunded PaymentStatus = "refunded"
)

// DemoCard is the one way to pay.
const DemoCard = "demo_card"

// Payment is how an order is paid.
type Payment struct {
	Method string
	Status PaymentStatus
	Last4  string
	// Awaited says that the shopper was told to wait for what the gateway says.
	Awaited bool
}
