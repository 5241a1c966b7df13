// Command conform holds any shop that runs to the promises of the JSON interface, from outside:
//
//	go run ./test/conform [-staff NAME] URL [URL2]
//
// URL2 is another server of the same shop: what one acknowledged the other must show. With -staff the password of
// somebody who looks after the shop is read from standard input. It prints a line a promise, and exits with 1 when one is
// broken and with 2 when the shop could not be tried. What it leaves behind are accounts and orders that bear
// the name conform, and their conversations.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

// patience is longer than any run takes.
const patience = 5 * time.Minute

func main() {
	staff := flag.String("staff", "", "who of the staff; the password is read from standard input")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: conform [-staff NAME] URL [URL2]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() < 1 || flag.NArg() > 2 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, patience)
	code := run(ctx, *staff, flag.Args())
	cancel()
	stop()
	os.Exit(code)
}

func run(ctx context.Context, staff string, bases []string) int {
	t := newTrial(bases...)
	if staff != "" {
		password, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil {
			fmt.Fprintln(os.Stderr, "conform: no password on standard input")
			return 2
		}
		t.staff, t.password = staff, strings.TrimRight(password, "\r\n")
	}
	begin := time.Now()
	report, err := t.try(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conform:", err)
		return 2
	}
	fmt.Print(report)
	fmt.Printf("%d requests in %.1f s\n", t.requests.Load(), time.Since(begin).Seconds())
	if report.broken() {
		return 1
	}
	return 0
}
