package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"eshop/domain"
	"eshop/usecase"
)

// redisWithin is how long a command waits for Redis, which tells the servers at once of what it does.
const redisWithin = 3 * time.Second

// staff makes and lists the accounts of those who look after the shop, takes their rights
// and gives them other passwords. A password is no argument, as those are for everybody
// on the machine to see.
func staff(ctx context.Context, c call) error {
	args, cfg, stdin, stdout, stderr := c.args, c.cfg, c.stdin, c.stdout, c.stderr
	if len(args) == 0 || len(args) > 2 || (len(args) == 1) != (args[0] == "list") {
		return errUsage
	}
	if cfg.DatabaseURL == "" {
		return errNoDatabase
	}
	log := slog.New(slog.DiscardHandler)
	if args[0] != "list" {
		log = slog.New(slog.NewJSONHandler(stderr, nil)).With("operator", operator())
	}
	app, closeShop, err := openStaffShop(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer closeShop()
	account := app.shop.UseCases.Account
	switch args[0] {
	case "list":
		return listStaff(ctx, account, stdout)
	case "remove":
		user, err := account.RemoveStaff(ctx, args[1])
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s no longer looks after the shop, and is signed out everywhere; the account is a customer's now\n", user.Username)
		return nil
	}
	password, err := readPassword(ctx, stdin, stderr)
	if err != nil {
		return err
	}
	if args[0] == "password" {
		user, err := account.SetStaffPassword(ctx, args[1], password)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s has another password, and is signed out everywhere\n", user.Username)
		return nil
	}
	user, err := account.AddStaff(ctx, domain.Registration{Username: args[0], Email: args[1], Password: password})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s can sign in, and looks after the shop at /admin\n", user.Username)
	return nil
}

// openStaffShop opens the shop's records, and waits a little for Redis when there is one.
func openStaffShop(ctx context.Context, cfg config, log *slog.Logger) (*application, func(), error) {
	open := newStoredShop
	if cfg.RedisURL != "" {
		open = newClusterShop
	}
	app, closeShop, err := open(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	if err := app.shop.Check(ctx); err != nil {
		closeShop()
		return nil, nil, err
	}
	if err := app.await("redis", redisWithin); err != nil {
		log.Warn("other servers may go by what was before for up to a minute", "error", err)
	}
	return app, closeShop, nil
}

// await waits for a dependency that a shop can do without; for none when it has none of that name.
func (a *application) await(helpful string, within time.Duration) error {
	check := a.needs.helpful[helpful]
	if check == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func listStaff(ctx context.Context, account *usecase.Account, stdout io.Writer) error {
	all, err := account.Staff(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tEMAIL\tSHOWN AS\tSINCE")
	for _, u := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", u.Username, u.Email, u.DisplayName, u.CreatedAt.Format(time.DateOnly))
	}
	return table.Flush()
}

// operator is who runs a command on this machine.
func operator() string {
	return cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER"), strconv.Itoa(os.Getuid()))
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
