package domain

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// UserID names an account for ever.
type UserID string

// Owner is the owner of what belongs to the account.
func (id UserID) Owner() OwnerID { return OwnerID("user:" + string(id)) }

// Role is what an account may do.
type Role string

// The roles.
const (
	Customer Role = "customer"
	Staff    Role = "staff"
)

// User is an account. Username and Email are each unique without regard to case.
type User struct {
	ID           UserID
	Username     string
	Email        string
	Role         Role
	PasswordHash string
	CreatedAt    time.Time
	DisplayName  string // what shoppers know one of the staff by; "" unless it was chosen
}

// mostDisplayName bounds the name that shoppers know an agent by, in characters.
const mostDisplayName = 40

// Shown returns the name that shoppers know one of the staff by, which is never the one to sign in with.
func (u User) Shown() string { return cmp.Or(u.DisplayName, "Customer service") }

// CheckDisplayName fails with what is wrong with the name that shoppers are to know u by.
func (u User) CheckDisplayName(name string) error {
	wrong := fieldErrors{}
	if text := line(name, 1, mostDisplayName); text != "" {
		wrong.add("display_name", text)
	}
	if LoginName(name) == LoginName(u.Username) || LoginName(name) == LoginName(u.Email) {
		wrong.add("display_name", "must be another than you sign in with")
	}
	return wrong.err()
}

// Registration is what somebody who wants an account sends.
type Registration struct {
	Username string
	Email    string
	Password string
}

var (
	username = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	email    = regexp.MustCompile(`^[^\pZ\pC@<>()\[\],;:"\\]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)
)

// Check says what is wrong with r, by field.
func (r Registration) Check() error {
	wrong := fieldErrors{}
	if len(r.Username) < 3 || len(r.Username) > 32 || !username.MatchString(r.Username) {
		wrong.add("username", "must be 3 to 32 letters, digits, dots, hyphens or underscores, with a letter or digit at each end")
	}
	if text := checkEmail(r.Email); text != "" {
		wrong.add("email", text)
	}
	if text := passwordFault(r.Password, User{Username: r.Username, Email: r.Email}); text != "" {
		wrong.add("password", text)
	}
	return wrong.err()
}

// CheckPassword fails with what is wrong with the new password of an account, under the name of its field.
func (u User) CheckPassword(field, password string) error {
	wrong := fieldErrors{}
	if text := passwordFault(password, u); text != "" {
		wrong.add(field, text)
	}
	return wrong.err()
}

// ShopName is what this software calls itself, and so the demo shop too.
const ShopName = "eshop"

// reserved are words by which people know who speaks for the shop, as fold writes them.
var reserved = foldAll(
	ShopName, "shop", "support", "staff", "help", "helpdesk", "service", "customerservice", "customer-care", "team", "agent", "sales",
	"billing", "payments", "security", "official", "moderator", "owner", "manager", "guest", "system", "root", "bot", "chatbot",
	"info", "contact", "postmaster", "webmaster", "hostmaster", "abuse", "noreply", "anonymous", "nobody",
)

// reservedStarts begin names that are reserved, as fold writes them.
var reservedStarts = foldAll("admin", "sysadmin", ShopName)

// reservedParts are reserved also as a part of a name, as fold writes them.
var reservedParts = foldAll(ShopName, "support", "staff", "admin", "official")

// IsReserved reports whether a username looks as if it were the shop's, which is called
// shop: by itself, in other spelling, or with a number behind it.
func IsReserved(username, shop string) bool {
	whole, unnumbered, called := fold(username), fold(strings.TrimRight(username, "0123456789._-")), fold(SlugOf(shop, MaxSlug))
	parts := strings.FieldsFunc(username, func(r rune) bool { return strings.ContainsRune("._-", r) })
	if len(called) >= leastShopName && (whole == called || unnumbered == called || slices.ContainsFunc(parts, func(part string) bool { return fold(part) == called })) {
		return true
	}
	return slices.Contains(reserved, whole) || slices.Contains(reserved, unnumbered) ||
		slices.ContainsFunc(reservedStarts, func(start string) bool { return strings.HasPrefix(whole, start) }) ||
		slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(reservedParts, fold(part)) })
}

// leastShopName is the least length of a shop's name that nobody bears by chance, as fold writes it.
const leastShopName = 3

// lookalikes are what is read as another letter, in a name of ASCII.
var lookalikes = strings.NewReplacer("0", "o", "1", "i", "l", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", ".", "", "_", "", "-", "", "vv", "w", "rn", "m")

// fold is a username as a hasty reader sees it.
func fold(username string) string { return lookalikes.Replace(strings.ToLower(username)) }

func foldAll(names ...string) []string {
	for i, name := range names {
		names[i] = fold(name)
	}
	return names
}

// LoginName is the form of a username or an e-mail address by which accounts are told apart.
func LoginName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func checkEmail(s string) string {
	switch {
	case s == "":
		return "must be given"
	case len(s) > 254 || !CleanText(s) || !email.MatchString(s):
		return "must be an e-mail address"
	}
	return ""
}
