package redis_test

import (
	"context"
	"errors"
	"fmt"
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

// noon is the time of everything but the expiry of entries, which the clock of Redis decides.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// worstCall is five times as long as a call takes that waits for Redis twice before the breaker opens, for a machine with other work.
const worstCall = 5 * time.Second

// shopServer is a server with all ports that use Redis.
type shopServer struct {
	server
	port.Sessions
	users    port.Users
	products port.Products
	stock    port.Stock
	catalog  port.Catalog
	limits   port.Limits
	events   port.Events
}

func newShopServer(s server, durable *memory.Store) *shopServer {
	return &shopServer{
		server: s, Sessions: redis.NewSessions(s.Client, durable), users: redis.NewUsers(s.Client, durable),
		products: redis.NewProducts(s.Client, durable), stock: redis.NewStock(s.Client, durable), catalog: redis.NewCatalog(s.Client, durable),
		limits: redis.NewLimits(s.Client, memory.NewStore()),
		events: redis.NewEvents(s.Client, memory.NewStore()),
	}
}

// twoServers returns two servers with one Redis and one durable store.
func twoServers(t testing.TB, urls ...string) (*shopServer, *shopServer, *memory.Store) {
	t.Helper()
	durable := memory.NewStore()
	a, b := newShopServer(open(t, urls[0]), durable), newShopServer(open(t, urls[len(urls)-1]), durable)
	a.waitUntilReady(t)
	b.waitUntilReady(t)
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

// signIn puts sessions and has both servers cache them in their memory.
func signIn(t testing.TB, a, b *shopServer, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, a.PutSession(t.Context(), aSession(name)))
	}
	for _, s := range []*shopServer{a, b} {
		require.NoError(t, s.CatchUp())
		for _, name := range names {
			for range 2 {
				require.True(t, s.hasSession(t, name))
			}
		}
	}
}

func (w *shopServer) hasSession(t testing.TB, name string) bool {
	t.Helper()
	_, err := w.Session(t.Context(), domain.SessionKey(name), noon)
	if !errors.Is(err, domain.ErrNotFound) {
		require.NoError(t, err)
	}
	return err == nil
}

// requireSignedOut fails if any server finds one of the sessions, for longer than a breaker
// takes to close again.
func requireSignedOut(t testing.TB, names []string, servers ...*shopServer) {
	t.Helper()
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for i, s := range servers {
			for _, name := range names {
				require.False(t, s.hasSession(t, name), "%s is signed in again on server %d", name, i+1)
			}
		}
	}
}

func TestSessions_DeleteSession_HoldsThroughFaults(t *testing.T) {
	names := []string{"anna", "ben", "cleo"}
	for name, keeps := range map[string]bool{"when Redis comes back empty": false, "when Redis comes back with old data": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := container.StartRedis(t)
			a, b, _ := twoServers(t, database.URL)
			signIn(t, a, b, append(names, "stays")...)
			if keeps {
				admin(t, database.URL)("SAVE")
			}
			database.Kill(t)
			for _, name := range names {
				require.NoError(t, a.DeleteSession(t.Context(), domain.SessionKey(name)))
			}
			assert.False(t, b.hasSession(t, names[0]), "the other server must not use its memory any more")
			database.Start(t)
			requireSignedOut(t, names, a, b)
			assert.True(t, a.hasSession(t, "stays"))
			assert.True(t, b.hasSession(t, "stays"))
			a.waitUntilReady(t)
			b.waitUntilReady(t)
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
		a, b := newShopServer(server{client}, durable), newShopServer(open(t, database.URL), durable)
		a.waitUntilReady(t)
		b.waitUntilReady(t)
		signIn(t, a, b, names...)
		admin(t, database.URL)("SAVE")
		database.Kill(t)
		for _, name := range names {
			require.NoError(t, a.DeleteSession(t.Context(), domain.SessionKey(name)))
		}
		end()
		database.Start(t)
		c := newShopServer(open(t, database.URL), durable)
		requireSignedOut(t, names, b, c)
		b.waitUntilReady(t)
	})
	t.Run("on a server that reached Redis all the time, as soon as the other reaches it again", func(t *testing.T) {
		t.Parallel()
		url := container.Redis(t)
		link := newProxy(t, url)
		a, b, _ := twoServers(t, link.url, url)
		signIn(t, a, b, names...)
		link.disconnect(true)
		for _, name := range names {
			require.NoError(t, a.DeleteSession(t.Context(), domain.SessionKey(name)))
			assert.False(t, a.hasSession(t, name))
		}
		assert.EqualValues(t, len(names), a.Stats().Pending)
		link.disconnect(false)
		require.Eventually(t, func() bool { return a.Stats().Pending == 0 }, 5*time.Second, time.Millisecond)
		require.NoError(t, b.CatchUp())
		requireSignedOut(t, names, a, b)
	})
	t.Run("on a server that is cut off without a sign, within seconds", func(t *testing.T) {
		t.Parallel()
		url := container.Redis(t)
		link := newProxy(t, url)
		a, b, _ := twoServers(t, url, link.url)
		signIn(t, a, b, names...)
		link.slow(-1)
		for _, name := range names {
			require.NoError(t, a.DeleteSession(t.Context(), domain.SessionKey(name)))
			assert.False(t, a.hasSession(t, name))
		}
		start := time.Now()
		require.Eventually(t, func() bool { return !b.hasSession(t, names[0]) }, 3*time.Second, time.Millisecond)
		t.Logf("noticed after %v", time.Since(start))
		requireSignedOut(t, names, a, b)
		link.disconnect(true) // and with it the connections that hang
		link.slow(0)
		link.disconnect(false)
		b.waitUntilReady(t)
		requireSignedOut(t, names, a, b)
	})
}

// shoppers use two servers concurrently until they are stopped.
type shoppers struct {
	stop context.CancelFunc
	all  sync.WaitGroup

	mu      sync.Mutex
	wrong   []error
	calls   int
	slow    int // calls that waited for Redis
	longest time.Duration
}

func startShoppers(t testing.TB, a, b *shopServer, durable *memory.Store) *shoppers {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &shoppers{stop: stop}
	require.NoError(t, a.products.PutProducts(ctx, []domain.Product{aProduct(1, 100_000), aProduct(2, 5)}))
	require.NoError(t, durable.AddUser(ctx, domain.User{ID: "user-1", Username: "anna", Email: "anna@example.com", CreatedAt: noon}))
	for i := range 8 {
		s.all.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				s.visit(ctx, []*shopServer{a, b}, fmt.Sprintf("shopper-%d-%d", i, round))
			}
		})
	}
	t.Cleanup(func() {
		stop()
		s.all.Wait()
	})
	return s
}

// visit is a shopper who signs in, browses for a while and signs out.
func (s *shoppers) visit(ctx context.Context, servers []*shopServer, name string) {
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
			want, err := here.stock.ChangeStock(ctx, domain.StockMovement{Product: domain.ProductID("product-2"), Delta: 1, Reason: domain.StockReceived, At: noon}, "")
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
			_, err := here.limits.Take(ctx, name, port.Limit{Burst: 3, Every: time.Minute})
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

// waitForCalls waits until as many more calls have been made.
func (s *shoppers) waitForCalls(t testing.TB, calls int) {
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

// stopAndCheck stops the shoppers and fails if a call went wrong or was too slow.
func (s *shoppers) stopAndCheck(t testing.TB) {
	t.Helper()
	s.stop()
	s.all.Wait()
	t.Logf("%d calls, the longest %v, %d longer than 400ms", s.calls, s.longest.Round(time.Millisecond), s.slow)
	assert.NoError(t, errors.Join(s.wrong...))
	assert.Less(t, s.longest, worstCall)
}

func TestClient_HidesFaultsFromShoppers(t *testing.T) {
	for name, fault := range map[string]func(t *testing.T, s *shoppers, database *container.Server){
		"when Redis is stopped and started": func(t *testing.T, s *shoppers, database *container.Server) {
			for range 2 {
				database.Stop(t)
				s.waitForCalls(t, 1000)
				database.Start(t)
				s.waitForCalls(t, 1000)
			}
		},
		"when Redis is killed and comes back with old data": func(t *testing.T, s *shoppers, database *container.Server) {
			admin(t, database.URL)("SAVE")
			database.Kill(t)
			s.waitForCalls(t, 1000)
			database.Start(t)
			s.waitForCalls(t, 2000)
		},
		"when Redis is flushed again and again": func(t *testing.T, s *shoppers, database *container.Server) {
			command := admin(t, database.URL)
			for range 30 {
				command("FLUSHALL")
				s.waitForCalls(t, 200)
			}
		},
		"when Redis is frozen for seconds": func(t *testing.T, s *shoppers, database *container.Server) {
			database.Pause(t)
			s.waitForCalls(t, 3000)
			time.Sleep(5 * time.Second) // longer than answerTimeout
			database.Unpause(t)
			s.waitForCalls(t, 2000)
		},
		"when Redis pauses for a moment": func(t *testing.T, s *shoppers, database *container.Server) {
			command := admin(t, database.URL)
			for range 3 {
				command("CLIENT", "PAUSE", "800", "ALL")
				s.waitForCalls(t, 2000)
			}
		},
		"when Redis takes no writes": func(t *testing.T, s *shoppers, database *container.Server) {
			command := admin(t, database.URL)
			command("REPLICAOF", "127.0.0.1", "1")
			s.waitForCalls(t, 3000)
			command("REPLICAOF", "NO", "ONE")
			s.waitForCalls(t, 2000)
		},
		"when Redis has no memory left": func(t *testing.T, s *shoppers, database *container.Server) {
			command := admin(t, database.URL)
			command("CONFIG", "SET", "maxmemory", "1")
			s.waitForCalls(t, 3000)
			command("CONFIG", "SET", "maxmemory", "0")
			s.waitForCalls(t, 2000)
		},
		"when all connections are closed again and again": func(t *testing.T, s *shoppers, database *container.Server) {
			command := admin(t, database.URL)
			for range 10 {
				command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
				s.waitForCalls(t, 300)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			database := container.StartRedis(t)
			a, b, durable := twoServers(t, database.URL)
			s := startShoppers(t, a, b, durable)
			s.waitForCalls(t, 500)
			fault(t, s, database)
			s.stopAndCheck(t)
			assert.Less(t, s.slow, 100, "a Redis that hangs makes a few calls slow, not every call")
			a.waitUntilReady(t)
			b.waitUntilReady(t)
			assert.Positive(t, a.Stats().Local)
		})
	}
	for _, delay := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		t.Run("when each packet to and from Redis is delayed by "+delay.String(), func(t *testing.T) {
			url := container.Redis(t)
			proxyA, proxyB := newProxy(t, url), newProxy(t, url)
			a, b, durable := twoServers(t, proxyA.url, proxyB.url)
			s := startShoppers(t, a, b, durable)
			s.waitForCalls(t, 500)
			proxyA.slow(delay)
			proxyB.slow(delay)
			s.waitForCalls(t, 500)
			proxyA.slow(0)
			proxyB.slow(0)
			s.waitForCalls(t, 500)
			s.stopAndCheck(t)
		})
	}
}

func TestOpen_WithoutRedis(t *testing.T) {
	database := container.StartRedis(t)
	database.Stop(t)
	start := time.Now()
	a, b := newShopServer(open(t, database.URL), memory.NewStore()), newShopServer(open(t, database.URL), memory.NewStore())
	assert.Less(t, time.Since(start), worstCall)
	require.ErrorIs(t, a.Check(t.Context()), domain.ErrUnavailable)
	require.NoError(t, a.PutSession(t.Context(), aSession("anna")))
	assert.True(t, a.hasSession(t, "anna"))
	require.NoError(t, a.DeleteSession(t.Context(), "anna"))
	assert.False(t, a.hasSession(t, "anna"))
	limit := port.Limit{Burst: 2, Every: time.Hour}
	for n, want := range []bool{false, false, true} {
		wait, err := a.limits.Take(t.Context(), "signin:anna", limit)
		require.NoError(t, err)
		assert.Equal(t, want, wait > 0, "take %d is counted by this server alone", n+1)
	}
	events, err := b.events.Subscribe(t.Context(), domain.OrderChanged)
	require.NoError(t, err)
	require.NoError(t, a.events.Publish(t.Context(), domain.Event{Topic: domain.OrderChanged, Key: "1"}))

	database.Start(t)
	a.waitUntilReady(t)
	b.waitUntilReady(t)
	require.NoError(t, a.Check(t.Context()))
	for want, server := range []*shopServer{a, b, a} {
		wait, err := server.limits.Take(t.Context(), "signin:anna", limit)
		require.NoError(t, err)
		assert.Equal(t, want == 2, wait > 0, "the servers count together again")
	}
	select {
	case received := <-events:
		assert.Equal(t, domain.Event{Topic: domain.OrderChanged}, received, "a gap is announced")
	case <-time.After(10 * time.Second):
		assert.Fail(t, "no gap is announced")
	}
}

func TestEvents_Subscribe_AnnouncesGapsAfterRedisWasAway(t *testing.T) {
	database := container.StartRedis(t)
	a, b, _ := twoServers(t, database.URL)
	waitUntilConnected(t, a.events, b.events)
	here, err := a.events.Subscribe(t.Context(), domain.OrderChanged)
	require.NoError(t, err)
	there, err := b.events.Subscribe(t.Context(), domain.OrderChanged)
	require.NoError(t, err)
	database.Kill(t)
	event := domain.Event{Topic: domain.OrderChanged, Key: "1"}
	start := time.Now()
	require.NoError(t, a.events.Publish(t.Context(), event))
	assert.Less(t, time.Since(start), worstCall)
	assert.Equal(t, event, <-here, "subscribers on the same server receive it all the same")
	database.Start(t)
	for name, events := range map[string]<-chan domain.Event{"here": here, "there": there} {
		select {
		case received := <-events:
			assert.Equal(t, domain.Event{Topic: domain.OrderChanged}, received, name)
		case <-time.After(10 * time.Second):
			assert.Fail(t, "no gap is announced "+name)
		}
	}
	event.Key = "2"
	require.Eventually(t, func() bool {
		require.NoError(t, a.events.Publish(t.Context(), event))
		select {
		case received := <-there:
			return received == event
		case <-time.After(50 * time.Millisecond):
			return false
		}
	}, 10*time.Second, time.Millisecond, "the server receives events again")
}

func TestEvents_Publish_AnnouncesAGapLater(t *testing.T) {
	url := container.Redis(t)
	link := newProxy(t, url)
	a, b, _ := twoServers(t, link.url, url)
	waitUntilConnected(t, a.events, b.events)
	events, err := b.events.Subscribe(t.Context(), domain.OrderChanged)
	require.NoError(t, err)
	link.disconnect(true)
	require.NoError(t, a.events.Publish(t.Context(), domain.Event{Topic: domain.OrderChanged, Key: "1"}))
	link.disconnect(false)
	select {
	case received := <-events:
		assert.Equal(t, domain.Event{Topic: domain.OrderChanged}, received)
	case <-time.After(10 * time.Second):
		assert.Fail(t, "no gap is announced")
	}
}

func TestLimits_Take_CountsLocallyWithoutRedis(t *testing.T) {
	database := container.StartRedis(t)
	a, _, _ := twoServers(t, database.URL)
	limit := port.Limit{Burst: 5, Every: time.Hour}
	database.Kill(t)
	for n := range 8 {
		wait, err := a.limits.Take(t.Context(), "signin:anna", limit)
		require.NoError(t, err)
		assert.Equal(t, n >= limit.Burst, wait > 0, "take %d", n+1)
	}
	require.NoError(t, a.limits.Reset(t.Context(), "signin:anna"))
	wait, err := a.limits.Take(t.Context(), "signin:anna", limit)
	require.NoError(t, err)
	assert.Zero(t, wait)
}

// Whoever waits for a count waits for less than it takes to see that Redis hangs.
func TestLimits_Take_CountsLocallyWhenRedisTakesAllTheTime(t *testing.T) {
	database := container.StartRedis(t)
	a, _, _ := twoServers(t, database.URL)
	database.Pause(t)
	defer database.Unpause(t)
	limit := port.Limit{Burst: 1, Every: time.Minute}
	for n := range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		wait, err := a.limits.Take(ctx, "signin:anna", limit)
		cancel()
		require.NoError(t, err)
		assert.Equal(t, n > 0, wait > 0, "attempt %d", n+1)
	}
}

// TestLimits_AFullRedisEvictsCachesAlone fills Redis beyond its memory, as whoever asks for
// ever new lists can, under the very policy that deployment sets.
func TestLimits_AFullRedisEvictsCachesAlone(t *testing.T) {
	database := container.StartRedis(t)
	a, b, _ := twoServers(t, database.URL)
	limit := port.Limit{Burst: 10, Every: 30 * time.Second}
	for range limit.Burst {
		wait, err := a.limits.Take(t.Context(), "signin:anna", limit)
		require.NoError(t, err)
		require.Zero(t, wait)
	}
	stranger := admin(t, database.URL)
	stranger("CONFIG", "SET", "maxmemory", "16mb")
	stranger("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
	list := strings.Repeat("a list of goods ", 100_000/16)
	for n := range 400 { // 40 MB, which Redis takes only as it evicts
		stranger("SET", fmt.Sprint("eshop:1:list2:", n), list, "EX", "600")
	}
	wait, err := b.limits.Take(t.Context(), "signin:anna", limit)
	require.NoError(t, err)
	assert.Positive(t, wait, "what was taken is still counted")
}

// flakyStore is a durable catalog that may be away or block its readers.
type flakyStore struct {
	*memory.Store
	mu    sync.Mutex
	away  bool
	count int
	delay time.Duration
	slow  chan struct{} // readers wait until it is closed
}

// setDelay makes readers wait.
func (m *flakyStore) setDelay(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay = d
}

func (m *flakyStore) answer(ctx context.Context) error {
	m.mu.Lock()
	away, slow, delay := m.away, m.slow, m.delay
	m.count++
	m.mu.Unlock()
	time.Sleep(delay)
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

func (m *flakyStore) set(away bool, slow chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away, m.slow, m.count = away, slow, 0
}

// reads returns the number of reads since set was called.
func (m *flakyStore) reads() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

func (m *flakyStore) Product(ctx context.Context, ref string) (domain.Product, error) {
	found, err := m.Store.Product(ctx, ref)
	return found, errors.Join(m.answer(ctx), err)
}

func (m *flakyStore) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	found, err := m.Store.Products(ctx, ids)
	return found, errors.Join(m.answer(ctx), err)
}

func (m *flakyStore) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	found, err := m.Store.Search(ctx, q)
	return found, errors.Join(m.answer(ctx), err)
}

func TestProducts_UsesStaleEntriesWhileTheDurableStoreIsAway(t *testing.T) {
	client := ready(t, container.Redis(t), 1)[0]
	durable := &flakyStore{Store: memory.NewStore()}
	products, catalog := redis.NewProducts(client.Client, durable), redis.NewCatalog(client.Client, durable)
	require.NoError(t, products.PutProducts(t.Context(), []domain.Product{aProduct(1, 5), aProduct(2, 5)}))
	browse := func() {
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
	browse()
	browse()
	kept := client.statsSince()
	redis.ExpireCatalog(t)
	durable.set(true, nil)
	browse()
	assert.Zero(t, kept().Failures)
	_, err := products.Product(t.Context(), "tea-pot-2")
	require.ErrorIs(t, err, domain.ErrUnavailable, "what is not cached cannot be shown")

	blocked := make(chan struct{})
	durable.set(false, blocked)
	start := time.Now()
	for range 20 {
		browse()
	}
	assert.Less(t, time.Since(start), 5*time.Second, "only one read waits for the store")
	close(blocked)
	durable.set(false, nil)
	_, err = durable.ChangeStock(t.Context(), domain.StockMovement{Product: "product-1", Delta: -5, Reason: domain.StockCorrected, At: noon}, "")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		p, err := products.Product(t.Context(), "tea-pot-1")
		require.NoError(t, err)
		return p.Stock == 0
	}, 10*time.Second, time.Millisecond, "the store is used again")
}

func (m *flakyStore) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	found, err := m.Store.Session(ctx, key, now)
	return found, errors.Join(m.answer(ctx), err)
}

func (m *flakyStore) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	if err := m.answer(ctx); err != nil {
		return err
	}
	return m.Store.TouchSession(ctx, key, expires)
}

func (m *flakyStore) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	found, err := m.Store.User(ctx, id)
	return found, errors.Join(m.answer(ctx), err)
}

func TestProducts_UsesStaleEntriesWhileTheDurableStoreIsSlow(t *testing.T) {
	client := ready(t, container.Redis(t), 1)[0]
	durable := &flakyStore{Store: memory.NewStore()}
	products := redis.NewProducts(client.Client, durable)
	var all []domain.Product
	for n := range 30 {
		all = append(all, aProduct(n, 5))
	}
	require.NoError(t, products.PutProducts(t.Context(), all))
	for _, p := range all {
		_, err := products.Product(t.Context(), p.Slug)
		require.NoError(t, err)
	}
	redis.ExpireCatalog(t)
	durable.setDelay(300 * time.Millisecond)
	var took []time.Duration
	for _, p := range all {
		begun := time.Now()
		_, err := products.Product(t.Context(), p.Slug)
		require.NoError(t, err)
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	t.Logf("median %v, longest %v", took[len(took)/2], took[len(took)-1])
	assert.Less(t, took[len(took)/2], 100*time.Millisecond)
	durable.setDelay(0)
	require.Eventually(t, func() bool {
		before := durable.reads()
		_, err := products.Product(t.Context(), "tea-pot-1")
		require.NoError(t, err)
		return durable.reads() > before
	}, 10*time.Second, 10*time.Millisecond)
}

func TestSessions_AreKnownWhileTheDurableStoreIsAway(t *testing.T) {
	servers := ready(t, container.Redis(t), 2)
	durable := &flakyStore{Store: memory.NewStore()}
	here, there := redis.NewSessions(servers[0].Client, durable), redis.NewSessions(servers[1].Client, durable)
	users := redis.NewUsers(servers[1].Client, durable)
	require.NoError(t, durable.AddUser(t.Context(), domain.User{ID: "user-anna", Username: "anna", Email: "anna@mail.example"}))
	require.NoError(t, durable.AddUser(t.Context(), domain.User{ID: "user-clerk", Username: "clerk", Email: "clerk@mail.example", Role: domain.Staff}))
	for _, name := range []string{"anna", "ben", "never-read"} {
		require.NoError(t, here.PutSession(t.Context(), aSession(name)))
	}
	known := func(s port.Sessions, name string) error {
		_, err := s.Session(t.Context(), domain.SessionKey(name), noon)
		return err
	}
	for _, name := range []string{"anna", "ben"} {
		require.NoError(t, known(here, name))
	}
	for _, id := range []domain.UserID{"user-anna", "user-clerk"} {
		_, err := users.User(t.Context(), id)
		require.NoError(t, err)
	}
	require.NoError(t, here.DeleteSession(t.Context(), "ben"))

	redis.ExpirePeople(t)
	durable.set(true, nil)
	for range 3 {
		require.NoError(t, known(here, "anna"))
		require.NoError(t, known(there, "anna"), "the other server has it from Redis")
		_, err := users.User(t.Context(), "user-anna")
		require.NoError(t, err)
		_, err = users.User(t.Context(), "user-clerk")
		require.ErrorIs(t, err, domain.ErrUnavailable, "the rights of the staff may have been taken meanwhile")
		require.ErrorIs(t, here.TouchSession(t.Context(), "anna", noon.Add(time.Hour)), domain.ErrUnavailable, "and takes nothing away")
	}
	for _, s := range []port.Sessions{here, there} {
		require.Error(t, known(s, "ben"), "who signed out does not come back")
		require.ErrorIs(t, known(s, "never-read"), domain.ErrUnavailable)
	}
	require.ErrorIs(t, known(there, "ben"), domain.ErrUnavailable)
}

func TestClient_ForgetsInvalidationsOfExpiredEntriesThoughRedisWasNeverReached(t *testing.T) {
	client, end, err := redis.Open(redis.Config{URL: "redis://127.0.0.1:1"})
	require.NoError(t, err)
	defer end()
	redis.Postpone(client, time.Now().Add(-time.Hour), "old", "older")
	redis.Postpone(client, time.Now(), "new")
	require.Eventually(t, func() bool { return client.Stats().Pending == 1 }, 10*time.Second, time.Millisecond)
	assert.Never(t, func() bool { return client.Stats().Pending == 0 }, 2*time.Second, 10*time.Millisecond, "one that is owed stays owed")
}
