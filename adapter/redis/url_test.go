package redis_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/redis"
)

func TestConfig_Check_AcceptsAddresses(t *testing.T) {
	for url, want := range map[string]redis.Address{
		"redis://localhost":                                                      {Hosts: "localhost:6379"},
		"redis://localhost:6380/3":                                               {Hosts: "localhost:6380", Database: 3},
		" redis://:secret@redis.example:6379/0\n":                                {Hosts: "redis.example:6379", Password: "secret"},
		"redis://eshop:s%2Fe%40c%3Ar%23et@10.0.0.1/1":                            {Hosts: "10.0.0.1:6379", User: "eshop", Password: "s/e@c:r#et", Database: 1},
		"redis://10.0.0.1:6379?db=2":                                             {Hosts: "10.0.0.1:6379", Database: 2},
		"redis://[2001:db8::1]:6390/0":                                           {Hosts: "[2001:db8::1]:6390"},
		"redis://[2001:db8::1]":                                                  {Hosts: "[2001:db8::1]:6379"},
		"rediss://:secret@redis.example:6379":                                    {Hosts: "redis.example:6379", Password: "secret", TLS: true},
		"redis://:secret@h1:26379/2?addr=h2:26380&addr=h3:26379&master_set=shop": {Hosts: "h1:26379 h2:26380 h3:26379", MasterSet: "shop", Password: "secret", Database: 2},
		"redis://h1:7000?addr=h2:7001&addr=h3:7002":                              {Hosts: "h1:7000 h2:7001 h3:7002"},
		"rediss://:sec,ret@h1:7000/0?addr=[2001:db8::2]:7000":                    {Hosts: "h1:7000 [2001:db8::2]:7000", Password: "sec,ret", TLS: true},
	} {
		t.Run(url, func(t *testing.T) {
			got, err := redis.ParseAddress(url)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestConfig_Check_RedactsWhatItRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"":                                          "must begin with redis://",
		"hunter2":                                   "must begin with redis://",
		"redis.example:6379":                        "must begin with redis://",
		"http://:hunter2@redis.example":             "must begin with redis://",
		"redis//:hunter2@redis.example":             "must begin with redis://",
		"redis://:hun/ter2@redis.example:6379/0":    "in a password write",
		"redis://:hun#ter2@redis.example:6379/0":    "in a password write",
		"redis://:hun?ter2@redis.example:6379/0":    "in a password write",
		"redis://:hun%ter2@redis.example:6379/0":    "in a password write",
		"redis://:hunter2@redis.example:6379/hun":   "number after the slash",
		"redis://:hunter2@redis.example:6379/-1":    "number after the slash",
		"redis://:hunter2@redis.example:6379/0/1":   "number after the slash",
		"redis://:hunter2@redis.example?db=hunter2": "number after the slash",
		"redis://:hunter2":                          "in a password write",
		"redis://:hunter2@":                         "host number 1",
		"redis://:hunter2@/0":                       "host number 1",
		"redis://:hunter2@h1:7000,h2:7001":          "write redis://host1:port?addr=host2:port",
		"redis://h1,h2,h3?master_set=hunter2":       "write redis://host1:port?addr=host2:port",
		"redis://h1?master_set=hunter2":             "host number 1",
		"redis://h1?addr=h2:6379":                   "host number 1",
		"redis://:hunter2@h1:7000?addr=h2":          "host number 2",
		"redis://:hunter2@h1:0":                     "host number 1",
		"redis://:hunter2@h1:65536":                 "host number 1",
		"redis://:hunter2@h1:hunter2":               "in a password write",
		"redis://:hunter2@h1:1:2":                   "host number 1",
		"redis://:hunter2@h1:1?addr=h2:hunter2":     "host number 2",
		"redis://:hunter2@h1:1/1?addr=h2:2":         "database 0 alone",
		"redis://:hunter2@h1?master=hunter2":        "parameters",
		"redis://:hunter2@h1?write_timeout=1h":      "parameters",
		"redis://:hunter2@h1?client_cache=0":        "parameters",
		"redis://:hunter2@h1?db=%zz":                "parameters",
	} {
		t.Run(url, func(t *testing.T) {
			client, end, err := redis.Open(redis.Config{URL: url})
			require.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "hun")
			assert.NotContains(t, err.Error(), "ter2")
			assert.Nil(t, client)
			assert.Nil(t, end)
		})
	}
}

func FuzzConfig_Check_RedactsThePassword(f *testing.F) {
	for _, url := range []string{"redis://", "redis://h:1/2?addr=x&db=3", "rediss://u@h1,h2?master_set=x", "rediss://u@h1:1?addr=h2:2&master_set=x", "://", "redis://[::1"} {
		f.Add(url, len(url)/2)
	}
	f.Fuzz(func(t *testing.T, url string, at int) {
		const password = "Hunter2Hunter2"
		if at < 0 || at > len(url) || strings.Contains(url, "Hunter2") {
			return
		}
		_, err := redis.ParseAddress(url[:at] + password + url[at:])
		if err != nil {
			assert.NotContains(t, err.Error(), "Hunter2")
		}
	})
}
