// Command eshop is the whole shop in one binary. This is the only room that
// knows every other: it reads the settings, wires the adapters to the ports,
// and serves until it is told to leave.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

const usage = `eshop is a shop that stays open.

usage: eshop COMMAND

  serve         serve the shop on PORT (8080 unless set)
  healthcheck   exit with 0 when the server on PORT is ready, else with 1
  version       print what was built

settings, from the environment:

%s`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// After the first signal the second ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) == 1 {
		command = args[0]
	}
	switch command {
	case "serve", "healthcheck":
	case "version":
		fmt.Fprintln(stdout, version())
		return 0
	case "help", "-h", "--help":
		fmt.Fprintf(stdout, usage, settingsHelp())
		return 0
	default:
		fmt.Fprintf(stderr, usage, settingsHelp())
		return 2
	}
	cfg, err := readConfig(environ)
	if err != nil {
		fmt.Fprintf(stderr, "eshop cannot start with these settings:\n%v\n", err)
		return 2
	}
	if command == "healthcheck" {
		err = healthcheck(ctx, cfg)
	} else {
		err = serve(ctx, cfg, slog.New(slog.NewJSONHandler(stderr, nil)).With("server", cfg.ServerName))
	}
	if err != nil {
		fmt.Fprintf(stderr, "eshop %s: %v\n", command, err)
		return 1
	}
	return 0
}

func healthcheck(ctx context.Context, cfg config) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/ready", cfg.Port), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New("the server answers, and is not ready: " + answer.Status)
	}
	return nil
}

func version() string {
	info, there := debug.ReadBuildInfo()
	if !there {
		return "eshop, built without build information"
	}
	revision, when := "of an unknown revision", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.time":
			when = " of " + s.Value
		}
	}
	return "eshop " + revision + when + ", " + info.GoVersion
}
