package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"
)

// dotenv is the file of settings in the working directory, which is read by every command.
const dotenv = ".env"

// settings are what was set, before any of it is read.
type settings struct {
	values map[string]string
	from   map[string]string // where each was set
	odd    []string          // what is likely a mistake, in words that bear no value
}

// secrets are settings that may be named by a file: NAME_FILE.
var secrets = []string{"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "OTEL_EXPORTER_OTLP_HEADERS"}

// mostSettings is several times the length of any secret, and of all settings with their explanations.
const mostSettings = 64 << 10

// readSettings reads the file, unless there is none, and the environment, which goes before it.
// It says all that is wrong at once, and no value.
func readSettings(environ []string, file string) (settings, error) {
	s := settings{values: map[string]string{}, from: map[string]string{}}
	var wrong []error
	if err := s.readFile(file); err != nil {
		wrong = append(wrong, err)
	}
	for name, value := range env.ToMap(environ) {
		if value != "" || s.values[name] == "" {
			s.values[name], s.from[name] = value, "environment"
		}
		if unknown(name) && (strings.HasPrefix(name, "ESHOP_") || strings.HasPrefix(name, exporterPrefix) || meant(name) != "") {
			s.odd = append(s.odd, oddName(name, "the environment"))
		}
	}
	for _, name := range secrets {
		if err := s.readSecret(name); err != nil {
			wrong = append(wrong, err)
		}
	}
	if key := s.values["SECRET_KEY"]; key != "" && guessable(key) {
		s.odd = append(s.odd, "SECRET_KEY is an example's, or a few characters again and again, which others guess; where it is not refused, a key of its own is made at each start")
	}
	slices.Sort(s.odd)
	return s, errors.Join(wrong...)
}

func (s *settings) readFile(file string) error {
	text, err := readPlain(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) { // as in the home of another user, where there may be none
		s.odd = append(s.odd, fmt.Sprintf("%v, and so it is left out", err))
		return nil
	}
	if err != nil {
		return err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // as editors on Windows begin a file
	values, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		// What the library says of it repeats the file.
		return fmt.Errorf("%s cannot be read from line %d on: each line is NAME=value, with any value that has more than letters and digits in 'single quotes'", file, firstWrong(text))
	}
	for name, value := range values {
		s.values[name], s.from[name] = value, file
		if unknown(name) && (!strings.HasPrefix(name, tracePrefix) || strings.HasPrefix(name, exporterPrefix) || meant(name) != "") {
			s.odd = append(s.odd, oddName(name, file))
		}
	}
	set := map[string]bool{}
	for _, line := range assigned.FindAllSubmatch(text, -1) {
		name := string(line[1])
		if _, ok := values[name]; ok && set[name] {
			s.odd = append(s.odd, fmt.Sprintf("%s is set more than once in %s, and the last is taken", name, file))
		}
		set[name] = true
	}
	for _, line := range unquoted.FindAllStringSubmatch(string(text), -1) {
		name, raw := line[1], strings.TrimSpace(line[2])
		if strings.Contains(raw, "$") && values[name] != strings.Trim(raw, `"`) || slices.Contains(secrets, name) && !strings.HasPrefix(raw, `"`) && values[name] != raw {
			s.odd = append(s.odd, fmt.Sprintf("%s in %s is not taken as it stands there: put it in 'single quotes', in which $ and # are themselves", name, file))
		}
	}
	return nil
}

// assigned are lines that begin a setting.
var assigned = regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z0-9_.]+)[ \t]*=`)

// unquoted are lines whose value is not in single quotes.
var unquoted = regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z0-9_.]+)[ \t]*=[ \t]*([^'\s][^\n]*)$`)

// firstWrong returns the line after the last up to which the text can be read.
func firstWrong(text []byte) int {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for n := len(lines) - 1; n > 0; n-- {
		if _, err := godotenv.UnmarshalBytes(bytes.Join(lines[:n], nil)); err == nil {
			return n + 1
		}
	}
	return 1
}

// readSecret reads a secret from the file that NAME_FILE names, as systemd's credentials and Docker's secrets are.
func (s *settings) readSecret(name string) error {
	setting := name + "_FILE"
	path := s.values[setting]
	if path == "" {
		return nil
	}
	if s.values[name] != "" {
		return fmt.Errorf("%s and %s are both set", name, setting)
	}
	text, err := readPlain(path)
	if err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n\x00") {
		return fmt.Errorf("%s: %s must have one line", setting, path)
	}
	s.values[name], s.from[name] = secret, path
	return nil
}

// readPlain reads a file of settings. A pipe or a device may have no end.
func readPlain(path string) ([]byte, error) {
	about, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !about.Mode().IsRegular() || about.Size() > mostSettings {
		return nil, fmt.Errorf("%s must be a file of at most %d bytes", path, mostSettings)
	}
	return os.ReadFile(path)
}

const (
	// tracePrefix begins the names that OpenTelemetry has given to settings, which are many.
	tracePrefix = "OTEL_"
	// exporterPrefix begins those about its collector. Of these no other hold than the two that are settings here.
	exporterPrefix = "OTEL_EXPORTER_OTLP_"
)

// passOn puts what the file says of tracing into the environment, where OpenTelemetry's library looks for it.
func (s *settings) passOn() error {
	var wrong []error
	for name, value := range s.values {
		if strings.HasPrefix(name, tracePrefix) && unknown(name) {
			wrong = append(wrong, os.Setenv(name, value))
		}
	}
	return errors.Join(wrong...)
}

// names are all settings.
var names = func() (all []string) {
	of := reflect.TypeFor[config]()
	for i := range of.NumField() {
		all = append(all, of.Field(i).Tag.Get("env"))
	}
	for _, name := range secrets {
		all = append(all, name+"_FILE")
	}
	return all
}()

func unknown(name string) bool { return !slices.Contains(names, name) }

func oddName(name, where string) string {
	if near := meant(name); near != "" {
		return fmt.Sprintf("%s in %s is no setting; %s is", name, where, near)
	}
	return fmt.Sprintf("%s in %s is no setting", name, where)
}

// meant returns the setting that was likely meant by name; "" when none is near.
func meant(name string) string {
	const slips = 2
	name = strings.ToUpper(name)
	for _, known := range names {
		if len(known) > 2*slips && distance(name, known) <= slips {
			return known
		}
	}
	return ""
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, before+cost)
		}
	}
	return row[len(b)]
}

// showConfig prints what holds, and where each value was set, or the hosts that are named there.
func showConfig(_ context.Context, c call) error {
	if slices.Equal(c.args, []string{"hosts"}) {
		for _, host := range c.cfg.hosts() {
			fmt.Fprintln(c.stdout, host)
		}
		return nil
	}
	if len(c.args) > 0 {
		return errUsage
	}
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	of, values := reflect.TypeFor[config](), reflect.ValueOf(c.cfg)
	for i := range of.NumField() {
		name := of.Field(i).Tag.Get("env")
		from, value := "default", strings.Trim(fmt.Sprint(values.Field(i).Interface()), "[]")
		switch {
		case name == "SECRET_KEY" && value != c.set.values[name]:
			from = "made at this start"
		case c.set.values[name] != "":
			from = c.set.from[name]
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, masked(name, value), from)
	}
	return table.Flush()
}

// masked is a value without what is secret of it.
func masked(name, value string) string {
	switch {
	case value == "" || !slices.Contains(secrets, name):
		return value
	case name == "OTEL_EXPORTER_OTLP_HEADERS":
		return "(set)"
	case name == "SECRET_KEY":
		return fmt.Sprintf("(%d bytes)", len(value))
	}
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok {
		return "(set)"
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, _, ok := strings.Cut(rest[:at], ":")
		if ok {
			user += ":"
		} else {
			user = "" // as when a password stands where a name should
		}
		rest = user + "***" + rest[at:]
	}
	return scheme + "://" + secretQuery.ReplaceAllString(rest, "$1=***")
}

var secretQuery = regexp.MustCompile(`(?i)((?:ssl)?password)=[^&]*`)
