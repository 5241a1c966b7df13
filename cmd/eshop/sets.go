//go:build wireinject

package main

import (
	"github.com/google/wire"

	"eshop"
	"eshop/adapter/argon2"
	"eshop/adapter/memory"
	"eshop/adapter/postgres"
	"eshop/adapter/redis"
	"eshop/usecase"
)

// shopSet makes the shop of its stores, whichever they are.
var shopSet = wire.NewSet(
	eshop.New, options, demoLoader, newTracer, wire.Struct(new(telemetry), "*"),
	argon2.New, wire.Bind(new(usecase.Passwords), new(*argon2.Passwords)),
	wire.Struct(new(application), "*"),
)

// memorySet keeps everything in the memory of this process.
var memorySet = wire.NewSet(memory.NewStore, memoryStores, memoryRegistry, memoryDependencies)

// storedSet is one server on PostgreSQL.
var storedSet = wire.NewSet(tracedPostgres, postgres.Open, memory.NewStore, storedStores, storedRegistry, storedDependencies)

// clusterSet is any number of servers on PostgreSQL and Redis.
var clusterSet = wire.NewSet(
	tracedPostgres, postgres.Open, tracedRedis, redis.Open, memory.NewStore, clusterStores, clusterRegistry, clusterDependencies,
)
