package main

import (
	"bytes"
	"eshop"
	"os"
	"testing"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadConfig(t *testing.T) {
	t.Run("nothing set is a shop in memory", func(t *testing.T) {
		cfg, err := readConfig(nil)
		require.NoError(t, err)
		assert.EqualValues(t, 8080, cfg.Port)
		assert.NotEmpty(t, cfg.ServerName)
		assert.GreaterOrEqual(t, len(cfg.SecretKey), eshop.MinSecretKey)
		assert.False(t, cfg.hasDemoData())
	})
	t.Run("demo data is that of ESHOP_ENV=demo, or of a developer's ESHOP_DEMO", func(t *testing.T) {
		for _, environ := range [][]string{
			{"ESHOP_ENV=demo", "DATABASE_URL=postgres://h/d", "SECRET_KEY=0123456789abcdef0123456789abcdef"}, {"ESHOP_DEMO=true"},
		} {
			cfg, err := readConfig(env.ToMap(environ))
			require.NoError(t, err)
			assert.True(t, cfg.hasDemoData(), environ)
		}
	})

	t.Run("assets have an address of their own, which may be that of a developer's cache", func(t *testing.T) {
		cfg, err := readConfig(map[string]string{"ESHOP_ASSET_URL": "http://localhost:9000/shop/"})
		require.NoError(t, err)
		info, err := shopInfo(cfg)
		require.NoError(t, err)
		assert.Equal(t, "http://localhost:9000/shop", info.Assets.String())
	})
	t.Run("a line end is no part of an address", func(t *testing.T) {
		cfg, err := readConfig(map[string]string{"DATABASE_URL": "postgres://u@h/d\n"})
		require.NoError(t, err)
		assert.Equal(t, "postgres://u@h/d", cfg.DatabaseURL)
	})

	for name, c := range map[string]struct {
		environ []string
		says    []string
	}{
		"every wrong setting is named at once": {
			[]string{"PORT=http", "ESHOP_DEMO=maybe", "SECRET_KEY=short", "ESHOP_ENV=staging", "DATABASE_URL=postgres://u:hidden@h:port/d", "REDIS_URL=http://:hidden@h"},
			[]string{"PORT: ", "ESHOP_DEMO: ", "SECRET_KEY", "ESHOP_ENV", "DATABASE_URL", "REDIS_URL"},
		},
		"Redis alone":                     {[]string{"REDIS_URL=redis://h"}, []string{"DATABASE_URL", "SECRET_KEY"}},
		"no room for the port of metrics": {[]string{"PORT=65000"}, []string{"ESHOP_METRICS_ADDR"}},
		"port zero":                       {[]string{"PORT=0"}, []string{"PORT"}},
		"demo without its stores":         {[]string{"ESHOP_ENV=demo"}, []string{"DATABASE_URL", "SECRET_KEY"}},
		"assets by a way that others can change": {
			[]string{"ESHOP_ENV=demo", "DATABASE_URL=postgres://h/d", "SECRET_KEY=0123456789abcdef0123456789abcdef", "ESHOP_ASSET_URL=http://cdn.example"},
			[]string{"ESHOP_ASSET_URL must begin with https://"},
		},
		"assets at what is no address":   {[]string{"ESHOP_ASSET_URL=https://me:hidden@cdn.example/?x"}, []string{"ESHOP_ASSET_URL: must be an address like"}},
		"production without its secrets": {[]string{"ESHOP_ENV=production", "ESHOP_DEMO=true"}, []string{"DATABASE_URL", "SECRET_KEY", "ESHOP_DEMO"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(env.ToMap(c.environ))
			require.Error(t, err)
			for _, says := range c.says {
				assert.Contains(t, err.Error(), says)
			}
			assert.NotContains(t, err.Error(), "hidden", "a password is never shown")
		})
	}
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		args, environ []string
		code          int
		out, err      string
	}{
		"help":                        {[]string{"help"}, nil, 0, "usage: eshop COMMAND", ""},
		"version":                     {[]string{"version"}, nil, 0, "eshop ", ""},
		"no command":                  {nil, nil, 2, "", "usage: eshop COMMAND"},
		"an unknown command":          {[]string{"sell"}, nil, 2, "", "usage: eshop COMMAND"},
		"too many words":              {[]string{"serve", "now"}, nil, 2, "", "usage: eshop COMMAND"},
		"wrong settings":              {[]string{"serve"}, []string{"PORT=x"}, 2, "", "cannot start"},
		"migrate what is in memory":   {[]string{"migrate"}, nil, 1, "", "DATABASE_URL is not set"},
		"migrate sideways":            {[]string{"migrate", "sideways"}, nil, 2, "", "usage: eshop COMMAND"},
		"seed what is in memory":      {[]string{"seed"}, nil, 1, "", "DATABASE_URL is not set"},
		"seed too much":               {[]string{"seed", "--products", "1000001"}, nil, 1, "", "--products must be from"},
		"seed a few, a flag too many": {[]string{"seed", "--customers", "3"}, nil, 2, "", "usage: eshop COMMAND"},
		"staff of what is in memory":  {[]string{"staff", "sue", "sue@shop.example"}, nil, 1, "", "DATABASE_URL is not set"},
		"staff without an address":    {[]string{"staff", "sue"}, nil, 2, "", "usage: eshop COMMAND"},
		"nobody on the port":          {[]string{"healthcheck"}, []string{"PORT=1"}, 1, "", "eshop healthcheck"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, c.code, run(t.Context(), c.args, c.environ, os.Stdin, &stdout, &stderr))
			assert.Contains(t, stdout.String(), c.out)
			assert.Contains(t, stderr.String(), c.err)
		})
	}
}
