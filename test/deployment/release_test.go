package deployment_test

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// release makes a release of this checkout under a umask and returns its archive.
func release(t *testing.T, umask string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	release := exec.CommandContext(t.Context(), "bash", "-c", "umask "+umask+"; make --silent release")
	release.Dir, release.Stderr = root, os.Stderr
	said, err := release.Output()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return filepath.Join(root, lines[len(lines)-1])
}

// unpack returns the folder that an archive has in it.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	folder := t.TempDir()
	in(t, folder, "tar", "-xzf", archive)
	return filepath.Join(folder, strings.TrimSuffix(filepath.Base(archive), ".tar.gz"))
}

// in runs a command in a folder and returns what it prints.
func in(t *testing.T, folder, command string, args ...string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), command, args...)
	run.Dir = folder
	said, err := run.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return string(said)
}

func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the shop twice")
	}
	archive := release(t, "022")
	tree := unpack(t, archive)
	t.Run("twice it has the same bytes, whatever files are made like", func(t *testing.T) {
		before, err := os.ReadFile(archive)
		require.NoError(t, err)
		again := release(t, "077")
		assert.Equal(t, archive, again)
		after, err := os.ReadFile(again)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(before, after))
	})
	t.Run("its sums hold, and name all that is inside", func(t *testing.T) {
		in(t, filepath.Dir(archive), "sha256sum", "--check", "--strict", archive+".sha256")
		in(t, tree, "sha256sum", "--check", "--strict", "SHA256SUMS")
		sums, err := os.ReadFile(filepath.Join(tree, "SHA256SUMS"))
		require.NoError(t, err)
		contents, err := os.ReadFile(filepath.Join(tree, "CONTENTS"))
		require.NoError(t, err)
		require.NoError(t, fs.WalkDir(os.DirFS(tree), ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path == "SHA256SUMS" {
				return err
			}
			assert.Contains(t, string(sums), "  "+path+"\n")
			if path != "CONTENTS" {
				assert.Contains(t, string(contents), "  "+path+"\n")
			}
			return nil
		}))
	})
	t.Run("its binary is static, of this commit, and it has no secret of the checkout", func(t *testing.T) {
		binary, err := elf.Open(filepath.Join(tree, "bin", "eshop"))
		require.NoError(t, err)
		defer func() { assert.NoError(t, binary.Close()) }()
		for _, part := range binary.Progs {
			assert.NotEqual(t, elf.PT_INTERP, part.Type)
		}
		version := strings.Split(filepath.Base(archive), "-linux-")[0]
		assert.Contains(t, in(t, tree, "bin/eshop", "version"), strings.Replace(version, "-", " ", 1))
		commit := strings.TrimSpace(in(t, "../..", "git", "rev-parse", "HEAD"))
		contents, err := os.ReadFile(filepath.Join(tree, "CONTENTS"))
		require.NoError(t, err)
		assert.Contains(t, string(contents), commit)
		assert.NoDirExists(t, filepath.Join(tree, "deployment", "docker"))
		assert.NoFileExists(t, filepath.Join(tree, ".env"))
	})
}
