// Command pairs reads what `go test -json` prints, passes it on for people to
// read, and fails when a test failed or was skipped, or when a suite of
// port/porttest did not run all its subtests, with one server and with two, for each adapter
// that answers its port: a suite that is forgotten must not look green.
//
//	go test -json ./adapter/... | go run ./test/pairs
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	pairs, faults, err := wanted(".")
	if err == nil {
		var more []string
		more, err = read(os.Stdin, os.Stdout, pairs)
		faults = append(faults, more...)
	}
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

// event is a line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
}

// read passes on the output of the tests and returns what is wrong with it.
func read(in io.Reader, out io.Writer, pairs []pair) ([]string, error) {
	var faults []string
	passed := map[pair][]string{} // subtests
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &e) != nil:
			// The go command itself complains in plain text.
			fmt.Fprintf(out, "%s", line)
		default:
			fmt.Fprint(out, e.Output)
			switch e.Action {
			case "fail", "build-fail":
				faults = append(faults, fmt.Sprintf("%s %s failed", e.Package, e.Test))
			case "skip":
				if e.Test != "" {
					faults = append(faults, fmt.Sprintf("%s %s was skipped", e.Package, e.Test))
				}
			case "pass":
				test, promise, _ := strings.Cut(e.Test, "/")
				p := pair{e.Package, strings.TrimPrefix(test, "Test")}
				passed[p] = append(passed[p], promise)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return faults, err
		}
	}
	faults = append(faults, missing(pairs, passed)...)
	slices.Sort(faults)
	fmt.Fprintf(out, "pairs: %d of a port and an adapter were looked at, %d faults\n", len(pairs), len(faults))
	return faults, nil
}

// missing returns what the pairs did not pass of all that any pair of the same suite passed.
func missing(pairs []pair, passed map[pair][]string) []string {
	promises := map[string]map[string]bool{} // by suite
	for p, names := range passed {
		for _, name := range names {
			for _, servers := range []string{"one_server", "two_servers"} {
				if promise, ok := strings.CutPrefix(name, servers+"/"); ok {
					if promises[p.suite] == nil {
						promises[p.suite] = map[string]bool{}
					}
					promises[p.suite][promise] = true
				}
			}
		}
	}
	var faults []string
	for _, p := range pairs {
		for _, servers := range []string{"one_server", "two_servers"} {
			if !slices.Contains(passed[p], servers) {
				faults = append(faults, fmt.Sprintf("%s did not pass Test%s/%s", p.adapter, p.suite, servers))
				continue
			}
			for promise := range promises[p.suite] {
				if !slices.Contains(passed[p], servers+"/"+promise) {
					faults = append(faults, fmt.Sprintf("%s did not pass Test%s/%s/%s", p.adapter, p.suite, servers, promise))
				}
			}
		}
	}
	return faults
}
