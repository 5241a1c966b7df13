package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"eshop/cmd/eshop/demo"
	"eshop/domain"
	"eshop/web"
)

// leaveTimeout is longer than the longest answer.
const leaveTimeout = 25 * time.Second

// serve serves the shop until ctx ends. Its log goes to stderr, and to a file besides where the settings name one.
func serve(ctx context.Context, c call) error {
	if c.cfg.ErrorLog == "" {
		return serveShop(ctx, c.cfg, newLog(c.stderr, c.cfg), nil)
	}
	file := newLogFile(c.cfg.ErrorLog)
	log := newLog(io.MultiWriter(file, c.stderr), c.cfg)
	go file.run(log)
	defer file.close()
	err := serveShop(ctx, c.cfg, log, file)
	if err != nil {
		newLog(file, c.cfg).Error("ended", "error", err) // stderr is told by run
	}
	return err
}

func newLog(out io.Writer, cfg config) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, nil)).With("server", cfg.ServerName)
}

// serveShop serves the shop, whose log has a file besides unless that is nil.
func serveShop(ctx context.Context, cfg config, log *slog.Logger, file *logFile) error {
	app, closeStores, err := openShop(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer closeStores()
	handler := app.shop.Handler
	if cfg.AccessLog != "" {
		access := newLogFile(cfg.AccessLog)
		go access.run(log)
		defer access.close()
		app.registry.MustRegister(access.droppedLines("access"))
		handler = web.LogAccess(handler, access, cfg.ServerName)
	}
	var working sync.WaitGroup // on requests, those of sockets too
	handler = waitedFor(handler, &working)
	if file != nil {
		app.registry.MustRegister(file.droppedLines("error"))
	}
	unprepared := prepare(ctx, cfg, app)
	if isAway(unprepared) {
		log.Warn("opening while something that is needed is away; /ready says when it is back", "error", unprepared)
	} else if unprepared != nil {
		return unprepared
	}
	warnOfDemoAccounts(ctx, app, log)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", cfg.Port))
	if err != nil {
		return err
	}
	metricsListener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.MetricsAddr)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for metrics: %w", err), listener.Close())
	}
	server, metrics := newServer(cfg.Proxies.Believe(handler), log), newServer(metricsHandler(app.registry, cfg.Pprof), log)
	log.Info("open", "address", fmt.Sprintf("http://localhost:%d", cfg.Port), "metrics", metricsListener.Addr().String(),
		"stores", cfg.stores(), "demo", cfg.hasDemoData())

	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return serveOn(server, listener) })
	all.Go(func() error { return serveOn(metrics, metricsListener) })
	if unprepared != nil && cfg.hasDemoData() {
		all.Go(func() error { return prepareLater(ctx, cfg, app) })
	}
	// What other servers say is delivered until the last socket has left.
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	all.Go(func() error {
		app.shop.Run(running)
		return nil
	})
	all.Go(func() error {
		defer end()
		<-ctx.Done()
		log.Info("leaving")
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		// Sockets are told first: their clients need the time to come back elsewhere.
		if err := app.shop.Drain(leaving); err != nil {
			log.Warn("some chats did not leave in time", "error", err)
		}
		err := errors.Join(server.Shutdown(leaving), metrics.Close())
		// Shutdown waits for no socket, whose line in the access log comes when it has been left.
		finished := make(chan struct{})
		go func() {
			working.Wait()
			close(finished)
		}()
		select {
		case <-finished:
		case <-leaving.Done():
		}
		return err
	})
	err = all.Wait()
	log.Info("closed")
	return err
}

// prepare asks for what the shop needs, its own database among it, and loads the demo data
// where settings ask for that.
func prepare(ctx context.Context, cfg config, app *application) error {
	if err := app.shop.Check(ctx); err != nil || !cfg.hasDemoData() {
		return err
	}
	if err := app.demo.Load(ctx); err != nil {
		return fmt.Errorf("load the demo data: %w", err)
	}
	return nil
}

// prepareAgain is how long prepareLater waits for what is away.
const prepareAgain = time.Second

// prepareLater prepares a shop that opened while something was away.
func prepareLater(ctx context.Context, cfg config, app *application) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(prepareAgain):
		}
		if err := prepare(ctx, cfg, app); !isAway(err) && ctx.Err() == nil {
			return err
		}
	}
}

// isAway reports whether err is that of a dependency that may come back.
func isAway(err error) bool {
	return errors.Is(err, domain.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

// warnOfDemoAccounts tells that anybody who reaches this server can sign in as staff, where
// that is so. A production shop does not open with demo accounts.
func warnOfDemoAccounts(ctx context.Context, app *application, log *slog.Logger) {
	if present, err := demo.Present(ctx, app.demo.Users); err == nil && present {
		log.Warn("the shop has demo accounts, one of staff among them, whose passwords are known to everybody: let nobody reach it whom you do not trust")
	}
}

// openShop wires the shop that the settings ask for.
func openShop(ctx context.Context, cfg config, log *slog.Logger) (*application, func(), error) {
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
		MaxHeaderBytes:    80 << 10, // more than nginx takes, whose words for it are better
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// waitedFor lets working tell when next works on no request any more.
func waitedFor(next http.Handler, working *sync.WaitGroup) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		working.Add(1)
		defer working.Done()
		next.ServeHTTP(w, r)
	})
}

// serveOn serves until the server is shut down or closed.
func serveOn(server *http.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// metricsHandler answers operators. Profiles are among that where profiling is true.
func metricsHandler(registry *prometheus.Registry, profiling bool) http.Handler {
	all := http.NewServeMux()
	all.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	if profiling {
		all.HandleFunc("/debug/pprof/", pprof.Index)
		all.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		all.HandleFunc("/debug/pprof/profile", pprof.Profile)
		all.HandleFunc("/debug/pprof/symbol", pprof.Symbol) // which go tool pprof posts addresses to
		all.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return all
}
