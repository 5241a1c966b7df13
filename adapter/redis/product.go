package redis

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"eshop/domain"
	"eshop/port"
)

// Products caches durable products. While the durable store is away, expired entries
// are still used (stale-if-error).
type Products struct {
	durableProducts
	reader reader
}

// durableProducts embeds port.Products under a name that its method Products leaves free.
type durableProducts = port.Products

var _ port.Products = (*Products)(nil)

// NewProducts returns a cache of the products that durable keeps. A read of durable must
// see its last write: what a lagging replica returns would be cached.
func NewProducts(client *Client, durable port.Products) *Products {
	return &Products{durable, reader{client: client}}
}

const (
	// loadTimeout bounds a read of the durable catalog.
	loadTimeout = 5 * time.Second
	// slowAfter is how long a read waits for the durable store when it has a stale value.
	slowAfter = time.Second
	// slowFor is how long reads then do not wait at all.
	slowFor = 2 * time.Second
	// quickTime is what a read of the durable store takes that is not slow. After slowReads slow
	// ones in a row, reads that have a stale value wait for hurriedTime, until one is quick.
	quickTime   = 100 * time.Millisecond
	slowReads   = 2
	hurriedTime = 10 * time.Millisecond
)

// A product is cached by its ID, and its ID by whatever refers to the product.
var (
	products = keyspace{name: "product2", fresh: freshFor, ttl: maxTTL}
	names    = keyspace{name: "name", fresh: freshFor, ttl: maxTTL}
)

func (p *Products) Product(ctx context.Context, ref string) (domain.Product, error) {
	if err := ctx.Err(); err != nil {
		return domain.Product{}, err
	}
	name := p.reader.client.lookup(ctx, names, ref)
	if name[0].state == bypass {
		p.reader.client.stats.loaded.Add(1)
		return p.durableProducts.Product(ctx, ref)
	}
	id, err := readShared(ctx, &p.reader, names, name, func(ctx context.Context) (domain.ProductID, error) {
		found, err := p.durableProducts.Product(ctx, ref)
		return found.ID, err
	}, identity)
	if err != nil {
		return domain.Product{}, err
	}
	found, err := readShared(ctx, &p.reader, products, p.reader.client.lookup(ctx, products, string(id)), func(ctx context.Context) (domain.Product, error) {
		found, err := p.durableProducts.Products(ctx, []domain.ProductID{id})
		switch {
		case err != nil:
			return domain.Product{}, err
		case len(found) == 0:
			return domain.Product{}, domain.NotFound("product")
		}
		return found[0], nil
	}, cloneProduct)
	if errors.Is(err, domain.ErrNotFound) || err == nil && string(found.ID) != ref && found.Slug != ref {
		// The product has another slug by now, or is gone.
		p.reader.client.stats.loaded.Add(1)
		return p.durableProducts.Product(ctx, ref)
	}
	return found, err
}

func (p *Products) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	if err := ctx.Err(); err != nil || len(ids) == 0 {
		return nil, err
	}
	var wanted []string
	for _, id := range ids {
		if !slices.Contains(wanted, string(id)) {
			wanted = append(wanted, string(id))
		}
	}
	var all, stale []domain.Product
	var missing []entry
	var missed []domain.ProductID
	for i, e := range p.reader.client.lookup(ctx, products, wanted...) {
		product, ok := decode(p.reader.client, &e, cloneProduct)
		if ok && e.state == fresh {
			all = append(all, product)
			continue
		}
		if ok {
			stale = append(stale, product)
		}
		missing, missed = append(missing, e), append(missed, domain.ProductID(wanted[i]))
	}
	if len(missing) == 0 {
		return all, nil
	}
	loaded, err := p.load(ctx, missing, missed)
	if inDoubt(err) && len(stale) == len(missing) && ctx.Err() == nil {
		return append(all, stale...), nil
	}
	return append(all, loaded...), err
}

func (p *Products) load(ctx context.Context, missing []entry, ids []domain.ProductID) ([]domain.Product, error) {
	p.reader.client.acquireLeases(ctx, missing)
	since := time.Now()
	p.reader.client.stats.loaded.Add(1)
	loaded, err := p.durableProducts.Products(ctx, ids)
	bodies := make([][]byte, len(missing))
	for _, product := range loaded {
		bodies[slices.Index(ids, product.ID)] = encode(product)
	}
	p.reader.client.store(ctx, products, since, missing, bodies)
	return loaded, err
}

func (p *Products) PutProducts(ctx context.Context, all []domain.Product) error {
	keys := make([]string, 0, 3*len(all)+1)
	for _, product := range all {
		keys = append(keys, products.key(string(product.ID)), names.key(string(product.ID)), names.key(product.Slug))
	}
	return p.reader.client.change(ctx, append(keys, generations.key(lastGeneration)), func() error { return p.durableProducts.PutProducts(ctx, all) })
}

func (p *Products) UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error) {
	var changed domain.Product
	keys := []string{products.key(string(id)), names.key(string(id)), generations.key(lastGeneration)}
	err := p.reader.client.change(ctx, keys, func() error {
		var err error
		changed, err = p.durableProducts.UpdateProduct(ctx, id, change)
		return err
	})
	return changed, err
}

func (p *Products) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	keys := []string{products.key(string(id)), names.key(string(id)), generations.key(lastGeneration)}
	return p.reader.client.change(ctx, keys, func() error { return p.durableProducts.RemoveProduct(ctx, id) })
}

// reader reads through the cache.
type reader struct {
	client  *Client
	flights singleflight.Group
	// slowUntil is until when a cached value is used without waiting for the durable store,
	// in Unix milliseconds.
	slowUntil atomic.Int64
	slow      atomic.Int32 // reads of the durable store in a row that were slow
}

// wait returns how long a read waits for the durable store that has a stale value.
func (r *reader) wait() time.Duration {
	switch {
	case time.Now().UnixMilli() < r.slowUntil.Load():
		return 0
	case r.slow.Load() >= slowReads:
		return hurriedTime
	}
	return slowAfter
}

// readShared returns the value of an entry, or loads and caches it once for all who ask at
// the same time (single flight). A stale value is returned when load is slow or fails.
func readShared[T any](ctx context.Context, r *reader, k keyspace, e []entry, load func(context.Context) (T, error), clone func(T) T) (T, error) {
	cached, ok := decode(r.client, &e[0], clone)
	if ok && e[0].state == fresh {
		return cached, nil
	}
	// A reader after a change by this server must not join a load that began before it.
	flight := e[0].key + e[0].tag + "#" + strconv.FormatInt(r.client.writes.Load(), 36)
	loaded := r.flights.DoChan(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		slow := time.AfterFunc(quickTime, func() { r.slow.Add(1) })
		v, err := fill(ctx, r.client, k, e, load)
		if slow.Stop() && err == nil {
			r.slow.Store(0)
			r.slowUntil.Store(0)
		}
		return v, err
	})
	var slow <-chan time.Time
	if ok {
		timer := time.NewTimer(r.wait())
		defer timer.Stop()
		slow = timer.C
	}
	var none T
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case <-slow:
		if r.slow.Load() >= slowReads {
			return cached, nil
		}
	case result := <-loaded:
		if result.Err == nil {
			return clone(result.Val.(T)), nil
		}
		if !ok || !inDoubt(result.Err) {
			return none, result.Err
		}
	}
	r.slowUntil.Store(time.Now().Add(slowFor).UnixMilli())
	return cached, nil
}

func cloneProduct(p domain.Product) domain.Product {
	p.Images = slices.Clone(p.Images)
	return p
}
