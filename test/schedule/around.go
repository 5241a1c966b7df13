package schedule

import (
	"context"
	"time"

	"eshop"
	"eshop/domain"
	"eshop/port"
)

// Through makes a call of a port by way of something. call is the port's name and the method's, and what
// it is about.
type Through func(ctx context.Context, call string, do func(ctx context.Context) error) error

// Around returns stores whose every call goes through what is given. What a call is passed to run in a
// transaction, is run twice: port allows as much.
func Around(s eshop.Stores, through Through) eshop.Stores {
	return eshop.Stores{
		Products: products{s.Products, through}, Stock: stock{s.Stock, through}, Catalog: catalog{s.Catalog, through},
		Carts: carts{s.Carts, through}, Wishlists: wishlists{s.Wishlists, through}, Orders: orders{s.Orders, through},
		Payments: payments{s.Payments, through}, Users: users{s.Users, through}, Sessions: sessions{s.Sessions, through},
		Conversations: conversations{s.Conversations, through}, Contacts: contacts{s.Contacts, through},
		Pictures: pictures{s.Pictures, through}, Limits: limits{s.Limits, through}, Events: events{s.Events, through},
	}
}

func one[T any](ctx context.Context, through Through, call string, do func(ctx context.Context) (T, error)) (T, error) {
	var result, none T
	err := through(ctx, call, func(ctx context.Context) (err error) {
		result, err = do(ctx)
		return err
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

func two[A, B any](ctx context.Context, through Through, call string, do func(ctx context.Context) (A, B, error)) (A, B, error) {
	type both struct {
		a A
		b B
	}
	result, err := one(ctx, through, call, func(ctx context.Context) (both, error) {
		a, b, err := do(ctx)
		return both{a, b}, err
	})
	return result.a, result.b, err
}

func twice[T any](change func(*T) error, clone func(T) T) func(*T) error {
	return func(v *T) error {
		copied := clone(*v)
		_ = change(&copied)
		return change(v)
	}
}

func same[T any](v T) T { return v }

func movedTwice(change func(*domain.Order) (domain.Effects, error)) func(*domain.Order) (domain.Effects, error) {
	return func(o *domain.Order) (domain.Effects, error) {
		copied := o.Clone()
		_, _ = change(&copied)
		return change(o)
	}
}

func builtTwice(build port.BuildOrder) port.BuildOrder {
	return func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
		_, _ = build(cart.Clone(), products)
		return build(cart, products)
	}
}

type products struct {
	of      port.Products
	through Through
}

func (w products) Product(ctx context.Context, ref string) (domain.Product, error) {
	return one(ctx, w.through, "Products.Product "+ref, func(ctx context.Context) (domain.Product, error) { return w.of.Product(ctx, ref) })
}

func (w products) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	return one(ctx, w.through, "Products.Products", func(ctx context.Context) ([]domain.Product, error) { return w.of.Products(ctx, ids) })
}

func (w products) ChangedProducts(ctx context.Context, after domain.Cursor, limit int) ([]domain.Product, domain.Cursor, error) {
	return two(ctx, w.through, "Products.ChangedProducts", func(ctx context.Context) ([]domain.Product, domain.Cursor, error) {
		return w.of.ChangedProducts(ctx, after, limit)
	})
}

func (w products) PutProducts(ctx context.Context, products []domain.Product) error {
	return w.through(ctx, "Products.PutProducts", func(ctx context.Context) error { return w.of.PutProducts(ctx, products) })
}

func (w products) UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error) {
	return one(ctx, w.through, "Products.UpdateProduct "+string(id), func(ctx context.Context) (domain.Product, error) { return w.of.UpdateProduct(ctx, id, change) })
}

func (w products) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	return w.through(ctx, "Products.RemoveProduct "+string(id), func(ctx context.Context) error { return w.of.RemoveProduct(ctx, id) })
}

type stock struct {
	of      port.Stock
	through Through
}

func (w stock) ChangeStock(ctx context.Context, change domain.StockMovement, key domain.IdempotencyKey) (int, error) {
	return one(ctx, w.through, "Stock.ChangeStock "+string(change.Product), func(ctx context.Context) (int, error) { return w.of.ChangeStock(ctx, change, key) })
}

func (w stock) Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error) {
	return one(ctx, w.through, "Stock.Movements "+string(id), func(ctx context.Context) ([]domain.StockMovement, error) { return w.of.Movements(ctx, id) })
}

func (w stock) LastMovements(ctx context.Context, id domain.ProductID, limit int) ([]domain.StockMovement, error) {
	return one(ctx, w.through, "Stock.LastMovements "+string(id), func(ctx context.Context) ([]domain.StockMovement, error) { return w.of.LastMovements(ctx, id, limit) })
}

type catalog struct {
	of      port.Catalog
	through Through
}

func (w catalog) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	return one(ctx, w.through, "Catalog.Search", func(ctx context.Context) (domain.Found, error) { return w.of.Search(ctx, q) })
}

func (w catalog) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	return one(ctx, w.through, "Catalog.Suggest "+text, func(ctx context.Context) ([]domain.Suggestion, error) { return w.of.Suggest(ctx, text, limit) })
}

func (w catalog) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	return one(ctx, w.through, "Catalog.Categories", func(ctx context.Context) ([]domain.CategoryCount, error) { return w.of.Categories(ctx) })
}

type carts struct {
	of      port.Carts
	through Through
}

func (w carts) Cart(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	return one(ctx, w.through, "Carts.Cart "+string(owner), func(ctx context.Context) (domain.Cart, error) { return w.of.Cart(ctx, owner) })
}

func (w carts) UpdateCart(ctx context.Context, owner domain.OwnerID, change func(*domain.Cart) error) (domain.Cart, error) {
	return one(ctx, w.through, "Carts.UpdateCart "+string(owner), func(ctx context.Context) (domain.Cart, error) {
		return w.of.UpdateCart(ctx, owner, twice(change, domain.Cart.Clone))
	})
}

func (w carts) MergeCart(ctx context.Context, from domain.OwnerID, into domain.OwnerID) error {
	return w.through(ctx, "Carts.MergeCart "+string(from), func(ctx context.Context) error { return w.of.MergeCart(ctx, from, into) })
}

type wishlists struct {
	of      port.Wishlists
	through Through
}

func (w wishlists) Wishlist(ctx context.Context, owner domain.OwnerID) (domain.Wishlist, error) {
	return one(ctx, w.through, "Wishlists.Wishlist "+string(owner), func(ctx context.Context) (domain.Wishlist, error) { return w.of.Wishlist(ctx, owner) })
}

func (w wishlists) UpdateWishlist(ctx context.Context, owner domain.OwnerID, change func(*domain.Wishlist) error) (domain.Wishlist, error) {
	return one(ctx, w.through, "Wishlists.UpdateWishlist "+string(owner), func(ctx context.Context) (domain.Wishlist, error) { return w.of.UpdateWishlist(ctx, owner, change) })
}

func (w wishlists) MergeWishlist(ctx context.Context, from domain.OwnerID, into domain.OwnerID) error {
	return w.through(ctx, "Wishlists.MergeWishlist "+string(from), func(ctx context.Context) error { return w.of.MergeWishlist(ctx, from, into) })
}

type orders struct {
	of      port.Orders
	through Through
}

func (w orders) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	return two(ctx, w.through, "Orders.PlaceOrder "+p.Key, func(ctx context.Context) (domain.Order, bool, error) {
		return w.of.PlaceOrder(ctx, p, builtTwice(build))
	})
}

func (w orders) Order(ctx context.Context, id domain.OrderID) (domain.Order, error) {
	return one(ctx, w.through, "Orders.Order "+string(id), func(ctx context.Context) (domain.Order, error) { return w.of.Order(ctx, id) })
}

func (w orders) OrderByNumber(ctx context.Context, number domain.OrderNumber) (domain.Order, error) {
	return one(ctx, w.through, "Orders.OrderByNumber "+string(number), func(ctx context.Context) (domain.Order, error) { return w.of.OrderByNumber(ctx, number) })
}

func (w orders) Orders(ctx context.Context, filter port.OrderFilter, page domain.Page) ([]domain.Order, int, error) {
	return two(ctx, w.through, "Orders.Orders", func(ctx context.Context) ([]domain.Order, int, error) { return w.of.Orders(ctx, filter, page) })
}

func (w orders) TransitionOrder(ctx context.Context, id domain.OrderID, change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	return two(ctx, w.through, "Orders.TransitionOrder "+string(id), func(ctx context.Context) (domain.Order, domain.Effects, error) {
		return w.of.TransitionOrder(ctx, id, movedTwice(change))
	})
}

func (w orders) LeaseOrder(ctx context.Context, lease port.Lease) (domain.Order, error) {
	return one(ctx, w.through, "Orders.LeaseOrder "+string(lease.Status), func(ctx context.Context) (domain.Order, error) { return w.of.LeaseOrder(ctx, lease) })
}

func (w orders) AdoptOrders(ctx context.Context, from domain.OwnerID, into domain.OwnerID) error {
	return w.through(ctx, "Orders.AdoptOrders "+string(from), func(ctx context.Context) error { return w.of.AdoptOrders(ctx, from, into) })
}

type payments struct {
	of      port.Payments
	through Through
}

func (w payments) Charge(ctx context.Context, order domain.OrderID, amount domain.Money, card domain.Card) (port.ChargeStatus, error) {
	return one(ctx, w.through, "Payments.Charge "+string(order), func(ctx context.Context) (port.ChargeStatus, error) { return w.of.Charge(ctx, order, amount, card) })
}

func (w payments) SettleOrVoid(ctx context.Context, order domain.OrderID) (port.ChargeStatus, error) {
	return one(ctx, w.through, "Payments.SettleOrVoid "+string(order), func(ctx context.Context) (port.ChargeStatus, error) { return w.of.SettleOrVoid(ctx, order) })
}

func (w payments) Refund(ctx context.Context, order domain.OrderID) error {
	return w.through(ctx, "Payments.Refund "+string(order), func(ctx context.Context) error { return w.of.Refund(ctx, order) })
}

type users struct {
	of      port.Users
	through Through
}

func (w users) AddUser(ctx context.Context, u domain.User) error {
	return w.through(ctx, "Users.AddUser", func(ctx context.Context) error { return w.of.AddUser(ctx, u) })
}

func (w users) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	return one(ctx, w.through, "Users.User "+string(id), func(ctx context.Context) (domain.User, error) { return w.of.User(ctx, id) })
}

func (w users) UserByLogin(ctx context.Context, login string) (domain.User, error) {
	return one(ctx, w.through, "Users.UserByLogin "+login, func(ctx context.Context) (domain.User, error) { return w.of.UserByLogin(ctx, login) })
}

func (w users) UpdateUser(ctx context.Context, id domain.UserID, change func(*domain.User) error) (domain.User, error) {
	return one(ctx, w.through, "Users.UpdateUser "+string(id), func(ctx context.Context) (domain.User, error) { return w.of.UpdateUser(ctx, id, twice(change, same)) })
}

func (w users) Staff(ctx context.Context) ([]domain.User, error) {
	return one(ctx, w.through, "Users.Staff", func(ctx context.Context) ([]domain.User, error) { return w.of.Staff(ctx) })
}

type sessions struct {
	of      port.Sessions
	through Through
}

func (w sessions) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	return one(ctx, w.through, "Sessions.Session "+string(key), func(ctx context.Context) (domain.Session, error) { return w.of.Session(ctx, key, now) })
}

func (w sessions) PutSession(ctx context.Context, s domain.Session) error {
	return w.through(ctx, "Sessions.PutSession", func(ctx context.Context) error { return w.of.PutSession(ctx, s) })
}

func (w sessions) ReplaceSession(ctx context.Context, old domain.SessionKey, next domain.Session) error {
	return w.through(ctx, "Sessions.ReplaceSession "+string(old), func(ctx context.Context) error { return w.of.ReplaceSession(ctx, old, next) })
}

func (w sessions) MarkSessionMerged(ctx context.Context, key domain.SessionKey) error {
	return w.through(ctx, "Sessions.MarkSessionMerged "+string(key), func(ctx context.Context) error { return w.of.MarkSessionMerged(ctx, key) })
}

func (w sessions) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	return w.through(ctx, "Sessions.TouchSession "+string(key), func(ctx context.Context) error { return w.of.TouchSession(ctx, key, expires) })
}

func (w sessions) ConfirmSession(ctx context.Context, key domain.SessionKey, at time.Time) error {
	return w.through(ctx, "Sessions.ConfirmSession "+string(key), func(ctx context.Context) error { return w.of.ConfirmSession(ctx, key, at) })
}

func (w sessions) DeleteSession(ctx context.Context, key domain.SessionKey) error {
	return w.through(ctx, "Sessions.DeleteSession "+string(key), func(ctx context.Context) error { return w.of.DeleteSession(ctx, key) })
}

func (w sessions) SessionsOf(ctx context.Context, user domain.UserID, now time.Time) ([]domain.Session, error) {
	return one(ctx, w.through, "Sessions.SessionsOf "+string(user), func(ctx context.Context) ([]domain.Session, error) { return w.of.SessionsOf(ctx, user, now) })
}

func (w sessions) EndSessions(ctx context.Context, user domain.UserID, except domain.SessionKey) ([]domain.SessionKey, error) {
	return one(ctx, w.through, "Sessions.EndSessions "+string(user), func(ctx context.Context) ([]domain.SessionKey, error) { return w.of.EndSessions(ctx, user, except) })
}

type conversations struct {
	of      port.Conversations
	through Through
}

func (w conversations) StartConversation(ctx context.Context, c domain.Conversation) (domain.Conversation, error) {
	return one(ctx, w.through, "Conversations.StartConversation", func(ctx context.Context) (domain.Conversation, error) { return w.of.StartConversation(ctx, c) })
}

func (w conversations) Conversation(ctx context.Context, id domain.ConversationID) (domain.Conversation, error) {
	return one(ctx, w.through, "Conversations.Conversation "+string(id), func(ctx context.Context) (domain.Conversation, error) { return w.of.Conversation(ctx, id) })
}

func (w conversations) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	return one(ctx, w.through, "Conversations.ConversationOf "+string(owner), func(ctx context.Context) (domain.Conversation, error) { return w.of.ConversationOf(ctx, owner) })
}

func (w conversations) Conversations(ctx context.Context, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error) {
	return two(ctx, w.through, "Conversations.Conversations", func(ctx context.Context) ([]domain.Conversation, int, error) {
		return w.of.Conversations(ctx, state, page)
	})
}

func (w conversations) Revisions(ctx context.Context, ids []domain.ConversationID) (map[domain.ConversationID]int64, error) {
	return one(ctx, w.through, "Conversations.Revisions", func(ctx context.Context) (map[domain.ConversationID]int64, error) { return w.of.Revisions(ctx, ids) })
}

func (w conversations) AddMessage(ctx context.Context, id domain.ConversationID, m domain.Message) (domain.Message, bool, error) {
	return two(ctx, w.through, "Conversations.AddMessage "+string(id), func(ctx context.Context) (domain.Message, bool, error) { return w.of.AddMessage(ctx, id, m) })
}

func (w conversations) UpdateConversation(ctx context.Context, id domain.ConversationID, change func(*domain.Conversation) error) (domain.Conversation, error) {
	return one(ctx, w.through, "Conversations.UpdateConversation "+string(id), func(ctx context.Context) (domain.Conversation, error) {
		return w.of.UpdateConversation(ctx, id, twice(change, same))
	})
}

func (w conversations) Messages(ctx context.Context, id domain.ConversationID, after int64, limit int) ([]domain.Message, error) {
	return one(ctx, w.through, "Conversations.Messages "+string(id), func(ctx context.Context) ([]domain.Message, error) { return w.of.Messages(ctx, id, after, limit) })
}

func (w conversations) AdoptConversation(ctx context.Context, from domain.OwnerID, into domain.OwnerID) error {
	return w.through(ctx, "Conversations.AdoptConversation "+string(from), func(ctx context.Context) error { return w.of.AdoptConversation(ctx, from, into) })
}

type contacts struct {
	of      port.Contacts
	through Through
}

func (w contacts) AddContact(ctx context.Context, c domain.Contact) error {
	return w.through(ctx, "Contacts.AddContact", func(ctx context.Context) error { return w.of.AddContact(ctx, c) })
}

func (w contacts) Contacts(ctx context.Context, page domain.Page) ([]domain.Contact, int, error) {
	return two(ctx, w.through, "Contacts.Contacts", func(ctx context.Context) ([]domain.Contact, int, error) { return w.of.Contacts(ctx, page) })
}

func (w contacts) FinishContact(ctx context.Context, id domain.ContactID, by string, at time.Time) error {
	return w.through(ctx, "Contacts.FinishContact "+string(id), func(ctx context.Context) error { return w.of.FinishContact(ctx, id, by, at) })
}

type pictures struct {
	of      port.Pictures
	through Through
}

func (w pictures) PutPicture(ctx context.Context, p domain.Picture) error {
	return w.through(ctx, "Pictures.PutPicture", func(ctx context.Context) error { return w.of.PutPicture(ctx, p) })
}

func (w pictures) Picture(ctx context.Context, name domain.PictureName) (domain.Picture, error) {
	return one(ctx, w.through, "Pictures.Picture "+string(name), func(ctx context.Context) (domain.Picture, error) { return w.of.Picture(ctx, name) })
}

type limits struct {
	of      port.Limits
	through Through
}

func (w limits) Take(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	return one(ctx, w.through, "Limits.Take "+key, func(ctx context.Context) (time.Duration, error) { return w.of.Take(ctx, key, limit) })
}

func (w limits) Peek(ctx context.Context, key string, limit port.Limit) (time.Duration, error) {
	return one(ctx, w.through, "Limits.Peek "+key, func(ctx context.Context) (time.Duration, error) { return w.of.Peek(ctx, key, limit) })
}

func (w limits) Reset(ctx context.Context, key string) error {
	return w.through(ctx, "Limits.Reset "+key, func(ctx context.Context) error { return w.of.Reset(ctx, key) })
}

type events struct {
	of      port.Events
	through Through
}

func (w events) Publish(ctx context.Context, e domain.Event) error {
	return w.through(ctx, "Events.Publish "+string(e.Topic), func(ctx context.Context) error { return w.of.Publish(ctx, e) })
}

func (w events) Subscribe(ctx context.Context, topic domain.Topic) (<-chan domain.Event, error) {
	return one(ctx, w.through, "Events.Subscribe "+string(topic), func(ctx context.Context) (<-chan domain.Event, error) { return w.of.Subscribe(ctx, topic) })
}
