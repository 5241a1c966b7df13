package page_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

func demoShop(p *parts) { p.Info.Demo, p.Info.TrialPayments = true, true }

func TestDemo(t *testing.T) {
	t.Run("a demo shop says so on every page, in its footer and where people pay", func(t *testing.T) {
		b := open(t, demoShop).visitor()
		b.add(lamp, 1)
		for _, path := range []string{"/", "/products", "/cart", "/checkout", "/login", "/contact", "/chat"} {
			assert.Contains(t, b.get(path).of("data-demo"), "nothing is sold", path)
		}
		checkout := b.get("/checkout")
		assert.Contains(t, checkout.text(), "This is a demo shop: no money is charged")
		assert.Contains(t, checkout.text(), "4000 0000 0000 0002")
	})
	t.Run("no other shop says anything of the kind", func(t *testing.T) {
		b := open(t).visitor()
		b.add(lamp, 1)
		for _, path := range []string{"/", "/products", "/cart", "/checkout", "/login", "/contact", "/chat"} {
			page := b.get(path)
			assert.Empty(t, page.all("data-demo"), path)
			assert.NotContains(t, page.body, "demo shop", path)
			assert.NotContains(t, page.body, "4242 4242", path)
		}
	})
	t.Run("staff are told that nobody is charged, where that is no demo", func(t *testing.T) {
		const warning = "nobody is charged"
		assert.Contains(t, open(t, func(p *parts) { p.Info.TrialPayments = true }).staff().get("/admin").text(), warning)
		assert.NotContains(t, open(t, demoShop).staff().get("/admin").text(), warning)
		assert.NotContains(t, open(t).staff().get("/admin").text(), warning)
	})
}

func TestFirstSteps(t *testing.T) {
	t.Run("while it sells nothing a shop tells its owner what to do, and then no more", func(t *testing.T) {
		s := open(t, func(p *parts) { p.Info.Opening = true })
		for _, path := range []string{"/", "/products"} {
			assert.Empty(t, s.visitor().get(path).all("data-first-steps"), path)
		}
		for _, p := range []domain.Product{lamp, desk, cup, rug} {
			require.NoError(t, s.Store.RemoveProduct(t.Context(), p.ID))
		}
		for _, path := range []string{"/", "/products"} {
			page := s.visitor().get(path)
			require.NotEmpty(t, page.all("data-first-steps"), path)
			assert.Contains(t, page.text(), "staff NAME EMAIL", path)
			assert.Contains(t, page.body, `href="/login?next=%2Fadmin%2Fproducts%2Fnew"`, path)
			assert.Contains(t, page.text(), "seed_database.sh", path)
		}
		b := s.staff()
		assert.Contains(t, b.get("/").body, `href="/admin/products/new"`)
		b.send("/admin/products/new", b.mug(), nil)
		assert.Empty(t, s.visitor().get("/").all("data-first-steps"))
	})
}
