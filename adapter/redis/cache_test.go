package redis_test

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/adapter/redis"
	"eshop/domain"
	"eshop/port"
	"eshop/test/container"
)

// browse reads the session, the account and the catalog as a signed-in shopper does.
func browse(t testing.TB, w *shopServer) {
	t.Helper()
	ctx := t.Context()
	session, err := w.Session(ctx, "anna", noon)
	require.NoError(t, err)
	assert.Equal(t, aSession("anna"), session)
	user, err := w.users.User(ctx, session.User)
	require.NoError(t, err)
	assert.Equal(t, "anna", user.Username)
	assert.Empty(t, user.PasswordHash, "it stays in the durable store")
	for _, ref := range []string{"tea-pot-1", "product-1"} {
		p, err := w.products.Product(ctx, ref)
		require.NoError(t, err)
		assert.Equal(t, aProduct(1, 5), p)
	}
	named, err := w.products.Products(ctx, []domain.ProductID{"product-2", "product-1"})
	require.NoError(t, err)
	assert.ElementsMatch(t, []domain.Product{aProduct(1, 5), aProduct(2, 5)}, named)
	kitchen, tea := by(domain.ByPrice), everything
	kitchen.Category, tea.Text = "kitchen", "tea"
	for _, q := range []domain.Query{everything, kitchen, tea} {
		found, err := w.catalog.Search(ctx, q)
		require.NoError(t, err)
		assert.Equal(t, 3, found.Total)
	}
	suggested, err := w.catalog.Suggest(ctx, "te", 5)
	require.NoError(t, err)
	assert.Len(t, suggested, 3)
	categories, err := w.catalog.Categories(ctx)
	require.NoError(t, err)
	assert.Equal(t, []domain.CategoryCount{{Category: aProduct(1, 0).Category, Count: 3}}, categories)
}

func seed(t testing.TB, a *shopServer, durable *memory.Store) {
	t.Helper()
	require.NoError(t, a.PutSession(t.Context(), aSession("anna")))
	require.NoError(t, durable.AddUser(t.Context(), domain.User{
		ID: "user-anna", Username: "anna", Email: "anna@example.com", PasswordHash: "secret", CreatedAt: noon,
	}))
	require.NoError(t, a.products.PutProducts(t.Context(), []domain.Product{aProduct(1, 5), aProduct(2, 5), aProduct(3, 5)}))
}

func TestClient_CachesReads(t *testing.T) {
	a, b, durable := twoServers(t, container.Redis(t))
	seed(t, a, durable)
	for range 3 {
		browse(t, a)
	}
	t.Run("in this process, so that no round trip and no read of the durable store is needed", func(t *testing.T) {
		since := a.statsSince()
		browse(t, a)
		stats := since()
		assert.Zero(t, stats.RoundTrips)
		assert.Zero(t, stats.Loaded)
		assert.Zero(t, stats.Shared)
		assert.Positive(t, stats.Local)
	})
	t.Run("in Redis, where another server finds them", func(t *testing.T) {
		since := b.statsSince()
		browse(t, b)
		stats := since()
		assert.Zero(t, stats.Loaded)
		assert.Positive(t, stats.Shared)
		since = b.statsSince()
		browse(t, b)
		assert.Zero(t, since().RoundTrips)
	})
}

func TestClient_ShowsAChangeOnOtherServersWithinASecond(t *testing.T) {
	a, b, durable := twoServers(t, container.Redis(t))
	seed(t, a, durable)
	carts, orders := port.Carts(durable), redis.NewOrders(a.Client, durable)
	var longest time.Duration
	for round := range 30 {
		for range 2 {
			_, err := b.products.Product(t.Context(), "tea-pot-1")
			require.NoError(t, err)
			_, err = b.catalog.Search(t.Context(), by(domain.ByPrice))
			require.NoError(t, err)
		}
		p := aProduct(1, 0)
		p.Price = domain.Dollars(int64(2000 + round))
		require.NoError(t, a.products.PutProducts(t.Context(), []domain.Product{p}))
		start := time.Now()
		require.Eventually(t, func() bool {
			one, err := b.products.Product(t.Context(), "tea-pot-1")
			require.NoError(t, err)
			all, err := b.catalog.Search(t.Context(), by(domain.ByPriceDown))
			require.NoError(t, err)
			return one.Price == p.Price && all.Products[0].Price == p.Price
		}, time.Second, 100*time.Microsecond)
		longest = max(longest, time.Since(start))
	}
	t.Logf("the longest took %v", longest)

	_, err := a.stock.ChangeStock(t.Context(), domain.StockMovement{Product: "product-1", Delta: 5, Reason: domain.StockReceived, At: noon}, "")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return stockOf(t, b) == 10 }, time.Second, time.Millisecond)
	_, err = carts.UpdateCart(t.Context(), "user:anna", func(c *domain.Cart) error {
		c.Lines = []domain.Line{{Product: "product-1", Quantity: 4}}
		return nil
	})
	require.NoError(t, err)
	order, placed, err := orders.PlaceOrder(t.Context(), port.Placement{Owner: "user:anna", Key: "k"},
		func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
			return domain.NewOrder(domain.Order{ID: "order-1", Owner: "user:anna", PlacedAt: noon}, cart, products, domain.DefaultPricing())
		})
	require.NoError(t, err)
	require.True(t, placed)
	assert.Equal(t, 6, stockOf(t, a))
	require.Eventually(t, func() bool { return stockOf(t, b) == 6 }, time.Second, time.Millisecond)
	_, _, err = orders.TransitionOrder(t.Context(), order.ID, func(o *domain.Order) (domain.Effects, error) {
		return o.MoveTo(domain.Cancelled, noon)
	})
	require.NoError(t, err)
	assert.Equal(t, 10, stockOf(t, a))
	require.Eventually(t, func() bool { return stockOf(t, b) == 10 }, time.Second, time.Millisecond)
}

func stockOf(t testing.TB, w *shopServer) int {
	t.Helper()
	p, err := w.products.Product(t.Context(), "tea-pot-1")
	require.NoError(t, err)
	return p.Stock
}

func TestCatalog_Search_AListTakesThePlaceOfItsLastGenerations(t *testing.T) {
	a, b, durable := twoServers(t, container.Redis(t))
	seed(t, a, durable)
	words := everything
	words.Text = "tea"
	changeAndLook := func(n int) (plain, others int) {
		p := aProduct(4, 5)
		p.Name = fmt.Sprint("Tea Caddy ", n)
		require.NoError(t, a.products.PutProducts(t.Context(), []domain.Product{p}))
		for _, s := range []*shopServer{a, b, a} { // the first look after a change makes a generation
			for _, q := range []domain.Query{everything, words} {
				found, err := s.catalog.Search(t.Context(), q)
				require.NoError(t, err)
				require.True(t, slices.ContainsFunc(found.Products, func(found domain.Product) bool { return found.Name == p.Name }), "%s after %d changes", p.Name, n)
			}
		}
		plain, others, err := redis.CachedLists(t.Context(), a.Client)
		require.NoError(t, err)
		return plain, others
	}
	plain, others := changeAndLook(0)
	require.Positive(t, plain)
	require.Positive(t, others)
	for n := range 20 {
		plainNow, othersNow := changeAndLook(n + 1)
		require.Equal(t, plain, plainNow, "after %d changes", n+1)
		require.Equal(t, others, othersNow, "after %d changes", n+1)
	}
}

func TestCatalog_Search_KeepsABoundedNumberOfListsThatStrangersMakeUp(t *testing.T) {
	a, b, durable := twoServers(t, container.Redis(t))
	seed(t, a, durable)
	plain := func(size int) domain.Query {
		q := everything
		q.Page = domain.Page{Number: 1, Size: size}
		return q
	}
	for range 2 {
		browse(t, a)
		for _, size := range []int{domain.DefaultPageSize, domain.RowSize} {
			_, err := a.catalog.Search(t.Context(), plain(size))
			require.NoError(t, err)
		}
	}
	before, _, err := redis.CachedLists(t.Context(), a.Client)
	require.NoError(t, err)
	made := func(q domain.Query) {
		for _, s := range []*shopServer{a, b} {
			found, err := s.catalog.Search(t.Context(), q)
			require.NoError(t, err)
			want, err := durable.Search(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, want, found)
		}
	}
	for n := range 2000 {
		words, prices, paged, sized, shelved := plain(24), plain(24), plain(24), plain(n+25), plain(24)
		words.Text, prices.MinPrice, paged.Page.Number, shelved.Category = fmt.Sprint("tea ", n%10), int64(n+1), n+2, fmt.Sprint("shelf-", n)
		for _, q := range []domain.Query{words, prices, paged, sized, shelved} {
			made(q)
		}
	}
	plainLists, others, err := redis.CachedLists(t.Context(), a.Client)
	require.NoError(t, err)
	assert.Equal(t, before, plainLists, "what the shop's own pages show has keys that no stranger takes")
	assert.LessOrEqual(t, others, redis.SearchSlots)
	assert.Greater(t, others, redis.SearchSlots/2, "they are cached")
	t.Run("one that is too long for its slot is not cached", func(t *testing.T) {
		long := aProduct(4, 5)
		long.Description = strings.Repeat("a long story ", 20_000)
		require.NoError(t, a.products.PutProducts(t.Context(), []domain.Product{long}))
		q := plain(24)
		q.MinPrice = long.Price.Amount
		for range 2 {
			since := a.statsSince()
			made(q)
			assert.Positive(t, since().Loaded)
		}
	})
}

func TestProducts_Search_LoadsOnceForConcurrentReaders(t *testing.T) {
	client := ready(t, container.Redis(t), 1)[0]
	durable := &flakyStore{Store: memory.NewStore()}
	products, catalog := redis.NewProducts(client.Client, durable), redis.NewCatalog(client.Client, durable)
	require.NoError(t, products.PutProducts(t.Context(), []domain.Product{aProduct(1, 5), aProduct(2, 5)}))
	_, err := catalog.Categories(t.Context()) // makes a generation
	require.NoError(t, err)
	blocked := make(chan struct{})
	durable.set(false, blocked)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			found, err := catalog.Search(t.Context(), everything)
			assert.NoError(t, err)
			assert.GreaterOrEqual(t, found.Total, 2)
			found.Products[0].Images[0].URL = "spoilt"
		})
	}
	require.Eventually(t, func() bool { return durable.reads() > 0 }, 5*time.Second, time.Millisecond)
	time.Sleep(50 * time.Millisecond) // in which further reads would arrive
	reads := durable.reads()

	require.NoError(t, products.PutProducts(t.Context(), []domain.Product{aProduct(3, 1)}))
	all.Go(func() {
		found, err := catalog.Search(t.Context(), everything)
		assert.NoError(t, err)
		assert.Equal(t, 3, found.Total, "a reader after a change does not join an earlier load")
	})
	require.Eventually(t, func() bool { return durable.reads() > reads }, 5*time.Second, time.Millisecond)
	close(blocked)
	all.Wait()
	assert.LessOrEqual(t, reads, 2, "fifty concurrent readers load once")
}

func TestProducts_Product_IsNotOlderThanAChange(t *testing.T) {
	client := ready(t, container.Redis(t), 1)[0]
	durable := &flakyStore{Store: memory.NewStore()}
	products, stock := redis.NewProducts(client.Client, durable), redis.NewStock(client.Client, durable)
	require.NoError(t, products.PutProducts(t.Context(), []domain.Product{aProduct(1, 5)}))
	_, err := products.Product(t.Context(), "tea-pot-1")
	require.NoError(t, err)
	_, err = stock.ChangeStock(t.Context(), domain.StockMovement{Product: "product-1", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
	require.NoError(t, err)

	blocked := make(chan struct{})
	durable.set(false, blocked)
	var early sync.WaitGroup
	early.Go(func() {
		p, err := products.Product(t.Context(), "tea-pot-1")
		assert.NoError(t, err)
		assert.Equal(t, 6, p.Stock)
	})
	require.Eventually(t, func() bool { return durable.reads() == 1 }, 5*time.Second, time.Millisecond)
	_, err = stock.ChangeStock(t.Context(), domain.StockMovement{Product: "product-1", Delta: 1, Reason: domain.StockReceived, At: noon}, "")
	require.NoError(t, err)
	durable.set(false, nil)
	for range 3 {
		p, err := products.Product(t.Context(), "tea-pot-1")
		require.NoError(t, err)
		assert.Equal(t, 7, p.Stock)
	}
	close(blocked)
	early.Wait()
	p, err := products.Product(t.Context(), "tea-pot-1")
	require.NoError(t, err)
	assert.Equal(t, 7, p.Stock, "the earlier read was not cached")
}

func TestProducts_ReturnsCopies(t *testing.T) {
	a, _, durable := twoServers(t, container.Redis(t))
	seed(t, a, durable)
	kitchen := everything
	kitchen.Category = "kitchen"
	for range 4 {
		found, err := a.catalog.Search(t.Context(), kitchen)
		require.NoError(t, err)
		assert.Equal(t, aProduct(1, 5), found.Products[0])
		assert.Equal(t, "Kitchen", found.Facets.Categories[0].Name)
		assert.Equal(t, "Tea pots", found.Facets.Subcategories[0].Name)
		assert.Equal(t, 3, found.Facets.Prices[0].Count)
		found.Products[0].Images[0].URL, found.Products[0] = "spoilt", domain.Product{}
		found.Facets.Categories[0].Name, found.Facets.Subcategories[0].Name, found.Facets.Prices[0].Count = "Spoilt", "Spoilt", 0
		for _, read := range []func() domain.Product{
			func() domain.Product { p, _ := a.products.Product(t.Context(), "tea-pot-1"); return p },
			func() domain.Product {
				all, _ := a.products.Products(t.Context(), []domain.ProductID{"product-1"})
				return all[0]
			},
		} {
			p := read()
			assert.Equal(t, aProduct(1, 5), p)
			p.Images[0].URL = "spoilt"
		}
		categories, err := a.catalog.Categories(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "Kitchen", categories[0].Name)
		categories[0].Name = "Spoilt"
		suggested, err := a.catalog.Suggest(t.Context(), "te", 5)
		require.NoError(t, err)
		assert.Equal(t, "Tea pot 1", suggested[0].Text)
		suggested[0].Text = "Spoilt"
	}
}

// slowSessions are durable sessions whose ReplaceSession returns some time after it took effect.
type slowSessions struct {
	*memory.Store
	replaced, proceed chan struct{}
}

func (s slowSessions) ReplaceSession(ctx context.Context, old domain.SessionKey, next domain.Session) error {
	err := s.Store.ReplaceSession(ctx, old, next)
	close(s.replaced)
	<-s.proceed
	return err
}

func TestSessions_ReplaceSession_NeverShowsBoth(t *testing.T) {
	servers := ready(t, container.Redis(t), 2)
	durable := slowSessions{memory.NewStore(), make(chan struct{}), make(chan struct{})}
	var all []*redis.Sessions
	for _, s := range servers {
		all = append(all, redis.NewSessions(s.Client, durable))
	}
	require.NoError(t, all[0].PutSession(t.Context(), aSession("old")))
	for _, sessions := range all {
		for range 2 {
			_, err := sessions.Session(t.Context(), "old", noon)
			require.NoError(t, err)
		}
	}
	var replacing sync.WaitGroup
	replacing.Go(func() { assert.NoError(t, all[0].ReplaceSession(t.Context(), "old", aSession("next"))) })
	<-durable.replaced
	for i, sessions := range all {
		_, err := sessions.Session(t.Context(), "next", noon)
		require.NoError(t, err, "server %d", i+1)
		_, err = sessions.Session(t.Context(), "old", noon)
		require.ErrorIs(t, err, domain.ErrNotFound, "server %d", i+1)
	}
	close(durable.proceed)
	replacing.Wait()
}

// delayedSessions are durable sessions whose DeleteSession fails and takes effect some time later.
type delayedSessions struct {
	*memory.Store
	deleted chan struct{}
}

func (h delayedSessions) DeleteSession(ctx context.Context, key domain.SessionKey) error {
	go func() {
		time.Sleep(100 * time.Millisecond)
		_ = h.Store.DeleteSession(context.WithoutCancel(ctx), key)
		close(h.deleted)
	}()
	return domain.ErrUnavailable.Errorf(domain.CodeUnavailable, "away")
}

func TestSessions_DeleteSession_ShowsAChangeInDoubtOnceItHappens(t *testing.T) {
	client := ready(t, container.Redis(t), 1)[0]
	durable := delayedSessions{memory.NewStore(), make(chan struct{})}
	sessions := redis.NewSessions(client.Client, durable)
	require.NoError(t, sessions.PutSession(t.Context(), aSession("anna")))
	for range 2 {
		_, err := sessions.Session(t.Context(), "anna", noon)
		require.NoError(t, err)
	}
	require.ErrorIs(t, sessions.DeleteSession(t.Context(), "anna"), domain.ErrUnavailable)
	_, err := sessions.Session(t.Context(), "anna", noon)
	require.NoError(t, err, "it has not happened yet")
	<-durable.deleted
	_, err = sessions.Session(t.Context(), "anna", noon)
	require.ErrorIs(t, err, domain.ErrNotFound)
}

func TestClient_Now(t *testing.T) {
	client := open(t, container.StartRedis(t).URL)
	require.Eventually(t, func() bool { return client.Check(t.Context()) == nil }, 10*time.Second, time.Millisecond)
	now, err := client.Now(t.Context())
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), now, time.Second)
	_, err = open(t, "redis://127.0.0.1:1").Now(t.Context())
	require.ErrorIs(t, err, domain.ErrUnavailable)
}

func TestClient_Check_SaysWhyWithoutThePassword(t *testing.T) {
	database := container.StartRedis(t)
	admin(t, database.URL)("CONFIG", "SET", "requirepass", "hunter2")
	u, err := url.Parse(database.URL)
	require.NoError(t, err)
	u.User = url.UserPassword("", "wrong3")
	client := open(t, u.String())
	require.Eventually(t, func() bool { return strings.Contains(client.Check(t.Context()).Error(), "WRONGPASS") }, 10*time.Second, time.Millisecond)
	assert.NotContains(t, client.Check(t.Context()).Error(), "wrong3")
	u.User = url.UserPassword("", "hunter2")
	open(t, u.String()).waitUntilReady(t)
}

func TestOpen_CloseLeavesNoGoroutines(t *testing.T) {
	for name, address := range map[string]string{"with Redis": container.Redis(t), "without": "redis://127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			require.Eventually(t, func() bool { return goroutines() == "" }, 10*time.Second, 10*time.Millisecond, "goroutines of other tests")
			for range 3 {
				client, end, err := redis.Open(redis.Config{URL: address})
				require.NoError(t, err)
				w := newShopServer(server{client}, memory.NewStore())
				if name == "with Redis" {
					require.Eventually(t, func() bool { return client.Stats().Connected }, 10*time.Second, time.Millisecond)
				}
				require.NoError(t, w.PutSession(t.Context(), aSession("anna")))
				start := time.Now()
				end()
				assert.Less(t, time.Since(start), 3*time.Second)
				assert.True(t, w.hasSession(t, "anna"), "late calls are answered by the durable store")
			}
			assert.Eventually(t, func() bool { return goroutines() == "" }, 10*time.Second, 10*time.Millisecond)
			assert.Empty(t, goroutines())
		})
	}
}

// goroutines returns the stacks of the goroutines that work for a client.
func goroutines() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var ours []string
	for _, stack := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(stack, "redis/rueidis.") || strings.Contains(stack, "adapter/redis.(") {
			ours = append(ours, stack)
		}
	}
	return strings.Join(ours, "\n\n")
}
