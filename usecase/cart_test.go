package usecase_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	"eshop/usecase"
)

func TestShopping(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		basket, err := w.Cart.Add(t.Context(), "ann", "tea", 2, "one form")
		require.NoError(t, err)
		assert.Equal(t, 2, basket.ItemCount, "a form that is sent again adds nothing")
	}
	_, err := w.Cart.Add(t.Context(), "ann", "tea", 4, "")
	require.ErrorIs(t, err, domain.ErrConflict)
	_, err = w.Cart.Add(t.Context(), "ann", "ghost", 1, "")
	require.ErrorIs(t, err, domain.ErrNotFound)

	basket, err := w.Cart.Priced(t.Context(), "ann")
	require.NoError(t, err)
	line := basket.Items[0].ID
	basket, err = w.Cart.SetQuantity(t.Context(), "ann", line, 5, "")
	require.NoError(t, err)
	assert.Equal(t, domain.Dollars(5000), basket.Subtotal)
	_, err = w.Cart.SetQuantity(t.Context(), "bob", line, 1, "")
	require.ErrorIs(t, err, domain.ErrNotFound, "a line of somebody else's cart is not there")
	_, err = w.Cart.Remove(t.Context(), "bob", line, "")
	require.ErrorIs(t, err, domain.ErrNotFound)

	require.NoError(t, w.store.RemoveProduct(t.Context(), "tea"))
	basket, err = w.Cart.Priced(t.Context(), "ann")
	require.NoError(t, err)
	require.Len(t, basket.Items, 1)
	assert.True(t, basket.Items[0].Product.Discontinued())
	assert.True(t, basket.Items[0].Short())
	basket, err = w.Cart.Remove(t.Context(), "ann", line, "gone")
	require.NoError(t, err)
	assert.Empty(t, basket.Items)
	_, err = w.Cart.Remove(t.Context(), "ann", line, "gone")
	require.NoError(t, err, "the same removal sent again is no mistake")
	_, err = w.Cart.Remove(t.Context(), "ann", line, "")
	require.ErrorIs(t, err, domain.ErrNotFound)
}

func TestContacting(t *testing.T) {
	w := newWorld(t)
	contacting := w.Contact
	message := domain.Contact{Name: "Ann", Email: "ann@example.com", Subject: "Tea", Message: "Is it fresh?"}
	first, err := contacting.Send(t.Context(), message, "form", "here")
	require.NoError(t, err)
	again, err := contacting.Send(t.Context(), message, "form", "here")
	require.NoError(t, err)
	assert.Equal(t, first, again)
	for range 10 {
		_, err = contacting.Send(t.Context(), message, "", "here")
	}
	require.ErrorIs(t, err, domain.ErrLimited)
	_, _, err = contacting.Messages(t.Context(), domain.User{Role: domain.Customer}, domain.Page{Number: 1, Size: 10})
	require.ErrorIs(t, err, domain.ErrDenied)
	_, total, err := contacting.Messages(t.Context(), domain.User{Role: domain.Staff}, domain.Page{Number: 1, Size: 10})
	require.NoError(t, err)
	assert.Equal(t, 4, total, "five were allowed, and one of them came twice")
}

func TestStocking(t *testing.T) {
	w := newWorld(t)
	stocking := w.Inventory
	staff := domain.User{Role: domain.Staff}
	stock, err := stocking.ChangeStock(t.Context(), staff, "tea", 7)
	require.NoError(t, err)
	assert.Equal(t, 12, stock)
	_, err = stocking.ChangeStock(t.Context(), staff, "tea", -13)
	require.ErrorIs(t, err, domain.ErrConflict)
	_, err = stocking.ChangeStock(t.Context(), staff, "tea", 0)
	require.ErrorIs(t, err, domain.ErrInvalid)
	_, err = stocking.ChangeStock(t.Context(), domain.User{}, "tea", 1)
	require.ErrorIs(t, err, domain.ErrDenied)
	require.NoError(t, stocking.SetPrice(t.Context(), staff, "tea", domain.Dollars(1234)))
	require.ErrorIs(t, stocking.SetPrice(t.Context(), staff, "tea", domain.Dollars(0)), domain.ErrInvalid)
	p, err := w.store.Product(t.Context(), "tea")
	require.NoError(t, err)
	assert.Equal(t, domain.Dollars(1234), p.Price)
	assert.Equal(t, 12, p.Stock, "a new price leaves the stock")
	movements, err := stocking.Movements(t.Context(), staff, "tea")
	require.NoError(t, err)
	assert.Len(t, movements, 2)
}

func TestStocking_AddPicture(t *testing.T) {
	w := newWorld(t)
	stocking := w.Inventory
	browsing := w.Catalog
	staff := domain.User{Role: domain.Staff}
	drawn := new(bytes.Buffer)
	require.NoError(t, png.Encode(drawn, image.NewGray(image.Rect(0, 0, 40, 30))))

	t.Run("the same content is the same picture, and everybody sees it", func(t *testing.T) {
		url, err := stocking.AddPicture(t.Context(), staff, drawn.Bytes())
		require.NoError(t, err)
		again, err := stocking.AddPicture(t.Context(), staff, drawn.Bytes())
		require.NoError(t, err)
		assert.Equal(t, url, again)
		require.Regexp(t, `^/media/p/[0-9a-f]{64}\.png$`, url)
		shown, err := browsing.Picture(t.Context(), domain.PictureName(path.Base(url)))
		require.NoError(t, err)
		assert.Equal(t, drawn.Bytes(), shown.Content)
	})
	t.Run("only staff may", func(t *testing.T) {
		for _, by := range []domain.User{{}, {Role: domain.Customer}} {
			_, err := stocking.AddPicture(t.Context(), by, append(drawn.Bytes(), 1))
			require.ErrorIs(t, err, domain.ErrDenied)
		}
	})
	t.Run("what is no picture is kept nowhere", func(t *testing.T) {
		for _, content := range []string{"", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, drawn.String()[:drawn.Len()/2]} {
			url, err := stocking.AddPicture(t.Context(), staff, []byte(content))
			require.ErrorIs(t, err, domain.ErrInvalid)
			assert.Empty(t, url)
			for _, kind := range []domain.PictureType{domain.JPEG, domain.PNG, domain.WebP} {
				_, err = browsing.Picture(t.Context(), domain.NewPicture(kind, []byte(content)).Name)
				require.ErrorIs(t, err, domain.ErrNotFound)
			}
		}
	})
	t.Run("a name that no picture can have is not looked for", func(t *testing.T) {
		asked := &nowhere{}
		for _, name := range []domain.PictureName{
			"", "x", "../../x.png", domain.PictureName(strings.Repeat("a", 64)), domain.PictureName(strings.Repeat("a", 64) + ".svg"),
			domain.PictureName(strings.Repeat("A", 64) + ".png"), domain.PictureName(strings.Repeat("a", 64) + ".png\n"),
		} {
			_, err := usecase.NewCatalog(usecase.CatalogDeps{Products: w.store, Pictures: asked}).Picture(t.Context(), name)
			require.ErrorIs(t, err, domain.ErrNotFound, name)
			assert.Empty(t, name.MediaType(), name)
		}
		assert.Zero(t, asked.times)
	})
}

// nowhere keeps no picture, and counts who asks.
type nowhere struct {
	port.Pictures
	times int
}

func (n *nowhere) Picture(context.Context, domain.PictureName) (domain.Picture, error) {
	n.times++
	return domain.Picture{}, nil
}
