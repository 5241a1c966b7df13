// Command eshop is the whole shop in one binary. This is the only room that
// knows every other: it reads the settings, wires the adapters to the ports,
// and serves until it is told to leave.
package main

import (
	"context"
	"errors"
	"flag"
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

  serve                    serve the shop on PORT (8080 unless set)
  migrate [up|status]      bring the database's schema up to date, or say what is missing
  seed [--products N]      fill the database with N products, demo accounts and orders; again changes nothing
  staff NAME EMAIL         make an account that may look after the shop, with the password on standard input
  staff list               list who may look after the shop
  staff remove NAME        make a customer of somebody who looks after the shop, signed out everywhere
  staff password NAME      give them the password on standard input, signed out everywhere
  healthcheck              exit with 0 when the server on PORT is ready, else with 1
  version                  print what was built

settings, from the environment:

` + settingsHelp

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// After the first signal the second ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// errUsage is a command that makes no sense.
var errUsage = errors.New("no such command")

// run runs one command and returns the exit code: 0, 1 for a failure, 2 for a call that makes no sense.
func run(ctx context.Context, args, environ []string, stdin *os.File, stdout, stderr io.Writer) int {
	command, rest := "", args
	if len(args) > 0 {
		command, rest = args[0], args[1:]
	}
	switch command {
	case "version", "help", "-h", "--help":
		if len(rest) > 0 {
			break
		}
		if command == "version" {
			fmt.Fprintln(stdout, version())
		} else {
			fmt.Fprint(stdout, usage)
		}
		return 0
	case "serve", "migrate", "seed", "staff", "healthcheck":
		cfg, err := readConfig(environ)
		if err != nil {
			fmt.Fprintf(stderr, "eshop cannot start with these settings:\n%v\n", err)
			return 2
		}
		err = dispatch(ctx, command, rest, cfg, stdin, stdout, stderr)
		if err == nil {
			return 0
		}
		if !errors.Is(err, errUsage) {
			fmt.Fprintf(stderr, "eshop %s: %v\n", command, err)
			return 1
		}
	}
	fmt.Fprint(stderr, usage)
	return 2
}

func dispatch(ctx context.Context, command string, args []string, cfg config, stdin *os.File, stdout, stderr io.Writer) error {
	switch command {
	case "migrate":
		return migrate(ctx, args, cfg, stdout)
	case "seed":
		flags := flag.NewFlagSet(command, flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		products := flags.Int("products", 0, "")
		if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
			return errUsage
		}
		return seed(ctx, *products, cfg, stderr)
	case "staff":
		return staff(ctx, args, cfg, stdin, stdout, stderr)
	}
	if len(args) > 0 {
		return errUsage
	}
	if command == "healthcheck" {
		return healthcheck(ctx, cfg)
	}
	return serve(ctx, cfg, slog.New(slog.NewJSONHandler(stderr, nil)).With("server", cfg.ServerName))
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
	info, ok := debug.ReadBuildInfo()
	if !ok {
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
