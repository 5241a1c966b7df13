// Package arch holds the rooms to who may look into which.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the room at the top of the module: package eshop, the composition root.
const root = "eshop"

// mayImport is which rooms a room may look into. cmd and test may look into all,
// and they alone may look into the root.
var mayImport = map[string][]string{
	root:      {"domain", "port", "usecase", "web"},
	"domain":  nil,
	"port":    {"domain"},
	"usecase": {"domain", "port"},
	"adapter": {"domain", "port"},
	"web":     {"domain", "usecase", "web"},
}

// pure rooms use nothing but the parts of the standard library that touch no
// world: no third party, no clock, no chance, no I/O, no log.
var pure = []string{"domain", "port", "usecase"}

var impure = []string{
	"os", "io", "io/fs", "net", "net/http", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2",
	"crypto/rand", "syscall", "os/exec", "os/signal", "runtime", "html/template", "text/template", "testing",
}

// worldly are calls that a pure room may not make: time and chance are arguments.
var worldly = map[string][]string{"time": {"Now", "Sleep", "Since", "Until", "NewTicker", "Tick", "AfterFunc"}}

func TestRoomsLookOnlyWhereTheyMay(t *testing.T) {
	module, err := filepath.Abs("../..")
	require.NoError(t, err)
	seen := map[string]int{}
	for room := range mayImport {
		files := []string{filepath.Join(module, "eshop.go")}
		if room != root {
			files = goFiles(t, filepath.Join(module, room))
		}
		for _, path := range files {
			seen[room]++
			name, err := filepath.Rel(module, path)
			require.NoError(t, err)
			source, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, fault := range faults(t, filepath.ToSlash(name), string(source)) {
				assert.Fail(t, fault)
			}
		}
	}
	for room := range mayImport {
		assert.Positive(t, seen[room], "no file of room %s was looked at", room)
	}
}

func TestTheRootHasOneFileAndItsTest(t *testing.T) {
	files, err := filepath.Glob("../../*.go")
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"../../eshop.go", "../../eshop_test.go"}, files)
}

func TestABrokenRuleIsFound(t *testing.T) {
	for name, c := range map[string]struct{ path, source string }{
		"a domain that knows a port":        {"domain/x.go", `package domain; import _ "eshop/port"`},
		"a use case that logs":              {"usecase/x.go", `package usecase; import _ "log/slog"`},
		"a use case that tells the time":    {"usecase/x.go", `package usecase; import "time"; var x = time.Now`},
		"a port with a third party":         {"port/x.go", `package port; import _ "github.com/uptrace/bun"`},
		"an adapter that knows a use case":  {"adapter/memory/x.go", `package memory; import _ "eshop/usecase"`},
		"an adapter that knows another":     {"adapter/memory/x.go", `package memory; import _ "eshop/adapter/postgres"`},
		"a page that goes round use cases":  {"web/page/x.go", `package page; import _ "eshop/port"`},
		"an adapter that knows the root":    {"adapter/memory/x.go", `package memory; import _ "eshop"`},
		"a page that knows the root":        {"web/page/x.go", `package page; import _ "eshop"`},
		"a root that knows an adapter":      {"eshop.go", `package eshop; import _ "eshop/adapter/memory"`},
		"a root that knows the command":     {"eshop.go", `package eshop; import _ "eshop/cmd/eshop/demo"`},
		"an adapter that knows the command": {"adapter/memory/x.go", `package memory; import _ "eshop/cmd/eshop/demo"`},
		"a code spelled out in an error":    {"usecase/x.go", `package usecase; var x = domain.ErrConflict.Errorf("taken", "it is taken")`},
		"a code spelled out in a value":     {"web/page/x.go", `package page; var x = problem.Request{Status: 400, Code: "bad"}`},
		"a code spelled out in a condition": {"web/page/x.go", `package page; func f(p problem.Problem) bool { return p.Code != "taken" }`},
		"a code spelled out in a case":      {"web/page/x.go", `package page; func f(p problem.Problem) { switch p.Code { case "taken": } }`},
	} {
		t.Run(name, func(t *testing.T) { assert.NotEmpty(t, faults(t, c.path, c.source)) })
	}
	for name, c := range map[string]struct{ path, source string }{
		"a use case with a port":    {"usecase/x.go", `package usecase; import _ "eshop/port"`},
		"an adapter with a library": {"adapter/memory/x.go", `package memory; import _ "github.com/uptrace/bun"`},
		"a root with a page":        {"eshop.go", `package eshop; import _ "eshop/web/page"`},
		"a part of an adapter":      {"adapter/memory/x.go", `package memory; import _ "eshop/adapter/memory/index"`},
	} {
		t.Run(name+" is fine", func(t *testing.T) { assert.Empty(t, faults(t, c.path, c.source)) })
	}
}

// goFiles are the files of a room that the rules are about: not its tests, nor
// the suites, which are tests for others.
func goFiles(t *testing.T, dir string) []string {
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "porttest" || entry.Name() == "node_modules" || entry.Name() == "dist"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			files = append(files, path)
		}
		return nil
	}))
	return files
}

// faults are the rules that the file at path, within the module, breaks.
func faults(t *testing.T, path, source string) []string {
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	room, _, below := strings.Cut(path, "/")
	if !below {
		room = root
	}
	var found []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		if !allowed(path, room, imported) {
			found = append(found, path+" may not import "+imported)
		}
	}
	for _, code := range spelledCodes(file) {
		found = append(found, path+" may not spell the code "+code+", which is a constant")
	}
	if !slices.Contains(pure, room) {
		return found
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := call.X.(*ast.Ident); ok && slices.Contains(worldly[pkg.Name], call.Sel.Name) {
				found = append(found, path+" may not use "+pkg.Name+"."+call.Sel.Name)
			}
		}
		return true
	})
	return found
}

// spelledCodes returns the string literals that stand where a domain.Code belongs.
func spelledCodes(file *ast.File) []string {
	var found []string
	spelled := func(values ...ast.Expr) {
		for _, value := range values {
			if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				found = append(found, literal.Value)
			}
		}
	}
	isCode := func(e ast.Expr) bool {
		selector, ok := e.(*ast.SelectorExpr)
		return ok && selector.Sel.Name == "Code"
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if method, ok := n.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Errorf" && !isPackage(method.X, "fmt") {
				spelled(n.Args[0])
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
				spelled(n.Value)
			}
		case *ast.BinaryExpr:
			if isCode(n.X) {
				spelled(n.Y)
			}
		case *ast.SwitchStmt:
			for _, clause := range n.Body.List {
				if isCode(n.Tag) {
					spelled(clause.(*ast.CaseClause).List...)
				}
			}
		}
		return true
	})
	return found
}

func isPackage(e ast.Expr, name string) bool {
	pkg, ok := e.(*ast.Ident)
	return ok && pkg.Name == name
}

func allowed(path, room, imported string) bool {
	if imported == "eshop" {
		return false
	}
	if ours, ok := strings.CutPrefix(imported, "eshop/"); ok {
		other, _, _ := strings.Cut(ours, "/")
		sameTechnology := room == "adapter" && other == "adapter" && technology(ours) == technology(path)
		return sameTechnology || slices.Contains(mayImport[room], other) || other == room && room != "adapter"
	}
	if !slices.Contains(pure, room) {
		return true
	}
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && !slices.Contains(impure, imported)
}

func technology(path string) string { return strings.SplitN(path, "/", 3)[1] }
