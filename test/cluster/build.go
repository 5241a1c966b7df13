package cluster

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const dockerfile = `FROM scratch
LABEL eshop.test=server
COPY eshop /eshop
ENTRYPOINT ["/eshop"]
CMD ["serve"]
`

var build = sync.OnceValues(func() (string, error) { return compile(context.Background(), "server", "./cmd/eshop") })

// Build compiles the shop once a test binary, and returns the folder of an image with nothing else in it.
func Build(t testing.TB) string {
	t.Helper()
	folder, err := build()
	require.NoError(t, err)
	return folder
}

func compile(ctx context.Context, name, command string, flags ...string) (string, error) {
	folder := filepath.Join(root(), "bin", "test", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		return "", err
	}
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(folder, "eshop")}, flags...)
	build := exec.CommandContext(ctx, "go", append(args, command)...)
	build.Dir, build.Stderr = root(), os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	return folder, build.Run()
}

var otherBuild = sync.OnceValues(func() (string, error) {
	// Go's overlay puts other files in the places of the embedded ones.
	dist := filepath.Join(root(), "web", "asset", "dist")
	manifest, err := os.ReadFile(filepath.Join(dist, "manifest.json"))
	if err != nil {
		return "", err
	}
	name := regexp.MustCompile(`app-[0-9a-f]+\.css`).FindString(string(manifest))
	css, err := os.ReadFile(filepath.Join(dist, "assets", name))
	if err != nil {
		return "", err
	}
	folder, other := filepath.Join(root(), "bin", "test", "overlay"), "app-0123456789ab.css"
	changed := map[string]string{
		filepath.Join(dist, "manifest.json"): strings.ReplaceAll(string(manifest), name, other),
		filepath.Join(dist, "assets", other): string(css) + "\n/* another build */\n",
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for place, content := range changed {
		here := filepath.Join(folder, filepath.Base(place))
		if err := os.WriteFile(here, []byte(content), 0o644); err != nil {
			return "", err
		}
		replace[place] = here
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o644); err != nil {
		return "", err
	}
	return compile(context.Background(), "other-server", "./cmd/eshop", "-overlay", file)
})

var clockBuild = sync.OnceValues(func() (string, error) {
	return compile(context.Background(), "clock-server", "./test/cluster/clockserver")
})

// BuildWithClock is Build of a shop whose clock is wrong by its setting CLOCK_OFFSET, as
// 10m, and is set back by a minute at each SIGUSR1.
func BuildWithClock(t testing.TB) string {
	t.Helper()
	folder, err := clockBuild()
	require.NoError(t, err)
	return folder
}

// BuildWithOtherAssets is Build of a shop whose style sheet has changed, under another name.
func BuildWithOtherAssets(t testing.TB) string {
	t.Helper()
	folder, err := otherBuild()
	require.NoError(t, err)
	return folder
}
