package arch

import (
	"cmp"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	testshop "eshop/test/shop"
	"eshop/web/api"
	"eshop/web/page"
	"eshop/web/session"
)

// block is a block of nginx.conf: what it says itself, a line each time that it says it, and the blocks in it.
type block struct {
	name       string
	directives map[string]string
	blocks     []*block
}

func readNginx(t *testing.T) *block {
	t.Helper()
	text, err := os.ReadFile("../../nginx/nginx.conf")
	require.NoError(t, err)
	uncommented := regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(string(text), "")
	var read func() *block
	tokens := regexp.MustCompile(`"[^"]*"|'[^']*'|[;{}]|[^\s;{}"']+(\{\d+\}[^\s;{}"']*)*`).FindAllString(uncommented, -1)
	read = func() *block {
		b := &block{directives: map[string]string{}}
		var words []string
		for len(tokens) > 0 {
			word := tokens[0]
			tokens = tokens[1:]
			switch word {
			case "}":
				return b
			case "{":
				inner := read()
				inner.name = strings.Join(words, " ")
				b.blocks = append(b.blocks, inner)
				words = nil
			case ";":
				b.directives[words[0]] = strings.TrimPrefix(b.directives[words[0]]+"\n"+strings.Join(words[1:], " "), "\n")
				words = nil
			default:
				words = append(words, word)
			}
		}
		return b
	}
	return read()
}

// within returns the first block of that name in b.
func (b *block) within(t *testing.T, name string) *block {
	t.Helper()
	for _, inner := range b.blocks {
		if inner.name == name {
			return inner
		}
	}
	require.Fail(t, "nginx.conf has no block "+name)
	return nil
}

// patience is how long nginx waits for the answer to a request for path: at the last server that it asks, where it asks twice.
func (b *block) patience(t *testing.T, path string) time.Duration {
	t.Helper()
	http := b.within(t, "http")
	server := http.within(t, "server")
	location := b.location(t, path)
	waits := cmp.Or(location.directives["proxy_read_timeout"], http.directives["proxy_read_timeout"])
	if again := regexp.MustCompile(`(?m)^502 504 = (.*)$`).FindStringSubmatch(location.directives["error_page"]); again != nil {
		waits = cmp.Or(server.within(t, "location "+again[1]).directives["proxy_read_timeout"], http.directives["proxy_read_timeout"])
	}
	return duration(t, waits)
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// location returns the innermost location that a request for path comes to.
func (b *block) location(t *testing.T, path string) *block {
	t.Helper()
	all := b.within(t, "http").within(t, "server").within(t, "location /")
	for _, inner := range all.blocks {
		if regexp.MustCompile(inner.pattern()).MatchString(path) {
			return inner
		}
	}
	return all
}

// pattern is what a location matches.
func (b *block) pattern() string {
	if pattern, ok := strings.CutPrefix(b.name, "location ~ "); ok {
		return pattern
	}
	return "^" + regexp.QuoteMeta(strings.TrimPrefix(b.name, "location ^~ "))
}

// TestNginx_KeepsEachKindOfTroubleApart holds that what waits for a gateway, for passwords or for a search has
// servers of its own in nginx's books, and that no answer about the catalog counts against a server.
func TestNginx_KeepsEachKindOfTroubleApart(t *testing.T) {
	nginx := readNginx(t)
	http := nginx.within(t, "http")
	catalog := nginx.location(t, "/")
	for path, upstream := range map[string]string{
		"/": "eshop_catalog", "/products": "eshop_catalog", "/products/tea": "eshop_catalog", "/api/products": "eshop_catalog",
		"/search/suggest": "eshop_catalog", "/media/p/x.jpg": "eshop_catalog", "/assets/x.css": "eshop_catalog",
		"/cart": "eshop", "/api/cart/add": "eshop", "/wishlist": "eshop", "/orders": "eshop", "/chat": "eshop", "/contact": "eshop",
		"/checkout": "eshop_checkout", "/api/checkout/process": "eshop_checkout",
		"/login": "eshop_slow", "/auth/login": "eshop_slow", "/register": "eshop_slow", "/account/password": "eshop_slow", "/admin/products": "eshop_slow",
		"/ws/chat": "eshop_sockets", "/ws/support": "eshop_sockets",
	} {
		assert.Equal(t, "http://"+upstream, nginx.location(t, path).directives["proxy_pass"], path)
		http.within(t, "upstream "+upstream)
	}
	again := http.within(t, "server").within(t, "location @catalog_again")
	assert.Equal(t, "http://eshop_catalog_again", again.directives["proxy_pass"])
	assert.Contains(t, http.within(t, "map $uri $shop_away_status").directives, `"~`+catalog.pattern()+`"`)

	for _, location := range []*block{catalog, again, nginx.location(t, "/media/p/x.jpg")} {
		assert.Equal(t, "error timeout http_403", location.directives["proxy_next_upstream"], "%s: of a server's answers only 403 and 404 are not counted", location.name)
	}
	first := duration(t, catalog.directives["proxy_read_timeout"])
	assert.LessOrEqual(t, first, time.Second, "a server that hangs is found out by a page")
	assert.LessOrEqual(t, duration(t, catalog.directives["proxy_next_upstream_timeout"]), first+500*time.Millisecond, "and then no third one is asked")

	routes := mux.NewRouter()
	useCases := testshop.PartsOf(memory.NewStore()).UseCases(t)
	api.New(nil, useCases).Mount(routes)
	page.New(page.ShopInfo{}, nil, useCases).Mount(routes)
	own := regexp.MustCompile(`^/((api/)?(cart|wishlist|contact|chat|checkout|support|account|auth|orders|docs|openapi.json)|admin|login|logout|register|password)(/|$)`)
	require.NoError(t, routes.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		template, err := route.GetPathTemplate()
		require.NoError(t, err)
		path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(template, "x")
		if regexp.MustCompile(catalog.pattern()).MatchString(path) == own.MatchString(path) {
			t.Errorf("%s is either of the catalog, or has an owner", path)
		}
		return nil
	}))
}

// TestNginx_TakesForAnAddressWhatTheServersDo holds nginx's map of addresses to session.ClientAddress.
func TestNginx_TakesForAnAddressWhatTheServersDo(t *testing.T) {
	network := readNginx(t).within(t, "http").within(t, "map $remote_addr $shop_network")
	of := func(address string) string {
		for _, pattern := range network.order(t) {
			if re := regexp.MustCompile(pattern); re.MatchString(address) {
				return re.ReplaceAllString(re.FindString(address), regexp.MustCompile(`\$(\d)`).ReplaceAllString(network.directives[`"~`+pattern+`"`], "${$1}"))
			}
		}
		return address
	}
	servers := func(address string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 80).String()
		return session.ClientAddress(r)
	}
	chance := rand.New(rand.NewPCG(1, 2))
	addresses := []string{"192.0.2.7", "::ffff:192.0.2.7", "::1", "::", "2001:db8::1", "2001:db8::1:2:3:4", "2001:db8:0:0:1::", "fe80::1", "64:ff9b::c000:207"}
	for range 20_000 {
		var bytes [16]byte
		for i := range 8 {
			if chance.IntN(2) == 0 { // half of the groups are zero
				bytes[2*i], bytes[2*i+1] = byte(chance.IntN(3)), byte(chance.IntN(3))
			}
		}
		addresses = append(addresses, netip.AddrFrom16(bytes).String())
	}
	keys, networks := map[string]string{}, map[string]string{}
	for _, address := range addresses {
		key, network := of(address), servers(address)
		if known, ok := networks[key]; ok {
			require.Equal(t, known, network, "%s: nginx takes two networks for one, %s", address, key)
		}
		if known, ok := keys[network]; ok {
			require.Equal(t, known, key, "%s: nginx takes one network for two", address)
		}
		keys[network], networks[key] = key, network
	}
	assert.Greater(t, len(keys), 1000)
}

// order returns the regular expressions of a map in their order.
func (b *block) order(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../nginx/nginx.conf")
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(text), b.name+" {")
	require.True(t, ok)
	body, _, _ := strings.Cut(after, "\n\t}")
	var patterns []string
	for _, found := range regexp.MustCompile(`(?m)^\s*"~([^"]*)"`).FindAllStringSubmatch(body, -1) {
		patterns = append(patterns, found[1])
	}
	return patterns
}
