package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"eshop"
	"eshop/adapter/postgres"
	"eshop/adapter/redis"
	"eshop/domain"
	"eshop/web"
	"eshop/web/asset"
)

// config is every setting. The names are those that operators know.
type config struct {
	Port        uint16      `env:"PORT" envDefault:"8080"`
	ServerName  string      `env:"SERVER_NAME"`
	SecretKey   string      `env:"SECRET_KEY"`
	DatabaseURL string      `env:"DATABASE_URL"`
	RedisURL    string      `env:"REDIS_URL"`
	Environment string      `env:"ESHOP_ENV" envDefault:"development"`
	Demo        bool        `env:"ESHOP_DEMO"`
	MetricsAddr string      `env:"ESHOP_METRICS_ADDR"`
	Pprof       bool        `env:"ESHOP_PPROF"`
	Proxies     web.Proxies `env:"ESHOP_TRUSTED_PROXIES"`
	AccessLog   string      `env:"ESHOP_ACCESS_LOG"`
	ErrorLog    string      `env:"ESHOP_ERROR_LOG"`

	TraceEndpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	TraceHeaders  string `env:"OTEL_EXPORTER_OTLP_HEADERS"`

	SessionIdle  time.Duration `env:"ESHOP_SESSION_IDLE" envDefault:"720h"`
	StaffIdle    time.Duration `env:"ESHOP_STAFF_IDLE" envDefault:"30m"`
	StaffSession time.Duration `env:"ESHOP_STAFF_SESSION" envDefault:"12h"`

	UploadSize   int  `env:"ESHOP_UPLOAD_SIZE" envDefault:"900"`
	SignInRate   rate `env:"ESHOP_RATE_SIGN_IN" envDefault:"10/30s"`
	RegisterRate rate `env:"ESHOP_RATE_REGISTER" envDefault:"60/10s"`
	ContactRate  rate `env:"ESHOP_RATE_CONTACT" envDefault:"5/1m"`
	ChatRate     rate `env:"ESHOP_RATE_CHAT" envDefault:"30/1s"`
	DeclinedRate rate `env:"ESHOP_RATE_DECLINED" envDefault:"10/1m"`

	Name             string `env:"ESHOP_NAME"`
	Tagline          string `env:"ESHOP_TAGLINE"`
	About            string `env:"ESHOP_ABOUT"`
	Address          string `env:"ESHOP_ADDRESS"`
	Phone            string `env:"ESHOP_PHONE"`
	Email            string `env:"ESHOP_EMAIL"`
	Hours            string `env:"ESHOP_HOURS"`
	Currency         string `env:"ESHOP_CURRENCY"`
	TaxNote          string `env:"ESHOP_TAX_NOTE"`
	DeliveryCost     string `env:"ESHOP_DELIVERY_COST"`
	FreeDeliveryFrom string `env:"ESHOP_FREE_DELIVERY_FROM"`
	DeliveryTime     string `env:"ESHOP_DELIVERY_TIME"`
	ShopDir          string `env:"ESHOP_SHOP_DIR"`

	AssetURL asset.Prefix `env:"ESHOP_ASSET_URL"`
}

const (
	metricsAbove = 1000
	development  = "development"
	production   = "production"
	demoShop     = "demo"
)

const settingsHelp = `  PORT                 where to listen; 8080
  SERVER_NAME          what answers and pages are signed with; the host's name
  DATABASE_URL         PostgreSQL, as postgres://user:password@host:5432/name, of which several hosts may be
                       named; unless it is set, all is kept in the memory of this process
  REDIS_URL            Redis, as redis://:password@host:6379/0; unless it is set, this is the only server
  SECRET_KEY           32 bytes or more, the same on all servers of a shop; made anew at each start unless set.
                       While servers have different ones, and for purchases from before a change, a repeated
                       checkout is answered idempotency_key_reused: stop all servers, change it, start them
  ESHOP_ENV            development, production, or demo, which is as safe as production and has demo data;
                       development. A database that is one's of these two never becomes the other's by this
  ESHOP_DEMO           true is demo data in development; ESHOP_ENV=demo has it without
  ESHOP_METRICS_ADDR   where /metrics is served, apart from the shop; PORT + 1000 on this host alone
  ESHOP_PPROF          true is /debug/pprof/ beside /metrics, for go tool pprof; whoever reaches it can slow this server
  ESHOP_TRUSTED_PROXIES
                       networks of the balancers in front, as 127.0.0.0/8,10.1.0.0/16, that are believed about who asks
  ESHOP_ACCESS_LOG     a file with a line of JSON for each answer, at most a second late; opened anew once it is moved away
  ESHOP_ERROR_LOG      a file with the server's own log, which goes to standard error in any case
  OTEL_EXPORTER_OTLP_ENDPOINT
                       OpenTelemetry's collector, as http://collector:4318, which is sent a trace of each request; none.
                       Other names of OpenTelemetry's hold too: OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG,
                       OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
  OTEL_EXPORTER_OTLP_HEADERS
                       what that collector wants to see, as Authorization=Basic%20..., more behind commas
  ESHOP_SESSION_IDLE   after how long without use a shopper's session ends; 720h, which is thirty days
  ESHOP_STAFF_IDLE     after how long without use a session of the shop's staff ends; 30m
  ESHOP_STAFF_SESSION  how long a session of the shop's staff lasts at most; 12h
  ESHOP_ASSET_URL      where browsers find the shop's assets and pictures, as https://cdn.example/shop, which is a cache that
                       asks the shop for what it lacks; the shop itself. The same on all servers
  ESHOP_UPLOAD_SIZE    how large a picture that staff add may be, in kB, up to 6000; 900. nginx bounds every body to 8 MiB

How often something may be tried, as 10/30s: ten times at once, and once more each 30 seconds. It is counted for all
servers together. nginx has limits by address of its own.

  ESHOP_RATE_SIGN_IN   wrong passwords of an account from an address; 10/30s
  ESHOP_RATE_REGISTER  accounts from an address; 60/10s
  ESHOP_RATE_CONTACT   contact messages from an address; 5/1m
  ESHOP_RATE_CHAT      chat messages of a shopper; 30/1s
  ESHOP_RATE_DECLINED  declined payments of a shopper; 10/1m

What pages say of the shop. They say nothing of what is not set, but in a demo, which has all of it:

  ESHOP_NAME           what the shop is called
  ESHOP_TAGLINE        heads the home page
  ESHOP_ABOUT          what the shop is, in a sentence or two
  ESHOP_ADDRESS        the shop's postal address
  ESHOP_PHONE          its telephone number
  ESHOP_EMAIL          its e-mail address
  ESHOP_HOURS          when somebody answers, as people read it: Monday to Friday, 9:00 to 18:00
  ESHOP_CURRENCY       what it sells in, the same on all servers, as EUR; USD. It stays once products are on sale
  ESHOP_TAX_NOTE       what it says of taxes beside prices: Prices include VAT.
  ESHOP_DELIVERY_COST  what the delivery of an order costs, the same on all servers; 4.99
  ESHOP_FREE_DELIVERY_FROM
                       from which sum delivery is free, or never; 50, of which pages then say nothing
  ESHOP_DELIVERY_TIME  how long delivery takes, as people read it: 1 to 3 working days
  ESHOP_SHOP_DIR       a folder with logo.svg (or .png, .jpg, .webp), terms.txt, privacy.txt, returns.txt and imprint.txt,
                       each of which pages show when it is there. In a text an empty line ends a paragraph, and
                       a line is a heading after "# " and an item of a list after "- "
`

// readConfig reads every setting and says all that is wrong at once.
func readConfig(values map[string]string) (config, error) {
	cfg, err := env.ParseAsWithOptions[config](env.Options{Environment: values})
	var (
		wrong  []error
		failed env.AggregateError
	)
	errors.As(err, &failed)
	for _, err := range failed.Errors {
		if parse := (env.ParseError{}); errors.As(err, &parse) {
			field, _ := reflect.TypeFor[config]().FieldByName(parse.Name)
			err = fmt.Errorf("%s: %w", field.Tag.Get("env"), parse.Err)
		}
		wrong = append(wrong, err)
	}
	cfg.DatabaseURL = strings.TrimSpace(cfg.DatabaseURL) // a line end would be part of the database's name
	if cfg.Port == 0 {
		wrong = append(wrong, errors.New("PORT must be from 1 to 65535"))
	}
	if cfg.MetricsAddr == "" && cfg.Port > math.MaxUint16-metricsAbove {
		wrong = append(wrong, fmt.Errorf("ESHOP_METRICS_ADDR must be set when PORT is above %d", math.MaxUint16-metricsAbove))
	}
	switch cfg.Environment {
	case development:
	case production, demoShop:
		wrong = append(wrong, cfg.unfitForStrangers()...)
	default:
		wrong = append(wrong, errors.New("ESHOP_ENV must be development, production or demo"))
	}
	wrong = append(wrong, cfg.wrongAddresses()...)
	wrong = append(wrong, cfg.wrongTraces()...)
	wrong = append(wrong, cfg.wrongSessions()...)
	if cfg.UploadSize < leastUpload || cfg.UploadSize > domain.MaxPictureBytes/1000 {
		wrong = append(wrong, fmt.Errorf("ESHOP_UPLOAD_SIZE must be from %d to %d, in kB", leastUpload, domain.MaxPictureBytes/1000))
	}
	if cfg.Environment != development && !cfg.AssetURL.Secure() {
		wrong = append(wrong, fmt.Errorf("ESHOP_ASSET_URL must begin with https:// when ESHOP_ENV is %s", cfg.Environment))
	}
	wrong = append(wrong, cfg.wrongShop()...)
	if cfg.SecretKey != "" && len(cfg.SecretKey) < eshop.MinSecretKey {
		wrong = append(wrong, fmt.Errorf("SECRET_KEY must have %d bytes or more; openssl rand -hex 32 makes one", eshop.MinSecretKey))
	}
	if cfg.SecretKey != "" && guessable(cfg.SecretKey) {
		if cfg.Environment != development || cfg.RedisURL != "" {
			wrong = append(wrong, errors.New("SECRET_KEY is an example's, or a few characters again and again, which others guess; openssl rand -hex 32 makes one"))
		}
		cfg.SecretKey = ""
	} else if cfg.SecretKey == "" && cfg.RedisURL != "" {
		wrong = append(wrong, errors.New("SECRET_KEY must be set, and be the same on all servers, when REDIS_URL makes them one shop; openssl rand -hex 32 makes one"))
	}
	if err := errors.Join(wrong...); err != nil {
		return config{}, err
	}
	if cfg.ServerName == "" {
		if cfg.ServerName, err = os.Hostname(); err != nil {
			return config{}, fmt.Errorf("SERVER_NAME is not set, and the host has no name: %w", err)
		}
	}
	cfg.SecretKey = cmp.Or(cfg.SecretKey, rand.Text()+rand.Text())
	cfg.MetricsAddr = cmp.Or(cfg.MetricsAddr, fmt.Sprintf("127.0.0.1:%d", cfg.Port+metricsAbove))
	return cfg, nil
}

// placeholder is a secret that stands for one.
var placeholder = regexp.MustCompile(`(?i)change[-_ ]?(me|this|it|in)|your[-_ ]?secret|secret[-_ ]?key|placeholder|insecure|default`)

// guessable reports whether a secret key is one that others may think of: an example's, or one of a few characters again and again.
func guessable(key string) bool {
	different := map[rune]bool{}
	for _, r := range key {
		different[r] = true
	}
	return placeholder.MatchString(key) || len(different) < fewestDifferent
}

// fewestDifferent is less than 32 random hexadecimal digits have but once in a trillion times.
const fewestDifferent = 6

// unfitForStrangers says what a shop lacks that is not for its developers alone.
func (c config) unfitForStrangers() []error {
	var wrong []error
	if c.DatabaseURL == "" {
		wrong = append(wrong, fmt.Errorf("DATABASE_URL must be set when ESHOP_ENV is %s: the embedded stores forget everything at the end", c.Environment))
	}
	if c.SecretKey == "" && c.RedisURL == "" {
		wrong = append(wrong, fmt.Errorf("SECRET_KEY must be set when ESHOP_ENV is %s; openssl rand -hex 32 makes one", c.Environment))
	}
	if c.Demo && c.Environment == production {
		wrong = append(wrong, errors.New("ESHOP_DEMO must not be set in production: the demo accounts' passwords are known to everybody; ESHOP_ENV=demo is a shop to show"))
	}
	return wrong
}

// hasDemoData reports whether the shop fills itself with the demo data, and says so on its pages.
func (c config) hasDemoData() bool { return c.Demo || c.Environment == demoShop }

func (c config) wrongAddresses() []error {
	var wrong []error
	if c.DatabaseURL != "" {
		if err := postgresConfig(c).Check(); err != nil {
			wrong = append(wrong, fmt.Errorf("DATABASE_URL: %w", err))
		}
	}
	if c.RedisURL != "" {
		if err := redisConfig(c).Check(); err != nil {
			wrong = append(wrong, fmt.Errorf("REDIS_URL: %w", err))
		}
		if c.DatabaseURL == "" {
			wrong = append(wrong, errors.New("DATABASE_URL must be set when REDIS_URL is: Redis keeps nothing that may not be lost"))
		}
	}
	return wrong
}

// hosts returns the hosts that the settings name, each once.
func (c config) hosts() []string {
	var all []string
	if c.DatabaseURL != "" {
		all = append(all, postgresConfig(c).Hosts()...)
	}
	if c.RedisURL != "" {
		all = append(all, redisConfig(c).Hosts()...)
	}
	if at, err := url.Parse(c.TraceEndpoint); err == nil && c.TraceEndpoint != "" {
		all = append(all, at.Hostname())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// leastUpload is in kB, and less than any photograph of goods has.
const leastUpload = 10

// These are a few times longer than the steps in which the use of a session is written down.
const (
	leastStaffIdle   = 5 * domain.StaffTouch
	leastSessionIdle = 5 * domain.SessionTouch
)

func (c config) wrongSessions() []error {
	var wrong []error
	for _, setting := range []struct {
		name  string
		value time.Duration
	}{{"ESHOP_STAFF_IDLE", c.StaffIdle}, {"ESHOP_STAFF_SESSION", c.StaffSession}} {
		if setting.value < leastStaffIdle || setting.value > domain.SessionIdle {
			wrong = append(wrong, fmt.Errorf("%s must be from %v to %v, as 30m or 12h", setting.name, leastStaffIdle, domain.SessionIdle))
		}
	}
	if c.SessionIdle < leastSessionIdle || c.SessionIdle > domain.SessionIdle {
		wrong = append(wrong, fmt.Errorf("ESHOP_SESSION_IDLE must be from %v to %v, as 24h", leastSessionIdle, domain.SessionIdle))
	}
	return wrong
}

// stores says in a word where the shop keeps what it keeps.
func (c config) stores() string {
	switch {
	case c.RedisURL != "":
		return "PostgreSQL and Redis"
	case c.DatabaseURL != "":
		return "PostgreSQL"
	}
	return "embedded"
}

func postgresConfig(c config) postgres.Config {
	return postgres.Config{URL: c.DatabaseURL, Name: strings.TrimSpace("eshop " + c.ServerName)}
}

func redisConfig(c config) redis.Config {
	return redis.Config{URL: c.RedisURL, Name: strings.ReplaceAll(c.ServerName, " ", "-")}
}
