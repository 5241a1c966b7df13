//go:build wireinject

package main

import (
	"log/slog"

	"github.com/google/wire"
)

func newShop(cfg config, log *slog.Logger) (*shop, func(), error) {
	panic(wire.Build(shopSet, outsideSet, memorySet))
}
