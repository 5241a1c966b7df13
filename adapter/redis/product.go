package redis

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"eshop/domain"
	"eshop/port"
)

// Products caches a durable catalog. Concurrent reads of the same entry on one server
// load it once (single flight). While the durable catalog is away, expired entries are
// still used (stale-if-error).
type Products struct {
	client  *Client
	durable port.Products
	flights singleflight.Group
	// slowUntil is until when a cached value is used without waiting for the durable store,
	// in Unix milliseconds.
	slowUntil atomic.Int64
}

var _ port.Products = (*Products)(nil)

// NewProducts returns a cache of the catalog that durable keeps. A read of durable must
// see its last write: what a lagging replica returns would be cached.
func NewProducts(client *Client, durable port.Products) *Products {
	return &Products{client: client, durable: durable}
}

const (
	// loadTimeout bounds a read of the durable catalog.
	loadTimeout = 5 * time.Second
	// slowAfter is how long a read waits for the durable store when it has a stale value.
	slowAfter = time.Second
	// slowFor is how long reads then do not wait at all.
	slowFor = 2 * time.Second
	// listFreshFor is how long a list is used: orders change its figures without invalidating it.
	listFreshFor = 5 * time.Second
)

// A product is cached by its ID, and its ID by whatever refers to the product. Lists are
// cached by the catalog's generation; each change by staff makes a new one.
var (
	products    = keyspace{name: "product2", fresh: freshFor, ttl: maxTTL}
	names       = keyspace{name: "name", fresh: freshFor, ttl: maxTTL}
	generations = keyspace{name: "generation", fresh: 24 * time.Hour, ttl: 24 * time.Hour}
	lists       = keyspace{name: "list2", fresh: listFreshFor, ttl: maxTTL}
	// Kept for a short time, since shoppers may search for any number of texts.
	searches = keyspace{name: "search2", fresh: listFreshFor, ttl: 6 * listFreshFor}
)

const catalog = "catalog"

func (p *Products) Product(ctx context.Context, ref string) (domain.Product, error) {
	if err := ctx.Err(); err != nil {
		return domain.Product{}, err
	}
	name := p.client.lookup(names, ref)
	if name[0].state == bypass {
		p.client.stats.loaded.Add(1)
		return p.durable.Product(ctx, ref)
	}
	id, err := readShared(ctx, p, names, name, func(ctx context.Context) (domain.ProductID, error) {
		found, err := p.durable.Product(ctx, ref)
		return found.ID, err
	}, identity)
	if err != nil {
		return domain.Product{}, err
	}
	found, err := readShared(ctx, p, products, p.client.lookup(products, string(id)), func(ctx context.Context) (domain.Product, error) {
		found, err := p.durable.Products(ctx, []domain.ProductID{id})
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
		p.client.stats.loaded.Add(1)
		return p.durable.Product(ctx, ref)
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
	for i, e := range p.client.lookup(products, wanted...) {
		product, ok := decode(p.client, &e, cloneProduct)
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
	p.client.acquireLeases(missing)
	since := time.Now()
	p.client.stats.loaded.Add(1)
	loaded, err := p.durable.Products(ctx, ids)
	bodies := make([][]byte, len(missing))
	for _, product := range loaded {
		bodies[slices.Index(ids, product.ID)] = encode(product)
	}
	p.client.store(products, since, missing, bodies)
	return loaded, err
}

func (p *Products) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	name, err := json.Marshal(q)
	if err != nil {
		return p.durable.Search(ctx, q)
	}
	k := lists
	if q.Text != "" {
		k = searches
	}
	return readList(ctx, p, k, "search:"+string(name), func(ctx context.Context) (domain.Found, error) {
		return p.durable.Search(ctx, q)
	}, cloneFound)
}

func (p *Products) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	return readList(ctx, p, searches, "suggest:"+strconv.Itoa(limit)+":"+text, func(ctx context.Context) ([]domain.Suggestion, error) {
		return p.durable.Suggest(ctx, text, limit)
	}, slices.Clone)
}

func (p *Products) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	return readList(ctx, p, lists, "categories", p.durable.Categories, slices.Clone)
}

func (p *Products) ChangedProducts(ctx context.Context, after domain.Cursor, limit int) ([]domain.Product, domain.Cursor, error) {
	return p.durable.ChangedProducts(ctx, after, limit)
}

func (p *Products) PutProducts(ctx context.Context, all []domain.Product) error {
	keys := make([]string, 0, 3*len(all)+1)
	for _, product := range all {
		keys = append(keys, products.key(string(product.ID)), names.key(string(product.ID)), names.key(product.Slug))
	}
	return p.client.change(ctx, append(keys, generations.key(catalog)), func() error { return p.durable.PutProducts(ctx, all) })
}

func (p *Products) UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error) {
	var changed domain.Product
	keys := []string{products.key(string(id)), names.key(string(id)), generations.key(catalog)}
	err := p.client.change(ctx, keys, func() error {
		var err error
		changed, err = p.durable.UpdateProduct(ctx, id, change)
		return err
	})
	return changed, err
}

func (p *Products) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	keys := []string{products.key(string(id)), names.key(string(id)), generations.key(catalog)}
	return p.client.change(ctx, keys, func() error { return p.durable.RemoveProduct(ctx, id) })
}

func (p *Products) ChangeStock(ctx context.Context, id domain.ProductID, delta int, reason domain.MovementReason, at time.Time) (int, error) {
	var stock int
	err := p.client.change(ctx, []string{products.key(string(id)), generations.key(catalog)}, func() error {
		var err error
		stock, err = p.durable.ChangeStock(ctx, id, delta, reason, at)
		return err
	})
	return stock, err
}

func (p *Products) Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error) {
	return p.durable.Movements(ctx, id)
}

// readList returns a list of the current generation.
func readList[T any](ctx context.Context, p *Products, k keyspace, name string, load func(context.Context) (T, error), clone func(T) T) (T, error) {
	if err := ctx.Err(); err != nil {
		var none T
		return none, err
	}
	if generation := p.generation(ctx); generation != "" {
		return readShared(ctx, p, k, p.client.lookup(k, generation+":"+name), load, clone)
	}
	return readShared(ctx, p, k, []entry{{key: k.key(name)}}, load, clone)
}

// generation returns the ID of the catalog's generation, or "" while there is none.
func (p *Products) generation(ctx context.Context) string {
	e := p.client.lookup(generations, catalog)
	switch e[0].state {
	case fresh:
		return e[0].body
	case absent, expired:
		_, _ = fill(ctx, p.client, generations, e, func(context.Context) (string, error) { return p.client.nextID(), nil })
	}
	return ""
}

// readShared returns the value of an entry, or loads and caches it once for all who ask at
// the same time (single flight). A stale value is returned when load is slow or fails.
func readShared[T any](ctx context.Context, p *Products, k keyspace, e []entry, load func(context.Context) (T, error), clone func(T) T) (T, error) {
	cached, ok := decode(p.client, &e[0], clone)
	if ok && e[0].state == fresh {
		return cached, nil
	}
	// A reader after a change by this server must not join a load that began before it.
	flight := e[0].key + "#" + strconv.FormatInt(p.client.writes.Load(), 36)
	loaded := p.flights.DoChan(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		v, err := fill(ctx, p.client, k, e, load)
		if err == nil {
			p.slowUntil.Store(0)
		}
		return v, err
	})
	var slow <-chan time.Time
	if ok {
		wait := slowAfter
		if time.Now().UnixMilli() < p.slowUntil.Load() {
			wait = 0
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		slow = timer.C
	}
	var none T
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case <-slow:
	case result := <-loaded:
		if result.Err == nil {
			return clone(result.Val.(T)), nil
		}
		if !ok || !inDoubt(result.Err) {
			return none, result.Err
		}
	}
	p.slowUntil.Store(time.Now().Add(slowFor).UnixMilli())
	return cached, nil
}

func cloneProduct(p domain.Product) domain.Product {
	p.Images = slices.Clone(p.Images)
	return p
}

func cloneFound(f domain.Found) domain.Found {
	f.Products = slices.Clone(f.Products)
	for i := range f.Products {
		f.Products[i] = cloneProduct(f.Products[i])
	}
	f.Facets.Categories = slices.Clone(f.Facets.Categories)
	f.Facets.Subcategories = slices.Clone(f.Facets.Subcategories)
	f.Facets.Prices = slices.Clone(f.Facets.Prices)
	return f
}
