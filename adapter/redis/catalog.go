package redis

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Catalog caches what a catalog finds. While it is away, expired entries are still
// used (stale-if-error).
type Catalog struct {
	catalog port.Catalog
	reader  reader
}

var _ port.Catalog = (*Catalog)(nil)

// NewCatalog returns a cache of catalog. Changes of products that go by NewProducts and
// NewStock on the same Redis are seen at once, as far as catalog itself has seen them.
func NewCatalog(client *Client, catalog port.Catalog) *Catalog {
	return &Catalog{catalog, reader{client: client}}
}

// listFreshFor is how long a list is used: orders change its figures without invalidating it.
const listFreshFor = 5 * time.Second

// Lists are tagged with the catalog's generation; each change by staff makes a new one, and
// so does a server that starts. A list takes the place of its last generation's.
var (
	generations = keyspace{name: "generation", fresh: 24 * time.Hour, ttl: 24 * time.Hour}
	lists       = keyspace{name: "list4", fresh: listFreshFor, ttl: maxTTL}
	// Strangers may make up any number of words, prices and pages.
	searches = keyspace{name: "search4", fresh: listFreshFor, ttl: maxTTL, slots: searchSlots}
)

// searchSlots times maxSlot is half of the memory that deployment gives Redis.
const searchSlots = 1024

// lastGeneration names the one entry of generations.
const lastGeneration = "catalog"

func (c *Catalog) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	name, err := json.Marshal(q)
	if err != nil {
		return c.catalog.Search(ctx, q)
	}
	k := searches
	if q.Plain() {
		k = lists
	}
	return readList(ctx, &c.reader, k, "search:"+string(name), func(ctx context.Context) (domain.Found, error) {
		return c.catalog.Search(ctx, q)
	}, cloneFound)
}

func (c *Catalog) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	return readList(ctx, &c.reader, searches, "suggest:"+strconv.Itoa(limit)+":"+text, func(ctx context.Context) ([]domain.Suggestion, error) {
		return c.catalog.Suggest(ctx, text, limit)
	}, slices.Clone)
}

func (c *Catalog) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	return readList(ctx, &c.reader, lists, "categories", c.catalog.Categories, slices.Clone)
}

// readList returns a list of the current generation.
func readList[T any](ctx context.Context, r *reader, k keyspace, name string, load func(context.Context) (T, error), clone func(T) T) (T, error) {
	if err := ctx.Err(); err != nil {
		var none T
		return none, err
	}
	e := []entry{k.entry(name)}
	if generation := r.generation(ctx); generation != "" {
		e[0].tag += "#" + generation
		r.client.read(ctx, k, e)
	}
	return readShared(ctx, r, k, e, load, clone)
}

// generation returns the ID of the catalog's generation, or "" while there is none.
func (r *reader) generation(ctx context.Context) string {
	e := r.client.lookup(ctx, generations, lastGeneration)
	switch e[0].state {
	case fresh:
		return e[0].body
	case absent, expired:
		_, _ = fill(ctx, r.client, generations, e, func(context.Context) (string, error) { return r.client.nextID(), nil })
	}
	return ""
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
