package near_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/adapter/near"
	"eshop/domain"
	"eshop/port"
)

var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// trouble is a store that answers late, or is away after that.
type trouble struct {
	*memory.Store
	late  atomic.Int64
	away  atomic.Bool
	reads atomic.Int64
}

var errAway = domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "away")

func (s *trouble) answer(ctx context.Context) error {
	s.reads.Add(1)
	select {
	case <-time.After(time.Duration(s.late.Load())):
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.away.Load() {
		return errAway
	}
	return nil
}

func (s *trouble) Product(ctx context.Context, ref string) (domain.Product, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Product{}, err
	}
	return s.Store.Product(ctx, ref)
}

func (s *trouble) Products(ctx context.Context, ids []domain.ProductID) ([]domain.Product, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Store.Products(ctx, ids)
}

func (s *trouble) Search(ctx context.Context, q domain.Query) (domain.Found, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Found{}, err
	}
	return s.Store.Search(ctx, q)
}

func (s *trouble) Suggest(ctx context.Context, text string, limit int) ([]domain.Suggestion, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Store.Suggest(ctx, text, limit)
}

func (s *trouble) Categories(ctx context.Context) ([]domain.CategoryCount, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Store.Categories(ctx)
}

func (s *trouble) Session(ctx context.Context, key domain.SessionKey, now time.Time) (domain.Session, error) {
	if err := s.answer(ctx); err != nil {
		return domain.Session{}, err
	}
	return s.Store.Session(ctx, key, now)
}

func (s *trouble) TouchSession(ctx context.Context, key domain.SessionKey, expires time.Time) error {
	if err := s.answer(ctx); err != nil {
		return err
	}
	return s.Store.TouchSession(ctx, key, expires)
}

func (s *trouble) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	if err := s.answer(ctx); err != nil {
		return domain.User{}, err
	}
	return s.Store.User(ctx, id)
}

// server is one server on a store in trouble.
type server struct {
	store    *trouble
	products port.Products
	catalog  port.Catalog
	sessions port.Sessions
	users    port.Users
}

func aProduct(n int) domain.Product {
	return domain.Product{
		ID: domain.ProductID(fmt.Sprint("product-", n)), Slug: fmt.Sprint("tea-pot-", n), Name: fmt.Sprint("Tea pot ", n), Description: "Pours.",
		Category: domain.Category{Slug: "kitchen", Name: "Kitchen"}, Subcategory: domain.Category{Slug: "tea-pots", Name: "Tea pots"},
		Price: domain.Dollars(int64(1000 + n)), Stock: 5, Images: []domain.Image{{URL: "/media/pot.svg", Alt: "a tea pot"}}, AddedAt: noon,
	}
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{store: &trouble{Store: memory.NewStore()}}
	s.products, s.catalog = near.NewCatalog(s.store, s.store)
	s.sessions, s.users = near.NewSessions(s.store), near.NewUsers(s.store)
	require.NoError(t, s.products.PutProducts(t.Context(), []domain.Product{aProduct(1), aProduct(2)}))
	require.NoError(t, s.store.AddUser(t.Context(), domain.User{ID: "anna", Username: "anna", Email: "anna@mail.example"}))
	require.NoError(t, s.sessions.PutSession(t.Context(), domain.Session{Key: "key", User: "anna", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}))
	return s
}

// reads is everything that is kept, each as a read of it.
func (s *server) reads(ctx context.Context) map[string]func() error {
	q, _ := domain.Query{Category: "kitchen"}.Complete()
	text, _ := domain.Query{Text: "tea"}.Complete()
	check := func(err error, ok bool) error {
		if err == nil && !ok {
			return errors.New("the answer is empty")
		}
		return err
	}
	return map[string]func() error{
		"a product by its slug": func() error { p, err := s.products.Product(ctx, "tea-pot-1"); return check(err, p.ID == "product-1") },
		"a product by its id":   func() error { p, err := s.products.Product(ctx, "product-1"); return check(err, p.ID == "product-1") },
		"products": func() error {
			all, err := s.products.Products(ctx, []domain.ProductID{"product-1"})
			return check(err, len(all) == 1)
		},
		"a list":     func() error { found, err := s.catalog.Search(ctx, q); return check(err, found.Total == 2) },
		"a search":   func() error { found, err := s.catalog.Search(ctx, text); return check(err, found.Total == 2) },
		"a guess":    func() error { all, err := s.catalog.Suggest(ctx, "te", 5); return check(err, len(all) > 0) },
		"categories": func() error { all, err := s.catalog.Categories(ctx); return check(err, len(all) == 1) },
		"a session":  func() error { v, err := s.sessions.Session(ctx, "key", noon); return check(err, v.User == "anna") },
		"a user":     func() error { v, err := s.users.User(ctx, "anna"); return check(err, v.Username == "anna") },
	}
}

func TestReads_WhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		for name, read := range s.reads(t.Context()) {
			require.NoError(t, read(), name)
		}
		time.Sleep(10 * time.Minute)
		s.store.away.Store(true)
		for _, later := range []time.Duration{0, 90 * time.Second, 10*time.Minute - 90*time.Second} {
			time.Sleep(later)
			for name, read := range s.reads(t.Context()) {
				begun := time.Now()
				require.NoError(t, read(), "%s, %v later", name, later)
				assert.Less(t, time.Since(begun), time.Millisecond)
			}
		}
		_, err := s.products.Product(t.Context(), "tea-pot-2")
		require.ErrorIs(t, err, domain.ErrUnavailable, "what nobody asked for cannot be shown")
		time.Sleep(time.Hour)
		for name, read := range s.reads(t.Context()) {
			require.ErrorIs(t, read(), domain.ErrUnavailable, name)
		}
	})
}

func TestReads_WhileTheStoreIsSlow(t *testing.T) {
	for name, late := range map[string]time.Duration{"slow": 300 * time.Millisecond, "hanging": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				reads := s.reads(t.Context())
				// A store of many at once is not read in the background, and people are nobody whose rights are old.
				for _, name := range []string{"products", "a session", "a user"} {
					delete(reads, name)
				}
				for name, read := range reads {
					require.NoError(t, read(), name)
				}
				time.Sleep(9 * time.Minute)
				s.store.late.Store(int64(late))
				var took []time.Duration
				for range 10 {
					for name, read := range reads {
						begun := time.Now()
						require.NoError(t, read(), name)
						took = append(took, time.Since(begun))
					}
					time.Sleep(time.Second)
				}
				for _, d := range took[4:] {
					assert.LessOrEqual(t, d, 10*time.Millisecond)
				}
				for _, d := range took {
					assert.LessOrEqual(t, d, time.Second)
				}
				s.store.late.Store(0)
				time.Sleep(6 * time.Second) // the reads that nobody waits for end
				require.NoError(t, s.store.RemoveProduct(t.Context(), "product-1"), "by another server")
				_, err := s.products.Product(t.Context(), "product-1")
				require.ErrorIs(t, err, domain.ErrNotFound, "a store that is quick again is believed")
				_, err = s.products.Product(t.Context(), "product-1")
				require.ErrorIs(t, err, domain.ErrNotFound)
			})
		})
	}
}

func TestSessions_AreNotKeptPastTheirEnd(t *testing.T) {
	for name, end := range map[string]func(s *server) error{
		"deleted": func(s *server) error { return s.sessions.DeleteSession(context.Background(), "key") },
		"replaced": func(s *server) error {
			return s.sessions.ReplaceSession(context.Background(), "key", domain.Session{Key: "next", ExpiresAt: noon.Add(time.Hour)})
		},
		"ended with all of the account": func(s *server) error {
			ended, err := s.sessions.EndSessions(context.Background(), "anna", "another")
			if len(ended) != 1 {
				return errors.New("no session ended")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				_, err := s.sessions.Session(t.Context(), "key", noon)
				require.NoError(t, err)
				s.store.late.Store(int64(time.Second))
				underWay := make(chan struct{})
				go func() {
					defer close(underWay)
					_, _ = s.sessions.Session(t.Context(), "key", noon) // it may see the session still
				}()
				synctest.Wait()
				require.NoError(t, end(s))
				<-underWay
				time.Sleep(time.Minute)
				s.store.late.Store(0)
				s.store.away.Store(true)
				_, err = s.sessions.Session(t.Context(), "key", noon)
				require.ErrorIs(t, err, domain.ErrUnavailable)
			})
		})
	}
	t.Run("by their own time", func(t *testing.T) {
		s := newServer(t)
		_, err := s.sessions.Session(t.Context(), "key", noon)
		require.NoError(t, err)
		s.store.away.Store(true)
		_, err = s.sessions.Session(t.Context(), "key", noon.Add(2*time.Hour))
		require.ErrorIs(t, err, domain.ErrNotFound)
	})
}

func TestSessions_AreNotShownAsTheyWereBeforeAChange(t *testing.T) {
	for name, change := range map[string]func(s *server) error{
		"put": func(s *server) error {
			return s.sessions.PutSession(context.Background(), domain.Session{Key: "key", User: "ben", ExpiresAt: noon.Add(time.Hour)})
		},
		"touched": func(s *server) error {
			return s.sessions.TouchSession(context.Background(), "key", noon.Add(2*time.Hour))
		},
		"confirmed": func(s *server) error { return s.sessions.ConfirmSession(context.Background(), "key", noon) },
		"merged":    func(s *server) error { return s.sessions.MarkSessionMerged(context.Background(), "key") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			before, err := s.sessions.Session(t.Context(), "key", noon)
			require.NoError(t, err)
			require.NoError(t, s.sessions.PutSession(t.Context(), domain.Session{Key: "other", User: "anna", ExpiresAt: noon.Add(time.Hour)}))
			_, err = s.sessions.Session(t.Context(), "other", noon)
			require.NoError(t, err)
			require.NoError(t, change(s))
			s.store.away.Store(true)
			_, err = s.sessions.Session(t.Context(), "key", noon)
			require.ErrorIs(t, err, domain.ErrUnavailable)
			_, err = s.sessions.Session(t.Context(), "other", noon)
			require.NoError(t, err, "another session stays")
			s.store.away.Store(false)
			after, err := s.sessions.Session(t.Context(), "key", noon)
			require.NoError(t, err)
			if name != "merged" { // it was none that has anything to merge
				assert.NotEqual(t, before, after)
			}
		})
	}
	t.Run("touched in vain, it stays", func(t *testing.T) {
		s := newServer(t)
		_, err := s.sessions.Session(t.Context(), "key", noon)
		require.NoError(t, err)
		s.store.away.Store(true)
		require.ErrorIs(t, s.sessions.TouchSession(t.Context(), "key", noon.Add(2*time.Hour)), domain.ErrUnavailable)
		_, err = s.sessions.Session(t.Context(), "key", noon)
		require.NoError(t, err)
	})
	t.Run("all but one ended, that one stays", func(t *testing.T) {
		s := newServer(t)
		_, err := s.sessions.Session(t.Context(), "key", noon)
		require.NoError(t, err)
		ended, err := s.sessions.EndSessions(t.Context(), "anna", "key")
		require.NoError(t, err)
		assert.Empty(t, ended)
		s.store.away.Store(true)
		_, err = s.sessions.Session(t.Context(), "key", noon)
		require.NoError(t, err)
	})
}

// Others come and go all the time, also while a session is read.
func TestSessions_AreKeptThoughOthersChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		_, err := s.sessions.Session(t.Context(), "key", noon)
		require.NoError(t, err)
		s.store.late.Store(int64(time.Second))
		underWay := make(chan error)
		go func() {
			_, err := s.sessions.Session(t.Context(), "key", noon)
			underWay <- err
		}()
		synctest.Wait()
		require.NoError(t, s.sessions.PutSession(t.Context(), domain.Session{Key: "other", User: "ben", ExpiresAt: noon.Add(time.Hour)}))
		require.NoError(t, <-underWay)
		time.Sleep(time.Minute)
		s.store.late.Store(0)
		s.store.away.Store(true)
		_, err = s.sessions.Session(t.Context(), "key", noon)
		require.NoError(t, err)
	})
}

func TestUsers_AreNotShownAsTheyWereBeforeAChange(t *testing.T) {
	s := newServer(t)
	_, err := s.users.User(t.Context(), "anna")
	require.NoError(t, err)
	_, err = s.users.UpdateUser(t.Context(), "anna", func(u *domain.User) error { u.Role = domain.Staff; return nil })
	require.NoError(t, err)
	s.store.away.Store(true)
	_, err = s.users.User(t.Context(), "anna")
	require.ErrorIs(t, err, domain.ErrUnavailable)
}

func TestUsers_StaffAreNeverKnownFromMemory(t *testing.T) {
	s := newServer(t)
	require.NoError(t, s.store.AddUser(t.Context(), domain.User{ID: "clerk", Username: "clerk", Email: "clerk@mail.example", Role: domain.Staff}))
	user, err := s.users.User(t.Context(), "clerk")
	require.NoError(t, err)
	assert.Equal(t, domain.Staff, user.Role)
	s.store.away.Store(true)
	_, err = s.users.User(t.Context(), "clerk")
	require.ErrorIs(t, err, domain.ErrUnavailable, "another process may have taken the rights")
}

func TestProducts_OnesOwnChangesAreSeenThoughTheStoreIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		q, _ := domain.Query{}.Complete()
		for range 3 {
			_, err := s.products.Product(t.Context(), "product-1")
			require.NoError(t, err)
			_, err = s.catalog.Search(t.Context(), q)
			require.NoError(t, err)
		}
		s.store.late.Store(int64(300 * time.Millisecond))
		for n := range 5 {
			name := fmt.Sprint("Pot ", n)
			_, err := s.products.UpdateProduct(t.Context(), "product-1", func(p *domain.Product) error { p.Name = name; return nil })
			require.NoError(t, err)
			p, err := s.products.Product(t.Context(), "product-1")
			require.NoError(t, err)
			assert.Equal(t, name, p.Name)
			found, err := s.catalog.Search(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, name, found.Products[0].Name)
		}
	})
}

func TestReads_ReturnCopies(t *testing.T) {
	s := newServer(t)
	_, err := s.products.Product(t.Context(), "product-1")
	require.NoError(t, err)
	s.store.away.Store(true)
	for range 2 {
		p, err := s.products.Product(t.Context(), "product-1")
		require.NoError(t, err)
		assert.Equal(t, "a tea pot", p.Images[0].Alt)
		p.Images[0].Alt = "changed by its reader"
	}
}

func TestMemory_IsBounded(t *testing.T) {
	s := newServer(t)
	long := strings.Repeat("long ", 4000) // 20 kB
	var all []domain.Product
	for n := range 100 {
		p := aProduct(n)
		p.Description = long
		all = append(all, p)
	}
	require.NoError(t, s.store.PutProducts(t.Context(), all))
	var own []domain.Query
	for _, q := range []domain.Query{{}, {Category: "kitchen"}, {Sort: domain.ByNewest, Page: domain.Page{Number: 1, Size: domain.RowSize}}} {
		q, err := q.Complete()
		require.NoError(t, err)
		_, err = s.catalog.Search(t.Context(), q)
		require.NoError(t, err)
		own = append(own, q)
	}
	begun := time.Now()
	for n := range 3000 {
		for _, q := range []domain.Query{
			{Page: domain.Page{Number: 1, Size: 25 + n%70}, Sort: domain.ByName}, {Category: fmt.Sprint("made-up-", n)}, {Page: domain.Page{Number: 2 + n}},
		} {
			q, err := q.Complete()
			require.NoError(t, err)
			_, err = s.catalog.Search(t.Context(), q)
			require.NoError(t, err)
		}
		q, err := domain.Query{Text: "tea", MinPrice: int64(n), Page: domain.Page{Number: 1, Size: 100}}.Complete()
		require.NoError(t, err)
		_, err = s.catalog.Search(t.Context(), q)
		require.NoError(t, err)
	}
	t.Log(time.Since(begun))
	assert.LessOrEqual(t, near.SearchBytes(s.catalog), 12<<20, "however much strangers search")
	assert.Positive(t, near.SearchBytes(s.catalog))
	s.store.away.Store(true)
	for _, q := range own {
		_, err := s.catalog.Search(t.Context(), q)
		require.NoError(t, err, "what the shop leads to stays")
	}
}
