// Command clockserver is a server of the shop whose clock is wrong, for tests: by
// CLOCK_OFFSET, and by one minute less at each SIGUSR1. Its settings are those of
// cmd/eshop that a server in test/cluster has.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"eshop"
	"eshop/adapter/argon2"
	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/postgres"
	"eshop/adapter/raster"
	"eshop/adapter/redis"
	"eshop/usecase"
	"eshop/web"
	"eshop/web/page"
)

// setBack is how far a SIGUSR1 sets the clock back.
const setBack = time.Minute

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("server", os.Getenv("SERVER_NAME"))
	slog.SetDefault(log)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := serve(ctx); err != nil {
		log.Error("the server ends", "error", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	offset, err := time.ParseDuration(os.Getenv("CLOCK_OFFSET"))
	if err != nil {
		return fmt.Errorf("CLOCK_OFFSET: %w", err)
	}
	proxy, err := netip.ParsePrefix(os.Getenv("ESHOP_TRUSTED_PROXIES"))
	if err != nil {
		return fmt.Errorf("ESHOP_TRUSTED_PROXIES: %w", err)
	}
	shop, closeStores, err := open(ctx, clock(ctx, offset))
	if err != nil {
		return err
	}
	defer closeStores()
	server := &http.Server{
		Addr: ":" + os.Getenv("PORT"), Handler: web.Proxies{proxy}.Believe(shop.Handler),
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go shop.Run(running)
	left := make(chan error)
	go func() {
		<-ctx.Done()
		leaving, cancel := context.WithTimeout(running, 20*time.Second)
		defer cancel()
		left <- errors.Join(shop.Drain(leaving), server.Shutdown(leaving))
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-left
}

// clock returns a clock that is wrong by offset, and is set back at each SIGUSR1.
func clock(ctx context.Context, offset time.Duration) usecase.Clock {
	var by atomic.Int64
	by.Store(int64(offset))
	back := make(chan os.Signal, 1)
	signal.Notify(back, syscall.SIGUSR1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-back:
				by.Add(-int64(setBack))
			}
		}
	}()
	return func() time.Time { return eshop.Now().Add(time.Duration(by.Load())) }
}

func open(ctx context.Context, clock usecase.Clock) (*eshop.Shop, func(), error) {
	name := os.Getenv("SERVER_NAME")
	store, closeStore, err := postgres.Open(ctx, postgres.Config{URL: os.Getenv("DATABASE_URL"), Name: "eshop " + name})
	if err != nil {
		return nil, nil, err
	}
	client, closeClient, err := redis.Open(redis.Config{URL: os.Getenv("REDIS_URL"), Name: name})
	if err != nil {
		closeStore()
		return nil, nil, err
	}
	closeStores := func() { closeClient(); closeStore() }
	passwords, err := argon2.New()
	if err != nil {
		closeStores()
		return nil, nil, err
	}
	local := memory.NewStore()
	shop, err := eshop.New(eshop.Stores{
		Products: redis.NewProducts(client, store), Stock: redis.NewStock(client, store), Catalog: redis.NewCatalog(client, store),
		Carts: store, Wishlists: store, Orders: redis.NewOrders(client, store),
		// The gateway is not this server's, and its clock is right.
		Payments: demopay.New(store),
		Users:    redis.NewUsers(client, store), Sessions: redis.NewSessions(client, store), Conversations: store, Contacts: store,
		Pictures: store, Limits: redis.NewLimits(client, local), Events: redis.NewEvents(client, local),
	}, eshop.Options{
		SecretKey: usecase.SecretKey(os.Getenv("SECRET_KEY")), Passwords: passwords, DecodeImage: raster.New().Decode,
		Info: page.ShopInfo{ServerName: name}, Clock: clock, Sweep: store.Sweep, DrainDelay: 2 * time.Second,
		Required: map[string]web.Check{"database": store.Ping}, Helpful: map[string]web.Check{"redis": client.Check},
	})
	if err != nil {
		closeStores()
	}
	return shop, closeStores, err
}
