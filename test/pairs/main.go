// Command pairs reads what `go test -json` prints, passes it on for people to
// read, and fails when a test failed or when a pair of a port and an adapter did
// not run: a suite that is skipped or forgotten must not look green.
//
//	go test -json ./adapter/... | go run ./test/pairs
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// wanted are the suites that each adapter must have passed.
var wanted = map[string][]string{
	"eshop/adapter/memory": {
		"TestProducts", "TestCarts", "TestWishlists", "TestOrders", "TestUsers", "TestSessions", "TestLimits", "TestEvents", "TestContacts", "TestPictures", "TestConversations",
	},
	"eshop/adapter/demopay": {"TestPayments"},
	"eshop/adapter/postgres": {
		"TestProducts", "TestCarts", "TestWishlists", "TestOrders", "TestUsers", "TestSessions", "TestContacts", "TestPictures", "TestConversations", "TestPayments",
	},
	"eshop/adapter/redis": {"TestProducts", "TestOrders", "TestUsers", "TestSessions", "TestLimits", "TestEvents"},
}

// event is a line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
}

func main() {
	faults, err := read(os.Stdin, os.Stdout)
	if err != nil {
		faults = append(faults, err.Error())
	}
	for _, fault := range faults {
		fmt.Fprintln(os.Stderr, "pairs:", fault)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

// read passes on what in says and returns what is wrong with it.
func read(in io.Reader, out io.Writer) ([]string, error) {
	var faults []string
	passed := map[string]bool{}
	skipped := 0
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				// The go command itself complains in plain text.
				fmt.Fprintf(out, "%s", line)
				continue
			}
			fmt.Fprint(out, e.Output)
			switch e.Action {
			case "fail", "build-fail":
				faults = append(faults, fmt.Sprintf("%s %s failed", e.Package, e.Test))
			case "skip":
				if e.Test != "" {
					skipped++
					faults = append(faults, fmt.Sprintf("%s %s was skipped", e.Package, e.Test))
				}
			case "pass":
				passed[e.Package+" "+e.Test] = true
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return faults, err
		}
	}
	ran := 0
	for pkg, suites := range wanted {
		for _, suite := range suites {
			for _, servers := range []string{"one_server", "two_servers"} {
				if passed[pkg+" "+suite+"/"+servers] {
					ran++
				} else {
					faults = append(faults, fmt.Sprintf("%s did not pass %s with %s", pkg, suite, servers))
				}
			}
		}
	}
	slices.Sort(faults)
	fmt.Fprintf(out, "pairs: %d of a port and an adapter passed, %d tests were skipped\n", ran, skipped)
	return faults, nil
}
