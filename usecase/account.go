package usecase

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Passwords keeps passwords as hashes. Both calls are slow on purpose and stop when ctx ends.
// Texts that Unicode calls canonically equivalent are one password: keyboards differ in
// which of them they send.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	// Matches reports whether the hash was made of the password. An empty hash never
	// matches, in the same time as another.
	Matches(ctx context.Context, hash, password string) (bool, error)
}

// Account registers people, signs them in and out, and knows visitors by their sessions.
type Account struct{ deps AccountDeps }

// AccountDeps is what Account needs; every field must be set.
type AccountDeps struct {
	Users         port.Users
	Sessions      port.Sessions
	Carts         port.Carts
	Wishlists     port.Wishlists
	Orders        port.Orders
	Conversations port.Conversations
	Limits        port.Limits
	Events        port.Events
	Passwords     Passwords
	SecretKey     SecretKey
	StaffSessions domain.StaffSessions
	SessionIdle   time.Duration // after how long without use everybody else's session ends; domain.SessionIdle at most
	Rates         Rates
	ShopName      string // which no shopper's username may look like; may be empty
	Note          NoteAct
	Clock         Clock
	NewID         NewID
	NewSecret     NewSecret
}

// NewAccount returns Account on deps.
func NewAccount(deps AccountDeps) *Account { return &Account{deps} }

// Visitor is who is asking. The zero value is somebody who was never here.
type Visitor struct {
	Session domain.Session
	User    domain.User // zero for a guest
	Device  string      // that asks, as people call it
	// DeviceKeys is what the device keeps of the accounts that signed in on it.
	DeviceKeys string
}

// Known reports whether the visitor has a session: a guest who wrote something, or an account.
func (v Visitor) Known() bool { return v.Session.Key != "" }

// SignedIn reports whether the visitor has signed in to an account.
func (v Visitor) SignedIn() bool { return v.User.ID != "" }

// Credential is what lets a visitor be known again: its Secret goes to the visitor
// alone, and the stores keep the hash.
type Credential struct {
	Secret string
	Visitor
}

// What may be tried how often. Passwords are counted for an account from one address,
// for an account from anywhere, and for an address over all names, which a whole office
// may share. What strangers have used up elsewhere does not count on a device that
// signed in before, nor at an address where the account is signed in.
var (
	signInOfAddress = port.Limit{Burst: 400, Every: 2 * time.Second}
	signInAnywhere  = port.Limit{Burst: 100, Every: 10 * time.Second}
	// confirmLimit is for somebody who is signed in, of whom no stranger uses it up.
	confirmLimit = port.Limit{Burst: 10, Every: 30 * time.Second}
	// guestLimit lets a town behind one address come at once when a sale begins. In the long
	// run, fifty networks together make no more guests than the sweepers keep up with.
	guestLimit = port.Limit{Burst: 30_000, Every: 100 * time.Millisecond}
)

// AdmitGuest takes one of the guests who may begin at an address, before they write anything.
// Nobody is kept out because nobody counts.
func (a *Account) AdmitGuest(ctx context.Context, address string) error {
	err := a.take(ctx, "guests of:"+address, guestLimit)
	if errors.Is(err, domain.ErrUnavailable) {
		return nil
	}
	return err
}

// NewGuest makes a pass for somebody who was never here. It is not kept until Keep.
func (a *Account) NewGuest() Credential {
	return a.pass(Visitor{Session: domain.Session{Guest: domain.GuestOwner(a.deps.NewSecret())}}, "")
}

// firstWrites is for how long after a guest's first write GuestOf returns that guest.
const firstWrites = time.Minute

// GuestOf is NewGuest for a visitor whose first writes come at once: each call with the
// same seed, on any server, returns the same guest. Who has the seed is that guest only
// until firstWrites has passed since the guest was first kept; then it is a new one.
func (a *Account) GuestOf(ctx context.Context, seed string) (Credential, error) {
	now := a.deps.Clock()
	secret := a.deps.SecretKey.derive("secret of a guest", seed)
	guest := Credential{secret, Visitor{Session: domain.Session{
		Key: keyOf(secret), Guest: domain.GuestOwner(a.deps.SecretKey.derive("guest", seed)),
		CreatedAt: now, ExpiresAt: now.Add(domain.SessionIdle),
	}}}
	kept, err := a.deps.Sessions.Session(ctx, guest.Session.Key, now)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return guest, nil
	case err != nil:
		return Credential{}, err
	case now.Sub(kept.CreatedAt) > firstWrites:
		return a.NewGuest(), nil
	}
	guest.Session = kept
	return guest, nil
}

// Keep keeps a guest's pass, so that Identify knows it.
func (a *Account) Keep(ctx context.Context, p Credential) error {
	return a.deps.Sessions.PutSession(ctx, p.Session)
}

// Register makes an account and signs it in. The guest's things come along.
func (a *Account) Register(ctx context.Context, guest Visitor, r domain.Registration, address string) (Credential, error) {
	r, err := checked(r)
	if domain.IsReserved(r.Username, a.deps.ShopName) {
		err = domain.JoinFields(err, domain.InvalidFields(map[string]string{"username": "is kept for the shop; please choose another"}))
	}
	if err != nil {
		return Credential{}, err
	}
	if err := a.take(ctx, "register:"+address, a.deps.Rates.Register); err != nil {
		return Credential{}, err
	}
	user, err := a.add(ctx, r, domain.Customer)
	if err != nil {
		return Credential{}, err
	}
	a.deps.Note(ctx, Act{What: ActRegistered, By: user, On: user.Username})
	return a.signIn(ctx, guest, user, address)
}

func checked(r domain.Registration) (domain.Registration, error) {
	r.Username, r.Email = strings.TrimSpace(r.Username), strings.TrimSpace(r.Email)
	return r, r.Check()
}

func (a *Account) add(ctx context.Context, r domain.Registration, role domain.Role) (domain.User, error) {
	hash, err := a.deps.Passwords.Hash(ctx, r.Password)
	if err != nil {
		return domain.User{}, err
	}
	user := domain.User{
		ID: domain.UserID(a.deps.NewID()), Username: r.Username, Email: r.Email,
		Role: role, PasswordHash: hash, CreatedAt: a.deps.Clock(),
	}
	return user, a.deps.Users.AddUser(ctx, user)
}

// SignIn checks a username or e-mail address and its password. ErrUnauthenticated
// `invalid_credentials` when they are wrong, in the same time whether there is such an account or not.
func (a *Account) SignIn(ctx context.Context, guest Visitor, login, password, address string) (Credential, error) {
	if err := checkTyped(map[string]string{"username": login, "password": password}); err != nil {
		return Credential{}, err
	}
	name := domain.LoginName(login)
	user, err := a.deps.Users.UserByLogin(ctx, name)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return Credential{}, err
	}
	taken, err := a.takeSignIn(ctx, guest, user, name, address)
	if err != nil {
		return Credential{}, err
	}
	matches, err := a.deps.Passwords.Matches(ctx, user.PasswordHash, password)
	if err != nil {
		return Credential{}, err
	}
	if !matches {
		// What was typed in vain may be a password; the name of an account is known to be none.
		a.deps.Note(ctx, Act{What: ActSignInFailed, On: user.Username})
		return Credential{}, errWrongPair()
	}
	// What was taken counts failures alone.
	for _, key := range taken {
		if err := a.deps.Limits.Reset(ctx, digest(key)); err != nil {
			return Credential{}, err
		}
	}
	pass, err := a.signIn(ctx, guest, user, address)
	if err != nil {
		return Credential{}, err
	}
	// Who changed the password meanwhile ended the sessions that there were then, and not this one.
	if now, err := a.deps.Users.UserByLogin(ctx, name); err != nil || now.PasswordHash != user.PasswordHash {
		return Credential{}, errors.Join(cmp.Or(err, errWrongPair()), a.deps.Sessions.DeleteSession(ctx, pass.Session.Key))
	}
	a.deps.Note(ctx, Act{What: ActSignedIn, By: user, On: user.Username})
	return pass, nil
}

// takeSignIn takes one try of a password for an account, or for the name of none, and
// returns what it was counted under.
func (a *Account) takeSignIn(ctx context.Context, guest Visitor, user domain.User, name, address string) ([]string, error) {
	account := "signin:" + name
	if user.ID != "" {
		account = "signin-id:" + string(user.ID) // by whichever of its names
	}
	if device := a.keyOfDevice(guest.DeviceKeys, user.ID); device != "" {
		here := account + "|device " + device
		return []string{here, account}, a.take(ctx, here, a.deps.Rates.SignIn)
	}
	if err := a.take(ctx, "signin-of:"+address, signInOfAddress); err != nil {
		return nil, err
	}
	here := account + "|" + address
	if err := a.take(ctx, here, a.deps.Rates.SignIn); err != nil {
		return nil, err
	}
	err := a.take(ctx, account, signInAnywhere)
	if errors.Is(err, domain.ErrLimited) && a.signedInAt(ctx, user, address) {
		err = nil
	}
	return []string{here, account}, err
}

// signedInAt reports whether the account has a session that began at the address.
func (a *Account) signedInAt(ctx context.Context, user domain.User, address string) bool {
	if user.ID == "" {
		return false
	}
	all, err := a.deps.Sessions.SessionsOf(ctx, user.ID, a.deps.Clock())
	return err == nil && slices.ContainsFunc(all, func(s domain.Session) bool { return s.Address == address })
}

// checkTyped fails with the names of what cannot have been meant.
func checkTyped(typed map[string]string) error {
	wrong := map[string]string{}
	for name, value := range typed {
		switch {
		case value == "":
			wrong[name] = "must be given"
		case len(value) > 256 || !domain.CleanText(value):
			wrong[name] = "cannot be that"
		}
	}
	if len(wrong) > 0 {
		return domain.InvalidFields(wrong)
	}
	return nil
}

func errWrongPair() error {
	return domain.ErrUnauthenticated.Errorf(domain.CodeInvalidCredentials, "that name and password do not belong together")
}

func errWrongPassword() error {
	return domain.ErrUnauthenticated.Errorf(domain.CodeInvalidCredentials, "that is not your password")
}

// ChangePassword gives the visitor's account another password. It ends all sessions of
// the account and returns the credential of a new one, so that a copied secret is of no
// use either. ErrUnauthenticated `invalid_credentials` when current is not the password.
// The same change once more succeeds.
func (a *Account) ChangePassword(ctx context.Context, v Visitor, current, next, address string) (Credential, error) {
	if !v.SignedIn() {
		return Credential{}, domain.SignInFirst()
	}
	typed := checkTyped(map[string]string{"current": current})
	if err := domain.JoinFields(typed, v.User.CheckPassword("new", next)); err != nil {
		return Credential{}, err
	}
	user, err := a.confirm(ctx, v, current, next)
	if err != nil {
		return Credential{}, err
	}
	hash, err := a.deps.Passwords.Hash(ctx, next)
	if err != nil {
		return Credential{}, err
	}
	user, err = a.deps.Users.UpdateUser(ctx, user.ID, func(u *domain.User) error {
		if u.PasswordHash != user.PasswordHash {
			return errWrongPassword() // it was changed meanwhile
		}
		u.PasswordHash = hash
		return nil
	})
	if err != nil {
		return Credential{}, err
	}
	pass := a.pass(Visitor{Session: domain.Session{Guest: v.Session.Guest, User: user.ID, Unmerged: v.Session.Unmerged}, User: user, Device: v.Device}, address)
	if err := a.deps.Sessions.PutSession(ctx, pass.Session); err != nil {
		return Credential{}, err
	}
	a.deps.Note(ctx, Act{What: ActPasswordChanged, By: user, On: user.Username})
	return pass, a.endSessions(ctx, user.ID, pass.Session.Key)
}

// confirm returns the visitor's account, with its hash, when one of the passwords is the account's.
func (a *Account) confirm(ctx context.Context, v Visitor, passwords ...string) (domain.User, error) {
	if err := a.take(ctx, "confirm:"+string(v.User.ID), confirmLimit); err != nil {
		return domain.User{}, err
	}
	// A cached account has no hash.
	user, err := a.deps.Users.UserByLogin(ctx, v.User.Username)
	if err != nil {
		return domain.User{}, err
	}
	for _, password := range passwords {
		matches, err := a.deps.Passwords.Matches(ctx, user.PasswordHash, password)
		if err != nil {
			return domain.User{}, err
		}
		if matches {
			return user, a.deps.Limits.Reset(ctx, digest("confirm:"+string(user.ID)))
		}
	}
	a.deps.Note(ctx, Act{What: ActPasswordWrong, By: user, On: user.Username})
	return domain.User{}, errWrongPassword()
}

// signIn renews the session, so that a secret that somebody else planted is of no use.
func (a *Account) signIn(ctx context.Context, guest Visitor, user domain.User, address string) (Credential, error) {
	pass := a.pass(Visitor{Session: domain.Session{Guest: guest.Session.Guest, User: user.ID}, User: user, Device: guest.Device}, address)
	pass.DeviceKeys = a.withKey(guest.DeviceKeys, user.ID)
	pass.Session.Unmerged = guest.Session.Guest != "" && !guest.SignedIn()
	if !pass.Session.Unmerged {
		return pass, a.deps.Sessions.ReplaceSession(ctx, guest.Session.Key, pass.Session)
	}
	// The guest's session outlives the merging: who never got the answer signs in
	// again with it, and still finds the guest's things.
	if err := a.deps.Sessions.PutSession(ctx, pass.Session); err != nil {
		return Credential{}, err
	}
	pass.Session = a.merge(ctx, pass.Session)
	if pass.Session.Unmerged {
		return pass, nil
	}
	return pass, a.deps.Sessions.DeleteSession(ctx, guest.Session.Key)
}

func (a *Account) pass(v Visitor, address string) Credential {
	secret, now := a.deps.NewSecret(), a.deps.Clock()
	v.Session.Key, v.Session.Device, v.Session.Address = keyOf(secret), v.Device, address
	v.Session.CreatedAt, v.Session.ExpiresAt = now, now.Add(domain.SessionIdle)
	return Credential{secret, v}
}

// merge moves the guest's things into the account. It never fails a sign-in:
// what could not be moved is tried again when the visitor is next identified.
func (a *Account) merge(ctx context.Context, s domain.Session) domain.Session {
	into := s.User.Owner()
	// An order that is cancelled gives its lines back to its owner's cart: the orders come
	// before the cart. What was placed in between comes the second time, and what it gave back with it.
	err := errors.Join(
		a.deps.Orders.AdoptOrders(ctx, s.Guest, into),
		a.deps.Carts.MergeCart(ctx, s.Guest, into),
		a.deps.Wishlists.MergeWishlist(ctx, s.Guest, into),
		a.deps.Orders.AdoptOrders(ctx, s.Guest, into),
		a.deps.Carts.MergeCart(ctx, s.Guest, into),
		a.deps.Conversations.AdoptConversation(ctx, s.Guest, into),
	)
	if err != nil {
		return s
	}
	// The visitor may have signed out meanwhile, on another page.
	if err := a.deps.Sessions.MarkSessionMerged(ctx, s.Key); err != nil {
		return s
	}
	s.Unmerged = false
	return s
}

func (a *Account) take(ctx context.Context, key string, limit port.Limit) error {
	return takeOne(ctx, a.deps.Limits, key, limit)
}

// takeOne is ErrLimited when limit allows no more for key, and ErrUnavailable when nobody has counted within countTimeout.
func takeOne(ctx context.Context, limits port.Limits, key string, limit port.Limit) error {
	counting, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	wait, err := limits.Take(counting, digest(key), limit)
	switch {
	case err != nil && counting.Err() != nil && ctx.Err() == nil:
		return domain.ErrUnavailable.Errorf(domain.CodeUnavailable, "the shop cannot count attempts just now; try again in a moment")
	case err != nil:
		return err
	}
	if wait > 0 {
		return domain.TooOften(wait)
	}
	return nil
}
