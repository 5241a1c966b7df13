package page_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

// send posts a form as browsers do one with a file: its fields, then the file.
func (b *browser) send(path string, form url.Values, picture []byte) answer {
	b.t.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for name, values := range form {
		for _, value := range values {
			if name != "picture" {
				require.NoError(b.t, parts.WriteField(name, value))
			}
		}
	}
	file, err := parts.CreateFormFile("picture", map[bool]string{true: "cup.png"}[picture != nil])
	require.NoError(b.t, err)
	_, err = file.Write(picture)
	require.NoError(b.t, err)
	require.NoError(b.t, parts.Close())
	return b.do(http.MethodPost, path, parts.FormDataContentType(), &body)
}

// mug is a form that adds a product.
func (b *browser) mug(pairs ...string) url.Values {
	b.t.Helper()
	form := b.get("/admin/products/new").form("/admin/products/new")
	return with(with(form, "name", "Grey Mug", "category", "Kitchen", "kind", "Mugs", "price", "12.5", "stock", "7",
		"description", "Holds tea.\r\n\r\nAnd coffee."), pairs...)
}

// onSale is how many products the shop sells.
func (s *shop) onSale() int {
	s.t.Helper()
	found, err := s.Store.Search(s.t.Context(), domain.Query{Sort: domain.ByRelevance, Page: domain.Page{Number: 1, Size: 1}})
	require.NoError(s.t, err)
	return found.Total
}

func aPicture(t testing.TB, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, size, size))))
	return b.Bytes()
}

func TestAdmin_Goods_AreForStaff(t *testing.T) {
	s := open(t)
	s.AddAccount("anna", domain.Customer)
	guest, customer := s.visitor(), s.signedIn("anna")
	for _, path := range []string{"/admin/products/new", "/admin/products/p-lamp"} {
		guest.ask(path).leadsTo("/login?" + url.Values{"next": {path}}.Encode())
		customer.ask(path).is(http.StatusForbidden)
	}
	form := url.Values{"name": {"Mug"}, "category": {"Kitchen"}, "kind": {"Mugs"}, "price": {"1"}, "stock": {"1"}}
	for path, next := range map[string]string{
		"/admin/products/new": "/admin/products/new", "/admin/products/p-lamp/edit": "/admin/products", "/admin/products/p-lamp/remove": "/admin/products",
	} {
		guest.send(path, form, nil).leadsTo("/login?" + url.Values{"next": {next}}.Encode())
		customer.send(path, form, nil).is(http.StatusForbidden)
	}
	assert.Equal(t, 4, s.onSale())
	assert.Equal(t, lamp, s.Product(lamp.ID))
	assert.NotContains(t, customer.get("/products/"+lamp.Slug).body, "/admin/")
	s.AddAccount("sue", domain.Staff)
	assert.Contains(t, s.signedIn("sue").get("/products/"+lamp.Slug).body, `href="/admin/products/p-lamp"`)
}

func TestAdmin_AddProduct(t *testing.T) {
	t.Run("what is added can be bought", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		form := b.mug("picture_alt", "a mug from above")
		assert.Contains(t, b.get("/admin/products").body, `href="/admin/products/new"`)
		led := b.send("/admin/products/new", form, aPicture(t, 8))
		led.leadsTo(led.location)
		assert.Regexp(t, `^/admin/products/[0-9a-f]{32}\?done=saved$`, led.location)
		p := s.Product("grey-mug")
		assert.Equal(t, domain.Dollars(1250), p.Price)
		assert.Equal(t, 7, p.Stock)
		assert.Equal(t, "Holds tea.\n\nAnd coffee.", p.Description)
		assert.Equal(t, domain.Category{Slug: "kitchen", Name: "Kitchen"}, p.Category)
		require.Len(t, p.Images, 1)
		assert.Equal(t, "a mug from above", p.Images[0].Alt)
		shopper := s.visitor()
		assert.Contains(t, shopper.get("/products?category=kitchen&kind=mugs").text(), "Grey Mug")
		assert.Contains(t, shopper.get("/products/grey-mug").body, p.Images[0].URL)
		shopper.add(p, 2)
		shopper.buy()
		assert.Equal(t, 5, s.Product("grey-mug").Stock)

		for range 2 {
			b.send("/admin/products/new", form, aPicture(t, 8)).leadsTo(led.location)
		}
		assert.Equal(t, 5, s.onSale(), "a form that is sent again adds nothing")
		a := b.send("/admin/products/new", with(form, "name", "Red Mug"), nil).is(http.StatusConflict)
		assert.Contains(t, a.of("data-mistake"), "Grey Mug")
		assert.Equal(t, "Red Mug", a.form("/admin/products/new").Get("name"))
		assert.Equal(t, 5, s.onSale())
	})
	t.Run("twice at once, and without a file", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		led := b.atOnce(5, "/admin/products/new", b.mug())
		assert.Len(t, led, 1)
		assert.Equal(t, 5, s.onSale())
	})
	t.Run("the form offers what there is", func(t *testing.T) {
		b := open(t).staff()
		body := b.get("/admin/products/new").body
		for _, name := range []string{"Lighting", "Furniture", "Kitchen", "Textiles", "Desk lamps", "Desks", "Cups", "Rugs"} {
			assert.Contains(t, body, `<option value="`+name+`">`)
		}
	})
	t.Run("another of the same name has an address of its own", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		for range 2 {
			b.send("/admin/products/new", b.mug(), nil)
		}
		assert.NotEqual(t, s.Product("grey-mug").ID, s.Product("grey-mug-2").ID)
	})
	long := strings.Repeat("x", 201)
	for name, c := range map[string]struct {
		typed  []string
		file   []byte
		status int
		wrong  string // the field
		says   string
	}{
		"no name":                       {[]string{"name", " "}, nil, 422, "name", "Must be given."},
		"a name that is not seen":       {[]string{"name", "\u200b"}, nil, 422, "name", "Must be given."},
		"too long a name":               {[]string{"name", long}, nil, 422, "name", "Must have at most 200 characters."},
		"a name of two lines":           {[]string{"name", "a\nb"}, nil, 422, "name", "Has characters that cannot be used."},
		"no category":                   {[]string{"category", ""}, nil, 422, "category", "Must be given."},
		"a category of signs":           {[]string{"category", "***"}, nil, 422, "category", ""},
		"no kind":                       {[]string{"kind", ""}, nil, 422, "kind", "Must be given."},
		"too long a text":               {[]string{"description", strings.Repeat("x", 10_001)}, nil, 422, "description", ""},
		"no price":                      {[]string{"price", ""}, nil, 422, "price", "Must be a price, like 12.99."},
		"nothing for a price":           {[]string{"price", "0"}, nil, 422, "price", "Must be from $0.01 to $1,000,000.00."},
		"less than nothing":             {[]string{"price", "-1"}, nil, 422, "price", "Must be a price, like 12.99."},
		"a huge price":                  {[]string{"price", "9999999999.99"}, nil, 422, "price", "Must be from $0.01 to $1,000,000.00."},
		"a price with no bound":         {[]string{"price", strings.Repeat("9", 400)}, nil, 422, "price", "Must be a price, like 12.99."},
		"no stock":                      {[]string{"stock", ""}, nil, 422, "stock", "Must be a whole number, like 10."},
		"less stock than none":          {[]string{"stock", "-1"}, nil, 422, "stock", "Must be from 0 to 1000000000."},
		"stock with no bound":           {[]string{"stock", strings.Repeat("9", 400)}, nil, 422, "stock", "Must be a whole number, like 10."},
		"an address of another place":   {[]string{"slug", "../../etc"}, nil, 422, "slug", "Must be small letters, digits and single hyphens."},
		"a script for an address":       {[]string{"slug", `"><script>alert(1)</script>`}, nil, 422, "slug", "Must be small letters, digits and single hyphens."},
		"the address of the form":       {[]string{"slug", "new"}, nil, 409, "slug", "Is the address of another page."},
		"the address of something else": {[]string{"slug", lamp.Slug}, nil, 409, "slug", "Is the address of another page."},
		"the id of something else":      {[]string{"slug", string(lamp.ID)}, nil, 409, "slug", "Is the address of another page."},
		"a text for a picture":          {nil, []byte("<svg onload='alert(1)'/>"), 422, "picture", "Must be a JPEG, PNG or WebP picture."},
		"a picture that was cut off":    {nil, aPicture(t, 8)[:60], 422, "picture", ""},
		"a picture that is too large":   {nil, bytes.Repeat([]byte("x"), 950_000), 422, "picture", ""},
		"more than the shop reads":      {nil, bytes.Repeat([]byte("x"), 3<<20), 413, "picture", "Must have at most 900 kB."},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			b := s.staff()
			form := b.mug(c.typed...)
			a := b.send("/admin/products/new", form, c.file).is(c.status)
			said := a.mistakes()
			require.Len(t, said, 1, said)
			require.NotEmpty(t, said[c.wrong], said)
			if c.says != "" {
				assert.Equal(t, c.says, said[c.wrong])
			}
			shown := a.form("/admin/products/new")
			for name := range form {
				assert.Equal(t, strings.ReplaceAll(form.Get(name), "\r\n", "\n"), strings.ReplaceAll(shown.Get(name), "\r\n", "\n"), name)
			}
			assert.NotContains(t, a.body, "<script>alert")
			assert.Equal(t, 4, s.onSale())
			led := b.send("/admin/products/new", with(shown, "name", "Grey Mug", "category", "Kitchen", "kind", "Mugs", "description", "", "price", "1", "stock", "1", "slug", ""), nil)
			led.leadsTo(led.location)
			assert.Equal(t, 5, s.onSale(), "the same form, mended, is taken")
		})
	}
	t.Run("a shop may take larger pictures", func(t *testing.T) {
		s := open(t, func(p *parts) { p.PictureBytes = 2_000_000 })
		b := s.staff()
		noise := image.NewGray(image.Rect(0, 0, 1100, 1100))
		chance := rand.New(rand.NewPCG(1, 2))
		for i := range noise.Pix {
			noise.Pix[i] = byte(chance.Uint32())
		}
		var large bytes.Buffer
		require.NoError(t, png.Encode(&large, noise))
		require.Greater(t, large.Len(), 1<<20, "more than another form may have")
		led := b.send("/admin/products/new", b.mug(), large.Bytes())
		led.leadsTo(led.location)
		assert.Equal(t, large.Bytes(), []byte(b.get(s.Product("grey-mug").Images[0].URL).body))
		a := b.send("/admin/products/new", b.mug("name", "Red Mug"), bytes.Repeat([]byte("x"), 2_000_001)).is(http.StatusUnprocessableEntity)
		assert.Equal(t, "Must have no more than 2000 kB.", a.mistakes()["picture"])
		a = b.send("/admin/products/new", b.mug("name", "Red Mug"), bytes.Repeat([]byte("x"), 3<<20)).is(http.StatusRequestEntityTooLarge)
		assert.Equal(t, "Must have at most 2000 kB.", a.mistakes()["picture"])
	})
	t.Run("all mistakes are said at once", func(t *testing.T) {
		b := open(t).staff()
		a := b.send("/admin/products/new", b.mug("name", "", "category", "", "kind", "", "price", "x", "stock", "y", "slug", "É"), nil).is(http.StatusUnprocessableEntity)
		var fields []string
		for field := range a.mistakes() {
			fields = append(fields, field)
		}
		assert.ElementsMatch(t, []string{"name", "category", "kind", "price", "stock", "slug"}, fields)
	})
}

func TestAdmin_GoodsForms_BodiesThatAreNone(t *testing.T) {
	for _, path := range []string{"/admin/products/new", "/admin/products/p-lamp/edit", "/admin/products/p-lamp/remove"} {
		t.Run(path, func(t *testing.T) {
			s := open(t)
			b := s.staff()
			send := func(kind, body string) answer {
				return b.do(http.MethodPost, path, kind, strings.NewReader(body))
			}
			const kind = `multipart/form-data; boundary=b`
			part := func(name, value string) string {
				return fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", name, value)
			}
			for what, body := range map[string]string{
				"nothing": "", "no part": "words", "a part that is cut off": part("name", "x")[:20], "no end": part("name", "x"),
				"no head": "--b\r\n\r\n", "a name that is none": part("\xff", "x") + "--b--\r\n",
			} {
				a := send(kind, body)
				if strings.HasSuffix(path, "/remove") {
					continue // what is no form of it is not looked at
				}
				assert.Equal(t, http.StatusBadRequest, a.status, what)
			}
			if strings.HasSuffix(path, "/remove") {
				return
			}
			send("multipart/form-data", "x").is(http.StatusBadRequest)
			send("multipart/form-data; boundary=", "x").is(http.StatusBadRequest)
			for _, text := range []string{"\x00", "a\x00b", "\xff", "\xc3\x28"} {
				for _, field := range []string{"name", "category", "description", "slug", "key", "edition", "image.0", "alt.0", "extra"} {
					send(kind, part("name", "Mug")+part(field, text)+"--b--\r\n").is(http.StatusUnprocessableEntity)
				}
			}
			a := send(kind, part("name", "Mug")+part("description", strings.Repeat("x", 2<<20))+"--b--\r\n").is(http.StatusRequestEntityTooLarge)
			assert.Contains(t, a.text(), "larger than 1 MiB")
			send(kind, strings.Repeat(part("name", ""), 5000)+"--b--\r\n").is(http.StatusUnprocessableEntity)
			send("application/x-www-form-urlencoded", "key="+strings.Repeat("x", 300)).is(http.StatusUnprocessableEntity)
			assert.Equal(t, 4, s.onSale())
			assert.Equal(t, lamp, s.Product(lamp.ID))
		})
	}
}

func TestAdmin_EditProduct(t *testing.T) {
	const path, save = "/admin/products/p-lamp", "/admin/products/p-lamp/edit"
	t.Run("what is saved is shown", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		assert.Contains(t, b.get("/admin/products?q=lamp").body, `href="`+path+`"`)
		b.send(save, b.get(path).form(save), nil).leadsTo(path + "?done=saved")
		assert.Equal(t, lamp, s.Product(lamp.ID), "a form that is sent as it is changes nothing")
		form := with(b.get(path).form(save), "name", "Ash Desk Lamp", "kind", "Lamps of ash", "price", "99", "description", "Cold.", "alt.0", "the lamp, lit")
		b.send(save, form, aPicture(t, 8)).leadsTo(path + "?done=saved")
		b.send(save, form, aPicture(t, 8)).leadsTo(path + "?done=saved")
		p := s.Product(lamp.ID)
		assert.Equal(t, "Ash Desk Lamp", p.Name)
		assert.Equal(t, domain.Category{Slug: "lamps-of-ash", Name: "Lamps of ash"}, p.Subcategory)
		assert.Equal(t, lamp.Category, p.Category)
		assert.Equal(t, domain.Dollars(9900), p.Price)
		assert.Equal(t, "Cold.", p.Description)
		assert.Equal(t, lamp.Slug, p.Slug)
		require.Len(t, p.Images, 2)
		assert.Equal(t, domain.Image{URL: lamp.Images[0].URL, Alt: "the lamp, lit"}, p.Images[0])
		assert.Equal(t, "Ash Desk Lamp", p.Images[1].Alt)
		b.send(save, with(b.get(path).form(save), "remove.0", "yes"), nil).leadsTo(path + "?done=saved")
		assert.Equal(t, p.Images[1:], s.Product(lamp.ID).Images)
		assert.Equal(t, lamp.Stock, s.Product(lamp.ID).Stock)
		assert.Contains(t, s.visitor().get("/products/"+lamp.Slug).text(), "Ash Desk Lamp")
	})
	t.Run("whoever is later sees what there is now, and what they typed", func(t *testing.T) {
		s := open(t)
		sue := s.staff()
		s.AddAccount("tom", domain.Staff)
		tom := s.signedIn("tom")
		hers, his := sue.get(path).form(save), tom.get(path).form(save)
		sue.send(save, with(hers, "description", "Hers.", "price", "20"), nil).leadsTo(path + "?done=saved")
		a := tom.send(save, with(his, "name", "His Lamp", "price", "30", "alt.0", "his words"), aPicture(t, 8)).is(http.StatusConflict)
		assert.Contains(t, a.of("data-mistake"), "Somebody has changed this product")
		shown := a.form(save)
		assert.Equal(t, "Hers.", strings.TrimSpace(shown.Get("description")))
		assert.Equal(t, "20.00", shown.Get("price"))
		assert.Equal(t, lamp.Name, shown.Get("name"))
		for _, says := range []string{"You typed: His Lamp", "You typed: 30", "You typed: his words"} {
			assert.Contains(t, a.text(), says)
		}
		assert.NotContains(t, a.text(), "You typed: "+lamp.Subcategory.Name, "only what is another")
		assert.Equal(t, domain.Dollars(2000), s.Product(lamp.ID).Price)
		tom.send(save, with(shown, "price", "30"), nil).leadsTo(path + "?done=saved")
		assert.Equal(t, domain.Dollars(3000), s.Product(lamp.ID).Price)
		assert.Equal(t, "Hers.", s.Product(lamp.ID).Description)
	})
	t.Run("a price of the list in between counts too", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		form := b.get(path).form(save)
		b.post(path, url.Values{"price": {"1"}, "from": {"/admin/products"}}).leadsTo("/admin/products?done=saved")
		b.send(save, with(form, "name", "Mine"), nil).is(http.StatusConflict)
		b.send(save, with(form, "edition", ""), nil).is(http.StatusConflict)
		assert.Equal(t, domain.Dollars(100), s.Product(lamp.ID).Price)
	})
	for name, c := range map[string]struct {
		typed  []string
		file   []byte
		status int
		wrong  string
	}{
		"no name":                     {[]string{"name", ""}, nil, 422, "name"},
		"a huge price":                {[]string{"price", "1000000.01"}, nil, 422, "price"},
		"no number for a price":       {[]string{"price", "much"}, nil, 422, "price"},
		"no category":                 {[]string{"category", "?"}, nil, 422, "category"},
		"too much about a picture":    {[]string{"alt.0", strings.Repeat("x", 201)}, nil, 422, "images"},
		"no picture":                  {nil, []byte("GIF89a"), 422, "picture"},
		"a picture that is too large": {nil, bytes.Repeat([]byte("x"), 2<<20), 413, "picture"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			b := s.staff()
			form := with(b.get(path).form(save), c.typed...)
			a := b.send(save, form, c.file).is(c.status)
			if c.wrong == "images" {
				assert.NotNil(t, byID(a.doc, "images-error"))
			} else {
				assert.Len(t, a.mistakes(), 1)
				assert.NotEmpty(t, a.mistakes()[c.wrong])
			}
			shown := a.form(save)
			for name := range form {
				assert.Equal(t, strings.TrimSpace(form.Get(name)), strings.TrimSpace(shown.Get(name)), name)
			}
			assert.Equal(t, lamp, s.Product(lamp.ID))
		})
	}
	t.Run("addresses of other places get in nowhere", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		form := with(b.get(path).form(save), "image.0", "https://elsewhere.example/x.png", "image.1", "javascript:alert(1)", "price", "x")
		assert.NotContains(t, b.send(save, form, nil).is(http.StatusUnprocessableEntity).body, "elsewhere.example")
		b.send(save, with(form, "price", "1"), nil).leadsTo(path + "?done=saved")
		assert.Empty(t, s.Product(lamp.ID).Images)
	})
	t.Run("what is not there", func(t *testing.T) {
		s := open(t)
		b := s.staff()
		form := b.get(path).form(save)
		for _, id := range []string{"none", "%00", "%ff", "<script>", strings.Repeat("9", 3000)} {
			b.ask("/admin/products/" + id).is(http.StatusNotFound)
			b.send("/admin/products/"+id+"/edit", form, nil).is(http.StatusNotFound)
		}
		b.post("/admin/products/%00/remove", nil).is(http.StatusNotFound)
		b.post(path+"/remove", nil).leadsTo("/admin/products?done=taken-out")
		b.send(save, form, aPicture(t, 8)).is(http.StatusNotFound)
		b.ask(path).is(http.StatusNotFound)
		assert.Equal(t, 3, s.onSale())
	})
}

func TestAdmin_RemoveProduct(t *testing.T) {
	s := open(t)
	b, shopper := s.staff(), s.visitor()
	shopper.add(lamp, 1)
	order := shopper.buy()
	shopper.add(lamp, 1)
	shopper.add(cup, 1)
	form := b.get("/admin/products/p-lamp").form("/admin/products/p-lamp/remove")
	for range 2 {
		b.post("/admin/products/p-lamp/remove", form).leadsTo("/admin/products?done=taken-out")
	}
	assert.Contains(t, b.get("/admin/products?done=taken-out").text(), "Removed from the shop.")
	shopper.ask("/products/" + lamp.Slug).is(http.StatusNotFound)
	assert.True(t, slices.ContainsFunc(shopper.cart(), func(line string) bool { return strings.HasPrefix(line, "gone:") }), shopper.cart())
	assert.Contains(t, shopper.get(order).text(), lamp.Name, "orders keep what was bought")
	assert.Equal(t, 3, s.onSale())
}

func TestPages_OfAnEmptyShop(t *testing.T) {
	s := open(t)
	for _, p := range []domain.Product{lamp, desk, cup, rug} {
		require.NoError(t, s.Store.RemoveProduct(t.Context(), p.ID))
	}
	b, shopper := s.staff(), s.visitor()
	for _, path := range []string{"/", "/products", "/admin/products"} {
		assert.Contains(t, b.get(path).body, `href="/admin/products/new"`, path)
	}
	for _, path := range []string{"/", "/products", "/products?q=cup", "/products?category=kitchen", "/search/suggest?q=cu", "/cart", "/wishlist"} {
		assert.NotContains(t, shopper.get(path).body, "/admin/", path)
	}
	assert.NotEmpty(t, shopper.get("/").all("data-empty"))
	assert.NotEmpty(t, shopper.get("/products?q=cup").all("data-empty"))
	b.send("/admin/products/new", b.mug(), nil)
	assert.Contains(t, shopper.get("/").text(), "Grey Mug")
}
