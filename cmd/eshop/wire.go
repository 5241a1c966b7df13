//go:build wireinject

package main

import (
	"context"
	"log/slog"

	"github.com/google/wire"
)

func newMemoryShop(cfg config, log *slog.Logger) (*application, func(), error) {
	panic(wire.Build(shopSet, memorySet))
}

func newStoredShop(ctx context.Context, cfg config, log *slog.Logger) (*application, func(), error) {
	panic(wire.Build(shopSet, storedSet))
}

func newClusterShop(ctx context.Context, cfg config, log *slog.Logger) (*application, func(), error) {
	panic(wire.Build(shopSet, clusterSet))
}
