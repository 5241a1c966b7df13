package porttest

import (
	"context"
	"sync/atomic"
	"time"

	"eshop/domain"
	"eshop/port"
)

// turn lets two answers take turns, as a load balancer does: what one wrote the other reads.
type turn struct{ calls atomic.Int64 }

func pick[P any](t *turn, a, b P) P {
	if t.calls.Add(1)%2 == 0 {
		return a
	}
	return b
}

type cartsInTurns struct {
	turn
	a, b port.Carts
}

// CartsInTurns is two servers' answers to port.Carts, on one database.
func CartsInTurns(a, b port.Carts) port.Carts { return &cartsInTurns{a: a, b: b} }

func (t *cartsInTurns) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	return pick(&t.turn, t.a, t.b).Cart(ctx, owner)
}

func (t *cartsInTurns) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	return pick(&t.turn, t.a, t.b).UpdateCart(ctx, owner, change)
}

func (t *cartsInTurns) MergeCart(ctx context.Context, from, into domain.OwnerID) error {
	return pick(&t.turn, t.a, t.b).MergeCart(ctx, from, into)
}

type wishlistsInTurns struct {
	turn
	a, b port.Wishlists
}

// WishlistsInTurns is two servers' answers to port.Wishlists, on one database.
func WishlistsInTurns(a, b port.Wishlists) port.Wishlists { return &wishlistsInTurns{a: a, b: b} }

func (t *wishlistsInTurns) Wishlist(ctx context.Context, owner domain.OwnerID) (domain.Wishlist, error) {
	return pick(&t.turn, t.a, t.b).Wishlist(ctx, owner)
}

func (t *wishlistsInTurns) UpdateWishlist(ctx context.Context, owner domain.OwnerID, change func(*domain.Wishlist) error) (domain.Wishlist, error) {
	return pick(&t.turn, t.a, t.b).UpdateWishlist(ctx, owner, change)
}

func (t *wishlistsInTurns) MergeWishlist(ctx context.Context, from, into domain.OwnerID) error {
	return pick(&t.turn, t.a, t.b).MergeWishlist(ctx, from, into)
}

type ordersInTurns struct {
	turn
	a, b port.Orders
}

// OrdersInTurns is two servers' answers to port.Orders, on one database.
func OrdersInTurns(a, b port.Orders) port.Orders { return &ordersInTurns{a: a, b: b} }

func (t *ordersInTurns) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	return pick(&t.turn, t.a, t.b).PlaceOrder(ctx, p, build)
}

func (t *ordersInTurns) Order(ctx context.Context, id domain.OrderID) (domain.Order, error) {
	return pick(&t.turn, t.a, t.b).Order(ctx, id)
}

func (t *ordersInTurns) OrderByNumber(ctx context.Context, number domain.OrderNumber) (domain.Order, error) {
	return pick(&t.turn, t.a, t.b).OrderByNumber(ctx, number)
}

func (t *ordersInTurns) Orders(ctx context.Context, filter port.OrderFilter, page domain.Page) ([]domain.Order, int, error) {
	return pick(&t.turn, t.a, t.b).Orders(ctx, filter, page)
}

func (t *ordersInTurns) UpdateOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) error) (domain.Order, error) {
	return pick(&t.turn, t.a, t.b).UpdateOrder(ctx, id, change)
}

func (t *ordersInTurns) ClaimOrders(ctx context.Context, now, until time.Time, limit int) ([]domain.Order, error) {
	return pick(&t.turn, t.a, t.b).ClaimOrders(ctx, now, until, limit)
}

func (t *ordersInTurns) AdoptOrders(ctx context.Context, from, into domain.OwnerID) error {
	return pick(&t.turn, t.a, t.b).AdoptOrders(ctx, from, into)
}

type usersInTurns struct {
	turn
	a, b port.Users
}

// UsersInTurns is two servers' answers to port.Users, on one database.
func UsersInTurns(a, b port.Users) port.Users { return &usersInTurns{a: a, b: b} }

func (t *usersInTurns) AddUser(ctx context.Context, u domain.User) error {
	return pick(&t.turn, t.a, t.b).AddUser(ctx, u)
}

func (t *usersInTurns) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	return pick(&t.turn, t.a, t.b).User(ctx, id)
}

func (t *usersInTurns) UserByLogin(ctx context.Context, login string) (domain.User, error) {
	return pick(&t.turn, t.a, t.b).UserByLogin(ctx, login)
}

type sessionsInTurns struct {
	turn
	a, b port.Sessions
}

// SessionsInTurns is two servers' answers to port.Sessions, on one database.
func SessionsInTurns(a, b port.Sessions) port.Sessions { return &sessionsInTurns{a: a, b: b} }

func (t *sessionsInTurns) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	return pick(&t.turn, t.a, t.b).Session(ctx, key, now)
}

func (t *sessionsInTurns) PutSession(ctx context.Context, s domain.Session) error {
	return pick(&t.turn, t.a, t.b).PutSession(ctx, s)
}

func (t *sessionsInTurns) ReplaceSession(ctx context.Context, old domain.SessionKey, next domain.Session) error {
	return pick(&t.turn, t.a, t.b).ReplaceSession(ctx, old, next)
}

func (t *sessionsInTurns) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	return pick(&t.turn, t.a, t.b).TouchSession(ctx, key, expires)
}

func (t *sessionsInTurns) DeleteSession(ctx context.Context, key domain.SessionKey) error {
	return pick(&t.turn, t.a, t.b).DeleteSession(ctx, key)
}

type contactsInTurns struct {
	turn
	a, b port.Contacts
}

// ContactsInTurns is two servers' answers to port.Contacts, on one database.
func ContactsInTurns(a, b port.Contacts) port.Contacts { return &contactsInTurns{a: a, b: b} }

func (t *contactsInTurns) AddContact(ctx context.Context, c domain.Contact) error {
	return pick(&t.turn, t.a, t.b).AddContact(ctx, c)
}

func (t *contactsInTurns) Contacts(ctx context.Context, page domain.Page) ([]domain.Contact, int, error) {
	return pick(&t.turn, t.a, t.b).Contacts(ctx, page)
}

func (t *contactsInTurns) FinishContact(ctx context.Context, id domain.ContactID, by string, at time.Time) error {
	return pick(&t.turn, t.a, t.b).FinishContact(ctx, id, by, at)
}

type picturesInTurns struct {
	turn
	a, b port.Pictures
}

// PicturesInTurns is two servers' answers to port.Pictures, on one database.
func PicturesInTurns(a, b port.Pictures) port.Pictures { return &picturesInTurns{a: a, b: b} }

func (t *picturesInTurns) PutPicture(ctx context.Context, p domain.Picture) error {
	return pick(&t.turn, t.a, t.b).PutPicture(ctx, p)
}

func (t *picturesInTurns) Picture(ctx context.Context, name domain.PictureName) (domain.Picture, error) {
	return pick(&t.turn, t.a, t.b).Picture(ctx, name)
}

type conversationsInTurns struct {
	turn
	a, b port.Conversations
}

// ConversationsInTurns is two servers' answers to port.Conversations, on one database.
func ConversationsInTurns(a, b port.Conversations) port.Conversations {
	return &conversationsInTurns{a: a, b: b}
}

func (t *conversationsInTurns) StartConversation(ctx context.Context, c domain.Conversation) (domain.Conversation, error) {
	return pick(&t.turn, t.a, t.b).StartConversation(ctx, c)
}

func (t *conversationsInTurns) Conversation(ctx context.Context, id domain.ConversationID) (domain.Conversation, error) {
	return pick(&t.turn, t.a, t.b).Conversation(ctx, id)
}

func (t *conversationsInTurns) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	return pick(&t.turn, t.a, t.b).ConversationOf(ctx, owner)
}

func (t *conversationsInTurns) Conversations(ctx context.Context, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error) {
	return pick(&t.turn, t.a, t.b).Conversations(ctx, state, page)
}

func (t *conversationsInTurns) Revisions(ctx context.Context, ids []domain.ConversationID) (map[domain.ConversationID]int64, error) {
	return pick(&t.turn, t.a, t.b).Revisions(ctx, ids)
}

func (t *conversationsInTurns) AddMessage(ctx context.Context, id domain.ConversationID, m domain.Message) (domain.Message, bool, error) {
	return pick(&t.turn, t.a, t.b).AddMessage(ctx, id, m)
}

func (t *conversationsInTurns) UpdateConversation(ctx context.Context, id domain.ConversationID,
	change func(*domain.Conversation) error) (domain.Conversation, error) {
	return pick(&t.turn, t.a, t.b).UpdateConversation(ctx, id, change)
}

func (t *conversationsInTurns) Messages(ctx context.Context, id domain.ConversationID, after int64, limit int) ([]domain.Message, error) {
	return pick(&t.turn, t.a, t.b).Messages(ctx, id, after, limit)
}

func (t *conversationsInTurns) AdoptConversation(ctx context.Context, from, into domain.OwnerID) error {
	return pick(&t.turn, t.a, t.b).AdoptConversation(ctx, from, into)
}

type paymentsInTurns struct {
	turn
	a, b port.Payments
}

// PaymentsInTurns is two servers' answers to port.Payments, on one ledger.
func PaymentsInTurns(a, b port.Payments) port.Payments { return &paymentsInTurns{a: a, b: b} }

func (t *paymentsInTurns) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	return pick(&t.turn, t.a, t.b).Charge(ctx, order, amount, card)
}

func (t *paymentsInTurns) SettleOrVoid(ctx context.Context, order domain.OrderID) (port.ChargeStatus, error) {
	return pick(&t.turn, t.a, t.b).SettleOrVoid(ctx, order)
}

func (t *paymentsInTurns) Refund(ctx context.Context, order domain.OrderID) error {
	return pick(&t.turn, t.a, t.b).Refund(ctx, order)
}

type productsInTurns struct {
	turn
	a, b port.Products
}

// ProductsInTurns is two servers' answers to port.Products, on one database.
func ProductsInTurns(a, b port.Products) port.Products { return &productsInTurns{a: a, b: b} }

func (t *productsInTurns) Product(ctx context.Context, ref string) (domain.Product, error) {
	return pick(&t.turn, t.a, t.b).Product(ctx, ref)
}

func (t *productsInTurns) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	return pick(&t.turn, t.a, t.b).Products(ctx, ids)
}

func (t *productsInTurns) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	return pick(&t.turn, t.a, t.b).Search(ctx, q)
}

func (t *productsInTurns) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	return pick(&t.turn, t.a, t.b).Suggest(ctx, text, limit)
}

func (t *productsInTurns) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	return pick(&t.turn, t.a, t.b).Categories(ctx)
}

func (t *productsInTurns) PutProducts(ctx context.Context, products []domain.Product) error {
	return pick(&t.turn, t.a, t.b).PutProducts(ctx, products)
}

func (t *productsInTurns) UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error) {
	return pick(&t.turn, t.a, t.b).UpdateProduct(ctx, id, change)
}

func (t *productsInTurns) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	return pick(&t.turn, t.a, t.b).RemoveProduct(ctx, id)
}

func (t *productsInTurns) ChangeStock(ctx context.Context, id domain.ProductID, delta int, reason domain.MovementReason, at time.Time) (int, error) {
	return pick(&t.turn, t.a, t.b).ChangeStock(ctx, id, delta, reason, at)
}

func (t *productsInTurns) Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error) {
	return pick(&t.turn, t.a, t.b).Movements(ctx, id)
}
