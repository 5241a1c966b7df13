// Package container brings up real PostgreSQL and Redis for tests, in Docker
// containers built from the folders beside this file. Use Postgres and Redis
// where a fresh, empty place on a server that works is enough: the package's
// tests share one server. Use StartPostgres and StartRedis for a server of the
// test's own, which may be stopped, killed and paused.
//
// No test with a container is skipped: leave it out under testing.Short, and it
// fails where Docker is missing. Containers end with the test binary, however
// that ends.
package container

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"
)

// startTime is enough for an image that is built for the first time.
const startTime = 5 * time.Minute

// docker is the client for what testcontainers does not offer: standard input, pause and kill.
var docker = sync.OnceValues(func() (*client.Client, error) {
	// Ryuk's image cannot be pulled everywhere, and the lifeline does its work.
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return nil, err
	}
	log.SetDefault(quiet{})
	api, err := client.New(client.FromEnv)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = api.Ping(ctx, client.PingOptions{})
	return api, err
})

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Docker fails the test in one line where Docker does not answer.
func Docker(t testing.TB) *client.Client {
	t.Helper()
	api, err := docker()
	if err != nil {
		t.Fatalf("Docker does not answer, and this test needs it; to install and start it: sudo test/container/docker.sh (%v)", err)
	}
	return api
}

// kind is what sort of server a container holds.
type kind struct {
	folder  string // of its Dockerfile, beside this file
	port    uint16
	ready   []string // a command inside that ends with 0 when the server answers
	command []string
}

// start brings up a container on a port of this host that stays the same over
// restarts; removed tells Docker to remove it as soon as it has ended. The
// container may be there even when err is not nil.
func (k kind) start(ctx context.Context, api *client.Client, removed bool) (testcontainers.Container, string, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	_, file, _, _ := runtime.Caller(0)
	port := network.MustParsePort(fmt.Sprintf("%d/tcp", k.port))
	c, err := testcontainers.Run(ctx, "",
		testcontainers.WithDockerfile(testcontainers.FromDockerfile{
			Context: filepath.Join(filepath.Dir(file), k.folder), Repo: "eshop-test-" + k.folder, Tag: "latest", KeepImage: true,
		}),
		testcontainers.WithCmd(k.command...),
		testcontainers.WithConfigModifier(func(c *container.Config) { c.OpenStdin, c.StdinOnce = true, true }),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) {
			c.AutoRemove = removed
			c.PortBindings = network.PortMap{port: {{HostIP: address.Addr(), HostPort: strconv.Itoa(int(address.Port()))}}}
		}),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PreStarts: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
				return lifeline(ctx, api, c.GetContainerID())
			}},
		}),
		testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForExec(k.ready).WithPollInterval(50*time.Millisecond)),
	)
	return c, address.String(), err
}

// lifelines keeps the connections from being collected, which would close them.
var lifelines sync.Map

// lifeline holds the container's standard input open until this process ends,
// which is when the container leaves.
func lifeline(ctx context.Context, api *client.Client, id string) error {
	line, err := api.ContainerAttach(context.WithoutCancel(ctx), id, client.ContainerAttachOptions{Stream: true, Stdin: true})
	lifelines.Store(id, line)
	return err
}

// freeAddress picks a port below those that the kernel gives to outgoing
// connections, so that it is still free when a stopped server comes back.
func freeAddress() (netip.AddrPort, error) {
	var failed error
	for range 20 {
		address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(20000+rand.IntN(12000)))
		listener, err := net.Listen("tcp", address.String())
		if err == nil {
			return address, listener.Close()
		}
		failed = errors.Join(failed, err)
	}
	return netip.AddrPort{}, failed
}

// shared is a server for all tests of a package.
func shared(k kind) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		api, err := docker()
		if err != nil {
			return "", err
		}
		c, address, err := k.start(ctx, api, true)
		if err != nil {
			return "", errors.Join(err, testcontainers.TerminateContainer(c))
		}
		return address, nil
	})
}

// Server is a server of one test's own, removed when the test ends. Its URL
// stays the same over restarts.
type Server struct {
	URL string

	api *client.Client
	c   testcontainers.Container
}

func startOwn(t testing.TB, k kind, url func(address string) string) *Server {
	t.Helper()
	api := Docker(t)
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	c, address, err := k.start(ctx, api, false)
	testcontainers.CleanupContainer(t, c)
	require.NoError(t, err)
	return &Server{URL: url(address), api: api, c: c}
}

// Stop ends the server as an operator would, and waits until it is gone.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	patience := 30 * time.Second
	require.NoError(t, s.c.Stop(t.Context(), &patience))
}

// Start brings a stopped or killed server back with the data that it had on
// disk, and waits until it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	require.NoError(t, s.c.Start(t.Context()))
}

// Kill ends the server with SIGKILL, and waits until it is gone.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	gone := s.api.ContainerWait(t.Context(), s.c.GetContainerID(), client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	_, err := s.api.ContainerKill(t.Context(), s.c.GetContainerID(), client.ContainerKillOptions{})
	require.NoError(t, err)
	select {
	case <-gone.Result:
	case err := <-gone.Error:
		require.NoError(t, err)
	}
}

// Pause stops the server from answering; its connections stay open.
func (s *Server) Pause(t testing.TB) {
	t.Helper()
	_, err := s.api.ContainerPause(t.Context(), s.c.GetContainerID(), client.ContainerPauseOptions{})
	require.NoError(t, err)
}

// Unpause lets a paused server go on where it was.
func (s *Server) Unpause(t testing.TB) {
	t.Helper()
	_, err := s.api.ContainerUnpause(t.Context(), s.c.GetContainerID(), client.ContainerUnpauseOptions{})
	require.NoError(t, err)
}
