package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWanted(t *testing.T) {
	t.Run("of this module, each suite of each adapter", func(t *testing.T) {
		pairs, faults, err := wanted("../..")
		require.NoError(t, err)
		assert.Empty(t, faults)
		for _, want := range []pair{
			{"eshop/adapter/memory", "Carts"}, {"eshop/adapter/memory", "Events"}, {"eshop/adapter/postgres", "Orders"},
			{"eshop/adapter/postgres", "Payments"}, {"eshop/adapter/redis", "Limits"}, {"eshop/adapter/demopay", "Payments"},
		} {
			assert.Contains(t, pairs, want)
		}
		assert.NotContains(t, pairs, pair{"eshop/adapter/redis", "Carts"})
	})
	const suites = "package porttest\nfunc Carts(t *testing.T) {}\nfunc keepingCarts() {}\ntype Shop struct{}\nfunc (s Shop) CatchUp() {}\nfunc Follow(p Shop) {}\n"
	for name, c := range map[string]struct {
		adapter, test string
		pairs         []pair
		faults        []string
	}{
		"a port that an adapter declares to answer": {
			"var _ port.Carts = (*Store)(nil)", "", []pair{{"eshop/adapter/disk", "Carts"}}, nil,
		},
		"a port in a list of declarations": {
			"var (\n_ port.Carts = (*Store)(nil)\n)", "", []pair{{"eshop/adapter/disk", "Carts"}}, nil,
		},
		"a suite that a test calls": {
			"", "func TestCarts(t *testing.T) { porttest.Carts(t) }", []pair{{"eshop/adapter/disk", "Carts"}}, nil,
		},
		"a suite for nobody": {
			"var carts port.Carts", "", nil, []string{"no adapter passes porttest.Carts"},
		},
		"a port without a suite": {
			"var (\n_ port.Carts = (*Store)(nil)\n_ port.Birds = (*Store)(nil)\n)", "",
			[]pair{{"eshop/adapter/disk", "Carts"}}, []string{"eshop/adapter/disk answers port.Birds, which has no suite"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, source := range map[string]string{
				"port/porttest/cart.go": suites, "adapter/disk/store.go": "package disk\n" + c.adapter, "adapter/disk/store_test.go": "package disk\n" + c.test,
			} {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(root, file), []byte(source), 0o600))
			}
			pairs, faults, err := wanted(root)
			require.NoError(t, err)
			assert.Equal(t, c.pairs, pairs)
			assert.Equal(t, c.faults, faults)
		})
	}
}

func TestRead(t *testing.T) {
	disk, rock := pair{"eshop/adapter/disk", "Carts"}, pair{"eshop/adapter/rock", "Carts"}
	whole := []string{
		"pass TestCarts/one_server/a_cart_is_kept", "pass TestCarts/one_server", "pass TestCarts/two_servers/a_cart_is_kept", "pass TestCarts/two_servers", "pass TestCarts",
	}
	for name, c := range map[string]struct {
		disk, rock []string
		faults     []string
	}{
		"both passed": {whole, whole, nil},
		"one did not run": {whole, nil, []string{
			"eshop/adapter/rock did not pass TestCarts/one_server", "eshop/adapter/rock did not pass TestCarts/two_servers",
		}},
		"two servers did not run":                   {whole, whole[:2], []string{"eshop/adapter/rock did not pass TestCarts/two_servers"}},
		"a subtest ran with two servers only":       {whole[1:], whole[1:], []string{"eshop/adapter/disk did not pass TestCarts/one_server/a_cart_is_kept", "eshop/adapter/rock did not pass TestCarts/one_server/a_cart_is_kept"}},
		"a suite of which no subtest ran":           {whole, []string{whole[1], whole[3]}, []string{"eshop/adapter/rock did not pass TestCarts/one_server/a_cart_is_kept", "eshop/adapter/rock did not pass TestCarts/two_servers/a_cart_is_kept"}},
		"a test was skipped":                        {whole, append([]string{"skip TestCarts/one_server/a_cart_is_kept"}, whole...), []string{"eshop/adapter/rock TestCarts/one_server/a_cart_is_kept was skipped"}},
		"a test failed":                             {append([]string{"fail TestOther"}, whole...), whole, []string{"eshop/adapter/disk TestOther failed"}},
		"another adapter's suite stands for nobody": {append(whole, whole...), []string{"pass TestMyCarts/one_server"}, []string{"eshop/adapter/rock did not pass TestCarts/one_server", "eshop/adapter/rock did not pass TestCarts/two_servers"}},
	} {
		t.Run(name, func(t *testing.T) {
			var said strings.Builder
			fmt.Fprintln(&said, "go: what the go command says is passed on")
			for pkg, lines := range map[string][]string{disk.adapter: c.disk, rock.adapter: c.rock} {
				for _, line := range lines {
					action, test, _ := strings.Cut(line, " ")
					fmt.Fprintf(&said, `{"Action":%q,"Package":%q,"Test":%q,"Output":"%s\n"}`+"\n", action, pkg, test, line)
				}
			}
			var out strings.Builder
			faults, err := read(strings.NewReader(said.String()), &out, []pair{disk, rock})
			require.NoError(t, err)
			assert.Equal(t, c.faults, faults)
			assert.Contains(t, out.String(), "go: what the go command says")
			assert.Contains(t, out.String(), "pass TestCarts/one_server\n")
		})
	}
	t.Run("a package without a test may be skipped, and what cannot be read is an error", func(t *testing.T) {
		faults, err := read(strings.NewReader(`{"Action":"skip","Package":"eshop/adapter/disk"}`), io.Discard, nil)
		require.NoError(t, err)
		assert.Empty(t, faults)
		_, err = read(iotest.ErrReader(io.ErrUnexpectedEOF), io.Discard, nil)
		require.Error(t, err)
	})
}
