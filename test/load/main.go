// Command load measures the shop beside a bare net/http server that answers with
// a body of the same size, and beside a shop with an access log, in the same run, so that
// the ratios hold whatever the machine is doing. It starts bin/eshop itself and talks to loopback only.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	clients  = 16
	perRound = 700 * time.Millisecond
	rounds   = 5
	// logRounds are more, since the difference is smaller than what rounds differ by.
	logRounds = 15
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	begin := time.Now()
	shop, err := start(ctx)
	if err != nil {
		return err
	}
	defer shop.stop()
	fmt.Printf("start to ready   %8.0f ms\n", time.Since(begin).Seconds()*1000)
	fmt.Printf("memory at idle   %8.1f MiB\n", residentMiB(shop.process.Process.Pid))

	slug, id, err := someProduct(ctx, shop.base)
	if err != nil {
		return err
	}
	fmt.Printf("\n%-14s %9s %12s %12s %7s   (%d clients, median of %d rounds)\n", "", "bytes", "shop req/s", "bare req/s", "ratio", clients, rounds)
	for _, target := range []struct{ name, method, path, body string }{
		{"home", http.MethodGet, "/", ""},
		{"listing", http.MethodGet, "/products?category=shoes&sort=price", ""},
		{"search", http.MethodGet, "/products?q=running", ""},
		{"product", http.MethodGet, "/products/" + slug, ""},
		{"api product", http.MethodGet, "/api/products/" + slug, ""},
		{"add to cart", http.MethodPost, "/api/cart/add", `{"product_id":"` + id + `","quantity":1}`},
	} {
		if err := compare(ctx, shop.base, target.name, target.method, target.path, target.body); err != nil {
			return fmt.Errorf("%s: %w", target.name, err)
		}
	}
	fmt.Printf("\nmemory after     %8.1f MiB\n", residentMiB(shop.process.Process.Pid))
	return compareLogs(ctx, shop, slug)
}

// compareLogs takes turns between a shop and one that keeps an access log.
func compareLogs(ctx context.Context, shop *server, slug string) error {
	folder, err := os.MkdirTemp("", "eshop-load")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	logged, err := start(ctx, "ESHOP_ACCESS_LOG="+filepath.Join(folder, "access.log"))
	if err != nil {
		return err
	}
	defer logged.stop()
	fmt.Printf("\n%-14s %22s %12s %7s\n", "access log", "with, req/s", "without", "ratio")
	for _, target := range []struct{ name, path string }{{"product", "/products/" + slug}, {"api product", "/api/products/" + slug}} {
		with, without, ratio, err := turns(ctx, http.MethodGet, logged.base+target.path, shop.base+target.path, "", logRounds)
		if err != nil {
			return fmt.Errorf("%s: %w", target.name, err)
		}
		fmt.Printf("%-14s %22.0f %12.0f %7.2f   (median of %d rounds)\n", target.name, with, without, ratio, logRounds)
	}
	return nil
}

// server is a running bin/eshop.
type server struct {
	base    string
	process *exec.Cmd
}

// start starts a shop with demo data and these settings, and waits until it is ready.
func start(ctx context.Context, settings ...string) (*server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{"http://127.0.0.1:" + strconv.Itoa(port), exec.CommandContext(ctx, "bin/eshop", "serve")}
	s.process.Env = append(append(os.Environ(), "ESHOP_DEMO=true", "ESHOP_TRUSTED_PROXIES=127.0.0.0/8", "PORT="+strconv.Itoa(port), "SERVER_NAME=load"), settings...)
	s.process.Cancel = func() error { return s.process.Process.Signal(os.Interrupt) }
	var log bytes.Buffer
	s.process.Stderr = &log
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	if err := waitReady(ctx, s.base); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w\n%s", err, log.String())
	}
	return s, nil
}

func (s *server) stop() {
	_ = s.process.Process.Signal(os.Interrupt)
	_ = s.process.Wait()
}

// compare takes turns between the shop and a bare server, so that both see the same machine.
func compare(ctx context.Context, base, name, method, path, body string) error {
	sample, err := ask(ctx, http.DefaultClient, method, base+path, body)
	if err != nil {
		return err
	}
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(sample)
	}))
	defer bare.Close()
	ours, theirs, ratio, err := turns(ctx, method, base+path, bare.URL+path, body, rounds)
	if err == nil {
		fmt.Printf("%-14s %9d %12.0f %12.0f %7.2f\n", name, len(sample), ours, theirs, ratio)
	}
	return err
}

// turns asks at one address and another in turn, and returns the medians of how many requests a second each answers,
// and of how they compare.
func turns(ctx context.Context, method, one, other, body string, rounds int) (a, b, ratio float64, err error) {
	var ones, others, ratios []float64
	for range rounds {
		if a, err = rate(ctx, method, one, body); err != nil {
			return 0, 0, 0, err
		}
		if b, err = rate(ctx, method, other, body); err != nil {
			return 0, 0, 0, err
		}
		ones, others, ratios = append(ones, a), append(others, b), append(ratios, a/b)
	}
	return median(ones), median(others), median(ratios), nil
}

// rate is how many requests a second all clients together get answered.
func rate(ctx context.Context, method, url, body string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, perRound)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		total int
		fault error
	)
	begin := time.Now()
	for range clients {
		all.Go(func() {
			n := 0
			for ctx.Err() == nil {
				if _, err := ask(ctx, client, method, url, body); err != nil {
					if ctx.Err() == nil {
						mu.Lock()
						fault = err
						mu.Unlock()
					}
					break
				}
				n++
			}
			mu.Lock()
			total += n
			mu.Unlock()
		})
	}
	all.Wait()
	return float64(total) / time.Since(begin).Seconds(), fault
}

func ask(ctx context.Context, client *http.Client, method, url, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		// A visitor with each request, from all over: from one address so many would be told to wait.
		r.Header.Set("X-Forwarded-For", netip.AddrFrom4([4]byte{10, byte(rand.N(256)), byte(rand.N(256)), byte(rand.N(256))}).String())
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	whole, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.200s", method, url, answer.Status, whole)
	}
	return whole, err
}

func waitReady(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		_, err := ask(ctx, http.DefaultClient, http.MethodGet, base+"/ready", "")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the shop did not become ready: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

var plentiful = regexp.MustCompile(`"id":"([^"]+)","slug":"([^"]+)"`)

// someProduct is one of the products that are most in stock of those listed first.
func someProduct(ctx context.Context, base string) (slug, id string, err error) {
	list, err := ask(ctx, http.DefaultClient, http.MethodGet, base+"/api/products/?in_stock=true&sort=name", "")
	if err != nil {
		return "", "", err
	}
	match := plentiful.FindSubmatch(list)
	if match == nil {
		return "", "", errors.New("the shop has no product")
	}
	return string(match[2]), string(match[1]), nil
}

func residentMiB(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // not Linux
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
