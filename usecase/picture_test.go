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

func TestInventory_Add_Picture(t *testing.T) {
	w := newWorld(t)
	add := func(by domain.User, key domain.IdempotencyKey, content []byte) (domain.Product, error) {
		return w.Inventory.Add(t.Context(), by, key, usecase.ProductEdit{To: goods("Cup "+string(key), "Kitchen", "Cups"), Picture: content})
	}
	drawn := new(bytes.Buffer)
	require.NoError(t, png.Encode(drawn, image.NewGray(image.Rect(0, 0, 40, 30))))

	t.Run("the same content is the same picture, and everybody sees it", func(t *testing.T) {
		one, err := add(sue, "one", drawn.Bytes())
		require.NoError(t, err)
		other, err := add(sue, "other", drawn.Bytes())
		require.NoError(t, err)
		url := one.Images[0].URL
		assert.Equal(t, url, other.Images[0].URL)
		require.Regexp(t, `^/media/p/[0-9a-f]{64}\.png$`, url)
		shown, err := w.Catalog.Picture(t.Context(), domain.PictureName(path.Base(url)))
		require.NoError(t, err)
		assert.Equal(t, drawn.Bytes(), shown.Content)
	})
	t.Run("only staff may", func(t *testing.T) {
		for _, by := range []domain.User{{}, {Role: domain.Customer}} {
			_, err := add(by, "form", drawn.Bytes())
			require.ErrorIs(t, err, domain.ErrDenied)
		}
	})
	t.Run("what is no picture is kept nowhere", func(t *testing.T) {
		for _, content := range []string{`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, drawn.String()[:drawn.Len()/2]} {
			_, err := add(sue, "form", []byte(content))
			require.ErrorIs(t, err, domain.ErrInvalid)
			for _, kind := range []domain.PictureType{domain.JPEG, domain.PNG, domain.WebP} {
				_, err = w.Catalog.Picture(t.Context(), domain.NewPicture(kind, []byte(content)).Name)
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
