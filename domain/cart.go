package domain

import (
	"fmt"
	"slices"
	"strings"
)

// OwnerID names whose a cart, a wishlist or an order is: a guest's or an
// account's. It is never shown and cannot be guessed.
type OwnerID string

// GuestOwner is the owner that stands for one guest's session.
func GuestOwner(random string) OwnerID { return OwnerID(guestPrefix + random) }

// IsGuest reports whether the owner is a guest.
func (o OwnerID) IsGuest() bool { return strings.HasPrefix(string(o), guestPrefix) }

const guestPrefix = "guest:"

// LineID names a line of a cart; it stays the same while the line's quantity changes.
type LineID string

// Bounds of a cart.
const (
	MaxQuantity  = 99  // of one product
	MaxCartLines = 100 // different products
)

// Cart is what a shopper means to buy. Prices are not kept: they are the
// product's until the order is placed.
type Cart struct {
	Lines []Line
	// Version grows with each change that the shopper makes. Placing an order
	// empties the cart and leaves it, so that a repeat without a key of its own
	// finds the order.
	Version int64
	// Keys are those of the last changes, so that one that is sent again is not made again.
	Keys []string
}

// Line is one product in a cart, and how many of it.
type Line struct {
	ID       LineID
	Product  ProductID
	Quantity int
}

// Clone is a copy that shares nothing with c.
func (c Cart) Clone() Cart {
	c.Lines = slices.Clone(c.Lines)
	c.Keys = slices.Clone(c.Keys)
	return c
}

// ItemCount is how many things are in the cart.
func (c Cart) ItemCount() int {
	n := 0
	for _, l := range c.Lines {
		n += l.Quantity
	}
	return n
}

// Line is the line named id.
func (c Cart) Line(id LineID) (Line, error) {
	if i := c.index(id); i >= 0 {
		return c.Lines[i], nil
	}
	return Line{}, errNoLine()
}

// Changed reports whether a change with the key was made before. "" never was.
func (c Cart) Changed(key IdempotencyKey) bool {
	return key != "" && slices.Contains(c.Keys, string(key))
}

// Once makes change, unless a change with the same key was made before.
// A change that fails is not remembered.
func (c *Cart) Once(key IdempotencyKey, change func(*Cart) error) error {
	if c.Changed(key) {
		return nil
	}
	if err := change(c); err != nil {
		return err
	}
	c.Version++
	if key != "" {
		c.Keys = usedKeys(c.Keys, string(key))
	}
	return nil
}

// Add puts n of p in the cart, joining the line that p already has; a new line
// gets id. No more than are in stock can be in a cart, which sets nothing aside.
func (c *Cart) Add(id LineID, p Product, n int) error {
	if err := checkQuantity(n); err != nil {
		return err
	}
	i := slices.IndexFunc(c.Lines, func(l Line) bool { return l.Product == p.ID })
	if i < 0 {
		if len(c.Lines) >= MaxCartLines {
			return ErrConflict.Errorf(CodeCartFull, "a cart holds at most %d different products", MaxCartLines)
		}
		if n > p.Stock {
			return OutOfStock(Shortage{p.ID, p.Name, n, p.Stock})
		}
		c.Lines = append(c.Lines, Line{ID: id, Product: p.ID, Quantity: n})
		return nil
	}
	total := c.Lines[i].Quantity + n
	if total > MaxQuantity {
		return InvalidFields(map[string]string{"quantity": fmt.Sprintf(
			"must leave at most %d in the cart, which holds %d already", MaxQuantity, c.Lines[i].Quantity)})
	}
	if total > p.Stock {
		return OutOfStock(Shortage{p.ID, p.Name, total, p.Stock})
	}
	c.Lines[i].Quantity = total
	return nil
}

// SetQuantity makes the line named id hold n of its product p.
func (c *Cart) SetQuantity(id LineID, p Product, n int) error {
	if err := checkQuantity(n); err != nil {
		return err
	}
	i := c.index(id)
	if i < 0 {
		return errNoLine()
	}
	if n > p.Stock && n > c.Lines[i].Quantity {
		return OutOfStock(Shortage{p.ID, p.Name, n, p.Stock})
	}
	c.Lines[i].Quantity = n
	return nil
}

// Remove takes the line named id out.
func (c *Cart) Remove(id LineID) error {
	i := c.index(id)
	if i < 0 {
		return errNoLine()
	}
	c.Lines = slices.Delete(c.Lines, i, i+1)
	return nil
}

// Merge adds the lines of other, as far as a cart may hold them: quantities of
// the same product add up to at most MaxQuantity, lines past MaxCartLines are left
// out. Its keys come along, so that a change of other that is sent again is not made again.
func (c *Cart) Merge(other Cart) {
	if len(other.Lines) == 0 {
		return
	}
	for _, line := range other.Lines {
		i := slices.IndexFunc(c.Lines, func(l Line) bool { return l.Product == line.Product })
		switch {
		case i >= 0:
			c.Lines[i].Quantity = min(c.Lines[i].Quantity+line.Quantity, MaxQuantity)
		case len(c.Lines) < MaxCartLines:
			c.Lines = append(c.Lines, line)
		}
	}
	c.Keys = usedKeys(c.Keys, other.Keys...)
	c.Version++
}

func (c Cart) index(id LineID) int {
	return slices.IndexFunc(c.Lines, func(l Line) bool { return l.ID == id })
}

func errNoLine() error {
	return ErrNotFound.Errorf(CodeNotFound, "that line is no longer in the cart")
}

func checkQuantity(n int) error {
	if n < 1 || n > MaxQuantity {
		return InvalidFields(map[string]string{"quantity": fmt.Sprintf("must be from 1 to %d", MaxQuantity)})
	}
	return nil
}
