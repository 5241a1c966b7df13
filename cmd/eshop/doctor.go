package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
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
	// leastFree is in percent of a disk.
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
	all = append(all, lookAtRedis(ctx, c.cfg)...)
	return tell(c.stdout, append(all, lookAtDisks(disks)...))
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
		if invalid := (*tls.CertificateVerificationError)(nil); errors.As(err, &invalid) {
			f.line = "certbot certificates; nginx -T | grep ssl_certificate"
		}
		return f
	}
	defer answer.Body.Close()
	var said struct {
		Status string
		Why    map[string]string
	}
	_ = json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&said) // what is no answer of a server tells nothing
	switch server := answer.Header.Get("X-Served-By"); {
	case answer.StatusCode == http.StatusForbidden && answer.TLS == nil:
		f.wrong, f.line = "nginx tells /ready to its own machine alone", "run this where nginx runs"
	case answer.TLS != nil && time.Until(answer.TLS.PeerCertificates[0].NotAfter) < certificateLasts:
		f.wrong, f.line = "the certificate ends on "+answer.TLS.PeerCertificates[0].NotAfter.UTC().Format(time.DateOnly), "certbot renew"
	case answer.StatusCode == http.StatusForbidden: // the shop's own name leads out and in again
		f.well = "answers, and its certificate lasts until " + answer.TLS.PeerCertificates[0].NotAfter.UTC().Format(time.DateOnly)
	case answer.StatusCode == http.StatusOK && said.Status == "":
		f.wrong, f.line = "another program answers here", "ss -ltnp"
	case answer.StatusCode != http.StatusOK || len(said.Why) > 0:
		f.wrong, f.line = fmt.Sprintf("%s is %s %v", server, said.Status, said.Why), "eshop config"
		if said.Status == "" {
			f.wrong = answer.Status
		}
	default:
		f.well = "ready, says " + server
	}
	return f
}

func lookAtDatabase(ctx context.Context, cfg config) []finding {
	database := finding{part: "PostgreSQL"}
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
		database.wrong, database.line = err.Error(), lineFor(err, "systemctl status postgresql")
		return []finding{database}
	}
	database.well = "reached, and its schema is new enough"
	return []finding{database, lookAtClock(ctx, "PostgreSQL", store.Now)}
}

// lookAtClock compares this machine's clock with a store's.
func lookAtClock(ctx context.Context, of string, read func(context.Context) (time.Time, error)) finding {
	f := finding{part: "clock of " + of}
	before := time.Now()
	now, err := read(ctx)
	if err != nil {
		f.wrong, f.line = err.Error(), "eshop doctor"
		return f
	}
	apart := max(before.Sub(now), time.Until(now), 0)
	f.well = fmt.Sprintf("%v from this machine's", apart.Round(time.Millisecond))
	if apart > mostApart {
		f.wrong, f.line = f.well, "timedatectl set-ntp true"
	}
	return f
}

func lookAtRedis(ctx context.Context, cfg config) []finding {
	f := finding{part: "Redis"}
	if cfg.RedisURL == "" {
		f.well = "none: this is the only server"
		return []finding{f}
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
	if err != nil {
		f.wrong, f.line = err.Error(), lineFor(err, "systemctl status redis-server")
		return []finding{f}
	}
	f.well = "reached"
	return []finding{f, lookAtClock(ctx, "Redis", client.Now)}
}

// refused is what stores say to a wrong name or password, and of a database that is not there.
var refused = regexp.MustCompile(`WRONGPASS|NOAUTH|NOPERM|DB index|SQLSTATE 28|SQLSTATE 3D000|SQLSTATE 42501`)

// lineFor returns the line that shows the settings which a store refuses, or that looks at one that is away.
func lineFor(err error, away string) string {
	if refused.MatchString(err.Error()) {
		return "eshop config"
	}
	return away
}

// disks are where a shop keeps what grows. Those that are not here are on another machine.
var disks = []string{"/", "/var/lib/postgresql", "/var/lib/redis", "/var/log"}

// lookAtDisks looks at each disk once, by whatever of its names.
func lookAtDisks(paths []string) (all []finding) {
	seen := map[uint64]bool{}
	for _, path := range paths {
		var (
			of   syscall.Stat_t
			disk syscall.Statfs_t
		)
		err := errors.Join(syscall.Stat(path, &of), syscall.Statfs(path, &disk))
		if errors.Is(err, fs.ErrNotExist) || err == nil && seen[of.Dev] {
			continue
		}
		seen[of.Dev] = true
		f := finding{part: "disk of " + path}
		if err != nil {
			f.wrong, f.line = err.Error(), "df -h "+path
			all = append(all, f)
			continue
		}
		free, files := percent(disk.Bavail, disk.Blocks), percent(disk.Ffree, disk.Files)
		f.well = fmt.Sprintf("%d %% are free", free)
		switch {
		case free < leastFree:
			f.wrong, f.line = f.well, "du -xh "+path+" | sort -h | tail"
		case files < leastFree:
			f.wrong, f.line = fmt.Sprintf("only %d %% more files fit", files), "du -x --inodes "+path+" | sort -n | tail"
		}
		all = append(all, f)
	}
	return all
}

// percent is part of whole; a whole of nothing, as of files on a disk that counts none, is all free.
func percent(part, whole uint64) uint64 {
	if whole == 0 {
		return 100
	}
	return 100 * part / whole
}
