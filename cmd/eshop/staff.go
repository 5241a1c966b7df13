package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"eshop/domain"
)

// staff makes an account for somebody who looks after the shop. The password is no
// argument, as those are for everybody on the machine to see.
func staff(ctx context.Context, args []string, cfg config, stdin *os.File, stdout, stderr io.Writer) error {
	if len(args) != 2 {
		return errUsage
	}
	if cfg.DatabaseURL == "" {
		return errNoDatabase
	}
	app, closeShop, err := newStoredShop(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer closeShop()
	if err := app.shop.Check(ctx); err != nil {
		return err
	}
	password, err := readPassword(ctx, stdin, stderr)
	if err != nil {
		return err
	}
	user, err := app.shop.UseCases.Account.AddStaff(ctx, domain.Registration{Username: args[0], Email: args[1], Password: password})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s can sign in, and looks after the shop at /admin\n", user.Username)
	return nil
}

// readPassword reads a line, and asks for it twice when somebody types it.
func readPassword(ctx context.Context, stdin *os.File, stderr io.Writer) (string, error) {
	terminal := int(stdin.Fd())
	if !term.IsTerminal(terminal) {
		line, err := bufio.NewReader(stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	state, err := term.GetState(terminal)
	if err != nil {
		return "", err
	}
	// Whoever thinks better of it gets back a terminal that shows what is typed.
	defer context.AfterFunc(ctx, func() {
		_ = term.Restore(terminal, state) // the process ends with it
		fmt.Fprintln(stderr)
		os.Exit(1)
	})()
	var typed [2]string
	for i, prompt := range []string{"password: ", "once more: "} {
		fmt.Fprint(stderr, prompt)
		line, err := term.ReadPassword(terminal)
		fmt.Fprintln(stderr)
		if err != nil {
			return "", err
		}
		typed[i] = string(line)
	}
	if typed[0] != typed[1] {
		return "", errors.New("these were two passwords; try again")
	}
	return typed[0], nil
}
