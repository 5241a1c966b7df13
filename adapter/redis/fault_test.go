package redis_test

import (
	"context"
	"errors"
	"fmt"
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

// noon is when everything happens, but for what Redis forgets by its own clock.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// inTheWorst is what a call may take: Redis is waited for twice before it is left alone.
const inTheWorst = 2 * time.Second

// whole is a server with all that Redis does for it.
type whole struct {
	server
	port.Sessions
	users    port.Users
	products port.Products
	stock    port.Stock
	catalog  port.Catalog
	limits   port.Limits
	events   port.Events
}

func newWhole(s server, durable *memory.Store) *whole {
	return &whole{
		server: s, Sessions: redis.NewSessions(s.Client, durable), users: redis.NewUsers(s.Client, durable),
		products: redis.NewProducts(s.Client, durable), stock: redis.NewStock(s.Client, durable), catalog: redis.NewCatalog(s.Client, durable),
		limits: redis.NewLimits(s.Client, memory.NewStore()),
		events: redis.NewEvents(s.Client, memory.NewStore()),
	}
}

// twoServers give two servers on one Redis and one durable store.
func twoServers(t testing.TB, urls ...string) (*whole, *whole, *memory.Store) {
	t.Helper()
	durable := memory.NewStore()
	a, b := newWhole(open(t, urls[0]), durable), newWhole(open(t, urls[len(urls)-1]), durable)
	a.getsReady(t)
	b.getsReady(t)
	return a, b, durable
}

func aSession(key string) domain.Session {
	return domain.Session{
		Key: domain.SessionKey(key), Guest: domain.OwnerID("guest:" + key), User: domain.UserID("user-" + key), CreatedAt: noon, ExpiresAt: noon.Add(domain.SessionIdle),
	}
}

func aProduct(n, stock int) domain.Product {
	return domain.Product{
		ID: domain.ProductID(fmt.Sprint("product-", n)), Slug: fmt.Sprint("tea-pot-", n), Name: fmt.Sprint("Tea pot ", n), Description: "Pours.",
		Category: domain.Category{Slug: "kitchen", Name: "Kitchen"}, Subcategory: domain.Category{Slug: "tea-pots", Name: "Tea pots"},
		Price: domain.Dollars(int64(1000 + n)), Stock: stock, Images: []domain.Image{{URL: "/media/pot.svg", Alt: "a tea pot"}}, AddedAt: noon,
	}
}

// signIn keeps sessions that both servers then have in their memory.
func signIn(t testing.TB, a, b *whole, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, a.PutSession(t.Context(), aSession(name)))
	}
	for _, s := range []*whole{a, b} {
		require.NoError(t, s.CatchUp())
		for _, name := range names {
			for range 2 {
				require.True(t, s.knows(t, name))
			}
		}
	}
}

func (w *whole) knows(t testing.TB, name string) bool {
	t.Helper()
	_, err := w.Session(t.Context(), domain.SessionKey(name), noon)
	if !errors.Is(err, domain.ErrNotFound) {
		require.NoError(t, err)
	}
	return err == nil
}

// stayOut demands that sessions are of no use on any server, for a time that is
// longer than it takes to use Redis again.
func stayOut(t testing.TB, names []string, servers ...*whole) {
	t.Helper()
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for i, s := range servers {
			for _, name := range names {
				require.False(t, s.knows(t, name), "%s is signed in again on server %d", name, i+1)
			}
		}
	}
}

func TestWhoSignedOutWhileRedisWasAwayStaysSignedOut(t *testing.T) {
	needContainers(t)
	names := []string{"anna", "ben", "cleo"}
	for name, keeps := range map[string]bool{"when Redis comes back empty": false, "when Redis comes back with old data": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := container.StartRedis(t)
			a, b, _ := twoServers(t, database.URL)
			signIn(t, a, b, append(names, "stays")...)
			if keeps {
				operator(t, database.URL)("SAVE")
			}
			database.Kill(t)
			for _, name := range names {
				require.NoError(t, a.DeleteSession(t.Context(), domain.SessionKey(name)))
			}
			assert.False(t, b.knows(t, names[0]), "the other server cannot know it from its memory any more")
			database.Start(t)
			stayOut(t, names, a, b)
			assert.True(t, a.knows(t, "stays"))
			assert.True(t, b.knows(t, "stays"))
			a.getsReady(t)
			b.getsReady(t)
			assert.Zero(t, a.Stats().Pending)
		})
	}
	t.Run("when the server that signed them out dies before Redis comes back with old data", func(t *testing.T) {
		t.Parallel()
		database := container.StartRedis(t)
		durable := memory.NewStore()
		client, end, err := redis.Open(redis.Config{URL: database.URL})
		require.NoError(t, err)
		defer end()
		a, b := newWhole(server{client}, durable), newWhole(open(t, database.URL), durable)
		a.getsReady(t)
		b.getsReady(t)
		signIn(t, a, b, names...)
		operator(t, database.URL)("SAVE")
		database.Kill(t)
		for _, name := range names {
			require.NoError(t, a.DeleteSession(t.Context(), domain.SessionKey(name)))
		}
		end()
		database.Start(t)
		c := newWhole(open(t, database.URL), durable)
		stayOut(t, names, b, c)
		b.getsReady(t)
	})
	t.Run("on a server that reached Redis all the time, as soon as the other reaches it again", func(t *testing.T) {
		t.Parallel()
		url := container.Redis(t)
		way := newProxy(t, url)
		a, b, _ := twoServers(t, way.url, url)
		signIn(t, a, b, names...)
		way.cutOff(true)
		for _, name := range names {
			require.NoError(t, a.DeleteSession(t.Context(), domain.SessionKey(name)))
			assert.False(t, a.knows(t, name))
		}
		assert.EqualValues(t, len(names), a.Stats().Pending)
		way.cutOff(false)
		require.Eventually(t, func() bool { return a.Stats().Pending == 0 }, 5*time.Second, time.Millisecond)
		require.NoError(t, b.CatchUp())
		stayOut(t, names, a, b)
	})
	t.Run("on a server that is cut off without a sign, within seconds", func(t *testing.T) {
		t.Parallel()
		url := container.Redis(t)
		way := newProxy(t, url)
		a, b, _ := twoServers(t, url, way.url)
		signIn(t, a, b, names...)
		way.slow(-1)
		for _, name := range names {
			require.NoError(t, a.DeleteSession(t.Context(), domain.SessionKey(name)))
			assert.False(t, a.knows(t, name))
		}
		start := time.Now()
		require.Eventually(t, func() bool { return !b.knows(t, names[0]) }, 3*time.Second, time.Millisecond)
		t.Logf("noticed after %v", time.Since(start))
		stayOut(t, names, a, b)
		way.cutOff(true) // what hangs on it is of no use
		way.slow(0)
		way.cutOff(false)
		b.getsReady(t)
		stayOut(t, names, a, b)
	})
}

// shoppers use two servers at once until they are told to leave.
type shoppers struct {
	stop context.CancelFunc
	all  sync.WaitGroup

	mu      sync.Mutex
	wrong   []error
	calls   int
	slow    int // calls that Redis was waited for
	longest time.Duration
}

func shopAway(t testing.TB, a, b *whole, durable *memory.Store) *shoppers {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &shoppers{stop: stop}
	require.NoError(t, a.products.PutProducts(ctx, []domain.Product{aProduct(1, 100_000), aProduct(2, 5)}))
	require.NoError(t, durable.AddUser(ctx, domain.User{ID: "user-1", Username: "anna", Email: "anna@example.com", CreatedAt: noon}))
	for i := range 8 {
		s.all.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				s.visit(ctx, []*whole{a, b}, fmt.Sprintf("shopper-%d-%d", i, round))
			}
		})
	}
	t.Cleanup(func() {
		stop()
		s.all.Wait()
	})
	return s
}

// visit is a visitor who signs in, looks around for a while and signs out.
func (s *shoppers) visit(ctx context.Context, servers []*whole, name string) {
	here := servers[len(name)%2]
	guest, signedIn := aSession(name+"-guest"), aSession(name)
	guest.User = ""
	s.call(ctx, "put", func(ctx context.Context) error { return here.PutSession(ctx, guest) })
	s.call(ctx, "replace", func(ctx context.Context) error { return here.ReplaceSession(ctx, guest.Key, signedIn) })
	for round := range 20 {
		s.call(ctx, "old session", func(ctx context.Context) error {
			_, err := here.Session(ctx, guest.Key, noon)
			return wantNotFound(err)
		})
		for i, server := range servers {
			s.call(ctx, fmt.Sprint("session on ", i+1), func(ctx context.Context) error {
				got, err := server.Session(ctx, signedIn.Key, noon)
				if err == nil && got != signedIn {
					err = fmt.Errorf("%+v", got)
				}
				return err
			})
			s.call(ctx, "user", func(ctx context.Context) error { _, err := server.users.User(ctx, "user-1"); return err })
			s.call(ctx, "product", func(ctx context.Context) error { _, err := server.products.Product(ctx, "tea-pot-1"); return err })
			s.call(ctx, "list", func(ctx context.Context) error {
				found, err := server.catalog.Search(ctx, everything)
				if err == nil && found.Total != 2 {
					err = fmt.Errorf("%d found", found.Total)
				}
				return err
			})
		}
		s.call(ctx, "stock", func(ctx context.Context) error {
			want, err := here.stock.ChangeStock(ctx, domain.ProductID("product-2"), 1, domain.StockReceived, noon)
			if err != nil {
				return err
			}
			got, err := here.products.Product(ctx, "product-2")
			if err == nil && got.Stock < want {
				err = fmt.Errorf("%d in stock after there were %d", got.Stock, want)
			}
			return err
		})
		s.call(ctx, "limit", func(ctx context.Context) error {
			_, err := here.limits.Take(ctx, name, port.Limit{Burst: 3, Every: time.Minute}, noon)
			return err
		})
		s.call(ctx, "event", func(ctx context.Context) error {
			return here.events.Publish(ctx, domain.Event{Topic: domain.ProductChanged, Key: fmt.Sprint(round)})
		})
		time.Sleep(2 * time.Millisecond)
	}
	s.call(ctx, "sign out", func(ctx context.Context) error { return here.DeleteSession(ctx, signedIn.Key) })
	s.call(ctx, "after sign out", func(ctx context.Context) error {
		_, err := here.Session(ctx, signedIn.Key, noon)
		return wantNotFound(err)
	})
}

func wantNotFound(err error) error {
	if err == nil {
		return errors.New("still there")
	}
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	return err
}

func (s *shoppers) call(ctx context.Context, name string, call func(context.Context) error) {
	start := time.Now()
	err := call(context.WithoutCancel(ctx))
	took := time.Since(start)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.longest = max(s.longest, took)
	if took > 400*time.Millisecond {
		s.slow++
	}
	if err != nil && len(s.wrong) < 20 {
		s.wrong = append(s.wrong, fmt.Errorf("%s: %w", name, err))
	}
}

// meet waits until some more calls were made.
func (s *shoppers) meet(t testing.TB, calls int) {
	t.Helper()
	s.mu.Lock()
	until := s.calls + calls
	s.mu.Unlock()
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.calls >= until
	}, 30*time.Second, time.Millisecond)
}

// leave ends the visits, and demands that nobody noticed anything but a little slowness.
func (s *shoppers) leave(t testing.TB) {
	t.Helper()
	s.stop()
	s.all.Wait()
	t.Logf("%d calls, the longest %v, %d longer than 400ms", s.calls, s.longest.Round(time.Millisecond), s.slow)
	assert.NoError(t, errors.Join(s.wrong...))
	assert.Less(t, s.longest, inTheWorst)
}

func TestShoppersNoticeNothing(t *testing.T) {
	needContainers(t)
	for name, fault := range map[string]func(t *testing.T, s *shoppers, database *container.Server){
		"when Redis is stopped and started": func(t *testing.T, s *shoppers, database *container.Server) {
			for range 2 {
				database.Stop(t)
				s.meet(t, 1000)
				database.Start(t)
				s.meet(t, 1000)
			}
		},
		"when Redis is killed and comes back with old data": func(t *testing.T, s *shoppers, database *container.Server) {
			operator(t, database.URL)("SAVE")
			database.Kill(t)
			s.meet(t, 1000)
			database.Start(t)
			s.meet(t, 2000)
		},
		"when Redis is flushed again and again": func(t *testing.T, s *shoppers, database *container.Server) {
			command := operator(t, database.URL)
			for range 30 {
				command("FLUSHALL")
				s.meet(t, 200)
			}
		},
		"when Redis is frozen for seconds": func(t *testing.T, s *shoppers, database *container.Server) {
			database.Pause(t)
			s.meet(t, 3000)
			time.Sleep(5 * time.Second) // longer than connections are believed
			database.Unpause(t)
			s.meet(t, 2000)
		},
		"when Redis pauses for a moment": func(t *testing.T, s *shoppers, database *container.Server) {
			command := operator(t, database.URL)
			for range 3 {
				command("CLIENT", "PAUSE", "800", "ALL")
				s.meet(t, 2000)
			}
		},
		"when Redis takes no writes": func(t *testing.T, s *shoppers, database *container.Server) {
			command := operator(t, database.URL)
			command("REPLICAOF", "127.0.0.1", "1")
			s.meet(t, 3000)
			command("REPLICAOF", "NO", "ONE")
			s.meet(t, 2000)
		},
		"when Redis has no memory left": func(t *testing.T, s *shoppers, database *container.Server) {
			command := operator(t, database.URL)
			command("CONFIG", "SET", "maxmemory", "1")
			s.meet(t, 3000)
			command("CONFIG", "SET", "maxmemory", "0")
			s.meet(t, 2000)
		},
		"when all connections are closed again and again": func(t *testing.T, s *shoppers, database *container.Server) {
			command := operator(t, database.URL)
			for range 10 {
				command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
				s.meet(t, 300)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			database := container.StartRedis(t)
			a, b, durable := twoServers(t, database.URL)
			s := shopAway(t, a, b, durable)
			s.meet(t, 500)
			fault(t, s, database)
			s.leave(t)
			assert.Less(t, s.slow, 100, "a Redis that hangs makes a few calls slow, not every call")
			a.getsReady(t)
			b.getsReady(t)
			assert.Positive(t, a.Stats().Local)
		})
	}
	for _, delay := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		t.Run("when the way to Redis takes "+delay.String(), func(t *testing.T) {
			url := container.Redis(t)
			wayA, wayB := newProxy(t, url), newProxy(t, url)
			a, b, durable := twoServers(t, wayA.url, wayB.url)
			s := shopAway(t, a, b, durable)
			s.meet(t, 500)
			wayA.slow(delay)
			wayB.slow(delay)
			s.meet(t, 500)
			wayA.slow(0)
			wayB.slow(0)
			s.meet(t, 500)
			s.leave(t)
		})
	}
}

func TestOpen_WithoutRedis(t *testing.T) {
	needContainers(t)
	database := container.StartRedis(t)
	database.Stop(t)
	start := time.Now()
	a, b := newWhole(open(t, database.URL), memory.NewStore()), newWhole(open(t, database.URL), memory.NewStore())
	assert.Less(t, time.Since(start), time.Second)
	require.ErrorIs(t, a.Check(t.Context()), domain.ErrUnavailable)
	require.NoError(t, a.PutSession(t.Context(), aSession("anna")))
	assert.True(t, a.knows(t, "anna"))
	require.NoError(t, a.DeleteSession(t.Context(), "anna"))
	assert.False(t, a.knows(t, "anna"))
	limit := port.Limit{Burst: 2, Every: time.Hour}
	for n, want := range []time.Duration{0, 0, time.Hour} {
		wait, err := a.limits.Take(t.Context(), "signin:anna", limit, noon)
		require.NoError(t, err)
		assert.Equal(t, want, wait, "take %d is counted by this server alone", n+1)
	}
	news, err := b.events.Subscribe(t.Context(), domain.OrderChanged)
	require.NoError(t, err)
	require.NoError(t, a.events.Publish(t.Context(), domain.Event{Topic: domain.OrderChanged, Key: "1"}))

	database.Start(t)
	a.getsReady(t)
	b.getsReady(t)
	require.NoError(t, a.Check(t.Context()))
	for want, server := range []*whole{a, b, a} {
		wait, err := server.limits.Take(t.Context(), "signin:anna", limit, noon)
		require.NoError(t, err)
		assert.Equal(t, want == 2, wait > 0, "all servers count together again")
	}
	select {
	case heard := <-news:
		assert.Equal(t, domain.Event{Topic: domain.OrderChanged}, heard, "news was missed")
	case <-time.After(10 * time.Second):
		assert.Fail(t, "nobody says that news was missed")
	}
}

func TestEvents_FollowersAreWokenAfterRedisWasAway(t *testing.T) {
	needContainers(t)
	database := container.StartRedis(t)
	a, b, _ := twoServers(t, database.URL)
	hearEachOther(t, a.events, b.events)
	here, err := a.events.Subscribe(t.Context(), domain.OrderChanged)
	require.NoError(t, err)
	there, err := b.events.Subscribe(t.Context(), domain.OrderChanged)
	require.NoError(t, err)
	database.Kill(t)
	event := domain.Event{Topic: domain.OrderChanged, Key: "1"}
	start := time.Now()
	require.NoError(t, a.events.Publish(t.Context(), event))
	assert.Less(t, time.Since(start), inTheWorst)
	assert.Equal(t, event, <-here, "followers on the same server hear it all the same")
	database.Start(t)
	for name, news := range map[string]<-chan domain.Event{"here": here, "there": there} {
		select {
		case heard := <-news:
			assert.Equal(t, domain.Event{Topic: domain.OrderChanged}, heard, name)
		case <-time.After(10 * time.Second):
			assert.Fail(t, "not woken "+name)
		}
	}
	event.Key = "2"
	require.Eventually(t, func() bool {
		require.NoError(t, a.events.Publish(t.Context(), event))
		select {
		case heard := <-there:
			return heard == event
		case <-time.After(50 * time.Millisecond):
			return false
		}
	}, 10*time.Second, time.Millisecond, "the server follows again")
}

func TestEvents_WhoCouldNotTellNewsWakesTheOthersLater(t *testing.T) {
	needContainers(t)
	url := container.Redis(t)
	way := newProxy(t, url)
	a, b, _ := twoServers(t, way.url, url)
	hearEachOther(t, a.events, b.events)
	news, err := b.events.Subscribe(t.Context(), domain.OrderChanged)
	require.NoError(t, err)
	way.cutOff(true)
	require.NoError(t, a.events.Publish(t.Context(), domain.Event{Topic: domain.OrderChanged, Key: "1"}))
	way.cutOff(false)
	select {
	case heard := <-news:
		assert.Equal(t, domain.Event{Topic: domain.OrderChanged}, heard)
	case <-time.After(10 * time.Second):
		assert.Fail(t, "not woken")
	}
}

func TestLimits_AServerThatLostRedisCountsForItself(t *testing.T) {
	needContainers(t)
	database := container.StartRedis(t)
	a, _, _ := twoServers(t, database.URL)
	limit := port.Limit{Burst: 5, Every: time.Hour}
	database.Kill(t)
	var waits []time.Duration
	for range 8 {
		wait, err := a.limits.Take(t.Context(), "signin:anna", limit, noon)
		require.NoError(t, err)
		waits = append(waits, wait)
	}
	assert.Equal(t, []time.Duration{0, 0, 0, 0, 0, time.Hour, time.Hour, time.Hour}, waits)
	require.NoError(t, a.limits.Reset(t.Context(), "signin:anna"))
	wait, err := a.limits.Take(t.Context(), "signin:anna", limit, noon)
	require.NoError(t, err)
	assert.Zero(t, wait)
}

// moody is a durable catalog that may be away, or think for ever before it says what it found.
type moody struct {
	*memory.Store
	mu   sync.Mutex
	away bool
	asks int
	slow chan struct{} // closed when it no longer thinks
}

func (m *moody) mood(ctx context.Context) error {
	m.mu.Lock()
	away, slow := m.away, m.slow
	m.asks++
	m.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return domain.ErrUnavailable.Errorf(domain.CodeUnavailable, "too slow")
		}
	}
	if away {
		return domain.ErrUnavailable.Errorf(domain.CodeUnavailable, "away")
	}
	return nil
}

func (m *moody) becomes(away bool, slow chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away, m.slow, m.asks = away, slow, 0
}

// asked is how often it was asked since its mood changed.
func (m *moody) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asks
}

func (m *moody) Product(ctx context.Context, ref string) (domain.Product, error) {
	found, err := m.Store.Product(ctx, ref)
	return found, errors.Join(m.mood(ctx), err)
}

func (m *moody) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	found, err := m.Store.Products(ctx, ids)
	return found, errors.Join(m.mood(ctx), err)
}

func (m *moody) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	found, err := m.Store.Search(ctx, q)
	return found, errors.Join(m.mood(ctx), err)
}

func TestProducts_AreShownWhileTheDurableStoreIsAway(t *testing.T) {
	needContainers(t)
	client := ready(t, container.Redis(t), 1)[0]
	durable := &moody{Store: memory.NewStore()}
	products, catalog := redis.NewProducts(client.Client, durable), redis.NewCatalog(client.Client, durable)
	require.NoError(t, products.PutProducts(t.Context(), []domain.Product{aProduct(1, 5), aProduct(2, 5)}))
	look := func() {
		t.Helper()
		for _, ref := range []string{"tea-pot-1", "product-1"} {
			p, err := products.Product(t.Context(), ref)
			require.NoError(t, err)
			assert.EqualValues(t, "product-1", p.ID)
		}
		found, err := catalog.Search(t.Context(), everything)
		require.NoError(t, err)
		assert.Equal(t, 2, found.Total)
	}
	look()
	look()
	kept := client.since()
	redis.ExpireCatalog(t)
	durable.becomes(true, nil)
	look()
	assert.Zero(t, kept().Failures)
	_, err := products.Product(t.Context(), "tea-pot-2")
	require.ErrorIs(t, err, domain.ErrUnavailable, "what was not kept cannot be shown")

	thinks := make(chan struct{})
	durable.becomes(false, thinks)
	start := time.Now()
	for range 20 {
		look()
	}
	assert.Less(t, time.Since(start), 5*time.Second, "it is waited for once, not by every look")
	close(thinks)
	durable.becomes(false, nil)
	_, err = durable.ChangeStock(t.Context(), "product-1", -5, domain.StockCorrected, noon)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		p, err := products.Product(t.Context(), "tea-pot-1")
		require.NoError(t, err)
		return p.Stock == 0
	}, 10*time.Second, time.Millisecond, "then everything is as before")
}
