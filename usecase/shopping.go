package usecase

import (
	"context"

	"eshop/domain"
	"eshop/port"
)

// Shopping is filling a cart.
type Shopping struct {
	carts    port.Carts
	products port.Products
	newID    NewID
}

// NewShopping fills carts with products.
func NewShopping(carts port.Carts, products port.Products, newID NewID) *Shopping {
	return &Shopping{carts, products, newID}
}

// Basket is a cart with its products as they are now.
type Basket struct {
	Items     []BasketItem
	ItemCount int
	domain.Totals
}

// BasketItem is a line of a cart with its product. A product that is no longer
// sold is a domain.GoneProduct.
type BasketItem struct {
	domain.Line
	Product   domain.Product
	LineTotal domain.Money
}

// Short says whether there is less in stock than the line asks for.
func (i BasketItem) Short() bool { return i.Product.Stock < i.Quantity }

// Cart returns the owner's cart.
func (s *Shopping) Cart(ctx context.Context, owner domain.OwnerID) (Basket, error) {
	cart, err := s.carts.Cart(ctx, owner)
	if err != nil {
		return Basket{}, err
	}
	return s.basket(ctx, cart)
}

// ItemCount is how many things are in the owner's cart.
func (s *Shopping) ItemCount(ctx context.Context, owner domain.OwnerID) (int, error) {
	cart, err := s.carts.Cart(ctx, owner)
	return cart.ItemCount(), err
}

// Add puts n of a product in the cart, no more than are in stock now. Stock is
// not set aside until checkout. A key that was used before changes nothing.
func (s *Shopping) Add(ctx context.Context, owner domain.OwnerID, product domain.ProductID, n int, key string) (Basket, error) {
	p, err := productByRef(ctx, s.products, string(product))
	if err != nil {
		return Basket{}, err
	}
	line := domain.LineID(s.newID())
	return s.update(ctx, owner, key, func(c *domain.Cart) error { return c.Add(line, p, n) })
}

// SetQuantity makes a line of the cart hold n.
func (s *Shopping) SetQuantity(ctx context.Context, owner domain.OwnerID, line domain.LineID, n int, key string) (Basket, error) {
	cart, err := s.carts.Cart(ctx, owner)
	if err != nil {
		return Basket{}, err
	}
	held, err := cart.Line(line)
	if err != nil {
		return Basket{}, err
	}
	p, err := productByRef(ctx, s.products, string(held.Product))
	if err != nil {
		return Basket{}, err
	}
	return s.update(ctx, owner, key, func(c *domain.Cart) error { return c.SetQuantity(line, p, n) })
}

// Remove takes a line out of the cart.
func (s *Shopping) Remove(ctx context.Context, owner domain.OwnerID, line domain.LineID, key string) (Basket, error) {
	return s.update(ctx, owner, key, func(c *domain.Cart) error { return c.Remove(line) })
}

func (s *Shopping) update(ctx context.Context, owner domain.OwnerID, key string, change func(*domain.Cart) error) (Basket, error) {
	cart, err := s.carts.UpdateCart(ctx, owner, func(c *domain.Cart) error { return c.Once(key, change) })
	if err != nil {
		return Basket{}, err
	}
	return s.basket(ctx, cart)
}

func (s *Shopping) basket(ctx context.Context, cart domain.Cart) (Basket, error) {
	ids := make([]domain.ProductID, len(cart.Lines))
	for i, line := range cart.Lines {
		ids[i] = line.Product
	}
	products, err := productsByID(ctx, s.products, ids)
	if err != nil {
		return Basket{}, err
	}
	basket := Basket{Items: make([]BasketItem, 0, len(cart.Lines)), ItemCount: cart.ItemCount()}
	subtotal := domain.Dollars(0)
	for _, line := range cart.Lines {
		p := products[line.Product]
		if p.ID == "" {
			p = domain.GoneProduct(line.Product)
		}
		total := p.Price.Times(line.Quantity)
		subtotal = subtotal.Plus(total)
		basket.Items = append(basket.Items, BasketItem{line, p, total})
	}
	basket.Totals = domain.TotalsOf(subtotal)
	return basket, nil
}

// productsByID returns those of the products that there are; no question is asked for none.
func productsByID(ctx context.Context, products port.Products, ids []domain.ProductID) (map[domain.ProductID]domain.Product, error) {
	byID := make(map[domain.ProductID]domain.Product, len(ids))
	if len(ids) == 0 {
		return byID, nil
	}
	found, err := products.Products(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		byID[p.ID] = p
	}
	return byID, nil
}
