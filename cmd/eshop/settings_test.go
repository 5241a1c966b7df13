package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestReadSettings(t *testing.T) {
	const url = "postgres://eshop:s3cr$t#1@db/eshop?sslmode=disable&pool_max_conns=5"
	for name, c := range map[string]struct {
		file    string
		environ []string
		want    map[string]string
		odd     []string
	}{
		"no file":                    {"", []string{"PORT=1"}, map[string]string{"PORT": "1"}, nil},
		"a file":                     {"PORT=1\n\n# why\nexport ESHOP_HOURS=\"9 to 5\"\r\nESHOP_PHONE=+1 555 0100\n", nil, map[string]string{"PORT": "1", "ESHOP_HOURS": "9 to 5", "ESHOP_PHONE": "+1 555 0100"}, nil},
		"of an editor on Windows":    {"\ufeffPORT=1\r\nSERVER_NAME=one\r\n", nil, map[string]string{"PORT": "1", "SERVER_NAME": "one"}, nil},
		"an address in quotes":       {"DATABASE_URL='" + url + "'\n", nil, map[string]string{"DATABASE_URL": url}, nil},
		"an address with &":          {"DATABASE_URL=postgres://h/d?a=1&b=2\n", nil, map[string]string{"DATABASE_URL": "postgres://h/d?a=1&b=2"}, nil},
		"the environment goes first": {"PORT=1\nSERVER_NAME=one\n", []string{"PORT=2"}, map[string]string{"PORT": "2", "SERVER_NAME": "one"}, nil},
		"but not when it is empty":   {"PORT=1\n", []string{"PORT="}, map[string]string{"PORT": "1"}, nil},
		"what would be cut":          {"REDIS_URL=redis://:hid #den@h\nESHOP_HOURS=9 # to 5\n", nil, map[string]string{"ESHOP_HOURS": "9"}, []string{"REDIS_URL"}},
		"what would be filled in":    {"DATABASE_URL=\"postgres://u:hid$DEN@h/d\"\nESHOP_EMAIL=a$B@c\n", nil, nil, []string{"DATABASE_URL", "ESHOP_EMAIL"}},
		"a name in small letters":    {"database_url=postgres://h/hidden\n", []string{"secret_key=hidden"}, nil, []string{"DATABASE_URL is", "SECRET_KEY is"}},
		"a name that is set twice":   {"PORT=1\n#PORT=2\nexport PORT = 3\n", nil, map[string]string{"PORT": "3"}, []string{"PORT is set more than once"}},
		"names that are none":        {"DATABSE_URL=postgres://h/hidden\nTITLE=hidden\nSECRET KEY=hidden\n", []string{"ESHOP_DEMOS=true", "HOME=/root", "REDIS_URI=x"}, nil, []string{"DATABASE_URL is", "TITLE in", "ESHOP_DEMO is", "REDIS_URL is", "SECRET_KEY is"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "none")
			if c.file != "" {
				path = file(t, ".env", c.file)
			}
			s, err := readSettings(c.environ, path)
			require.NoError(t, err)
			for name, want := range c.want {
				assert.Equal(t, want, s.values[name], name)
			}
			require.Len(t, s.odd, len(c.odd), "%v", s.odd)
			odd := strings.Join(s.odd, "\n")
			for _, says := range c.odd {
				assert.Contains(t, odd, says)
			}
			assert.NotContains(t, odd, "hid", "no value is told")
		})
	}
	t.Run("a file that cannot be read says from where on, and not what is there", func(t *testing.T) {
		_, err := readSettings(nil, file(t, ".env", "PORT=1\nSERVER_NAME=one\nDATABASE_URL=\"hidden\nPORT=2\n"))
		require.ErrorContains(t, err, "line 3")
		assert.NotContains(t, err.Error(), "hidden")
	})
	t.Run("a folder or a device is no file", func(t *testing.T) {
		for _, path := range []string{t.TempDir(), "/dev/zero"} {
			_, err := readSettings(nil, path)
			require.ErrorContains(t, err, "must be a file")
		}
	})
}

func TestReadSettings_SecretsInFiles(t *testing.T) {
	secret := file(t, "secret", "0123456789abcdef0123456789abcdef\n")
	s, err := readSettings([]string{"SECRET_KEY_FILE=" + secret}, "none")
	require.NoError(t, err)
	assert.Equal(t, "0123456789abcdef0123456789abcdef", s.values["SECRET_KEY"])
	assert.Equal(t, secret, s.from["SECRET_KEY"])
	assert.Empty(t, s.odd)
	for name, environ := range map[string][]string{
		"both set":   {"SECRET_KEY_FILE=" + secret, "SECRET_KEY=x"},
		"no file":    {"DATABASE_URL_FILE=" + filepath.Join(t.TempDir(), "none")},
		"a folder":   {"DATABASE_URL_FILE=" + t.TempDir()},
		"a device":   {"SECRET_KEY_FILE=/dev/zero"},
		"empty":      {"REDIS_URL_FILE=" + file(t, "empty", "\n")},
		"two lines":  {"REDIS_URL_FILE=" + file(t, "two", "hidden\nhidden\n")},
		"very large": {"REDIS_URL_FILE=" + file(t, "large", strings.Repeat("hidden", mostSettings))},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSettings(environ, "none")
			setting, _, _ := strings.Cut(environ[0], "=")
			require.ErrorContains(t, err, setting)
			assert.NotContains(t, err.Error(), "hidden")
		})
	}
	t.Run("all that is wrong is said at once", func(t *testing.T) {
		var stderr bytes.Buffer
		code := run(t.Context(), []string{"config"}, []string{"DATABASE_URL_FILE=/none", "REDIS_URL_FILE=/none", "PORT=x"}, os.Stdin, &stderr, &stderr)
		assert.Equal(t, 2, code)
		for _, says := range []string{"DATABASE_URL_FILE", "REDIS_URL_FILE", "PORT"} {
			assert.Contains(t, stderr.String(), says)
		}
	})
}

func TestConfig_TellsWhereEachWasSetAndNoSecret(t *testing.T) {
	t.Chdir(filepath.Dir(file(t, ".env", "ESHOP_PHONE='+1 555'\nREDIS_URL='redis://:hidden@r:6379/0'\n")))
	key := file(t, "key", "hidden-hidden-hidden-hidden-hidden-hidden")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"config"}, []string{"SECRET_KEY_FILE=" + key, "DATABASE_URL=postgres://eshop:hid%40den@db/eshop?sslpassword=hidden"}, os.Stdin, &stdout, &stderr)
	require.Zero(t, code, stderr.String())
	for _, line := range []string{
		`PORT +8080 +default`, `ESHOP_PHONE +\+1 555 +\.env`, `SECRET_KEY +\(41 bytes\) +` + key,
		`DATABASE_URL +postgres://eshop:\*\*\*@db/eshop\?sslpassword=\*\*\* +environment`, `REDIS_URL +redis://:\*\*\*@r:6379/0 +\.env`,
	} {
		assert.Regexp(t, line, stdout.String())
	}
	assert.NotContains(t, stdout.String()+stderr.String(), "hid")

	t.Chdir(t.TempDir())
	stdout.Reset()
	require.Zero(t, run(t.Context(), []string{"config"}, nil, os.Stdin, &stdout, &stderr))
	assert.Regexp(t, `SECRET_KEY +\(52 bytes\) +made at this start`, stdout.String())
}

func TestMasked_HidesAPasswordInThePlaceOfAName(t *testing.T) {
	assert.Equal(t, "redis://***@h:6379/0", masked("REDIS_URL", "redis://hidden@h:6379/0"))
	assert.Equal(t, "redis://u:***@h:6379/0", masked("REDIS_URL", "redis://u:hid:den@h:6379/0"))
}

func TestReadConfig_Placeholders(t *testing.T) {
	for _, key := range []string{"change-me-change-me-change-me-change-me", "your-secret-key-here-change-in-production", "please CHANGE THIS 0123456789abcdef0123", strings.Repeat("ab1-", 9)} {
		_, err := readConfig(map[string]string{"SECRET_KEY": key, "ESHOP_ENV": production, "DATABASE_URL": "postgres://h/d"})
		require.ErrorContains(t, err, "SECRET_KEY", key)
		_, err = readConfig(map[string]string{"SECRET_KEY": key, "DATABASE_URL": "postgres://h/d", "REDIS_URL": "redis://h:1"})
		require.ErrorContains(t, err, "SECRET_KEY", key)
		cfg, err := readConfig(map[string]string{"SECRET_KEY": key})
		require.NoError(t, err)
		assert.NotEqual(t, key, cfg.SecretKey, "one of its own")
	}
}

func TestSettings_AreExplained(t *testing.T) {
	example, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	for _, name := range names {
		assert.Regexp(t, `\b`+name+`\b`, string(example), "in .env.example")
		assert.Contains(t, settingsHelp+usage, name, "in eshop help")
	}
	for _, line := range assigned.FindAllSubmatch(bytes.ReplaceAll(example, []byte("\n#"), []byte("\n")), -1) {
		name := string(line[1])
		assert.True(t, !unknown(name) || strings.HasPrefix(name, tracePrefix), "%s is named, and no setting", name)
	}
}

func TestConfigHosts(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"a shop in memory":    {nil, ""},
		"a socket":            {[]string{"DATABASE_URL=postgres:///eshop?host=/run/postgresql"}, ""},
		"stores of a machine": {[]string{"DATABASE_URL=postgres://u:hidden@localhost/d", "REDIS_URL=redis://:hidden@localhost"}, "localhost\n"},
		"stores of others, each once": {[]string{"DATABASE_URL=postgres://u:hidden@db1:5432,db2:5433/d", "REDIS_URL=redis://:hidden@sentinel1:26379?addr=sentinel2:26379&addr=[2001:db8::7]:26379&master_set=shop",
			"OTEL_EXPORTER_OTLP_ENDPOINT=https://db1:4318/otlp"}, "2001:db8::7\ndb1\ndb2\nsentinel1\nsentinel2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Zero(t, run(t.Context(), []string{"config", "hosts"}, append(c.environ, "SECRET_KEY=0123456789abcdef0123456789abcdef"), os.Stdin, &stdout, &stderr), "%s", &stderr)
			assert.Equal(t, c.want, stdout.String())
		})
	}
	var said bytes.Buffer
	assert.Equal(t, 2, run(t.Context(), []string{"config", "secrets"}, nil, os.Stdin, &said, &said))
}
