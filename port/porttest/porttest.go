// Package porttest says what every answer to a port must do: one suite a port,
// each subtest named by the promise it holds the adapter to. An adapter's own
// tests call the suites with an open that returns the answers of two servers on
// one fresh store, which may be one and the same when servers share nothing else.
// Each suite runs with the first alone and with both taking turns; it sees
// nothing but the port. The suites are written to run under -race, and against a
// store that is reached over a network.
//
// Where a port allows a server to hear of others' changes later than they are made, an
// answer may have a method CatchUp() error, which returns when it has heard of all:
// the suite calls it whenever the server has the turn.
package porttest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eshop/domain"
)

// noon is when everything in the suites happens, unless a test says otherwise. Stores keep
// times to the microsecond, which is what PostgreSQL keeps.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// aProduct is product number n, of which stock can be sold.
func aProduct(n, stock int) domain.Product {
	return domain.Product{
		ID: domain.ProductID(fmt.Sprintf("product-%04d", n)), Slug: fmt.Sprintf("tea-pot-%04d", n),
		Name: fmt.Sprintf("Tea pot %04d", n), Description: "Pours without a drop beside the cup.",
		Category: domain.Category{Slug: "kitchen", Name: "Kitchen"}, Subcategory: domain.Category{Slug: "tea-pots", Name: "Tea pots"},
		Price: domain.Dollars(int64(1000 + n)), Stock: stock,
		Images:  []domain.Image{{URL: "/media/pot.svg", Alt: "a tea pot"}},
		AddedAt: noon.Add(time.Duration(n) * time.Minute),
	}
}

// cancelled is a context that has ended.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// atOnce runs call n times at once, numbered from 0, and returns when all have.
func atOnce(n int, call func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	all.Wait()
}

// mostTries is how often insist makes a call.
const mostTries = 20

// insist makes call again while the store turns it away, as people do who are told to: a
// store bounds how long a call waits behind a crowd.
func insist(call func() error) error {
	err := call()
	for try := 1; errors.Is(err, domain.ErrUnavailable) && try < mostTries; try++ {
		err = call()
	}
	return err
}

// requireCode demands that err is of a kind and bears a code.
func requireCode(t *testing.T, err error, kind domain.Kind, code domain.Code) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	var known *domain.Error
	require.ErrorAs(t, err, &known)
	require.Equal(t, code, known.Code)
}

// eachField runs check for each field of record, of its parts and of the first element of
// each of its slices, as the named subtest, with a copy in which that alone is another. Fields
// in to become what it says; those for which it says nil are passed over.
func eachField[T any](t *testing.T, record T, to map[string]any, check func(t *testing.T, changed T)) {
	var walk func(name string, of reflect.Type, field func(reflect.Value) reflect.Value)
	walk = func(name string, of reflect.Type, field func(reflect.Value) reflect.Value) {
		other, given := to[name]
		if given && other == nil {
			return
		}
		if of.Kind() == reflect.Struct && of != reflect.TypeFor[time.Time]() {
			for i := range of.NumField() {
				walk(strings.TrimPrefix(name+"."+of.Field(i).Name, "."), of.Field(i).Type,
					func(v reflect.Value) reflect.Value { return field(v).Field(i) })
			}
			return
		}
		if of.Kind() == reflect.Slice && field(reflect.ValueOf(&record).Elem()).Len() > 0 {
			walk(name+"[0]", of.Elem(), func(v reflect.Value) reflect.Value {
				all := field(v)
				all.Set(reflect.AppendSlice(reflect.MakeSlice(of, 0, all.Len()), all))
				return all.Index(0)
			})
		}
		t.Run(name, func(t *testing.T) {
			changed := record
			v := field(reflect.ValueOf(&changed).Elem())
			switch at := v.Interface().(type) {
			case time.Time:
				v.Set(reflect.ValueOf(at.Add(time.Hour)))
			default:
				switch {
				case given:
					v.Set(reflect.ValueOf(other))
				case v.CanInt():
					v.SetInt(v.Int() + 1)
				case v.Kind() == reflect.String:
					v.SetString(v.String() + "-other")
				case v.Kind() == reflect.Bool:
					v.SetBool(!v.Bool())
				default:
					require.Equal(t, reflect.Slice, v.Kind(), "say what else it may be")
					v.SetZero()
				}
			}
			check(t, changed)
		})
	}
	walk("", reflect.TypeFor[T](), func(v reflect.Value) reflect.Value { return v })
}
