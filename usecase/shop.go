package usecase

import "eshop/domain"

// Shop is every use case of one shop: what web handlers call.
type Shop struct {
	Catalog     *Catalog
	Cart        *Cart
	Wishlist    *Wishlist
	Checkout    *Checkout
	Account     *Account
	Inventory   *Inventory
	Fulfillment *Fulfillment
	Chat        *Chat
	Contact     *Contact

	Pricing      domain.Pricing
	PictureBytes int // of a picture that staff add, at most
}
