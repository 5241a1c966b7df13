package arch

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/memory"
	testshop "eshop/test/shop"
	"eshop/web"
	"eshop/web/api"
	"eshop/web/page"
	"eshop/web/session"
)

// TestBudgets holds that time budgets nest: a call of a store, a use case, the server's request, and what nginx waits
// for that address. Whoever cannot finish says so before the one outside gives up.
func TestBudgets(t *testing.T) {
	redis, raster, server := durations(t, "adapter/redis"), durations(t, "adapter/raster"), durations(t, "cmd/eshop")
	hashing, requests := durations(t, "adapter/argon2"), durations(t, "web")
	records, pages, useCase := durations(t, "adapter/postgres"), durations(t, "web/page/ui"), durations(t, "usecase")

	type budget struct {
		name  string
		parts []time.Duration
	}
	for _, chain := range [][]budget{
		{{"waiting for a lock", records("lockTime")}, {"a call of PostgreSQL", records("callTime")}, {"what stands beside a page", pages("besideLimit")}, {"a request", requests("requestTime")}},
		{{"waiting for what stands beside a page", pages("BesideTime")}, {"a call of PostgreSQL", records("callTime")}},
		{{"waiting for a connection", records("waitTime")}, {"a call of PostgreSQL", records("callTime")}},
		{{"noticing that PostgreSQL hangs", records("probeTime", records("probeEvery")...)}, {"a call of PostgreSQL", records("callTime")}},
		{{"a server held up in a transaction", records("idleInTxTime")}, {"waiting for a lock", records("lockTime")}},
		{{"a round trip to Redis", redis("timeout")}, {"a request", requests("requestTime")}},
		{{"a call, after Redis was asked in vain", records("callTime", redis("timeout")...)}, {"a request", requests("requestTime")}},
		{{"a purchase", useCase("buyTimeout")}, {"a checkout", requests("checkoutRequestTime")}},
		{{"the queue of passwords, a limit and a call", hashing("queueTime", redis("timeout", records("callTime")...)...)}, {"a sign-in", requests("slowRequestTime")}},
		{{"a picture", raster("decodeTimeout")}, {"a request of staff", requests("slowRequestTime")}},
		{{"a request", requests("slowRequestTime")}, {"leaving", server("leaveTimeout")}},
	} {
		sums := make([]time.Duration, len(chain))
		for i, b := range chain {
			for _, part := range b.parts {
				sums[i] += part
			}
		}
		for i := range chain[1:] {
			assert.Less(t, sums[i], sums[i+1], "%s may outlast %s", chain[i].name, chain[i+1].name)
		}
	}

	routes, seen := mux.NewRouter(), 0
	useCases := testshop.PartsOf(memory.NewStore()).UseCases(t)
	api.New(nil, useCases).Mount(routes)
	page.New(page.ShopInfo{}, nil, useCases).Mount(routes)
	nginx := readNginx(t)
	require.NoError(t, routes.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		template, err := route.GetPathTemplate()
		require.NoError(t, err)
		path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(template, "x")
		seen++
		assert.Less(t, web.RequestTime(path), nginx.patience(t, path), "nginx gives %s up before the server does", path)
		return nil
	}))
	assert.Greater(t, seen, 60)
}

// durations returns a look-up of the duration constants of a package, each with more of the same after it.
func durations(t *testing.T, room string) func(name string, more ...time.Duration) []time.Duration {
	t.Helper()
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, path := range goFiles(t, filepath.Join("../..", room)) {
		if filepath.Dir(path) != filepath.Join("../..", room) {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		require.NoError(t, err)
		if file.Name.Name != "main" || !strings.HasSuffix(path, "wire.go") && !strings.HasSuffix(path, "sets.go") {
			parsed = append(parsed, file)
		}
	}
	config := types.Config{Importer: timeAlone{}, IgnoreFuncBodies: true, Error: func(error) {}}
	checked, _ := config.Check(room, files, parsed, nil)
	return func(name string, more ...time.Duration) []time.Duration {
		t.Helper()
		found, ok := checked.Scope().Lookup(name).(*types.Const)
		require.True(t, ok, "%s has no constant %s", room, name)
		value, ok := constant.Int64Val(constant.ToInt(found.Val()))
		require.True(t, ok, "%s of %s is no duration", name, room)
		return append([]time.Duration{time.Duration(value)}, more...)
	}
}

// timeAlone knows the durations of package time, and nothing of any other package: no budget is made of more.
type timeAlone struct{}

func (timeAlone) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	if path == "time" {
		name := types.NewTypeName(token.NoPos, p, "Duration", nil)
		duration := types.NewNamed(name, types.Typ[types.Int64], nil)
		p.Scope().Insert(name)
		for unit, of := range map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour} {
			p.Scope().Insert(types.NewConst(token.NoPos, p, unit, duration, constant.MakeInt64(int64(of))))
		}
	}
	p.MarkComplete()
	return p, nil
}

// block is a block of nginx.conf: what it says itself, and the blocks in it.
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
				b.directives[words[0]] = strings.Join(words[1:], " ")
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
	location := server.within(t, "location /")
	waits := http.directives["proxy_read_timeout"]
	for _, inner := range location.blocks {
		pattern, ok := strings.CutPrefix(inner.name, "location ~ ")
		if !ok {
			prefix := strings.TrimPrefix(inner.name, "location ^~ ")
			pattern = "^" + regexp.QuoteMeta(prefix)
		}
		if !regexp.MustCompile(pattern).MatchString(path) {
			continue
		}
		if own, ok := inner.directives["proxy_read_timeout"]; ok {
			waits = own
		}
		if again, ok := strings.CutPrefix(inner.directives["error_page"], "502 504 = "); ok {
			waits = http.directives["proxy_read_timeout"]
			if own, ok := server.within(t, "location "+again).directives["proxy_read_timeout"]; ok {
				waits = own
			}
		}
		break
	}
	d, err := time.ParseDuration(waits)
	require.NoError(t, err)
	return d
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
