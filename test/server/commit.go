package server

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Checkout is the shop as it was at a commit, with bin/eshop built from it with the assets of today. It is removed when
// the test ends.
func Checkout(t testing.TB, commit string) (dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	run := func(dir, name string, arg ...string) error {
		command := exec.CommandContext(t.Context(), name, arg...)
		command.Dir, command.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
		said, err := command.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(arg, " "), err, said)
		}
		return err
	}
	require.NoError(t, run(root, "git", "cat-file", "-e", commit+"^{commit}"),
		"the history here does not have commit %s; fetch all of it: git fetch --unshallow", commit)
	dir = filepath.Join(t.TempDir(), "checkout")
	require.NoError(t, run(root, "git", "worktree", "add", "--detach", dir, commit))
	t.Cleanup(func() {
		remove := exec.CommandContext(context.WithoutCancel(t.Context()), "git", "worktree", "remove", "--force", dir)
		remove.Dir = root
		assert.NoError(t, remove.Run())
	})
	assets := filepath.Join("web", "asset", "dist")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, assets)))
	require.NoError(t, os.CopyFS(filepath.Join(dir, assets), os.DirFS(filepath.Join(root, assets))))
	require.NoError(t, run(dir, "go", "build", "-trimpath", "-o", filepath.Join("bin", "eshop"), "./cmd/eshop"))
	return dir
}
