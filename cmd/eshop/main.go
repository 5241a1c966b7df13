// Command eshop is the whole shop in one binary. It reads the settings, opens the
// stores that they name and the shop of package eshop on them, and serves until it is
// told to leave. Its other commands look after the stores.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
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
  seed [--products N] [--orders N]
                           make a demo shop of a database: N products, demo accounts and orders; again changes nothing.
                           --orders makes N more orders each time, to try the shop on.
                           It refuses when a shop that was no demo has an order or an account
  staff NAME EMAIL         make an account that may look after the shop, with the password on standard input
  staff list               list who may look after the shop
  staff remove NAME        make a customer of somebody who looks after the shop, signed out everywhere
  staff password NAME      give them the password on standard input, signed out everywhere
  config                   print what holds of the settings, and where each was set, without secrets
  config hosts             print the hosts that the settings name, which a firewall must let this server reach
  doctor [URL...]          look at nginx and servers at these addresses, else at the one on PORT, and at the stores, clock and
                           disk; say what is wrong and what to type, and exit with 1 then
  audit [--repair]         look for what cannot be so in the database, beside a shop that is open: stock that is not the sum of
                           its movements, money without an order, an order without money and the like; exit with 1 then.
                           --repair first puts right what is counted, and nothing else
  healthcheck              exit with 0 when the server on PORT is ready, else with 1
  version                  print what was built

settings, from the environment or else from .env in the working directory; SECRET_KEY_FILE, DATABASE_URL_FILE,
REDIS_URL_FILE and OTEL_EXPORTER_OTLP_HEADERS_FILE name a file that has the secret:

` + settingsHelp

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// After the first signal the second ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// errUsage is a command that makes no sense.
var errUsage = errors.New("no such command")

// call is a command as it was given.
type call struct {
	args           []string
	cfg            config // where the command needs settings
	set            settings
	stdin          *os.File
	stdout, stderr io.Writer
}

// commands are all that usage names.
var commands = map[string]struct {
	run      func(context.Context, call) error
	settings bool // it needs them
	args     bool // it takes arguments
}{
	"serve":       {serve, true, false},
	"migrate":     {migrate, true, true},
	"seed":        {seed, true, true},
	"staff":       {staff, true, true},
	"config":      {showConfig, true, true},
	"doctor":      {doctor, true, true},
	"audit":       {audit, true, true},
	"healthcheck": {healthcheck, true, false},
	"version":     {printing(version), false, false},
	"help":        {printing(help), false, false},
	"-h":          {printing(help), false, false},
	"--help":      {printing(help), false, false},
}

// run runs one command and returns the exit code: 0, 1 for a failure, 2 for a call that makes no sense.
func run(ctx context.Context, args, environ []string, stdin *os.File, stdout, stderr io.Writer) int {
	name, c := "", call{stdin: stdin, stdout: stdout, stderr: stderr}
	if len(args) > 0 {
		name, c.args = args[0], args[1:]
	}
	command, ok := commands[name]
	err := errUsage
	if ok && (command.args || len(c.args) == 0) {
		if command.settings {
			if c.set, c.cfg, err = configure(environ, stderr); err != nil {
				fmt.Fprintf(stderr, "eshop cannot start with these settings:\n%v\n", err)
				return 2
			}
		}
		err = command.run(ctx, c)
	}
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprint(stderr, usage)
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "eshop %s: %v\n", name, err)
		return 1
	}
	return 0
}

// configure reads the settings, and tells what in them is likely a mistake.
func configure(environ []string, stderr io.Writer) (settings, config, error) {
	set, err := readSettings(environ, dotenv)
	for _, odd := range set.odd {
		fmt.Fprintln(stderr, "eshop:", odd)
	}
	cfg, wrong := readConfig(set.values)
	return set, cfg, errors.Join(err, wrong, set.passOn())
}

// printing returns the command that prints text.
func printing(text func() string) func(context.Context, call) error {
	return func(_ context.Context, c call) error {
		_, err := fmt.Fprint(c.stdout, text())
		return err
	}
}

func help() string { return usage }

func healthcheck(ctx context.Context, c call) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/ready", c.cfg.Port), nil)
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

// release is what a release is called. make release sets it.
var release string

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "eshop, built without build information\n"
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
	return "eshop " + cmp.Or(release, revision) + when + ", " + info.GoVersion + "\n"
}
