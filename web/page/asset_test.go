package page_test

import (
	"crypto/sha512"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"eshop/web/asset"
)

const cdn = "https://cdn.example/shop"

// loads are the elements of a page that load something, and by which attribute and directive.
var loads = map[string]struct{ attribute, directive, fallback string }{
	"script": {"src", "script-src", "default-src"}, "link": {"href", "style-src", "default-src"}, "img": {"src", "img-src", "default-src"},
}

// sourcesOf returns the sources that a directive of a policy names, or those of its fallback.
func sourcesOf(policy, directive, fallback string) []string {
	for _, name := range []string{directive, fallback} {
		for part := range strings.SplitSeq(policy, ";") {
			if words := strings.Fields(part); words[0] == name {
				return words[1:]
			}
		}
	}
	return nil
}

// loadedBy returns the addresses of what a page loads, each held to the page's policy.
func loadedBy(t *testing.T, page answer, where string) []string {
	t.Helper()
	var addresses []string
	for kind, at := range loads {
		for _, n := range every(page.doc, named(kind)) {
			address, directive := attr(n, at.attribute), at.directive
			if attr(n, "rel") == "icon" {
				directive = "img-src"
			}
			sources := sourcesOf(page.header.Get("Content-Security-Policy"), directive, at.fallback)
			allowed := strings.HasPrefix(address, "/") && slices.Contains(sources, "'self'") ||
				slices.ContainsFunc(sources, func(s string) bool { return strings.HasSuffix(s, "/") && strings.HasPrefix(address, s) })
			assert.True(t, allowed, "%s: <%s> of %s is not allowed by %v", where, kind, address, sources)
			addresses = append(addresses, address)
		}
	}
	return addresses
}

func TestAssets(t *testing.T) {
	pages := func(t *testing.T, assets string, check func(path string, page answer)) {
		t.Helper()
		prefix, err := asset.ParsePrefix(assets)
		require.NoError(t, err)
		s := open(t, sayAll, demoShop, func(p *parts) { p.Info.Assets = prefix })
		b := s.visitor()
		b.add(lamp, 1)
		b.wish(string(lamp.ID))
		for _, path := range append(publicPages, "/wishlist") {
			check(path, b.ask(path))
		}
		docs := s.serves("/api/docs")
		doc, err := html.Parse(docs.Body)
		require.NoError(t, err)
		check("/api/docs", answer{t: t, header: docs.Header, doc: doc})
		staff := s.staff()
		for _, path := range []string{"/admin", "/admin/products", "/admin/products/" + string(lamp.ID)} {
			check(path, staff.get(path))
		}
	}
	t.Run("they are found below the prefix, and the policy allows them", func(t *testing.T) {
		seen := map[string]bool{}
		pages(t, cdn, func(path string, page answer) {
			addresses := loadedBy(t, page, path)
			assert.NotEmpty(t, addresses, path)
			for _, address := range addresses {
				rest, ok := strings.CutPrefix(address, cdn+"/")
				assert.True(t, ok, "%s: %s", path, address)
				room, _, _ := strings.Cut(rest, "/")
				seen[room] = true
			}
			// Browsers take the target of a use from the page's own origin alone.
			for _, n := range every(page.doc, named("use")) {
				assert.True(t, strings.HasPrefix(attr(n, "href"), "/assets/icons"), "%s: %s", path, attr(n, "href"))
			}
		})
		assert.Equal(t, map[string]bool{"assets": true, "media": true, "logo": true}, seen)
	})
	t.Run("without one nothing has another address than the shop's", func(t *testing.T) {
		pages(t, "", func(path string, page answer) {
			for _, address := range loadedBy(t, page, path) {
				assert.True(t, strings.HasPrefix(address, "/"), "%s: %s", path, address)
			}
			assert.NotContains(t, page.body, "integrity", path)
			assert.NotContains(t, page.body, "crossorigin", path)
			assert.Equal(t, "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
				page.header.Get("Content-Security-Policy"), path)
		})
	})
	t.Run("scripts and styles of another address are the shop's, or are not run", func(t *testing.T) {
		checked := 0
		s := open(t)
		pages(t, cdn, func(path string, page answer) {
			for _, n := range every(page.doc, func(n *html.Node) bool { return n.Data == "script" || attr(n, "rel") == "stylesheet" }) {
				address := strings.TrimPrefix(attr(n, loads[n.Data].attribute), cdn)
				served := s.serves(address)
				body, err := io.ReadAll(served.Body)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, served.StatusCode, address)
				sum := sha512.Sum384(body)
				assert.Equal(t, "sha384-"+base64.StdEncoding.EncodeToString(sum[:]), attr(n, "integrity"), "%s: %s", path, address)
				assert.Equal(t, "anonymous", attr(n, "crossorigin"), "%s: %s", path, address)
				assert.Equal(t, []string{"*"}, served.Header.Values("Access-Control-Allow-Origin"), address)
				assert.Empty(t, served.Header.Values("Set-Cookie"), address)
				checked++
			}
		})
		assert.Positive(t, checked)
	})
	t.Run("the staff's form keeps the address within the shop", func(t *testing.T) {
		prefix, err := asset.ParsePrefix(cdn)
		require.NoError(t, err)
		page := open(t, func(p *parts) { p.Info.Assets = prefix }).staff().get("/admin/products/" + string(lamp.ID))
		assert.Equal(t, lamp.Images[0].URL, page.form("/admin/products/"+string(lamp.ID)+"/edit").Get("image.0"))
	})
}

// serves returns what the shop answers to somebody who is new to it, such as a cache.
func (s *shop) serves(path string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, home+path, nil)
	require.NoError(s.t, err)
	r.Header.Set("Origin", home)
	served, err := s.RoundTrip(r)
	require.NoError(s.t, err)
	return served
}
