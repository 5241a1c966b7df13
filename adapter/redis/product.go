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

// Products keeps the catalog close at hand in front of the durable one. What many
// ask for at once is read once a server. While the durable one is away, what was
// kept of it goes on being shown.
type Products struct {
	client  *Client
	durable port.Products
	flights singleflight.Group
	// tiredUntil is until when the durable store is not waited for where something
	// kept will do, in Unix milliseconds.
	tiredUntil atomic.Int64
}

var _ port.Products = (*Products)(nil)

// NewProducts has durable keep the catalog. Its reads must see its last write:
// what a replica says that lags behind would be kept.
func NewProducts(client *Client, durable port.Products) *Products {
	return &Products{client: client, durable: durable}
}

const (
	// loadTime is the most that reading the catalog takes.
	loadTime = 5 * time.Second
	// tiredAfter is how long the durable store is waited for where something kept will do.
	tiredAfter = time.Second
	tiredFor   = 2 * time.Second
	// listedFor is how long a list is used: orders change its figures, and nothing tells it.
	listedFor = 5 * time.Second
)

// A product is kept by its id, and by whatever it is called its id. Lists are kept
// under the edition of the catalog; each change of it by hand makes a new one.
var (
	products = kind{name: "product", used: usedFor, kept: keptLongest}
	names    = kind{name: "name", used: usedFor, kept: keptLongest}
	editions = kind{name: "edition", used: 24 * time.Hour, kept: 24 * time.Hour}
	lists    = kind{name: "list", used: listedFor, kept: keptLongest}
	// There is no end of texts that may be searched for.
	searches = kind{name: "search", used: listedFor, kept: 6 * listedFor}
)

const catalog = "catalog"

func (p *Products) Product(ctx context.Context, ref string) (domain.Product, error) {
	if err := ctx.Err(); err != nil {
		return domain.Product{}, err
	}
	name := p.client.look(names, ref)
	if name[0].state == unknown {
		p.client.stats.loaded.Add(1)
		return p.durable.Product(ctx, ref)
	}
	id, err := share(ctx, p, names, name, func(ctx context.Context) (domain.ProductID, error) {
		found, err := p.durable.Product(ctx, ref)
		return found.ID, err
	}, same)
	if err != nil {
		return domain.Product{}, err
	}
	found, err := share(ctx, p, products, p.client.look(products, string(id)), func(ctx context.Context) (domain.Product, error) {
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
		// The product that was called so is called otherwise now, or gone.
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
	var all, kept []domain.Product
	var missing []entry
	var missed []domain.ProductID
	for i, e := range p.client.look(products, wanted...) {
		product, ok := decode(p.client, &e, cloneProduct)
		if ok && e.state == usable {
			all = append(all, product)
			continue
		}
		if ok {
			kept = append(kept, product)
		}
		missing, missed = append(missing, e), append(missed, domain.ProductID(wanted[i]))
	}
	if len(missing) == 0 {
		return all, nil
	}
	loaded, err := p.load(ctx, missing, missed)
	if inDoubt(err) && len(kept) == len(missing) && ctx.Err() == nil {
		return append(all, kept...), nil
	}
	return append(all, loaded...), err
}

func (p *Products) load(ctx context.Context, missing []entry, ids []domain.ProductID) ([]domain.Product, error) {
	p.client.claimAll(missing)
	since := time.Now()
	p.client.stats.loaded.Add(1)
	loaded, err := p.durable.Products(ctx, ids)
	bodies := make([][]byte, len(missing))
	for _, product := range loaded {
		bodies[slices.Index(ids, product.ID)] = encode(product)
	}
	p.client.keep(products, since, missing, bodies)
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
	return list(ctx, p, k, "search:"+string(name), func(ctx context.Context) (domain.Found, error) {
		return p.durable.Search(ctx, q)
	}, cloneFound)
}

func (p *Products) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	return list(ctx, p, searches, "suggest:"+strconv.Itoa(limit)+":"+text, func(ctx context.Context) ([]domain.Suggestion, error) {
		return p.durable.Suggest(ctx, text, limit)
	}, slices.Clone)
}

func (p *Products) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	return list(ctx, p, lists, "categories", p.durable.Categories, slices.Clone)
}

func (p *Products) PutProducts(ctx context.Context, all []domain.Product) error {
	keys := make([]string, 0, 3*len(all)+1)
	for _, product := range all {
		keys = append(keys, products.key(string(product.ID)), names.key(string(product.ID)), names.key(product.Slug))
	}
	return p.client.change(ctx, append(keys, editions.key(catalog)), func() error { return p.durable.PutProducts(ctx, all) })
}

func (p *Products) UpdateProduct(ctx context.Context, id domain.ProductID, change func(*domain.Product) error) (domain.Product, error) {
	var changed domain.Product
	keys := []string{products.key(string(id)), names.key(string(id)), editions.key(catalog)}
	err := p.client.change(ctx, keys, func() error {
		var err error
		changed, err = p.durable.UpdateProduct(ctx, id, change)
		return err
	})
	return changed, err
}

func (p *Products) RemoveProduct(ctx context.Context, id domain.ProductID) error {
	keys := []string{products.key(string(id)), names.key(string(id)), editions.key(catalog)}
	return p.client.change(ctx, keys, func() error { return p.durable.RemoveProduct(ctx, id) })
}

func (p *Products) ChangeStock(ctx context.Context, id domain.ProductID, delta int, reason domain.MovementReason, at time.Time) (int, error) {
	var stock int
	err := p.client.change(ctx, []string{products.key(string(id)), editions.key(catalog)}, func() error {
		var err error
		stock, err = p.durable.ChangeStock(ctx, id, delta, reason, at)
		return err
	})
	return stock, err
}

func (p *Products) Movements(ctx context.Context, id domain.ProductID) ([]domain.StockMovement, error) {
	return p.durable.Movements(ctx, id)
}

// list returns a list of the present edition.
func list[T any](ctx context.Context, p *Products, k kind, name string, load func(context.Context) (T, error), clone func(T) T) (T, error) {
	if err := ctx.Err(); err != nil {
		var none T
		return none, err
	}
	if edition := p.edition(ctx); edition != "" {
		return share(ctx, p, k, p.client.look(k, edition+":"+name), load, clone)
	}
	return share(ctx, p, k, []entry{{key: k.key(name)}}, load, clone)
}

// edition is the catalog's, or "" while there is none.
func (p *Products) edition(ctx context.Context) string {
	e := p.client.look(editions, catalog)
	switch e[0].state {
	case usable:
		return e[0].body
	case absent, worn:
		_, _ = fill(ctx, p.client, editions, e, func(context.Context) (string, error) { return p.client.nextID(), nil })
	}
	return ""
}

// share returns the entry's value, or else what load gives, which is kept and shared
// with all who ask for it meanwhile. What is stale will do when load takes long or fails.
func share[T any](ctx context.Context, p *Products, k kind, e []entry, load func(context.Context) (T, error), clone func(T) T) (T, error) {
	kept, has := decode(p.client, &e[0], clone)
	if has && e[0].state == usable {
		return kept, nil
	}
	// Who asks after a change of this server's own must not get what was read before it.
	flight := e[0].key + "#" + strconv.FormatInt(p.client.changes.Load(), 36)
	landed := p.flights.DoChan(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
		defer cancel()
		v, err := fill(ctx, p.client, k, e, load)
		if err == nil {
			p.tiredUntil.Store(0)
		}
		return v, err
	})
	var tired <-chan time.Time
	if has {
		wait := tiredAfter
		if time.Now().UnixMilli() < p.tiredUntil.Load() {
			wait = 0
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		tired = timer.C
	}
	var none T
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case <-tired:
	case result := <-landed:
		if result.Err == nil {
			return clone(result.Val.(T)), nil
		}
		if !has || !inDoubt(result.Err) {
			return none, result.Err
		}
	}
	p.tiredUntil.Store(time.Now().Add(tiredFor).UnixMilli())
	return kept, nil
}

func same[T any](v T) T { return v }

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
