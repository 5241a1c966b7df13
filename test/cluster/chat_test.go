package cluster_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop/test/cluster"
)

// TestChat lets fifty shoppers and staff talk across three servers while one part after another
// fails. Afterwards both ends and the tables must hold the same, each message once and in order.
func TestChat(t *testing.T) {
	needContainers(t)
	c := cluster.Start(t, 3)
	all := cluster.NewTalkers(t, c, 50)
	server := func(name string) *cluster.Server {
		for _, s := range c.Servers {
			if s.Name == name {
				return s
			}
		}
		t.Fatalf("nobody is connected to a server called %q", name)
		return nil
	}
	table := &strings.Builder{}
	fmt.Fprintf(table, "| fault | said | delivered | median | 99th | longest | came back | longest away |\n|---|---|---|---|---|---|---|---|\n")
	defer func() { t.Logf("50 conversations\n\n%s", table) }()

	for _, f := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"none", func(*testing.T) { shop(10) }},
		{"kill -9 of a shopper's server, back after 5 s", func(t *testing.T) {
			shop(2)
			s := server(all.Shoppers[0].Server())
			s.Kill(t)
			shop(5)
			s.Start(t)
			s.WaitReady(t)
			shop(3)
		}},
		{"staff's server replaced", func(t *testing.T) {
			shop(2)
			server(all.Staff.Server()).Replace(t, cluster.Build(t))
			shop(3)
		}},
		{"every server replaced, one after another", func(t *testing.T) {
			for _, s := range c.Servers {
				s.Replace(t, cluster.Build(t))
				shop(2)
			}
		}},
		{"Redis killed, back after 4 s", func(t *testing.T) {
			shop(2)
			c.Redis.Kill(t)
			shop(4)
			c.Redis.Start(t)
			shop(6)
		}},
		{"Redis flushed twice", func(t *testing.T) {
			for range 2 {
				shop(2)
				c.Redis.Run(t, "redis-cli", "FLUSHALL")
			}
			shop(3)
		}},
		{"nginx reloaded three times", func(t *testing.T) {
			for range 3 {
				shop(2)
				c.Reload(t)
			}
			shop(2)
		}},
		{"nginx restarted", func(t *testing.T) {
			shop(2)
			c.Nginx.Stop(t)
			c.Nginx.Start(t)
			shop(5)
		}},
		{"PostgreSQL restarted, away for 4 s", func(t *testing.T) {
			shop(2)
			c.Postgres.Stop(t)
			shop(4)
			c.Postgres.Start(t)
			for _, s := range c.Servers {
				s.WaitReady(t)
			}
			shop(5)
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			report := all.During(func() { f.do(t) })
			fmt.Fprintf(table, "| %s | %d | %d | %v | %v | %v | %d | %v |\n", f.name, report.Said, len(report.Delays),
				ms(report.Delay(0.5)), ms(report.Delay(0.99)), ms(report.Delay(1)), report.Returns, ms(report.Away))
			assert.Empty(t, report.Unsettled)
			assert.Empty(t, report.Grievances)
			assert.Empty(t, c.AuditTalks(t, all))
		})
	}
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// TestChat_ManyComeBack kills the server that some of five hundred connections are on.
func TestChat_ManyComeBack(t *testing.T) {
	needContainers(t)
	c := cluster.Start(t, 3)
	all := cluster.NewTalkers(t, c, 150)
	all.Pause = 4 * time.Second
	tabs := all.MoreTabs(350)
	report := all.During(func() {
		shop(3)
		var killing sync.WaitGroup
		for _, s := range c.Servers[:2] {
			killing.Go(func() { s.Kill(t) })
		}
		killing.Wait()
		shop(4)
		for _, s := range c.Servers[:2] {
			s.Start(t)
			s.WaitReady(t)
		}
	})
	t.Logf("500 connections, two of three servers killed: %d came back, the longest was away %v; delivered within %v at the median and %v at the 99th percentile",
		report.Returns+tabs.Returns(), ms(max(report.Away, tabs.Away())), ms(report.Delay(0.5)), ms(report.Delay(0.99)))
	assert.Empty(t, report.Unsettled)
	assert.Empty(t, report.Grievances)
	assert.Empty(t, c.AuditTalks(t, all))
	assert.Empty(t, tabs.Missing())
}
