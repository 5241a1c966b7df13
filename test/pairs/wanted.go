package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// pair is an adapter and a suite that its tests must have passed.
type pair struct{ adapter, suite string }

// wanted returns the pairs of the module at root: of each adapter the suites of
// the ports that it declares to answer, and those that its tests call. The
// faults are the suites that no adapter passes and the ports that have none.
func wanted(root string) ([]pair, []string, error) {
	suites := map[string]bool{}
	err := parse(filepath.Join(root, "port", "porttest"), func(_ string, file *ast.File) {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.IsExported() && isSuite(f) {
				suites[f.Name.Name] = true
			}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	adapters, err := filepath.Glob(filepath.Join(root, "adapter", "*"))
	if err != nil {
		return nil, nil, err
	}
	found := map[pair]bool{}
	var faults []string
	for _, adapter := range adapters {
		name := path.Join("eshop/adapter", filepath.Base(adapter))
		err := parse(adapter, func(path string, file *ast.File) {
			inTest := strings.HasSuffix(path, "_test.go")
			ast.Inspect(file, func(n ast.Node) bool {
				suite := ""
				switch n := n.(type) {
				case *ast.ValueSpec:
					if n.Names[0].Name == "_" && !inTest {
						suite = member(n.Type, "port")
					}
				case *ast.CallExpr:
					if called := member(n.Fun, "porttest"); suites[called] {
						suite = called
					}
				}
				switch {
				case suite == "":
				case suites[suite]:
					found[pair{name, suite}] = true
				default:
					faults = append(faults, fmt.Sprintf("%s answers port.%s, which has no suite", name, suite))
				}
				return true
			})
		})
		if err != nil {
			return nil, nil, err
		}
	}
	var pairs []pair
	for p := range found {
		pairs = append(pairs, p)
		delete(suites, p.suite)
	}
	for suite := range suites {
		faults = append(faults, fmt.Sprintf("no adapter passes porttest.%s", suite))
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.adapter+" "+a.suite, b.adapter+" "+b.suite) })
	return pairs, faults, nil
}

// parse passes on the Go files of a folder.
func parse(dir string, each func(path string, file *ast.File)) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		each(path, file)
	}
	return nil
}

// isSuite reports whether f runs subtests: its first parameter is a *testing.T. The
// other exported functions of porttest help those who write adapters.
func isSuite(f *ast.FuncDecl) bool {
	if len(f.Type.Params.List) == 0 {
		return false
	}
	t, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
	return ok && member(t.X, "testing") == "T"
}

// member returns X when e is pkg.X, else nothing.
func member(e ast.Expr, pkg string) string {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := selector.X.(*ast.Ident); !ok || x.Name != pkg {
		return ""
	}
	return selector.Sel.Name
}
