package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nouns are what the shop is made of. The same noun is the same file in every room;
// what a noun has much of goes on after an underscore, as in order_lease.go.
var nouns = []string{
	"product", "catalog", "stock", "picture", "cart", "wishlist", "checkout", "order", "payment", "fulfillment",
	"account", "user", "session", "chat", "contact", "event", "limit",
}

// exceptions are the files of those rooms that bear no noun, each with its reason.
var exceptions = map[string]string{
	"domain/address.go":             "a value of several nouns",
	"domain/errors.go":              "the kinds and codes of every failure",
	"domain/id.go":                  "how ids and keys are checked",
	"domain/money.go":               "a value of several nouns",
	"domain/text.go":                "what text may be kept",
	"port/doc.go":                   "what holds for every port",
	"port/sweep.go":                 "how long each noun is kept",
	"port/porttest/sweep.go":        "the suite of port/sweep.go",
	"adapter/memory/sweep.go":       "what of every noun is not kept for ever",
	"adapter/postgres/sweep.go":     "what of every noun is not kept for ever",
	"port/porttest/porttest.go":     "what every suite shares",
	"port/porttest/turns.go":        "how a suite runs with two servers",
	"usecase/doc.go":                "what every use case shares",
	"usecase/shop.go":               "all use cases of one shop",
	"usecase/idempotency.go":        "how repeats of a purchase are told apart",
	"adapter/argon2/argon2.go":      "the one file of its technology",
	"adapter/demopay/demopay.go":    "the one gateway",
	"adapter/demopay/ledger.go":     "where the gateway keeps its charges",
	"adapter/memory/store.go":       "the store that every noun lies in",
	"adapter/near/near.go":          "what every kept noun shares",
	"adapter/postgres/store.go":     "the store that every noun lies in",
	"adapter/postgres/charge.go":    "the demo gateway's ledger",
	"adapter/postgres/mark.go":      "whose database it is",
	"adapter/postgres/audit.go":     "what holds of every noun's tables",
	"adapter/postgres/upkeep.go":    "what is done for the database and not by the shop",
	"adapter/postgres/errors.go":    "what the driver's errors mean",
	"adapter/postgres/trace.go":     "the spans of statements",
	"adapter/postgres/turn.go":      "the calls that wait for one row",
	"adapter/postgres/breaker.go":   "the circuit breaker",
	"adapter/postgres/migrate.go":   "the schema",
	"adapter/postgres/pool.go":      "who gets a connection",
	"adapter/raster/raster.go":      "the one file of its technology",
	"adapter/raster/metadata.go":    "what a JPEG loses before it is kept",
	"adapter/redis/client.go":       "the client that every noun lies in",
	"adapter/redis/breaker.go":      "the circuit breaker",
	"adapter/redis/cache.go":        "what every cached noun shares",
	"adapter/redis/decodecache.go":  "values that were decoded already",
	"adapter/redis/invalidation.go": "what changes still have to be told to Redis",
	"adapter/redis/lease.go":        "who may fill an entry",
	"adapter/redis/url.go":          "the settings of the client",
	"web/api/api.go":                "the table of calls",
	"web/api/auth.go":               "the calls below /auth",
	"web/api/decode.go":             "what every call reads",
	"web/api/docs.go":               "the document of the interface",
	"web/api/encode.go":             "what every call answers",
	"web/page/shop/listing.go":      "the query of a list, as web/listing",
	"web/page/shop/own.go":          "what the owner says of the shop",
	"web/page/staff/staff.go":       "who may see these pages, and the overview",
}

func TestFiles_BearTheNounsOfTheShop(t *testing.T) {
	seen := map[string]bool{}
	for _, room := range []string{"domain", "port", "port/porttest", "usecase", "adapter/*", "web/api",
		"web/page/shop", "web/page/checkout", "web/page/account", "web/page/chat", "web/page/staff"} {
		files, err := filepath.Glob(filepath.Join("../..", room, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files, room)
		for _, file := range files {
			name := strings.TrimPrefix(filepath.ToSlash(file), "../../")
			if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") {
				continue
			}
			seen[name] = true
			noun, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".go"), "_")
			_, excepted := exceptions[name]
			assert.True(t, slices.Contains(nouns, noun) != excepted, "%s bears no noun of the shop, or is an exception without need", name)
		}
	}
	for name := range exceptions {
		assert.True(t, seen[name], "%s is an exception and not there", name)
	}
}

// riddle is how no predicate is documented: it reports whether.
var riddle = regexp.MustCompile(`(?i)\bsays? whether\b`)

func TestWords_AreThoseOfTheStandardLibrary(t *testing.T) {
	for _, path := range sources(t) {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, line := range riddle.FindAllString(string(source), -1) {
			assert.Fail(t, "a predicate reports whether", "%s: %q", path, line)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, source, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if found, at := oddOK(n); found != "" {
				assert.Fail(t, "the second result of a look-up is ok", "%s calls it %s", fset.Position(at), found)
			}
			return true
		})
	}
}

// oddOK returns the name of the second result of a look-up in a map or of an
// asserted type, if that is not ok.
func oddOK(n ast.Node) (string, token.Pos) {
	assign, ok := n.(*ast.AssignStmt)
	if !ok || assign.Tok != token.DEFINE || len(assign.Lhs) != 2 || len(assign.Rhs) != 1 {
		return "", 0
	}
	switch assign.Rhs[0].(type) {
	case *ast.IndexExpr, *ast.TypeAssertExpr:
	default:
		return "", 0
	}
	name, ok := assign.Lhs[1].(*ast.Ident)
	if !ok || name.Name == "ok" || name.Name == "_" || strings.HasSuffix(name.Name, "OK") {
		return "", 0
	}
	return name.Name, name.Pos()
}

// sources are the Go files of the module that people wrote, this one left out.
func sources(t *testing.T) []string {
	var found []string
	for _, room := range []string{"domain", "port", "usecase", "adapter", "web", "cmd", "test"} {
		for _, path := range goFiles(t, filepath.Join("../..", room)) {
			if !strings.HasSuffix(path, "_templ.go") && !strings.HasSuffix(path, "wire_gen.go") {
				found = append(found, path)
			}
		}
	}
	return append(found, "../../eshop.go")
}
