package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Run("a mutant is what stands between empty lines", func(t *testing.T) {
		got, err := parse("# a list\n\ncart.go -race -timeout=5s\n@ func b\n- x\n+  y \n! Carts: a cart: is kept\n\n\nchat.go\n- z\n+\n! Conversations: all\n")
		require.NoError(t, err)
		assert.Equal(t, []mutant{
			{"cart.go", []string{"-race", "-timeout=5s"}, "func b", "x", " y ", "Carts", "a cart: is kept"},
			{"chat.go", []string{}, "", "z", "", "Conversations", "all"},
		}, got)
		assert.Equal(t, "^TestCarts$/^one_server$/^a_cart:_is_kept$", got[0].pattern())
	})
	for name, list := range map[string]string{
		"nothing that is replaced": "cart.go\n+ y\n! Carts: all", "no promise": "cart.go\n- x\n+ y", "no suite": "cart.go\n- x\n! all", "a line without a mark": "cart.go\n- x\ny\n! Carts: all",
	} {
		t.Run("a mutant with "+name+" is refused", func(t *testing.T) {
			_, err := parse(list)
			require.Error(t, err)
		})
	}
}

func TestMutant_apply(t *testing.T) {
	for name, c := range map[string]struct {
		m    mutant
		want string
	}{
		"what is there once is replaced":           {mutant{old: "one", new: "1"}, "1 two two three four two"},
		"what is there twice is not":               {mutant{old: "two", new: "2"}, ""},
		"the first after a place is":               {mutant{at: "three", old: "two", new: ""}, "one two two three four "},
		"not before a place":                       {mutant{at: "three", old: "one"}, ""},
		"a place that is there twice is none":      {mutant{at: "two", old: "four"}, ""},
		"what is not there cannot be replaced":     {mutant{old: "five"}, ""},
		"a place that is not there is none":        {mutant{at: "five", old: "one"}, ""},
		"what is there once more, after the first": {mutant{at: "one", old: "two", new: "2"}, "one 2 two three four two"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.m.apply("one two two three four two")
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want == "", err != nil)
		})
	}
}

func TestMutants(t *testing.T) {
	t.Run("what each of the list replaces is there", func(t *testing.T) {
		list, err := os.ReadFile("memory.txt")
		require.NoError(t, err)
		all, err := parse(string(list))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, len(all), 100)
		for _, m := range all {
			source, err := os.ReadFile(filepath.Join("..", "..", room, m.file))
			require.NoError(t, err)
			_, err = m.apply(string(source))
			assert.NoError(t, err, m)
		}
	})
}
