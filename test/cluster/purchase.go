package cluster

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/google/uuid"

	"eshop/test/history"
)

type orderJSON struct {
	Order struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		Items  []struct {
			ProductID string `json:"product_id"`
			Quantity  int    `json:"quantity"`
		} `json:"items"`
		Total struct {
			Amount int64 `json:"amount"`
		} `json:"total"`
	} `json:"order"`
}

// settled follows an order whose payment is not known yet until it is.
func (s *shopper) settled(id, status string) string {
	for until := time.Now().Add(persistence); status == "pending"; time.Sleep(300 * time.Millisecond) {
		var now orderJSON
		answer := s.send("GET", "/api/checkout/orders/"+id, nil, "", &now)
		switch {
		case answer.Status == http.StatusOK:
			status = now.Order.Status
		case !answer.Failed():
			s.complain("the order %s was acknowledged and answers %d", id, answer.Status)
			return ""
		case time.Now().After(until):
			s.complain("the order %s was not settled in %v", id, persistence)
			return ""
		}
	}
	return status
}

// buy checks out, again and again with the same key until it is known what became of it.
func (s *shopper) buy() {
	if len(s.cart) == 0 {
		return
	}
	key := uuid.NewString()
	body := map[string]any{
		"email": s.email,
		"shipping_address": map[string]any{"name": "Sam Shopper", "line1": "1 High Street", "line2": "", "city": "Springfield",
			"region": "IL", "postal_code": "62701", "country": "US", "phone": "+1 555 010 0123"},
		"payment": map[string]any{"method": "demo_card", "card_number": s.card, "expiry": "12/39", "cvc": "123"},
	}
	asked := s.beginPurchase()
	for until := time.Now().Add(persistence); ; time.Sleep(s.pause) {
		var placed purchaseJSON
		now := s.takes()
		answer, other := s.checkOut(body, key, &placed)
		if other != "" && placed.Order.ID != "" && other != placed.Order.ID {
			s.complain("two checkouts at once with one key made the orders %s and %s", placed.Order.ID, other)
		}
		switch {
		case answer.Status == http.StatusCreated, answer.Status == http.StatusOK, answer.Status == http.StatusAccepted:
			order := Order{ID: placed.Order.ID, Key: key, Total: placed.Order.Total.Amount, Lines: map[string]int{}}
			for _, item := range placed.Order.Items {
				order.Lines[item.ProductID] = item.Quantity
			}
			if !maps.Equal(order.Lines, s.cart) {
				s.complain("the order %s has %v, and the cart had %v", order.ID, order.Lines, s.cart)
			}
			s.cart, s.lines = map[string]int{}, map[string]string{}
			now.each((*history.Call).Drop)
			switch s.settled(order.ID, placed.Order.Status) {
			case "": // and it is not known
			case "cancelled":
				asked.undone()
				s.cart = order.Lines // what was not paid is in the cart again
				s.readCart()
			default:
				asked.done(order.Lines)
				s.orders = append(s.orders, order)
			}
			return
		case placed.Code == "payment_declined" && s.card != goodCard:
			now.each((*history.Call).Drop)
			asked.undone()
			s.lines = map[string]string{} // the cart is what it was, and its lines are not named as before
			return
		case placed.Code == "out_of_stock":
			if len(s.lines) == 0 {
				s.readCart()
			}
			for _, line := range placed.Lines {
				if take, ok := now[line.ProductID]; ok {
					take.Refuse()
					delete(now, line.ProductID)
				}
			}
			now.each((*history.Call).Drop)
			asked.undone()
			for _, line := range placed.Lines {
				if id, ok := s.lines[line.ProductID]; ok {
					s.change(history.Put{Product: line.ProductID}, "DELETE", "/api/cart/remove/"+id, nil, uuid.NewString(), s.with(line.ProductID, 0))
				}
			}
			return
		case !answer.Failed():
			s.complain("checkout answered %d %s", answer.Status, placed.Code)
			return
		case time.Now().After(until):
			s.complain("checkout was not answered well in %v", persistence)
			return
		}
		now.each((*history.Call).Drop)
		asked.failed = true
		// An order that was placed and cancelled meanwhile has given its lines back, and they are not named as before.
		s.lines = map[string]string{}
	}
}

// purchaseJSON is what a checkout answers.
type purchaseJSON struct {
	orderJSON
	Code  string `json:"code"`
	Lines []struct {
		ProductID string `json:"product_id"`
	} `json:"lines"`
}

// calls are those of one purchase, by product.
type calls map[string]*history.Call

func (c calls) each(end func(*history.Call)) {
	for _, call := range c {
		end(call)
	}
}

// takes asks for all that is in the cart.
func (s *shopper) takes() calls {
	all := calls{}
	for p, n := range s.cart {
		all[p] = s.ask(history.Object{Kind: history.Stock, ID: p}, history.Take{N: n})
	}
	return all
}

// purchase is what is asked of a purchase from its first attempt to its last. Any of them may have held stock until
// its payment failed.
type purchase struct {
	takes, holds calls
	empty        *history.Call
	failed       bool // an attempt did, or there may be two at once
}

func (s *shopper) beginPurchase() *purchase {
	of := &purchase{s.takes(), calls{}, s.ask(s.object(history.Cart), history.Empty{}), s.twice}
	for p, n := range s.cart {
		of.holds[p] = s.ask(history.Object{Kind: history.Stock, ID: p}, history.Hold{N: n})
	}
	return of
}

// done ends it with an order that is paid.
func (p *purchase) done(lines map[string]int) {
	p.empty.Answer(history.Lines(lines))
	p.takes.each(func(c *history.Call) { c.Answer(nil) })
	if p.failed {
		p.holds.each(func(c *history.Call) { c.Answer(nil) })
	} else {
		p.holds.each((*history.Call).Drop)
	}
}

// undone ends it with nothing bought: what was taken is back.
func (p *purchase) undone() {
	p.empty.Drop()
	p.takes.each((*history.Call).Drop)
	p.holds.each(func(c *history.Call) { c.Answer(nil) })
}

// checkOut sends a purchase, twice at once when that is the shopper's way, and reads the
// first answer. It returns the order that the second one names.
func (s *shopper) checkOut(body map[string]any, key string, into *purchaseJSON) (answer Answer, other string) {
	buy := s.ask(history.Object{Kind: history.Key, ID: key}, history.Buy{})
	if !s.twice {
		answer = s.send("POST", "/api/checkout/process", body, key, into)
		into.end(buy, answer, (*history.Call).Refuse)
		return answer, ""
	}
	content, _ := json.Marshal(body) // maps of text
	headers := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}}
	second, buyToo := make(chan reply), s.ask(history.Object{Kind: history.Key, ID: key}, history.Buy{})
	base := s.base()
	go func() { second <- s.askAt(base, "POST", "/api/checkout/process", content, headers) }()
	answer = s.send("POST", "/api/checkout/process", body, key, into)
	// What one of them placed may be cancelled before the other is answered, which is refused then.
	into.end(buy, answer, (*history.Call).Drop)
	got := <-second
	s.answers = append(s.answers, got.Answer)
	var placed purchaseJSON
	_ = json.Unmarshal(got.body, &placed) // an answer without an order names none
	placed.end(buyToo, got.Answer, (*history.Call).Drop)
	return answer, placed.Order.ID
}

// end ends what was asked of the key; what failed may be done later.
func (p *purchaseJSON) end(buy *history.Call, answer Answer, refuse func(*history.Call)) {
	switch {
	case p.Order.ID != "" && !answer.Failed():
		buy.Answer(p.Order.ID)
	case !answer.Failed():
		refuse(buy)
	}
}
