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
	"io"
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
	"github.com/testcontainers/testcontainers-go/exec"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"
)

// startTime is enough for an image that is built for the first time.
const startTime = 5 * time.Minute

// processLabel names the test that a container belongs to, so that the next one can
// tell what was left behind.
const processLabel = "eshop.test.process"

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

// Spec says what container to run.
type Spec struct {
	Folder   string            // of its Dockerfile, beside this file; or
	Image    string            // one that is there
	Port     uint16            // inside, published on this host; 0 for none
	Ready    []string          // a command inside that ends with 0 when the server answers; without one nothing is waited for
	Command  []string          // in place of the image's own
	Env      map[string]string // for the image's process
	Files    map[string]string // of this host, mounted to be read only, by where they are inside
	Networks []Place           // without any, the network that Docker gives
}

// Place is a container's place on a network.
type Place struct {
	Network string
	Name    string     // by which others there find it
	Address netip.Addr // which it keeps over restarts; any without one
}

// start brings up a container whose published port stays the same over restarts;
// removed tells Docker to remove it as soon as it has ended. The container may be
// there even when err is not nil.
func (s Spec) start(ctx context.Context, api *client.Client, removed bool) (testcontainers.Container, string, error) {
	request := testcontainers.GenericContainerRequest{Started: true}
	request.Image, request.Cmd, request.Env = s.Image, s.Command, s.Env
	request.Labels = map[string]string{processLabel: strconv.Itoa(os.Getpid())}
	if s.Folder != "" {
		_, file, _, _ := runtime.Caller(0)
		request.FromDockerfile = testcontainers.FromDockerfile{
			Context: filepath.Join(filepath.Dir(file), s.Folder), Repo: "eshop-test-" + s.Folder, Tag: "latest", KeepImage: true,
		}
	}
	request.NetworkAliases = map[string][]string{}
	addresses := map[string]netip.Addr{}
	for _, place := range s.Networks {
		request.Networks = append(request.Networks, place.Network)
		request.NetworkAliases[place.Network] = []string{place.Name}
		addresses[place.Network] = place.Address
	}
	request.EndpointSettingsModifier = func(all map[string]*network.EndpointSettings) {
		for name, settings := range all {
			if address := addresses[name]; address.IsValid() {
				settings.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: address}
			}
		}
	}
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	request.ConfigModifier = func(c *container.Config) { c.OpenStdin, c.StdinOnce = true, true }
	request.HostConfigModifier = func(c *container.HostConfig) {
		c.AutoRemove = removed
		for inside, here := range s.Files {
			c.Binds = append(c.Binds, here+":"+inside+":ro")
		}
		if s.Port != 0 {
			port := network.MustParsePort(fmt.Sprintf("%d/tcp", s.Port))
			c.PortBindings = network.PortMap{port: {{HostIP: address.Addr(), HostPort: strconv.Itoa(int(address.Port()))}}}
		}
	}
	if s.Port != 0 {
		request.ExposedPorts = []string{fmt.Sprintf("%d/tcp", s.Port)}
	}
	request.LifecycleHooks = []testcontainers.ContainerLifecycleHooks{{
		PreStarts: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
			return lifeline(ctx, api, c.GetContainerID())
		}},
	}}
	if len(s.Ready) > 0 {
		request.WaitingFor = wait.ForExec(s.Ready).WithPollInterval(50 * time.Millisecond).WithStartupTimeout(time.Minute)
	}
	c, err := testcontainers.GenericContainer(ctx, request)
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
func shared(s Spec) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		api, err := docker()
		if err != nil {
			return "", err
		}
		c, address, err := s.start(ctx, api, true)
		if err != nil {
			return "", errors.Join(err, testcontainers.TerminateContainer(c))
		}
		return address, nil
	})
}

// Server is a server of one test's own, removed when the test ends.
type Server struct {
	URL     string // as its clients write it, for those that StartPostgres and StartRedis start
	Address string // of its published port, the same over restarts

	api *client.Client
	c   testcontainers.Container
}

// Start gives the test a server of its own.
func Start(t testing.TB, s Spec) *Server {
	t.Helper()
	api := Docker(t)
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	c, address, err := s.start(ctx, api, false)
	testcontainers.CleanupContainer(t, c)
	require.NoError(t, err)
	return &Server{Address: address, api: api, c: c}
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

// Run runs a command inside and returns what it prints; it must end with 0.
func (s *Server) Run(t testing.TB, command ...string) string {
	t.Helper()
	code, output, err := s.c.Exec(t.Context(), command, exec.Multiplexed())
	require.NoError(t, err)
	text, err := io.ReadAll(output)
	require.NoError(t, err)
	require.Zero(t, code, "%v: %s", command, text)
	return string(text)
}

// Log is all that the server has written to its standard output and error.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	log, err := s.c.Logs(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	defer log.Close()
	text, err := io.ReadAll(log)
	require.NoError(t, err)
	return string(text)
}

// Leave takes the server off a network: what it had open there hears nothing more.
func (s *Server) Leave(t testing.TB, network string) {
	t.Helper()
	_, err := s.api.NetworkDisconnect(t.Context(), network, client.NetworkDisconnectOptions{Container: s.c.GetContainerID()})
	require.NoError(t, err)
}

// Join puts the server onto a network.
func (s *Server) Join(t testing.TB, network string) {
	t.Helper()
	_, err := s.api.NetworkConnect(t.Context(), network, client.NetworkConnectOptions{Container: s.c.GetContainerID()})
	require.NoError(t, err)
}

// Remove ends the server and takes it away, so that another may have its place.
func (s *Server) Remove(t testing.TB) {
	t.Helper()
	require.NoError(t, testcontainers.TerminateContainer(s.c))
}
