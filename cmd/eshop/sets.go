//go:build wireinject

package main

import (
	"github.com/google/wire"

	"eshop/adapter/argon2"
	"eshop/adapter/memory"
	"eshop/adapter/postgres"
	"eshop/adapter/redis"
	"eshop/cmd/eshop/demo"
	"eshop/port"
	"eshop/usecase"
	"eshop/web"
	"eshop/web/api"
	"eshop/web/live"
	"eshop/web/page"
	"eshop/web/session"
)

// shopSet is the shop on this side of the ports, and what answers the same in every shop.
var shopSet = wire.NewSet(
	utcNow, newID, newSecret, secretKey, aboutShop,
	usecase.NewBrowsing, usecase.NewShopping, usecase.NewWishing, usecase.NewCheckout, usecase.NewAccount,
	usecase.NewContacting, usecase.NewTalking, usecase.NewStocking, usecase.NewFulfilling,
	session.New, page.New, api.New, live.New, web.NewServer, web.NewMetrics,
	argon2.New, wire.Bind(new(usecase.Passwords), new(*argon2.Passwords)),
	developPicture,
	registerer,
	wire.Struct(new(demo.Loader), "*"),
	wire.Struct(new(shop), "*"),
)

// memorySet answers the ports from the memory of this process.
var memorySet = wire.NewSet(
	memory.NewStore, newMemoryGateway, newMemoryOrders, newMemoryHealth, newMemorySweeper, newMemoryRegistry,
	wire.Bind(new(port.Products), new(*memory.Store)),
	wire.Bind(new(port.Carts), new(*memory.Store)),
	wire.Bind(new(port.Wishlists), new(*memory.Store)),
	wire.Bind(new(port.Users), new(*memory.Store)),
	wire.Bind(new(port.Sessions), new(*memory.Store)),
	wire.Bind(new(port.Contacts), new(*memory.Store)),
	wire.Bind(new(port.Pictures), new(*memory.Store)),
	wire.Bind(new(port.Conversations), new(*memory.Store)),
	wire.Bind(new(port.Limits), new(*memory.Store)),
	wire.Bind(new(port.Events), new(*memory.Store)),
)

// recordsSet keeps in PostgreSQL what is read from nowhere else.
var recordsSet = wire.NewSet(
	postgresConfig, postgres.Open, newGateway, newStoredSweeper,
	wire.Bind(new(port.Carts), new(*postgres.Store)),
	wire.Bind(new(port.Wishlists), new(*postgres.Store)),
	wire.Bind(new(port.Contacts), new(*postgres.Store)),
	wire.Bind(new(port.Pictures), new(*postgres.Store)),
	wire.Bind(new(port.Conversations), new(*postgres.Store)),
)

// storedSet is one server on PostgreSQL.
var storedSet = wire.NewSet(
	recordsSet, memory.NewStore, newStoredOrders, newStoredHealth, newStoredRegistry,
	wire.Bind(new(port.Products), new(*postgres.Store)),
	wire.Bind(new(port.Users), new(*postgres.Store)),
	wire.Bind(new(port.Sessions), new(*postgres.Store)),
	wire.Bind(new(port.Limits), new(*memory.Store)),
	wire.Bind(new(port.Events), new(*memory.Store)),
)

// clusterSet is any number of servers on PostgreSQL and Redis.
var clusterSet = wire.NewSet(
	recordsSet, memory.NewStore, redisConfig, redis.Open, newClusterOrders, newClusterHealth, newClusterRegistry,
	newClusterProducts, wire.Bind(new(port.Products), new(*redis.Products)),
	newClusterUsers, wire.Bind(new(port.Users), new(*redis.Users)),
	newClusterSessions, wire.Bind(new(port.Sessions), new(*redis.Sessions)),
	newClusterLimits, wire.Bind(new(port.Limits), new(*redis.Limits)),
	newClusterEvents, wire.Bind(new(port.Events), new(*redis.Events)),
)
