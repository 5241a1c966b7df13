package redis

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

var update = flag.Bool("update", false, "add the shapes of new names to testdata/shapes.txt; it changes no line that is there")

// shapes are values of all types that lie in Redis, by the name of what they lie in.
var shapes = map[string][]any{
	products.name:    {domain.Product{}},
	names.name:       {domain.ProductID("")},
	generations.name: {""},
	lists.name:       {domain.Found{}, []domain.CategoryCount{}},
	searches.name:    {domain.Found{}, []domain.Suggestion{}},
	sessions.name:    {domain.Session{}},
	users.name:       {domain.User{}},
	"events":         {message{}},
}

// TestShapes_ChangeWithTheirNames holds what lies in Redis to what other versions of the shop
// read there. A value that lacks a member, or has one of another type, belongs in a keyspace of another name.
// Members may be added to a keyspace where old servers can pass them over and where their zero
// value is safe: then both versions delete the same keys, so that a sign-out counts on all servers.
// go test ./adapter/redis -run Shapes -update adds what is new; the lines that are there stay, so that no name comes again.
func TestShapes_ChangeWithTheirNames(t *testing.T) {
	const file = "testdata/shapes.txt"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	known := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		var now []string
		for _, value := range shapes[name] {
			sample := reflect.New(reflect.TypeOf(value)).Elem()
			fillIn(sample)
			now = append(now, string(encode(sample.Interface())))
		}
		prefix := keyPrefix + name + " "
		for _, line := range known {
			if old, ok := strings.CutPrefix(line, prefix); ok {
				assert.True(t, slices.ContainsFunc(now, func(shape string) bool { return has(shape, old) }),
					"servers of two versions read each other's %q, which was %s: give what has changed another name", name, old)
			}
		}
		for _, shape := range now {
			if *update && !slices.Contains(known, prefix+shape) {
				known = append(known, prefix+shape)
			}
			assert.True(t, slices.Contains(known, prefix+shape), "%q is new as %s: see above", name, shape)
		}
	}
	if *update && !t.Failed() {
		slices.Sort(known)
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(known, "\n")+"\n"), 0o644))
	}
}

// has reports whether the JSON of a value has all that an older one has, with the same types.
func has(shape, older string) bool {
	var now, was any
	if json.Unmarshal([]byte(shape), &now) != nil || json.Unmarshal([]byte(older), &was) != nil {
		return false
	}
	return holds(now, was)
}

func holds(now, was any) bool {
	switch was := was.(type) {
	case map[string]any:
		now, ok := now.(map[string]any)
		for name := range was {
			ok = ok && holds(now[name], was[name])
		}
		return ok
	case []any:
		now, ok := now.([]any)
		return ok && holds(now[0], was[0])
	}
	return now == was
}

func TestShapes_LackNothing(t *testing.T) {
	const was = `{"A":"text","In":[{"B":1}]}`
	assert.True(t, has(`{"A":"text","In":[{"B":1,"C":true}],"D":"text"}`, was))
	for _, now := range []string{`{"A":"text"}`, `{"A":1,"In":[{"B":1}]}`, `{"A":"text","In":[{"C":1}]}`, `{"A":"text","In":{"B":1}}`, `[]`} {
		assert.False(t, has(now, was), now)
	}
}

func TestShapes_AreOfAllThatLiesInRedis(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if kind, ok := literal.Type.(*ast.Ident); !ok || kind.Name != "keyspace" {
				return true
			}
			for _, element := range literal.Elts {
				pair := element.(*ast.KeyValueExpr)
				if pair.Key.(*ast.Ident).Name == "name" {
					found++
					name := strings.Trim(pair.Value.(*ast.BasicLit).Value, `"`)
					assert.Contains(t, shapes, name, "%s: the keyspace %q has no shape", path, name)
				}
			}
			return true
		})
	}
	assert.Equal(t, len(shapes)-1, found, "a shape of a keyspace that is not there; the events are no keyspace")
}

func TestShapes_SamplesHaveEveryMember(t *testing.T) {
	type inner struct{ A int }
	var v struct {
		Text   string
		Inner  []inner
		At     time.Time
		Yes    bool
		Number int64
		None   *inner
	}
	fillIn(reflect.ValueOf(&v).Elem())
	got, err := json.Marshal(v)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Text":"text","Inner":[{"A":1}],"At":"2026-03-14T12:00:00.000001Z","Yes":true,"Number":1,"None":{"A":1}}`, string(got))
}

// fillIn gives every part of a value something that is not its zero, so that its JSON has every member.
func fillIn(v reflect.Value) {
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		*at = time.Date(2026, time.March, 14, 12, 0, 0, 1000, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillIn(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillIn(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillIn(key)
		fillIn(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillIn(v.Elem())
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(0.5)
	default:
		panic(fmt.Sprintf("nothing is known to fill a %s with", v.Type()))
	}
}
