package redis

import (
	"errors"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// Check fails if the URL is invalid, with an error that does not contain the password.
func (c Config) Check() error {
	_, err := parseURL(c.URL)
	return err
}

// Hosts returns the hosts that the URL names. The URL must pass Check.
func (c Config) Hosts() (hosts []string) {
	options, err := parseURL(c.URL)
	if err != nil {
		return nil
	}
	for _, address := range options.InitAddress {
		if host, _, err := net.SplitHostPort(address); err == nil {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

var (
	commaHosts = regexp.MustCompile(`^([^/?#]*@)?[^/?#@]*,[^/?#@]*([/?#]|$)`)
	// parameters leaves out those of rueidis.ParseURL that the cache cannot work with.
	parameters = []string{"addr", "db", "master_set", "skip_verify"}
)

// parseURL is rueidis.ParseURL with errors that quote nothing of the address, any part of
// which may be a password, and without its guesses at missing hosts and ports.
func parseURL(address string) (rueidis.ClientOption, error) {
	var none rueidis.ClientOption
	scheme, rest, _ := strings.Cut(strings.TrimSpace(address), "://")
	if scheme != "redis" && scheme != "rediss" {
		return none, errors.New("it must begin with redis:// or rediss://")
	}
	if commaHosts.MatchString(rest) {
		return none, errors.New("it names hosts with commas; write redis://host1:port?addr=host2:port&addr=host3:port")
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Fragment != "" || strings.Contains(u.Path+u.RawQuery, "@") {
		return none, errors.New("it is not an address; in a password write / ? # @ % as %2F %3F %23 %40 %25")
	}
	query, err := url.ParseQuery(u.RawQuery)
	unknown := func(name string) bool { return !slices.Contains(parameters, name) }
	if err != nil || slices.ContainsFunc(slices.Collect(maps.Keys(query)), unknown) {
		return none, errors.New("its parameters can be " + strings.Join(parameters, ", ") + ", and no other")
	}
	first := u.Host
	if u.Port() == "" && len(query["addr"]) == 0 && !query.Has("master_set") {
		first = net.JoinHostPort(u.Hostname(), "6379")
	}
	for i, host := range append([]string{first}, query["addr"]...) {
		name, port, _ := net.SplitHostPort(host)
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || name == "" || number == 0 {
			return none, errors.New("its host number " + strconv.Itoa(i+1) + " is not like host:port; only a single Redis may leave out the port")
		}
	}
	options, err := rueidis.ParseURL(u.String())
	if err != nil || options.SelectDB < 0 {
		return none, errors.New("it must be like redis://:password@host:6379/0, with a number after the slash")
	}
	if len(options.InitAddress) > 1 && options.Sentinel.MasterSet == "" && options.SelectDB != 0 {
		return none, errors.New("several hosts are a Cluster, which has database 0 alone; with Sentinels, name the master_set")
	}
	if options.TLSConfig != nil {
		options.TLSConfig.ServerName = "" // each host has a certificate with its own name
	}
	return options, nil
}
