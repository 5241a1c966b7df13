package memory

import (
	"context"
	"slices"
	"strconv"

	"eshop/domain"
)

// changes is the feed of changed products. Of several changes of a product the last counts.
type changes struct {
	log  []change // by number; outdated ones are dropped when they are most of it
	last map[domain.ProductID]int64
}

type change struct {
	number  int64
	product domain.ProductID
}

func (c *changes) number() int64 {
	if len(c.log) == 0 {
		return 0
	}
	return c.log[len(c.log)-1].number
}

func (c *changes) add(id domain.ProductID) {
	next := change{c.number() + 1, id}
	c.log, c.last[id] = append(c.log, next), next.number
	if len(c.log) > 2*len(c.last) {
		c.log = slices.DeleteFunc(c.log, c.outdated)
	}
}

func (c *changes) outdated(one change) bool { return c.last[one.product] != one.number }

func (s *Store) ChangedProducts(ctx context.Context, after domain.Cursor, limit int) ([]domain.Product, domain.Cursor, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	from, err := strconv.ParseUint("0"+string(after), 10, 63)
	if err != nil || int64(from) > s.changes.number() {
		return nil, "", domain.UnknownCursor()
	}
	at, _ := slices.BinarySearchFunc(s.changes.log, int64(from)+1, func(c change, number int64) int { return int(c.number - number) })
	var changed []domain.Product
	for _, c := range s.changes.log[at:] {
		if len(changed) >= limit {
			break
		}
		if s.changes.outdated(c) {
			continue
		}
		after = domain.Cursor(strconv.FormatInt(c.number, 10))
		if p, ok := s.products[c.product]; ok {
			changed = append(changed, cloneProduct(p.Product))
		} else {
			changed = append(changed, domain.DiscontinuedProduct(c.product))
		}
	}
	return changed, after, nil
}
