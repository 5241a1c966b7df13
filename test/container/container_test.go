package container_test

import (
	"bufio"
	"context"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/container"
)

func TestPostgres(t *testing.T) {
	first, second := container.Postgres(t), container.Postgres(t)
	assert.NotEqual(t, first, second)
	require.NoError(t, run(t, first, "CREATE TABLE thing (name text)"))
	assert.Error(t, run(t, second, "SELECT name FROM thing"), "each database is empty")
	assert.NoError(t, run(t, first, "CREATE EXTENSION pg_trgm"))
}

func TestStartPostgres(t *testing.T) {
	server := container.StartPostgres(t)
	require.NoError(t, run(t, server.URL, "CREATE TABLE thing (name text)"))
	server.Kill(t)
	assert.Error(t, run(t, server.URL, "SELECT name FROM thing"))
	server.Start(t)
	assert.NoError(t, run(t, server.URL, "SELECT name FROM thing"), "it keeps what it acknowledged")
	server.Stop(t)
	assert.Error(t, run(t, server.URL, "SELECT name FROM thing"))
	server.Start(t)
	assert.NoError(t, run(t, server.URL, "SELECT name FROM thing"))
}

func TestRedis(t *testing.T) {
	assert.NotEqual(t, container.Redis(t), container.Redis(t))
	assert.Equal(t, "+PONG", ping(t, container.Redis(t)))
}

func TestStartRedis(t *testing.T) {
	server := container.StartRedis(t)
	require.Equal(t, "+PONG", ping(t, server.URL))
	server.Pause(t)
	assert.Contains(t, ping(t, server.URL), "timeout")
	server.Unpause(t)
	assert.Equal(t, "+PONG", ping(t, server.URL))
	server.Stop(t)
	assert.Contains(t, ping(t, server.URL), "refused")
	server.Start(t)
	assert.Equal(t, "+PONG", ping(t, server.URL))
}

func run(t *testing.T, url, statement string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	_, err = db.Exec(ctx, statement)
	return err
}

// ping gives the first line that Redis answers, or what went wrong.
func ping(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	require.NoError(t, err)
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(500*time.Millisecond)))
	_, err = c.Write([]byte("PING\r\n"))
	require.NoError(t, err)
	answer, _, err := bufio.NewReader(c).ReadLine()
	if err != nil {
		return err.Error()
	}
	return string(answer)
}
