package redis

import (
	"context"
	"strings"
	"testing"
	"time"
)

// CatchUp returns when c has heard of all changes that were made before.
func CatchUp(c *Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	redis := *c.live.Load()
	return redis.Do(ctx, redis.B().Ping().Build()).Error()
}

// Ready reports whether c has used Redis for so long that it trusts what is there.
func Ready(c *Client) bool {
	return c.live.Load() != nil && time.Now().UnixMilli() > c.trusted.Load()
}

// Address is what was understood of a URL.
type Address struct {
	Hosts, User, Password, MasterSet string
	Database                         int
	TLS                              bool
}

// ParseAddress reads a URL as Open does.
func ParseAddress(url string) (Address, error) {
	o, err := parseURL(url)
	return Address{
		Hosts: strings.Join(o.InitAddress, " "), User: o.Username, Password: o.Password, MasterSet: o.Sentinel.MasterSet,
		Database: o.SelectDB, TLS: o.TLSConfig != nil,
	}, err
}

// Outdate makes all that is kept of the catalog too old to be used without asking, to the end of the test.
func Outdate(t *testing.T) {
	for _, k := range []*kind{&products, &names, &lists, &searches} {
		used := k.used
		k.used = -time.Second
		t.Cleanup(func() { k.used = used })
	}
}
