package redis

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// Check reports whether the URL can be read, without a word of the password.
func (c Config) Check() error {
	_, err := parseURL(c.URL)
	return err
}

// parameters may stand after the question mark of an address.
var parameters = []string{"addr", "db", "master_set", "skip_verify"}

// parseURL reads the address of one Redis, of Sentinels or of a Cluster. What it says
// of a mistake repeats nothing of the address: a password may be in any part of it.
func parseURL(address string) (rueidis.ClientOption, error) {
	u, err := oneHost(address)
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	options, err := rueidis.ParseURL(u.String())
	if err != nil || options.SelectDB < 0 {
		return rueidis.ClientOption{}, errors.New("it must be like redis://:password@host:6379/0, with a number after the slash")
	}
	if len(options.InitAddress) > 1 && options.Sentinel.MasterSet == "" && options.SelectDB != 0 {
		return rueidis.ClientOption{}, errors.New("several hosts are a Cluster, which has database 0 alone; with Sentinels, name the master_set")
	}
	if options.TLSConfig != nil {
		options.TLSConfig.ServerName = "" // each host has a certificate with its own name
	}
	return options, nil
}

// oneHost moves all hosts but the first into parameters, which is where rueidis
// looks for them, and gives each host a port.
func oneHost(address string) (*url.URL, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(address), "://")
	if !ok || scheme != "redis" && scheme != "rediss" {
		return nil, errors.New("it must begin with redis:// or rediss://")
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	login, hosts := "", strings.Split(rest[:end], ",")
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		login, hosts = rest[:at+1], strings.Split(rest[at+1:end], ",")
	}
	u, err := url.Parse(scheme + "://" + login + rest[end:])
	if err != nil || strings.ContainsAny(rest[end:], "#@") {
		return nil, errors.New("it is not an address; in a password write / ? # @ % as %2F %3F %23 %40 %25")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("its parameters, after the question mark, are not like name=value&name=value")
	}
	for name := range query {
		if !slices.Contains(parameters, name) {
			return nil, fmt.Errorf("its parameters can be %s, and no other", strings.Join(parameters, ", "))
		}
	}
	port := redisPort
	if query.Get("master_set") != "" {
		port = sentinelPort
	}
	hosts = append(hosts, query["addr"]...)
	for i := range hosts {
		if hosts[i], err = hostPort(hosts[i], port); err != nil {
			return nil, fmt.Errorf("its host number %d %w", i+1, err)
		}
	}
	query["addr"] = hosts[1:]
	u.Host, u.RawQuery = hosts[0], query.Encode()
	return u, nil
}

// hostPort gives a host its port, unless it names one.
func hostPort(address, port string) (string, error) {
	host := address
	if h, p, err := net.SplitHostPort(address); err == nil {
		host, port = h, p
	} else if strings.HasPrefix(address, "[") {
		host = strings.Trim(address, "[]")
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", errors.New("has a port that is not from 1 to 65535")
	}
	if host == "" || strings.ContainsAny(host, " @[]") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return "", errors.New("is not like host:port")
	}
	return net.JoinHostPort(host, port), nil
}
