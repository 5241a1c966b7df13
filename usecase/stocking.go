package usecase

import (
	"context"
	"fmt"

	"eshop/domain"
	"eshop/port"
)

// Stocking is looking after the goods, for staff.
type Stocking struct {
	products port.Products
	pictures port.Pictures
	events   port.Events
	develop  DevelopPicture
	clock    Clock
}

// DevelopPicture makes a picture of what somebody sent, whatever it is called:
// a whole JPEG, PNG or WebP within the bounds of the domain. What is not needed to
// show it may be left out. Anything else is ErrInvalid with the field "picture".
// It stops soon after ctx ends.
type DevelopPicture func(ctx context.Context, content []byte) (domain.Picture, error)

// NewStocking looks after products and their pictures.
func NewStocking(products port.Products, pictures port.Pictures, events port.Events, develop DevelopPicture, clock Clock) *Stocking {
	return &Stocking{products, pictures, events, develop, clock}
}

// SetPrice changes what a product costs from now on; orders keep their prices.
func (s *Stocking) SetPrice(ctx context.Context, by domain.User, id domain.ProductID, price domain.Money) error {
	if err := staffOnly(by); err != nil {
		return err
	}
	p, err := productByRef(ctx, s.products, string(id))
	if err != nil {
		return err
	}
	p.Price = price
	if err := p.Check(); err != nil {
		return err
	}
	if err := s.products.PutProducts(ctx, []domain.Product{p}); err != nil {
		return err
	}
	s.tell(ctx, p.ID)
	return nil
}

// ChangeStock counts delta in, or out when below zero, and returns the new stock.
func (s *Stocking) ChangeStock(ctx context.Context, by domain.User, id domain.ProductID, delta int) (int, error) {
	if err := staffOnly(by); err != nil {
		return 0, err
	}
	if delta == 0 || delta > domain.MaxStock || delta < -domain.MaxStock {
		return 0, domain.InvalidFields(map[string]string{"delta": fmt.Sprintf("must be from -%d to %d and not 0", domain.MaxStock, domain.MaxStock)})
	}
	p, err := productByRef(ctx, s.products, string(id))
	if err != nil {
		return 0, err
	}
	reason := domain.StockReceived
	if delta < 0 {
		reason = domain.StockCorrected
	}
	stock, err := s.products.ChangeStock(ctx, p.ID, delta, reason, s.clock())
	if err != nil {
		return 0, err
	}
	s.tell(ctx, p.ID)
	return stock, nil
}

// AddPicture keeps a picture and returns its address, which a product's images may
// then have. The same content again is the same picture. ErrInvalid with the field
// "picture" says why content cannot be one.
func (s *Stocking) AddPicture(ctx context.Context, by domain.User, content []byte) (string, error) {
	if err := staffOnly(by); err != nil {
		return "", err
	}
	picture, err := s.develop(ctx, content)
	if err != nil {
		return "", err
	}
	if err := s.pictures.PutPicture(ctx, picture); err != nil {
		return "", err
	}
	return picture.Name.URL(), nil
}

// Movements returns how a product's stock came about, oldest first.
func (s *Stocking) Movements(ctx context.Context, by domain.User, id domain.ProductID) ([]domain.Movement, error) {
	if err := staffOnly(by); err != nil {
		return nil, err
	}
	return s.products.Movements(ctx, id)
}

// tell wakes who follows products. News that is lost only delays.
func (s *Stocking) tell(ctx context.Context, id domain.ProductID) {
	_ = s.events.Publish(ctx, domain.Event{Topic: domain.ProductChanged, Key: string(id)})
}
