package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"eshop/adapter/postgres"
	"eshop/adapter/redis"
)

const (
	// lookTime is how long one look may take. Who takes longer does not answer shoppers either.
	lookTime = 4 * time.Second
	// mostApart is how far a server's clock may be from the database's before shoppers see it in times.
	mostApart = 2 * time.Second
	// leastFree is of a hundred parts of a disk.
	leastFree = 10
	// certificateLasts is how long before its end a certificate should have been renewed.
	certificateLasts = 21 * 24 * time.Hour
)

// finding is what a look at one part found: what is wrong, and the line to type, or what is well.
type finding struct{ part, well, wrong, line string }

// doctor looks at the shop from outside in: at addresses of nginx and of servers, which are that of PORT unless
// given, at the stores, and at this machine.
func doctor(ctx context.Context, c call) error {
	addresses := c.args
	if len(addresses) == 0 {
		addresses = []string{fmt.Sprintf("http://127.0.0.1:%d", c.cfg.Port)}
	}
	var all []finding
	for _, address := range addresses {
		at, err := url.Parse(address)
		if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
			return errUsage
		}
		all = append(all, lookAt(ctx, at))
	}
	all = append(all, lookAtDatabase(ctx, c.cfg)...)
	all = append(all, lookAtRedis(ctx, c.cfg), lookAtDisk("/"))
	return tell(c.stdout, all)
}

func tell(to io.Writer, all []finding) error {
	wrong := 0
	for _, f := range all {
		if f.wrong == "" {
			fmt.Fprintf(to, "ok     %-22s %s\n", f.part, f.well)
			continue
		}
		wrong++
		fmt.Fprintf(to, "wrong  %-22s %s\n       type: %s\n", f.part, strings.ReplaceAll(f.wrong, "\n", " "), f.line)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d are wrong", wrong, len(all))
	}
	return nil
}

// lookAt asks a server, or nginx in front of some, whether it is ready.
func lookAt(ctx context.Context, at *url.URL) finding {
	f := finding{part: at.Host}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.Scheme+"://"+at.Host+"/ready", nil)
	if err != nil {
		f.wrong, f.line = err.Error(), "eshop doctor http://127.0.0.1:5001"
		return f
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		f.wrong, f.line = err.Error(), "systemctl status nginx 'ecommerce-server*'"
		return f
	}
	defer answer.Body.Close()
	var said struct {
		Status string
		Why    map[string]string
	}
	_ = json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&said) // what is no answer of a server tells nothing
	switch server := answer.Header.Get("X-Served-By"); {
	case answer.StatusCode == http.StatusForbidden:
		f.wrong, f.line = "nginx tells /ready to its own machine alone", "run this where nginx runs"
	case answer.StatusCode == http.StatusOK && said.Status == "":
		f.wrong, f.line = "another program answers here", "ss -ltnp"
	case answer.StatusCode != http.StatusOK || len(said.Why) > 0:
		f.wrong, f.line = fmt.Sprintf("%s is %s %v", server, said.Status, said.Why), "eshop config"
		if said.Status == "" {
			f.wrong = answer.Status
		}
	case answer.TLS != nil && time.Until(answer.TLS.PeerCertificates[0].NotAfter) < certificateLasts:
		f.wrong, f.line = "the certificate ends on "+answer.TLS.PeerCertificates[0].NotAfter.UTC().Format(time.DateOnly), "certbot renew"
	default:
		f.well = "ready, says " + server
	}
	return f
}

func lookAtDatabase(ctx context.Context, cfg config) []finding {
	database, clock := finding{part: "PostgreSQL"}, finding{part: "clock"}
	if cfg.DatabaseURL == "" {
		database.well = "none: all is in the memory of one server"
		return []finding{database}
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	store, closeStore, err := postgres.Open(ctx, postgresConfig(cfg))
	if err == nil {
		defer closeStore()
		err = store.Ping(ctx)
	}
	switch {
	case errors.Is(err, postgres.ErrOldSchema):
		database.wrong, database.line = err.Error(), "eshop migrate"
		return []finding{database}
	case err != nil:
		database.wrong, database.line = err.Error(), "systemctl status postgresql"
		return []finding{database}
	}
	database.well = "reached, and its schema is new enough"
	before := time.Now()
	now, err := store.Now(ctx)
	if err != nil {
		clock.wrong, clock.line = err.Error(), "systemctl status postgresql"
		return []finding{database, clock}
	}
	after := time.Now()
	apart := max(before.Sub(now), now.Sub(after), 0)
	clock.well = fmt.Sprintf("%v apart from PostgreSQL's", apart.Round(time.Millisecond))
	if apart > mostApart {
		clock.wrong, clock.line = clock.well, "timedatectl set-ntp true"
	}
	return []finding{database, clock}
}

func lookAtRedis(ctx context.Context, cfg config) finding {
	f := finding{part: "Redis"}
	if cfg.RedisURL == "" {
		f.well = "none: this is the only server"
		return f
	}
	client, closeClient, err := redis.Open(redisConfig(cfg))
	if err == nil {
		defer closeClient()
		for deadline := time.Now().Add(lookTime); ; { // it connects in the background
			if err = client.Check(ctx); err == nil || time.Now().After(deadline) {
				break
			}
			time.Sleep(lookTime / 40)
		}
	}
	if f.well = "reached"; err != nil {
		f.wrong, f.line = err.Error(), "systemctl status redis-server; eshop config"
	}
	return f
}

func lookAtDisk(path string) finding {
	f := finding{part: "disk"}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(path, &disk); err != nil || disk.Blocks == 0 {
		f.wrong, f.line = fmt.Sprint("it cannot be looked at: ", err), "df -h "+path
		return f
	}
	free := 100 * disk.Bavail / disk.Blocks
	f.well = fmt.Sprintf("%d %% of %s are free", free, path)
	if free < leastFree {
		f.wrong, f.line = f.well, "df -h "+path
	}
	return f
}
