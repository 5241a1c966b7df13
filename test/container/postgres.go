package container

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func postgres(settings ...string) Spec {
	command := []string{"postgres", "-c", "listen_addresses=*", "-c", "max_connections=200"}
	for _, s := range settings {
		command = append(command, "-c", s)
	}
	return Spec{Folder: "postgres", Port: 5432, Ready: []string{"pg_isready", "-q", "-U", "eshop", "-d", "postgres"}, Command: command}
}

func postgresURL(address, database string) string {
	return fmt.Sprintf("postgres://eshop:eshop@%s/%s?sslmode=disable", address, database)
}

var (
	// Nothing on this server outlives its process, so nothing is waited for to reach the disk.
	sharedPostgres = shared(postgres("fsync=off", "synchronous_commit=off", "full_page_writes=off"))
	databases      atomic.Int64
)

// Postgres gives the URL of an empty database, dropped when the test ends. Its
// user may do everything.
func Postgres(t testing.TB) string {
	t.Helper()
	Docker(t)
	address, err := sharedPostgres()
	require.NoError(t, err)
	name := fmt.Sprintf("test_%d", databases.Add(1))
	administer(t, address, "CREATE DATABASE "+name)
	t.Cleanup(func() { administer(t, address, "DROP DATABASE "+name+" WITH (FORCE)") })
	return postgresURL(address, name)
}

func administer(t testing.TB, address, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	db, err := pgx.Connect(ctx, postgresURL(address, "postgres"))
	require.NoError(t, err)
	defer db.Close(ctx)
	_, err = db.Exec(ctx, statement)
	require.NoError(t, err)
}

// StartPostgres gives the test a PostgreSQL of its own that keeps what it
// acknowledged, with an empty database; without places it is on Docker's own network.
func StartPostgres(t testing.TB, places ...Place) *Server {
	t.Helper()
	spec := postgres()
	spec.Networks = places
	server := Start(t, spec)
	server.URL = postgresURL(server.Address, "postgres")
	return server
}
