package container

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

const redisDatabases = 4096

var redis = Spec{Folder: "redis", Port: 6379, Ready: []string{"redis-cli", "ping"}, Command: []string{
	"redis-server", "--protected-mode", "no", "--save", "", "--databases", fmt.Sprint(redisDatabases),
}}

var (
	sharedRedis = shared(redis)
	numbers     atomic.Int64
)

// Redis gives the URL of an empty numbered database. The channels of PUBLISH are
// the server's, so all tests of the package meet there; FLUSHALL and CONFIG SET
// reach the others' databases too. A test that minds uses StartRedis.
func Redis(t testing.TB) string {
	t.Helper()
	Docker(t)
	address, err := sharedRedis()
	require.NoError(t, err)
	number := numbers.Add(1)
	require.Less(t, number, int64(redisDatabases), "the package has more tests than Redis has databases")
	return fmt.Sprintf("redis://%s/%d", address, number)
}

// StartRedis gives the test a Redis of its own. It forgets everything when it stops.
func StartRedis(t testing.TB, places ...Place) *Server {
	t.Helper()
	spec := redis
	spec.Networks = places
	server := Start(t, spec)
	server.URL = fmt.Sprintf("redis://%s/0", server.Address)
	return server
}
