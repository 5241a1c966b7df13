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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"
)

// startTime is enough for an image that is built for the first time.
const startTime = 5 * time.Minute

// logShown is how much of a server's log a failed test shows, in bytes.
const logShown = 3000

const hostLabel, processLabel = "eshop.test.host", "eshop.test.process"

// labels say to which test binary a container or a network belongs.
func labels() map[string]string {
	host, _ := os.Hostname() // without one it is "", which is as good
	return map[string]string{hostLabel: host, processLabel: strconv.Itoa(os.Getpid())}
}

// sweep removes what test binaries of this host that are gone have left behind.
func sweep(ctx context.Context, api *client.Client) error {
	mine := make(client.Filters).Add("label", hostLabel+"="+labels()[hostLabel])
	containers, err := api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: mine})
	if err != nil {
		return err
	}
	for _, c := range containers.Items {
		if gone(c.Labels[processLabel]) {
			_, err = api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true})
		}
	}
	networks, listErr := api.NetworkList(ctx, client.NetworkListOptions{Filters: mine})
	for _, n := range networks.Items {
		if gone(n.Labels[processLabel]) {
			_, err = api.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		}
	}
	return errors.Join(err, listErr)
}

func gone(process string) bool {
	pid, err := strconv.Atoi(process)
	return err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

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
	if _, err = api.Ping(ctx, client.PingOptions{}); err == nil {
		_ = sweep(ctx, api) // another test binary may be at the same work
	}
	return api, err
})

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Docker fails the test in one line where Docker does not answer, and skips it under -short, which needs nothing installed.
func Docker(t testing.TB) *client.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("needs containers, which -short leaves alone")
	}
	api, err := docker()
	if err != nil {
		t.Fatalf("Docker does not answer, and this test needs it; to install and start it: sudo test/container/docker.sh (%v)", err)
	}
	return api
}

// Spec says what container to run.
type Spec struct {
	Folder   string            // of its Dockerfile, as seen from this file's
	Port     uint16            // inside, published on this host; 0 for none
	Ready    []string          // a command inside that ends with 0 when the server answers; without one nothing is waited for
	Command  []string          // in place of the image's own
	Env      map[string]string // for the image's process
	Files    map[string]string // of this host, mounted to be read only, by where they are inside
	Networks []Place           // without any, the network that Docker gives
	Machine  bool              // systemd is its first process, as on a machine
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
	request.Cmd, request.Env, request.Labels = s.Command, s.Env, labels()
	folder := s.Folder
	if _, file, _, _ := runtime.Caller(0); !filepath.IsAbs(folder) {
		folder = filepath.Join(filepath.Dir(file), folder)
	}
	request.FromDockerfile = testcontainers.FromDockerfile{
		Context: folder, Repo: "eshop-test-" + filepath.Base(folder), Tag: "latest", KeepImage: true,
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
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, "", err
	}
	request.ConfigModifier = func(c *container.Config) { c.OpenStdin, c.StdinOnce = true, true }
	request.HostConfigModifier = func(c *container.HostConfig) {
		c.AutoRemove = removed
		if s.Machine {
			c.CapAdd, c.SecurityOpt = []string{"SYS_ADMIN", "NET_ADMIN"}, []string{"seccomp=unconfined"}
			c.Tmpfs = map[string]string{"/run": "", "/run/lock": "", "/tmp": ""}
			c.Binds = append(c.Binds, "/sys/fs/cgroup:/sys/fs/cgroup:ro")
		}
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

// Network makes a network on whose subnet addresses may be chosen: those that end
// in 2 to 127 go to nobody else. The first one is this host.
func Network(t testing.TB) (name string, subnet netip.Prefix) {
	t.Helper()
	api := Docker(t)
	var failed error
	for range 10 {
		start := [4]byte{10, byte(100 + rand.IntN(100)), byte(rand.IntN(256)), 0}
		subnet := netip.PrefixFrom(netip.AddrFrom4(start), 24)
		start[3] = 128
		gateway := subnet.Addr().Next()
		name := "eshop-test-" + strings.ReplaceAll(subnet.Addr().String(), ".", "-")
		made, err := api.NetworkCreate(t.Context(), name, client.NetworkCreateOptions{
			Driver: "bridge", Labels: labels(), IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet, Gateway: gateway, IPRange: netip.PrefixFrom(netip.AddrFrom4(start), 25)}}},
		})
		if err != nil {
			failed = err // the subnet is taken
			continue
		}
		t.Cleanup(func() {
			_, err := api.NetworkRemove(context.WithoutCancel(t.Context()), made.ID, client.NetworkRemoveOptions{})
			assert.NoError(t, err)
		})
		return name, subnet
	}
	require.NoError(t, failed)
	return "", netip.Prefix{}
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
func freeAddress(ctx context.Context) (netip.AddrPort, error) {
	var failed error
	for range 20 {
		address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(20000+rand.IntN(12000)))
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address.String())
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
	server := &Server{Address: address, api: api, c: c}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := server.log() // gone if it was removed
			t.Logf("--- %s ends with\n%s", filepath.Base(s.Folder), log[max(0, len(log)-logShown):])
		}
	})
	return server
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
	ended := s.api.ContainerWait(t.Context(), s.c.GetContainerID(), client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	_, err := s.api.ContainerKill(t.Context(), s.c.GetContainerID(), client.ContainerKillOptions{})
	require.NoError(t, err)
	await(t, ended)
}

// Signal sends the server's process a signal, as "SIGUSR1".
func (s *Server) Signal(t testing.TB, name string) {
	t.Helper()
	_, err := s.api.ContainerKill(t.Context(), s.c.GetContainerID(), client.ContainerKillOptions{Signal: name})
	require.NoError(t, err)
}

// Wait waits until the server ends by itself, and returns what it ends with.
func (s *Server) Wait(t testing.TB) int {
	t.Helper()
	return await(t, s.api.ContainerWait(t.Context(), s.c.GetContainerID(), client.ContainerWaitOptions{}))
}

func await(t testing.TB, ended client.ContainerWaitResult) int {
	t.Helper()
	select {
	case end := <-ended.Result:
		return int(end.StatusCode)
	case err := <-ended.Error:
		require.NoError(t, err)
	}
	return 0
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
	log, err := s.log()
	require.NoError(t, err)
	return log
}

func (s *Server) log() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	log, err := s.c.Logs(ctx)
	if err != nil {
		return "", err
	}
	defer log.Close()
	text, err := io.ReadAll(log)
	return string(text), err
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
