package usecase_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/usecase"
)

// goods is what staff writes into a form.
func goods(name, category, kind string) domain.Product {
	return domain.Product{Name: name, Category: domain.Category{Name: category}, Subcategory: domain.Category{Name: kind}, Price: domain.Dollars(450), Stock: 3}
}

// aPicture is a small picture of one shade of grey.
func aPicture(t *testing.T, shade uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range img.Pix {
		img.Pix[i] = color.Gray{Y: shade}.Y
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

func requireCode(t *testing.T, err error, kind domain.Kind, code domain.Code) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	var e *domain.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code)
}

func (w world) kept(t *testing.T, id domain.ProductID) domain.Product {
	t.Helper()
	p, err := w.store.Product(t.Context(), string(id))
	require.NoError(t, err)
	return p
}

func TestInventory_Add(t *testing.T) {
	t.Run("what is added is on sale, with its stock, its shelf and its picture", func(t *testing.T) {
		w := newWorld(t)
		news, err := w.store.Subscribe(t.Context(), domain.ProductChanged)
		require.NoError(t, err)
		p, err := w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: goods("Crème Cup", "Kitchen", "Cups"), Picture: aPicture(t, 1)})
		require.NoError(t, err)
		assert.Equal(t, domain.Event{Topic: domain.ProductChanged, Key: string(p.ID)}, <-news)
		assert.Equal(t, p, w.kept(t, p.ID))
		assert.Equal(t, "creme-cup", p.Slug)
		assert.Equal(t, domain.Category{Slug: "kitchen", Name: "Kitchen"}, p.Category)
		assert.Equal(t, domain.Category{Slug: "cups", Name: "Cups"}, p.Subcategory)
		assert.WithinDuration(t, time.Now(), p.AddedAt, time.Minute)
		require.Len(t, p.Images, 1)
		assert.Equal(t, "Crème Cup", p.Images[0].Alt, "a picture without words is called as the product is")
		assert.Contains(t, p.Images[0].URL, "/media/p/")
		movements, err := w.Inventory.Movements(t.Context(), sue, p.ID)
		require.NoError(t, err)
		require.Len(t, movements, 1)
		assert.Equal(t, 3, movements[0].Delta)
		w.fill(t, "ann", p.ID, 3)
	})
	t.Run("a form that is sent again adds nothing, at once or later", func(t *testing.T) {
		w := newWorld(t)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: goods("Cup", "Kitchen", "Cups"), Picture: aPicture(t, 1), Alt: "a cup"})
				assert.NoError(t, err)
			})
		}
		all.Wait()
		first, err := w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: goods("Cup", "Kitchen", "Cups")})
		require.NoError(t, err)
		w.fill(t, "ann", first.ID, 2)
		_, _, err = w.Checkout.Buy(t.Context(), "ann", "", purchase(good))
		require.NoError(t, err)
		again, err := w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: goods("Cup", "Kitchen", "Cups")})
		require.NoError(t, err)
		assert.Equal(t, w.kept(t, first.ID), again)
		assert.Equal(t, 1, again.Stock, "what was sold is not received again")
		found, err := w.store.Search(t.Context(), domain.Query{Sort: domain.ByRelevance, Page: domain.Page{Number: 1, Size: 10}})
		require.NoError(t, err)
		assert.Equal(t, 3, found.Total, "tea, pot and cup")
	})
	t.Run("a form that has added something says so when it means something else", func(t *testing.T) {
		w := newWorld(t)
		p, err := w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: goods("Cup", "Kitchen", "Cups")})
		require.NoError(t, err)
		there, err := w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: goods("Mug", "Kitchen", "Cups")})
		requireCode(t, err, domain.ErrConflict, domain.CodeProductAdded)
		assert.Equal(t, p.ID, there.ID)
		assert.Equal(t, "Cup", w.kept(t, p.ID).Name)
	})
	t.Run("products of one name get addresses of their own", func(t *testing.T) {
		w := newWorld(t)
		seen := map[string]bool{}
		for n := range 12 {
			p, err := w.Inventory.Add(t.Context(), sue, domain.IdempotencyKey(fmt.Sprint(n)), usecase.ProductEdit{To: goods("Tea", "Kitchen", "Cups")})
			require.NoError(t, err)
			assert.Equal(t, p.ID, w.kept(t, p.ID).ID)
			seen[p.Slug] = true
		}
		assert.Len(t, seen, 12)
		assert.True(t, seen["tea-2"], "tea is the id of another product")
		assert.False(t, seen["tea"])
	})
	t.Run("a name without letters is no hindrance", func(t *testing.T) {
		w := newWorld(t)
		p, err := w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: goods("🫖!", "Kitchen", "Cups")})
		require.NoError(t, err)
		assert.Equal(t, p, w.kept(t, domain.ProductID(p.Slug)))
	})
	t.Run("no product gets the address of another page", func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"New", "Categories"} {
			p, err := w.Inventory.Add(t.Context(), sue, domain.IdempotencyKey(name), usecase.ProductEdit{To: goods(name, "Kitchen", "Cups")})
			require.NoError(t, err)
			assert.Equal(t, domain.SlugOf(name, 99)+"-2", p.Slug)
		}
		for _, slug := range []string{"new", "categories", "tea"} {
			asked := goods("Mug", "Kitchen", "Cups")
			asked.Slug = slug
			_, err := w.Inventory.Add(t.Context(), sue, domain.IdempotencyKey("slug-"+slug), usecase.ProductEdit{To: asked})
			requireCode(t, err, domain.ErrConflict, domain.CodeSlugTaken)
		}
	})
	t.Run("what there is already is called as it is", func(t *testing.T) {
		w := newWorld(t)
		odd := product("odd", 1)
		odd.Category, odd.Subcategory = domain.Category{Slug: "for-tables", Name: "Table & Co"}, domain.Category{Slug: "glass", Name: "Glass"}
		require.NoError(t, w.store.PutProducts(t.Context(), []domain.Product{odd}))
		for _, c := range []struct{ category, kind string }{{"Table & Co", "Glass"}, {"for tables", "GLASS"}} {
			p, err := w.Inventory.Add(t.Context(), sue, domain.IdempotencyKey(c.kind), usecase.ProductEdit{To: goods("Cup", c.category, c.kind)})
			require.NoError(t, err)
			assert.Equal(t, odd.Category, p.Category)
			assert.Equal(t, odd.Subcategory, p.Subcategory)
		}
		categories, kinds, err := w.Inventory.CategoryNames(t.Context(), sue)
		require.NoError(t, err)
		assert.Equal(t, []string{"Table & Co", "Things"}, categories)
		assert.Equal(t, []string{"Glass", "Things"}, kinds)
	})
	t.Run("a mistake adds nothing", func(t *testing.T) {
		w := newWorld(t)
		bad := goods("", "!!!", "\x00")
		bad.Price, bad.Stock, bad.Slug = domain.Dollars(0), -1, "../x"
		_, err := w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: bad, Picture: aPicture(t, 1)})
		var e *domain.Error
		require.ErrorAs(t, err, &e)
		for _, field := range []string{"name", "category", "kind", "price", "stock", "slug"} {
			assert.NotEmpty(t, e.Fields[field], field)
		}
		_, err = w.Inventory.Add(t.Context(), sue, "form", usecase.ProductEdit{To: goods("Cup", "Kitchen", "Cups"), Picture: []byte("no picture")})
		require.ErrorAs(t, err, &e)
		assert.NotEmpty(t, e.Fields["picture"])
		_, err = w.Inventory.Add(t.Context(), domain.User{Role: domain.Customer}, "form", usecase.ProductEdit{To: goods("Cup", "Kitchen", "Cups")})
		require.ErrorIs(t, err, domain.ErrDenied)
		_, err = w.store.Product(t.Context(), "cup")
		require.ErrorIs(t, err, domain.ErrNotFound)
	})
}

func TestInventory_Update(t *testing.T) {
	t.Run("what is changed is so, and orders keep what they were placed with", func(t *testing.T) {
		w := newWorld(t)
		w.fill(t, "ann", "tea", 2)
		order, _, err := w.Checkout.Buy(t.Context(), "ann", "", purchase(good))
		require.NoError(t, err)
		to := goods("Green Tea", "Kitchen", "Teas")
		to.Description = "From the hills."
		require.NoError(t, w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: usecase.Version(w.kept(t, "tea")), To: to}))
		p := w.kept(t, "tea")
		assert.Equal(t, "Green Tea", p.Name)
		assert.Equal(t, "From the hills.", p.Description)
		assert.Equal(t, "tea", p.Slug, "old links go on working")
		assert.Equal(t, "teas", p.Subcategory.Slug)
		assert.Equal(t, 3, p.Stock)
		assert.Equal(t, 2, p.Sold)
		order, err = w.Checkout.Order(t.Context(), "ann", order.ID)
		require.NoError(t, err)
		assert.Equal(t, "tea", order.Lines[0].Name)
		assert.Equal(t, domain.Dollars(1000), order.Lines[0].UnitPrice)
	})
	t.Run("who edits what a colleague has changed keeps nothing", func(t *testing.T) {
		w := newWorld(t)
		seen := usecase.Version(w.kept(t, "tea"))
		for name, change := range map[string]func() error{
			"a text": func() error {
				return w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: usecase.Version(w.kept(t, "tea")), To: goods("Black Tea", "Things", "Things")})
			},
			"a price": func() error { return w.Inventory.SetPrice(t.Context(), sue, "tea", domain.Dollars(77)) },
			"a picture": func() error {
				return w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: usecase.Version(w.kept(t, "tea")), To: goods("Black Tea", "Things", "Things"), Picture: aPicture(t, 9)})
			},
		} {
			require.NoError(t, change(), name)
			before := w.kept(t, "tea")
			requireCode(t, w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: seen, To: goods("Green Tea", "Things", "Things")}), domain.ErrConflict, domain.CodeProductChanged)
			assert.Equal(t, before, w.kept(t, "tea"), name)
			seen = usecase.Version(before)
		}
		_, err := w.Inventory.ChangeStock(t.Context(), sue, "tea", 5, "")
		require.NoError(t, err)
		require.NoError(t, w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: seen, To: goods("Green Tea", "Things", "Things")}), "counting is no edit")
	})
	t.Run("of many who edit at once one does, and the same edit again is done already", func(t *testing.T) {
		w := newWorld(t)
		seen := usecase.Version(w.kept(t, "tea"))
		var all sync.WaitGroup
		var mu sync.Mutex
		var done []string
		for n := range 20 {
			all.Go(func() {
				name := fmt.Sprint("Tea ", n)
				if err := w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: seen, To: goods(name, "Things", "Things")}); err == nil {
					mu.Lock()
					done = append(done, name)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		require.Len(t, done, 1)
		assert.Equal(t, done[0], w.kept(t, "tea").Name)
		require.NoError(t, w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: seen, To: goods(done[0], "Things", "Things")}))
	})
	t.Run("pictures come, change their words and go, and no other address gets in", func(t *testing.T) {
		w := newWorld(t)
		change := func(images []domain.Image, picture []byte) []domain.Image {
			t.Helper()
			to := goods("Tea", "Things", "Things")
			to.Images = images
			seen := usecase.Version(w.kept(t, "tea"))
			for range 2 {
				require.NoError(t, w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: seen, To: to, Picture: picture, Alt: "new"}))
			}
			return w.kept(t, "tea").Images
		}
		one := change(nil, aPicture(t, 1))
		require.Len(t, one, 1)
		assert.Equal(t, "new", one[0].Alt)
		two := change(one, aPicture(t, 2))
		require.Len(t, two, 2)
		assert.Equal(t, one[0], two[0])
		assert.Equal(t, two, change(two, aPicture(t, 2)), "the same picture is there once")
		two[1].Alt = "the back"
		assert.Equal(t, two, change([]domain.Image{two[1], two[0], {URL: "https://elsewhere.example/x.png"}}, nil))
		assert.Equal(t, two[1:], change(two[1:], nil))
		assert.Empty(t, change(nil, nil))
	})
	t.Run("a mistake changes nothing", func(t *testing.T) {
		w := newWorld(t)
		before := w.kept(t, "tea")
		seen := usecase.Version(before)
		require.ErrorIs(t, w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: seen, To: goods("", "Things", "Things")}), domain.ErrInvalid)
		require.ErrorIs(t, w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: "tea", Version: seen, To: goods("Tea", "Things", "Things"), Picture: []byte("x")}), domain.ErrInvalid)
		require.ErrorIs(t, w.Inventory.Update(t.Context(), domain.User{}, usecase.ProductEdit{ID: "tea", Version: seen, To: goods("Tea", "Things", "Things")}), domain.ErrDenied)
		for _, id := range []domain.ProductID{"", "ghost", "\x00", "\xff"} {
			require.ErrorIs(t, w.Inventory.Update(t.Context(), sue, usecase.ProductEdit{ID: id, Version: seen, To: goods("Tea", "Things", "Things")}), domain.ErrNotFound)
		}
		assert.Equal(t, before, w.kept(t, "tea"))
	})
}

func TestInventory_Remove(t *testing.T) {
	w := newWorld(t)
	w.fill(t, "ann", "tea", 1)
	require.ErrorIs(t, w.Inventory.Remove(t.Context(), domain.User{}, "tea"), domain.ErrDenied)
	require.ErrorIs(t, w.Inventory.Remove(t.Context(), sue, "\x00"), domain.ErrNotFound)
	news, err := w.store.Subscribe(t.Context(), domain.ProductChanged)
	require.NoError(t, err)
	require.NoError(t, w.Inventory.Remove(t.Context(), sue, "tea"))
	assert.Equal(t, "tea", (<-news).Key)
	require.NoError(t, w.Inventory.Remove(t.Context(), sue, "tea"), "what is gone stays so")
	_, err = w.store.Product(context.Background(), "tea")
	require.ErrorIs(t, err, domain.ErrNotFound)
	cart, err := w.Cart.Priced(t.Context(), "ann")
	require.NoError(t, err)
	assert.True(t, cart.Items[0].Product.Discontinued())
	require.ErrorIs(t, w.Inventory.SetPrice(t.Context(), sue, "tea", domain.Dollars(1)), domain.ErrNotFound)
}
