package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"eshop/cmd/eshop/demo"
	"eshop/domain"
	"eshop/usecase"
	"eshop/web"
	"eshop/web/asset"
	"eshop/web/live"
)

// shop is what Wire makes of the settings.
type shop struct {
	server   *web.Server
	chat     *live.Hub
	health   *web.Health
	checkout *usecase.Checkout
	account  *usecase.Account
	demo     *demo.Loader
	registry *prometheus.Registry
	sweep    sweeper
}

const (
	settleEvery = time.Second
	sweepEvery  = time.Minute
	passTime    = 30 * time.Second
	// drainTime is how long a server behind a balancer goes on answering, closing
	// each connection after it, so that it goes with none in use.
	drainTime = 2 * time.Second
	// leaveTime is longer than the longest answer.
	leaveTime = 25 * time.Second
	// chatLeaveTime is longer than a connection that does not read is waited for.
	chatLeaveTime = 8 * time.Second
)

func serve(ctx context.Context, cfg config, log *slog.Logger) error {
	if err := asset.Check(); err != nil {
		return err
	}
	shop, closeStores, err := openShop(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer closeStores()
	switch err := shop.health.Check(ctx); {
	case errors.Is(err, domain.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		log.Warn("opening while something that is needed is away; /ready says when it is back", "error", err)
	case err != nil:
		return err
	}
	if cfg.Demo {
		if err := shop.demo.Load(ctx); err != nil {
			return fmt.Errorf("load the demo data: %w", err)
		}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", cfg.Port))
	if err != nil {
		return err
	}
	metricsListener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.MetricsAddr)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for metrics: %w", err), listener.Close())
	}
	server, metrics := newServer(cfg.Proxies.Believe(shop.server), log), newServer(metricsHandler(shop.registry), log)
	log.Info("open", "address", fmt.Sprintf("http://localhost:%d", cfg.Port), "metrics", metricsListener.Addr().String(),
		"stores", cfg.stores(), "demo", cfg.Demo)

	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return serveOn(server, listener) })
	all.Go(func() error { return serveOn(metrics, metricsListener) })
	all.Go(func() error {
		settle(ctx, shop.checkout, log)
		return nil
	})
	// What is said on other servers is delivered until the last connection has left.
	chatting, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	all.Go(func() error {
		shop.chat.Run(chatting)
		return nil
	})
	if shop.sweep != nil {
		all.Go(func() error {
			clean(ctx, shop.sweep, log)
			return nil
		})
	}
	all.Go(func() error {
		defer hangUp()
		<-ctx.Done()
		log.Info("leaving")
		shop.health.Drain()
		if len(cfg.Proxies) > 0 {
			time.Sleep(drainTime)
		}
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
		defer cancel()
		// Connections are told first: their clients need the time to come back elsewhere.
		if err := drain(leaving, shop.chat); err != nil {
			log.Warn("some chats did not leave in time", "error", err)
		}
		return errors.Join(server.Shutdown(leaving), metrics.Close())
	})
	err = all.Wait()
	log.Info("closed")
	return err
}

func drain(ctx context.Context, chat *live.Hub) error {
	ctx, cancel := context.WithTimeout(ctx, chatLeaveTime)
	defer cancel()
	return chat.Drain(ctx)
}

// openShop wires the shop that the settings ask for.
func openShop(ctx context.Context, cfg config, log *slog.Logger) (*shop, func(), error) {
	switch {
	case cfg.RedisURL != "":
		return newClusterShop(ctx, cfg, log)
	case cfg.DatabaseURL != "":
		log.Warn("REDIS_URL is not set: this must be the only server of the shop")
		return newStoredShop(ctx, cfg, log)
	}
	return newMemoryShop(cfg, log)
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      40 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serveOn serves until the server is shut down or closed.
func serveOn(server *http.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func metricsHandler(registry *prometheus.Registry) http.Handler {
	all := http.NewServeMux()
	all.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return all
}

// settle finds out about payments that nobody is asking for any more.
func settle(ctx context.Context, checkout *usecase.Checkout, log *slog.Logger) {
	repeat(ctx, settleEvery, func(ctx context.Context) {
		settled, err := checkout.Settle(ctx)
		if err != nil && ctx.Err() == nil {
			log.Warn("orders could not be settled; trying again", "error", err)
		}
		if settled > 0 {
			log.Info("orders settled", "count", settled)
		}
	})
}

// clean takes away what has ended.
func clean(ctx context.Context, sweep sweeper, log *slog.Logger) {
	repeat(ctx, sweepEvery, func(ctx context.Context) {
		if err := sweep(ctx, time.Now().UTC()); err != nil && ctx.Err() == nil {
			log.Warn("what has ended could not be taken away; trying again", "error", err)
		}
	})
}

// repeat does a pass each time that every has passed, until ctx ends.
func repeat(ctx context.Context, every time.Duration, do func(ctx context.Context)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pass, cancel := context.WithTimeout(ctx, passTime)
		do(pass)
		cancel()
	}
}
