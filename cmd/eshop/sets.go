//go:build wireinject

package main

import (
	"github.com/google/wire"
	"github.com/prometheus/client_golang/prometheus"

	"eshop/adapter/argon2"
	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	adapterprometheus "eshop/adapter/prometheus"
	"eshop/cmd/eshop/demo"
	"eshop/port"
	"eshop/usecase"
	"eshop/web"
	"eshop/web/api"
	"eshop/web/page"
	"eshop/web/visit"
)

// shopSet is the shop on this side of the ports.
var shopSet = wire.NewSet(
	utcNow, newID, newSecret, secretKey, aboutShop,
	usecase.NewBrowsing, usecase.NewShopping, usecase.NewWishing, usecase.NewCheckout, usecase.NewAccount,
	usecase.NewContacting, usecase.NewStocking, usecase.NewFulfilling,
	visit.New, page.New, api.New, web.NewServer, web.NewMetrics, newHealth,
	newRegistry, wire.Bind(new(prometheus.Registerer), new(*prometheus.Registry)),
	wire.Struct(new(demo.Loader), "*"),
	wire.Struct(new(shop), "*"),
)

// outsideSet answers the ports that have one answer so far.
var outsideSet = wire.NewSet(
	argon2.New, wire.Bind(new(usecase.Passwords), new(*argon2.Passwords)),
	newGateway, wire.Bind(new(port.Payments), new(*demopay.Gateway)),
)

// memorySet answers the ports from the memory of this process.
var memorySet = wire.NewSet(
	memory.NewStore,
	wire.Bind(new(port.Products), new(*memory.Store)),
	wire.Bind(new(port.Carts), new(*memory.Store)),
	wire.Bind(new(port.Wishlists), new(*memory.Store)),
	countMemoryOrders, wire.Bind(new(port.Orders), new(*adapterprometheus.Orders)),
	wire.Bind(new(port.Users), new(*memory.Store)),
	wire.Bind(new(port.Sessions), new(*memory.Store)),
	wire.Bind(new(port.Limits), new(*memory.Store)),
	wire.Bind(new(port.Events), new(*memory.Store)),
	wire.Bind(new(port.Contacts), new(*memory.Store)),
)
