package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// mutant is a mistake: in a file, after the text at, old becomes new.
type mutant struct {
	file           string
	flags          []string // of go test: -race, or a -timeout when hanging is how it fails
	at, old, new   string
	suite, promise string
}

// parse reads a list of mutants, with an empty line between two. The first line of a mutant is
// its file, and flags; "@ ", "- ", "+ " and "! " begin at, old, new, and the suite with its promise.
func parse(list string) ([]mutant, error) {
	var all []mutant
	var m mutant
	for n, line := range strings.Split(list+"\n", "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		switch mark {
		case "#":
		case "@":
			m.at = rest
		case "-":
			m.old = rest
		case "+":
			m.new = rest
		case "!":
			m.suite, m.promise, _ = strings.Cut(rest, ": ")
		case "":
			if m.file == "" {
				continue
			}
			if m.old == "" || m.promise == "" {
				return nil, fmt.Errorf("line %d: the mutant before it is not whole", n+1)
			}
			all = append(all, m)
			m = mutant{}
		default:
			if m.file != "" {
				return nil, fmt.Errorf("line %d: %q begins with no mark", n+1, line)
			}
			m.file, m.flags = mark, strings.Fields(rest)
		}
	}
	return all, nil
}

func (m mutant) String() string {
	return fmt.Sprintf("%s: %s -> %s", m.file, m.old, cmp.Or(m.new, "nothing"))
}

// apply returns source with the mistake in it.
func (m mutant) apply(source string) (string, error) {
	before, after, ok := strings.Cut(source, m.at)
	if !ok || m.at != "" && strings.Contains(after, m.at) {
		return "", fmt.Errorf("%q is not there once", m.at)
	}
	start, end, ok := strings.Cut(after, m.old)
	if !ok || m.at == "" && strings.Contains(end, m.old) {
		return "", fmt.Errorf("%q is not there once", m.old)
	}
	return before + m.at + start + m.new + end, nil
}

// test is the name of the subtest that must fail.
func (m mutant) test() string {
	return "Test" + m.suite + "/one_server/" + strings.ReplaceAll(m.promise, " ", "_")
}

// pattern chooses it alone.
func (m mutant) pattern() string {
	return "^" + strings.ReplaceAll(regexp.QuoteMeta(m.test()), "/", "$/^") + "$"
}
