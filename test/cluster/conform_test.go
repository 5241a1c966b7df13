package cluster_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
)

// TestConform tries the shop from outside, by nginx and by a server of its own.
func TestConform(t *testing.T) {
	c := cluster.Start(t, 3)
	top, err := filepath.Abs("../..")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	conform := exec.CommandContext(ctx, "go", "run", "./test/conform", "-staff", "admin", c.URL, c.Servers[0].Direct())
	conform.Dir, conform.Stdin = top, strings.NewReader("admin123\n")
	said, err := conform.CombinedOutput()
	t.Logf("%s", said)
	assert.NoError(t, err)
}
