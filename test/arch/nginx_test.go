package arch

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	"eshop/domain"
	testshop "eshop/test/shop"
	"eshop/web"
	"eshop/web/api"
	"eshop/web/asset"
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
	server := b.within(t, "server")
	location := b.location(t, path)
	waits := cmp.Or(location.directives["proxy_read_timeout"], server.directives["proxy_read_timeout"])
	if again := regexp.MustCompile(`(?m)^502 504 = (.*)$`).FindStringSubmatch(location.directives["error_page"]); again != nil {
		waits = cmp.Or(server.within(t, "location "+again[1]).directives["proxy_read_timeout"], server.directives["proxy_read_timeout"])
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
	all := b.within(t, "server").within(t, "location /")
	for _, prefixes := range []bool{true, false} { // nginx looks at them before it looks at patterns
		for _, inner := range all.blocks {
			if strings.HasPrefix(inner.name, "location ^~ ") == prefixes && regexp.MustCompile(inner.pattern()).MatchString(path) {
				return inner
			}
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
	server := nginx.within(t, "server")
	catalog, again := nginx.location(t, "/"), server.within(t, "location @catalog_again")
	away := nginx.within(t, "map $uri $shop_away_status").order(t)
	assert.Equal(t, []string{catalog.pattern()}, away, "what servers say 403 of is what nginx takes 403 for")

	seen := map[string]int{}
	for path, ofCatalog := range paths(t) {
		location, upstream, status := nginx.location(t, path), "ecommerce_changes", "http_502"
		switch {
		case ofCatalog:
			upstream, status = "ecommerce_backend", "http_403"
		case strings.HasPrefix(path, "/ws/"):
			upstream = "ecommerce_sockets"
		case web.RequestTime(path) == web.RequestTime("/checkout"):
			upstream = "ecommerce_checkout"
		case web.RequestTime(path) == web.RequestTime("/login"):
			upstream = "ecommerce_slow"
		}
		seen[upstream]++
		assert.Equal(t, ofCatalog, regexp.MustCompile(catalog.pattern()).MatchString(path), "%s needs the catalog: %v", path, ofCatalog)
		assert.Equal(t, "http://"+upstream, location.directives["proxy_pass"], path)
		asked := strings.Fields(cmp.Or(location.directives["proxy_next_upstream"], server.directives["proxy_next_upstream"]))
		assert.Contains(t, asked, status, path)
		assert.NotEqual(t, slices.Contains(asked, "http_403"), slices.Contains(asked, "http_502"), path)
	}
	assert.Len(t, seen, 5, "kinds of requests")
	assert.Equal(t, "http://ecommerce_again", again.directives["proxy_pass"])
	assert.Equal(t, "error timeout http_403", again.directives["proxy_next_upstream"], "of a server's answers only 403 and 404 are not counted")
	assert.NotContains(t, nginx.location(t, "/assets/x.css").directives["proxy_next_upstream"], "http_502")

	var zones []string
	for upstream := range maps.Keys(seen) {
		zones = append(zones, nginx.within(t, "upstream "+upstream).directives["zone"])
	}
	zones = append(zones, nginx.within(t, "upstream ecommerce_again").directives["zone"])
	slices.Sort(zones)
	assert.Len(t, slices.Compact(zones), len(seen)+1, "each counts failures for itself")
}

// TestNginx_TakesNobodyForAPartOfATrace holds that no stranger says of which trace a request is part.
func TestNginx_TakesNobodyForAPartOfATrace(t *testing.T) {
	set := strings.Split(readNginx(t).within(t, "server").directives["proxy_set_header"], "\n")
	assert.Subset(t, set, []string{`traceparent ""`, `tracestate ""`, "X-Request-ID $shop_request_id"})
}

// TestNginx_AsksTheNextServerInTime holds that a page of the catalog finds out within a second that a server hangs, that
// the next one is asked, and that everything else has room for a second server after one that hangs.
func TestNginx_AsksTheNextServerInTime(t *testing.T) {
	nginx := readNginx(t)
	server := nginx.within(t, "server")
	catalog, again := nginx.location(t, "/"), server.within(t, "location @catalog_again")
	connecting := duration(t, server.directives["proxy_connect_timeout"])
	first := duration(t, catalog.directives["proxy_read_timeout"])
	assert.LessOrEqual(t, first, time.Second, "a server that hangs is found out by a page")
	for _, location := range []*block{catalog, again} {
		asks := duration(t, location.directives["proxy_next_upstream_timeout"])
		assert.Greater(t, asks, first+connecting, "%s: a second one is asked", location.name)
		assert.LessOrEqual(t, asks, first+500*time.Millisecond, "%s: and no third one that hangs", location.name)
	}
	for path, ofCatalog := range paths(t) {
		location := nginx.location(t, path)
		tries, err := strconv.Atoi(cmp.Or(location.directives["proxy_next_upstream_tries"], server.directives["proxy_next_upstream_tries"]))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, tries, 3, "%s: of three servers two may be away", path)
		if ofCatalog || strings.HasPrefix(path, "/ws/") {
			continue
		}
		asks := duration(t, cmp.Or(location.directives["proxy_next_upstream_timeout"], server.directives["proxy_next_upstream_timeout"]))
		assert.Greater(t, asks, nginx.patience(t, path)+connecting, "%s: after one that hangs a second one is asked", path)
	}
}

// TestNginx_LeavesAnAddressFewerSocketsThanAServer holds that nginx, which sees all servers, is asked first.
func TestNginx_LeavesAnAddressFewerSocketsThanAServer(t *testing.T) {
	text, err := os.ReadFile("../../nginx/nginx.conf")
	require.NoError(t, err)
	setup, err := os.ReadFile("../../deployment/setup.sh")
	require.NoError(t, err)
	server, err := os.ReadFile("../../web/live/admission.go")
	require.NoError(t, err)
	number := func(text []byte, pattern string) int {
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		require.NotNil(t, found, pattern)
		n, err := strconv.Atoi(string(found[1]))
		require.NoError(t, err)
		return n
	}
	ofAddress := number(text, `limit_conn sockets (\d+);`)
	assert.Less(t, ofAddress, number(server, `socketsOfAddress = (\d+)`))
	assert.Greater(t, ofAddress, number(server, `socketsOfSession = (\d+)`), "more than one person is behind it")
	assert.LessOrEqual(t, 3*2*number(text, `limit_conn all_sockets (\d+);`), 2*number(setup, `worker_connections.* (\d+);`), "a worker has a third of its connections left")
}

// paths returns an address of each route of the shop, and whether it is of the catalog: a stranger who reads it is
// told that the shop is away when the stores of the catalog are, and no other.
func paths(t *testing.T) map[string]bool {
	t.Helper()
	store := withoutCatalog{memory.NewStore()}
	shop := testshop.Open(t, nil, func(p *testshop.Parts) { p.Products, p.Catalog, p.Pictures = store, store, store })
	routes := mux.NewRouter()
	useCases := testshop.PartsOf(memory.NewStore()).UseCases(t)
	api.New(nil, useCases, asset.Prefix{}).Mount(routes)
	page.New(page.ShopInfo{}, nil, useCases).Mount(routes)
	all := map[string]bool{"/ws/chat": false, "/ws/support": false}
	require.NoError(t, routes.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		template, err := route.GetPathTemplate()
		require.NoError(t, err)
		methods, err := route.GetMethods()
		require.NoError(t, err)
		path := strings.ReplaceAll(template, "{name}", string(domain.NewPicture("png", nil).Name))
		path = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "x")
		answer := httptest.NewRecorder()
		shop.Handler.ServeHTTP(answer, httptest.NewRequest(methods[0], path+"?q=tea", nil))
		all[path] = all[path] || methods[0] == "GET" && answer.Code == 503
		return nil
	}))
	require.Greater(t, len(all), 50)
	return all
}

// withoutCatalog is a store that knows everything but the catalog.
type withoutCatalog struct{ *memory.Store }

func (withoutCatalog) Product(context.Context, string) (domain.Product, error) {
	return domain.Product{}, domain.ErrUnavailable
}

func (withoutCatalog) Products(context.Context, []domain.ProductID) ([]domain.Product, error) {
	return nil, domain.ErrUnavailable
}

func (withoutCatalog) Search(context.Context, domain.Query) (domain.Found, error) {
	return domain.Found{}, domain.ErrUnavailable
}

func (withoutCatalog) Suggest(context.Context, string, int) ([]domain.Suggestion, error) {
	return nil, domain.ErrUnavailable
}

func (withoutCatalog) Categories(context.Context) ([]domain.CategoryCount, error) {
	return nil, domain.ErrUnavailable
}

func (withoutCatalog) Picture(context.Context, domain.PictureName) (domain.Picture, error) {
	return domain.Picture{}, domain.ErrUnavailable
}

// TestNginx_TakesForAnAddressWhatTheServersDo holds nginx's map of addresses to session.ClientAddress.
func TestNginx_TakesForAnAddressWhatTheServersDo(t *testing.T) {
	network := readNginx(t).within(t, "map $remote_addr $shop_network")
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
	body, _, _ := strings.Cut(after, "\n}")
	var patterns []string
	for _, found := range regexp.MustCompile(`(?m)^\s*"~([^"]*)"`).FindAllStringSubmatch(body, -1) {
		patterns = append(patterns, found[1])
	}
	return patterns
}
