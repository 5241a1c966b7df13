// Command mutants tells whether the suites of port/porttest notice mistakes: it
// makes those of a list in adapter/memory, one at a time, and runs the subtest that
// must fail (mutation testing). It changes no file: the go command is given an overlay.
// It fails when a mutant survives, does not compile, or is not one any more.
//
//	go run ./test/mutants [part of a mutant ...]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

const (
	list = "test/mutants/memory.txt"
	room = "adapter/memory"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	faults, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if err != nil || faults > 0 {
		os.Exit(1)
	}
}

// run judges the mutants that have one of the parts in their text, or all, and
// returns how many were not caught.
func run(ctx context.Context, parts []string) (int, error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return 0, err
	}
	all, err := parse(string(text))
	if err != nil {
		return 0, err
	}
	all = slices.DeleteFunc(all, func(m mutant) bool {
		return len(parts) > 0 && !slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(m.String(), part) })
	})
	// A suite that fails anyway would catch everything.
	if output, err := exec.CommandContext(ctx, "go", "test", "-short", "./"+room).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("the suites fail without a mistake:\n%s", output)
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var (
		faults int
		mu     sync.Mutex
		work   sync.WaitGroup
		slots  = make(chan struct{}, runtime.NumCPU())
	)
	for i, m := range all {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			err := m.judge(ctx, filepath.Join(dir, fmt.Sprint(i)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				fmt.Println("caught", m)
				return
			}
			faults++
			fmt.Printf("MISSED %s: %v\n", m, err)
		})
	}
	work.Wait()
	fmt.Printf("mutants: %d of %d were caught\n", len(all)-faults, len(all))
	return faults, ctx.Err()
}

// judge returns an error unless the mutant is caught.
func (m mutant) judge(ctx context.Context, dir string) error {
	path, err := filepath.Abs(filepath.Join(room, m.file))
	if err != nil {
		return err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	mutated, err := m.apply(string(source))
	if err != nil {
		return err
	}
	copied, overlay := filepath.Join(dir, m.file), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: copied}})
	if err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(copied, []byte(mutated), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return err
	}
	args := slices.Concat([]string{"test", "-overlay", overlay, "-vet=off", "-short", "-count=1", "-v", "-timeout=60s", "-run", m.pattern()}, m.flags)
	output, err := exec.CommandContext(ctx, "go", append(args, "./"+room)...).CombinedOutput() // #nosec G204 -- the list is ours
	switch {
	case bytes.Contains(output, []byte("[build failed]")) || bytes.Contains(output, []byte("[setup failed]")):
		return fmt.Errorf("it does not compile:\n%s", output)
	case !bytes.Contains(output, []byte("=== RUN   "+m.test())):
		return fmt.Errorf("there is no such subtest:\n%s", output)
	case err == nil:
		return errors.New("it survived")
	case bytes.Contains(output, []byte("panic: test timed out")) && !slices.ContainsFunc(m.flags, isTimeout):
		return errors.New("it hung, which the list does not say")
	}
	return nil
}

func isTimeout(flag string) bool { return strings.HasPrefix(flag, "-timeout") }
