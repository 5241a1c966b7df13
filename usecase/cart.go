package usecase

import (
	"context"
	"errors"

	"eshop/domain"
	"eshop/port"
)

// Cart fills carts with products.
type Cart struct{ deps CartDeps }

// CartDeps is what Cart needs; every field must be set.
type CartDeps struct {
	Carts    port.Carts
	Products port.Products
	NewID    NewID
	Pricing  domain.Pricing
}

// NewCart returns Cart on deps.
func NewCart(deps CartDeps) *Cart { return &Cart{deps} }

// PricedCart is a cart with its products as they are now.
type PricedCart struct {
	Items     []PricedLine
	ItemCount int
	domain.Totals
}

// PricedLine is a line of a cart with its product. A product that is no longer
// sold is a domain.DiscontinuedProduct.
type PricedLine struct {
	domain.Line
	Product   domain.Product
	LineTotal domain.Money
}

// Short reports whether there is less in stock than the line asks for.
func (i PricedLine) Short() bool { return i.Product.Stock < i.Quantity }

// Of returns the owner's cart.
func (s *Cart) Of(ctx context.Context, owner domain.OwnerID) (domain.Cart, error) {
	return s.deps.Carts.Cart(ctx, owner)
}

// Priced returns the owner's cart with its products as they are now.
func (s *Cart) Priced(ctx context.Context, owner domain.OwnerID) (PricedCart, error) {
	cart, err := s.deps.Carts.Cart(ctx, owner)
	if err != nil {
		return PricedCart{}, err
	}
	return s.Price(ctx, cart)
}

// Add puts n of a product in the cart, no more than are in stock now. Stock is
// not set aside until checkout. A key that was used before changes nothing.
func (s *Cart) Add(ctx context.Context, owner domain.OwnerID, product domain.ProductID, n int, key domain.IdempotencyKey) (domain.Cart, error) {
	p, err := productByRef(ctx, s.deps.Products, string(product))
	if err != nil {
		return s.repeated(ctx, owner, key, err)
	}
	line := domain.LineID(s.deps.NewID())
	return s.update(ctx, owner, key, func(c *domain.Cart) error { return c.Add(line, p, n) })
}

// SetQuantity makes a line of the cart hold n. A key that was used before changes nothing.
func (s *Cart) SetQuantity(ctx context.Context, owner domain.OwnerID, line domain.LineID, n int, key domain.IdempotencyKey) (domain.Cart, error) {
	cart, err := s.deps.Carts.Cart(ctx, owner)
	if err != nil {
		return domain.Cart{}, err
	}
	if cart.Changed(key) {
		return cart, nil
	}
	held, err := cart.Line(line)
	if err != nil {
		return domain.Cart{}, err
	}
	p, err := productByRef(ctx, s.deps.Products, string(held.Product))
	if err != nil {
		return domain.Cart{}, err
	}
	return s.update(ctx, owner, key, func(c *domain.Cart) error { return c.SetQuantity(line, p, n) })
}

// Remove takes a line out of the cart. A key that was used before changes nothing.
func (s *Cart) Remove(ctx context.Context, owner domain.OwnerID, line domain.LineID, key domain.IdempotencyKey) (domain.Cart, error) {
	return s.update(ctx, owner, key, func(c *domain.Cart) error { return c.Remove(line) })
}

func (s *Cart) update(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, change func(*domain.Cart) error) (domain.Cart, error) {
	return s.deps.Carts.UpdateCart(ctx, owner, func(c *domain.Cart) error { return c.Once(key, change) })
}

// repeated returns the owner's cart if the key has changed it before, else err, which
// keeps the change from being made now.
func (s *Cart) repeated(ctx context.Context, owner domain.OwnerID, key domain.IdempotencyKey, err error) (domain.Cart, error) {
	if key == "" || !errors.Is(err, domain.ErrNotFound) {
		return domain.Cart{}, err
	}
	cart, readErr := s.deps.Carts.Cart(ctx, owner)
	if readErr != nil {
		return domain.Cart{}, readErr
	}
	if !cart.Changed(key) {
		return domain.Cart{}, err
	}
	return cart, nil
}

// Price returns the cart with its products as they are now.
func (s *Cart) Price(ctx context.Context, cart domain.Cart) (PricedCart, error) {
	ids := make([]domain.ProductID, len(cart.Lines))
	for i, line := range cart.Lines {
		ids[i] = line.Product
	}
	products, err := productsByID(ctx, s.deps.Products, ids)
	if err != nil {
		return PricedCart{}, err
	}
	priced := PricedCart{Items: make([]PricedLine, 0, len(cart.Lines)), ItemCount: cart.ItemCount()}
	subtotal := s.deps.Pricing.Sum(0)
	for _, line := range cart.Lines {
		p := products[line.Product]
		if p.ID == "" {
			p = domain.DiscontinuedProduct(line.Product)
			p.Price = s.deps.Pricing.Sum(0)
		}
		total := p.Price.Times(line.Quantity)
		subtotal = subtotal.Plus(total)
		priced.Items = append(priced.Items, PricedLine{line, p, total})
	}
	priced.Totals = s.deps.Pricing.Totals(subtotal)
	return priced, nil
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
