package arch

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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
	"eshop/web/asset"
	"eshop/web/page"
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
		{{"a delivery of traces", server("deliverTimeout")}, {"the last one", server("flushTimeout")}},
		{{"leaving, with the last traces", server("leaveTimeout", server("flushTimeout")...)}, {"what systemd waits for", stopTimeout(t)}},
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
	api.New(nil, useCases, asset.Prefix{}).Mount(routes)
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

// stopTimeout is how long systemd waits for a server to end.
func stopTimeout(t *testing.T) []time.Duration {
	t.Helper()
	unit, err := os.ReadFile("../../deployment/systemd/ecommerce-server.service")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindSubmatch(unit)
	require.NotNil(t, found)
	seconds, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	return []time.Duration{time.Duration(seconds) * time.Second}
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
