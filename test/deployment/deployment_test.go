// Package deployment_test sets a bare Debian machine up with the very scripts of
// deployment/, in a container whose first process is systemd, and does to it there
// what operators do, while people shop.
package deployment_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
)

const shoppers = 20

var servers = []string{"ecommerce-server1", "ecommerce-server2", "ecommerce-server3"}

func TestDeployment(t *testing.T) {
	if testing.Short() {
		t.Skip("needs containers")
	}
	docker, err := filepath.Abs("../../deployment/docker")
	require.NoError(t, err)
	m := newMachine(t, map[string]string{"/srv/authority": buildAuthority(t), "/srv/docker": docker})
	defer m.explain(t)

	t.Run("the scripts are clean", func(t *testing.T) {
		m.sh(t, "cd deployment; for script in *.sh; do bash -n $script; done; shellcheck --external-sources *.sh /srv/docker/*.sh")
	})
	for _, script := range []string{"setup.sh", "backup.sh", "restore.sh", "init_database.sh", "install_redis.sh", "seed_database.sh", "deploy.sh status"} {
		t.Run(script+" tells others than root what to do, in one line", func(t *testing.T) {
			said := m.sh(t, "! runuser -u nobody -- deployment/"+script)
			assert.Equal(t, 1, strings.Count(said, "\n"), "%s", said)
			assert.Contains(t, said, "sudo deployment/"+script)
		})
	}
	t.Run("setup.sh without a build builds one where that can be, and else says what to type", func(t *testing.T) {
		m.sh(t, "mkdir -p /var/tmp/checkout/web/asset /var/tmp/tools; cp -r deployment nginx /var/tmp/checkout; echo 'go 1.26.0' >/var/tmp/checkout/go.mod")
		const setup = "! PATH=/var/tmp/tools:$PATH /var/tmp/checkout/deployment/setup.sh"
		tool := func(name, script string) {
			m.sh(t, "printf '#!/bin/sh\\n%s\\n' '"+script+"' >/var/tmp/tools/"+name+"; chmod 755 /var/tmp/tools/"+name)
		}
		refuses := func() {
			t.Helper()
			said := m.sh(t, setup)
			assert.Equal(t, 1, strings.Count(said, "\n"), said)
			assert.Contains(t, said, "make release")
		}
		refuses()
		tool("go", "echo go version go1.19.8 linux/amd64")
		tool("node", "echo v20.1.0")
		tool("npm", "")
		tool("make", `echo "made: $*"; exit 1`)
		refuses()
		tool("go", "echo go version go1.26.8 linux/amd64")
		tool("node", "echo v18.20.0")
		refuses()
		tool("node", "echo v22.1.0")
		said := m.sh(t, setup)
		assert.Contains(t, said, "made: -C /var/tmp/checkout build\nsetup.sh: bin/eshop can't be built")
		m.sh(t, "! id ecommerce; rm -r /var/tmp/checkout /var/tmp/tools")
	})
	t.Run("before it is set up the shop can't be run, and deploy.sh says what to do", func(t *testing.T) {
		assert.Contains(t, m.sh(t, "! deployment/deploy.sh start"), "run setup.sh first")
	})

	var secrets []string
	if !t.Run("setup.sh, once and again", func(t *testing.T) {
		m.sh(t, "set +e; while sleep 0.05; do cat /proc/[0-9]*/cmdline; done >/var/tmp/arguments 2>/dev/null & echo $! >/var/tmp/watcher")
		begin := time.Now()
		t.Logf("%s", m.sh(t, "deployment/setup.sh"))
		t.Logf("set up in %s", time.Since(begin).Round(time.Second))
		secrets = m.lines(t, `sed -nE "s/^SECRET_KEY='(.*)'$/\1/p; s/^REDIS_URL='redis:..:(.*)@.*/\1/p; s/^DATABASE_URL='postgres:..ecommerce_user:(.*)@.*/\1/p" /etc/ecommerce/ecommerce.env`)
		require.Len(t, secrets, 3)
		for _, secret := range secrets {
			assert.Regexp(t, "^[0-9a-f]{64}$", secret)
		}
		const state = "find /etc/ecommerce /etc/logrotate.d /etc/nginx /etc/redis /etc/systemd/system /etc/postgresql /usr/local/bin /usr/share/eshop -type f | sort | xargs sha256sum; id ecommerce"
		all := append([]string{"nginx", "redis-server", "postgresql@15-main"}, servers...)
		files, processes := m.sh(t, state), m.processes(t, all...)

		m.sh(t, "deployment/setup.sh")
		assert.Equal(t, files, m.sh(t, state), "the second run changes no file")
		assert.Equal(t, processes, m.processes(t, all...), "the second run restarts nothing")
		m.sh(t, "kill $(cat /var/tmp/watcher)")
	}) {
		return
	}
	if !t.Run("an empty shop tells its owner what to do, and seed_database.sh makes a demo shop of it", func(t *testing.T) {
		assert.Contains(t, m.sh(t, "curl -sf http://localhost/"), "Three steps open it")
		said := m.sh(t, "deployment/seed_database.sh")
		assert.Contains(t, said, "this makes it a demo shop")
		m.showsTheDemo(t)
		assert.Contains(t, m.sh(t, "deployment/seed_database.sh"), "the shop shows the demo", "again changes nothing")
	}) {
		return
	}
	// Products as in the demo, without the accounts that a shop in production must not have.
	m.sh(t, `runuser -u postgres -- psql -qX ecommerce_db -c 'DELETE FROM users' -c "UPDATE shop_mark SET mode = 'production'"
		sed -i "s/^ESHOP_ENV=.*/ESHOP_ENV='production'/" /etc/ecommerce/ecommerce.env; deployment/deploy.sh restart`)
	books := m.books(t)
	opening, seed := books.Books(t), uint64(time.Now().UnixNano())
	t.Logf("the shoppers' seed is %d", seed)
	m.shoppers = cluster.NewShoppers(t, shoppers, seed, "http://"+m.Address)

	t.Run("ten times curl meets all three servers", func(t *testing.T) {
		said := m.sh(t, "for i in $(seq 10); do curl -s http://localhost/ | grep Server; done")
		for _, name := range []string{"Server-1", "Server-2", "Server-3"} {
			assert.GreaterOrEqual(t, strings.Count(said, name), 3, "%s in:\n%s", name, said)
		}
	})
	t.Run("ab has no failed request", func(t *testing.T) {
		said := m.sh(t, "ab -q -n 1000 -c 10 http://localhost/")
		assert.Regexp(t, `Complete requests: +1000\n`, said)
		assert.Regexp(t, `Failed requests: +0\n`, said)
		assert.NotContains(t, said, "Non-2xx")
		t.Log(regexp.MustCompile(`(?m)^(Requests per second|  99%).*$`).FindAllString(said, -1))
	})
	t.Run("deploy.sh staff makes an account for the shop's staff", func(t *testing.T) {
		m.sh(t, "echo a-long-password | deployment/deploy.sh staff sue sue@shop.example")
		m.sh(t, `curl -sf -c /tmp/sue -o /dev/null http://localhost/auth/login -H 'Content-Type: application/json' -d '{"username":"sue","password":"a-long-password"}'`)
		assert.Contains(t, m.sh(t, "curl -sf -b /tmp/sue http://localhost/admin"), "Shop admin")
		assert.Contains(t, m.sh(t, "echo another-password | (! deployment/deploy.sh staff SUE other@shop.example 2>&1)"), "taken")
		assert.Contains(t, m.sh(t, "echo short | (! deployment/deploy.sh staff bob bob@shop.example 2>&1)"), "password must have")
		assert.Contains(t, m.sh(t, "! deployment/deploy.sh staff bob 2>&1"), "say who")
		assert.Contains(t, m.sh(t, "deployment/deploy.sh staff list"), "sue@shop.example")
	})
	t.Run("no demo shop is made of one that somebody has an account at", func(t *testing.T) {
		assert.Contains(t, m.sh(t, "! deployment/seed_database.sh"), "is left as it is")
		m.deploy(t, "status")
	})
	t.Run("who is taken off the staff is out at once, on every server", func(t *testing.T) {
		const asked = "curl -s -o /dev/null -w '%{http_code} ' -b /tmp/sue http://localhost:500"
		everywhere := "for n in 1 2 3; do " + asked + "$n/admin; done"
		assert.Equal(t, "200 200 200 ", m.sh(t, everywhere))
		m.sh(t, "deployment/deploy.sh staff remove sue")
		assert.Equal(t, "303 303 303 ", m.sh(t, "sleep 2; "+everywhere), "signed out")
		assert.NotContains(t, m.sh(t, "deployment/deploy.sh staff list"), "sue@shop.example")
		assert.Contains(t, m.sh(t, "! deployment/deploy.sh staff remove sue 2>&1"), "no such member of staff")
		assert.Contains(t, m.sh(t, "echo another-password | (! deployment/deploy.sh staff password sue 2>&1)"), "no such member of staff")
		assert.Contains(t, m.sh(t, "journalctl -t ecommerce-staff --no-pager"), "staff remove sue")
	})
	t.Run("nginx_status answers inside only, figures and servers' ports not at all outside", func(t *testing.T) {
		assert.Contains(t, m.sh(t, "curl -sf http://localhost/nginx_status"), "Active connections")
		assert.Contains(t, m.sh(t, "curl -sf http://127.0.0.1:6001/metrics"), "process_start_time_seconds")
		for path, status := range map[string]int{"/nginx_status": http.StatusForbidden, "/metrics": http.StatusNotFound, "/": http.StatusOK} {
			answer, err := http.Get("http://" + m.Address + path)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			assert.Equal(t, status, answer.StatusCode, path)
		}
		for _, listens := range m.lines(t, `ss -Hltn | awk '{print $4}' | grep -E ':(5432|6379|600[0-9])$'`) {
			assert.Regexp(t, `^(127\.0\.0\.1|\[::1\]):`, listens)
		}
	})
	t.Run("deploy.sh doctor finds all well", func(t *testing.T) {
		said := m.sh(t, "deployment/deploy.sh doctor")
		assert.Equal(t, 4, strings.Count(said, "ready, says Server-"), "nginx and three servers:\n%s", said)
		for _, part := range []string{"PostgreSQL", "clock of PostgreSQL", "Redis", "clock of Redis", "disk of /"} {
			assert.Regexp(t, `(?m)^ok +`+part, said)
		}
		assert.NotContains(t, said, "is no setting")
	})
	t.Run("the servers' logs are in the journal and in files, which are rotated without a line lost", func(t *testing.T) {
		const logs = "/opt/ecommerce/logs/"
		assert.Equal(t, "3\n", m.sh(t, "journalctl -u ecommerce-server1 -o cat --no-pager | grep -cFx -f <(tail -n 3 "+logs+"server1-error.log)"), "what the one has the other has")
		m.sh(t, `for i in $(seq 40); do
				for n in 1 2 3; do curl -sf -o /dev/null -H "X-Request-ID: rotation-$n-$i" "http://localhost:500$n/products?q=hunter2"; done
				[ $i != 20 ] || logrotate --force /etc/logrotate.d/ecommerce
			done; sleep 1.5`)
		for _, server := range []string{"server1", "server2", "server3"} {
			asked := `"request_id":"rotation-` + strings.TrimPrefix(server, "server")
			assert.Equal(t, "40\n", m.sh(t, "cat "+logs+server+"-access.log.1 "+logs+server+"-access.log | grep -c '"+asked+"'"))
			var last struct {
				Time      time.Time `json:"time"`
				RequestID string    `json:"request_id"`
				Status    int       `json:"status"`
				Address   string    `json:"address"`
			}
			require.NoError(t, json.Unmarshal([]byte(m.sh(t, "grep '"+asked+"' "+logs+server+"-access.log | tail -n 1")), &last))
			assert.Equal(t, http.StatusOK, last.Status)
			assert.Equal(t, "127.0.0.1", last.Address)
			assert.WithinDuration(t, time.Now(), last.Time, time.Minute)
			assert.Equal(t, "0\n", m.sh(t, "curl -s http://localhost:600"+strings.TrimPrefix(server, "server")+`/metrics | sed -n 's/^eshop_log_dropped_lines_total{log="access"} //p'`))
			for _, log := range []string{"-access.log", "-error.log", "-access.log.1", "-error.log.1"} {
				assert.Equal(t, "ecommerce adm 640\n", m.sh(t, "stat -c '%U %G %a' "+logs+server+log), log)
			}
		}
		assert.Equal(t, "ecommerce adm 2750\n", m.sh(t, "stat -c '%U %G %a' "+logs))
		m.sh(t, "! runuser -u nobody -- cat "+logs+"server1-access.log; runuser -u nobody -G adm -- cat "+logs+"server1-access.log >/dev/null; ! grep -r hunter2 "+logs+"; ! ls "+logs+"trial*")
	})
	t.Run("the units are hardened", func(t *testing.T) {
		said := m.sh(t, "systemd-analyze security --offline=true --no-pager /etc/systemd/system/ecommerce-server1.service | tail -1")
		exposure, err := strconv.ParseFloat(regexp.MustCompile(`[0-9.]+ [A-Z]`).FindString(said)[:3], 64)
		require.NoError(t, err, said)
		assert.Less(t, exposure, 3.0)
		t.Log(said)
		assert.Equal(t, "600 root", strings.TrimSpace(m.sh(t, "stat -c '%a %U' /etc/ecommerce/ecommerce.env")))
		m.sh(t, "! runuser -u ecommerce -- cat /etc/ecommerce/ecommerce.env")
	})

	t.Run("systemctl stop of a server loses nothing", func(t *testing.T) {
		m.losesNothing(t, func() {
			m.sh(t, "sleep 1; systemctl stop ecommerce-server2; sleep 3")
			assert.Contains(t, m.sh(t, "! deployment/deploy.sh status"), "inactive")
		})
		report := m.losesNothing(t, func() { m.deploy(t, "start"); m.sh(t, "sleep 3") })
		assert.Positive(t, report.Servers()["Server-2"], "it serves again")
		m.deploy(t, "status")
	})
	t.Run("deploy.sh restart loses nothing", func(t *testing.T) {
		before := m.processes(t, servers...)
		const allowed = "systemctl show -p IPAddressAllow --value ecommerce-server1"
		gateway := strings.TrimSpace(m.sh(t, "ip route | awk '/^default/ { print $3 }'"))
		own := m.sh(t, allowed)
		assert.NotContains(t, own, gateway)
		m.sh(t, "echo OTEL_EXPORTER_OTLP_ENDPOINT=http://"+gateway+":9 >>/etc/ecommerce/ecommerce.env")
		m.losesNothing(t, func() { m.deploy(t, "restart") })
		for name, id := range m.processes(t, servers...) {
			assert.NotEqual(t, before[name], id, "%s was not restarted", name)
		}
		assert.ElementsMatch(t, append(strings.Fields(own), gateway+"/32"), strings.Fields(m.sh(t, allowed)), "servers reach what the settings name, and nothing else")
		m.sh(t, "sed -i /^OTEL_/d /etc/ecommerce/ecommerce.env") // which the next setup.sh sees
	})
	t.Run("deploy.sh scale 5 and back loses nothing", func(t *testing.T) {
		site := m.sh(t, "sha256sum </etc/nginx/sites-available/ecommerce")
		assert.Equal(t, site, m.sh(t, "sha256sum <nginx/nginx.conf"), "the site is the very file of the release")
		report := m.losesNothing(t, func() {
			m.deploy(t, "scale 5")
			m.sh(t, "sleep 3")
			m.deploy(t, "scale 3")
		})
		assert.Len(t, report.Servers(), 5, "all five served")
		assert.Equal(t, "3", strings.TrimSpace(m.sh(t, "awk '/^upstream ecommerce_backend/,/^}/' /etc/nginx/sites-available/ecommerce | grep -c '^.server '")))
		assert.Equal(t, site, m.sh(t, "sha256sum </etc/nginx/sites-available/ecommerce"), "it is what it was")
		m.sh(t, "! systemctl cat -- ecommerce-server4 ecommerce-server5; ! ls /etc/ecommerce/ecommerce-server[45].env")
		for _, n := range []string{"0", "10", "many", "", "3 4"} {
			assert.Contains(t, m.sh(t, "! deployment/deploy.sh scale "+n), "say how many", n)
		}
	})
	t.Run("setup.sh brings a new build into service and loses nothing, and logs to where there were none", func(t *testing.T) {
		m.sh(t, "rm -r /opt/ecommerce /etc/logrotate.d/ecommerce; sed -i '/^Environment=ESHOP_/d; /^ReadWritePaths=/d' /etc/systemd/system/ecommerce-server?.service; systemctl daemon-reload")
		before := m.processes(t, servers...)
		newer, err := os.OpenFile(m.build, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = newer.WriteString("a newer build")
		require.NoError(t, err)
		require.NoError(t, newer.Close())
		m.losesNothing(t, func() { m.sh(t, "deployment/setup.sh") })
		for name, id := range m.processes(t, servers...) {
			assert.NotEqual(t, before[name], id, "%s was not restarted", name)
			assert.Equal(t, "/usr/local/bin/eshop", strings.TrimSpace(m.sh(t, "readlink /proc/"+id+"/exe")))
		}
		assert.Contains(t, m.sh(t, "deployment/deploy.sh update bin/eshop"), "in service already")
		m.sh(t, "curl -sf -o /dev/null http://localhost:5001/; sleep 1.5; tail -n 1 /opt/ecommerce/logs/server1-access.log | grep '\"path\":\"/\"'; logrotate --debug /etc/logrotate.d/ecommerce")
		m.sh(t, "! ls -d /etc/systemd/system/ecommerce-.service.d")
	})
	t.Run("deploy.sh rollback brings the build before back, once more undoes that, and both lose nothing", func(t *testing.T) {
		newer, older := m.sh(t, "sha256sum </usr/local/bin/eshop"), m.sh(t, "sha256sum </usr/local/bin/eshop.before")
		require.NotEqual(t, newer, older)
		for _, want := range []string{older, newer} {
			m.losesNothing(t, func() { m.deploy(t, "rollback") })
			assert.Equal(t, want, m.sh(t, "sha256sum </usr/local/bin/eshop"))
			m.runsWhatIsInstalled(t)
		}
	})
	for name, c := range map[string]struct{ script, says string }{
		"that does not run":          {"exit 1", "does not run on this machine"},
		"that cannot migrate":        {`[ "$1" != migrate ] || { echo the table is locked >&2; exit 1; }`, "the table is locked"},
		"that does not become ready": {`[ "$1" != serve ] || { echo out of order >&2; exit 1; }`, "out of order"},
	} {
		t.Run("a build "+name+" comes into nobody's way", func(t *testing.T) {
			const state = "find /etc/nginx /etc/systemd/system /usr/local/bin -type f | sort | xargs sha256sum"
			before, files := m.processes(t, servers...), m.sh(t, state)
			m.losesNothing(t, func() {
				said := m.sh(t, "printf '#!/bin/sh\n%s\nexec /usr/local/bin/eshop \"$@\"\n' '"+c.script+"' >/var/tmp/build; chmod 755 /var/tmp/build\n"+
					"! deployment/deploy.sh update /var/tmp/build")
				assert.Contains(t, said, c.says)
				assert.Contains(t, said, "the one before is")
			})
			assert.Equal(t, before, m.processes(t, servers...), "no server was touched")
			assert.Equal(t, files, m.sh(t, state), "and no file")
			m.deploy(t, "status")
		})
	}
	t.Run("a build that is proved and then fails is taken back from where it came into service", func(t *testing.T) {
		before := m.sh(t, "sha256sum </usr/local/bin/eshop")
		m.losesNothing(t, func() {
			m.sh(t, "echo PORT=none >>/etc/ecommerce/ecommerce-server3.env; { cat bin/eshop; echo newest; } >/var/tmp/build; chmod 755 /var/tmp/build")
			said := m.sh(t, "! deployment/deploy.sh update /var/tmp/build")
			assert.Contains(t, said, "ecommerce-server1 is restarted and serves\necommerce-server2 is restarted and serves")
			assert.Contains(t, said, "the one before is")
		})
		assert.Equal(t, before, m.sh(t, "sha256sum </usr/local/bin/eshop"))
		m.sh(t, "sed -i /none/d /etc/ecommerce/ecommerce-server3.env")
		m.losesNothing(t, func() { m.deploy(t, "restart") })
		m.runsWhatIsInstalled(t)
	})
	t.Run("the site is replaced by what nginx takes, and by nothing when an operator has changed it", func(t *testing.T) {
		m.sh(t, "cp -r /srv/eshop /var/tmp/release; echo 'no directive;' >>/var/tmp/release/nginx/nginx.conf")
		before := m.sh(t, "sha256sum </etc/nginx/sites-available/ecommerce")
		assert.Contains(t, m.sh(t, "! /var/tmp/release/deployment/setup.sh"), "so the one before stays")
		assert.Equal(t, before, m.sh(t, "sha256sum </etc/nginx/sites-available/ecommerce; nginx -t -q"))

		m.sh(t, "sed -i '$ s/.*/# a newer release/' /var/tmp/release/nginx/nginx.conf")
		assert.NotContains(t, m.sh(t, "/var/tmp/release/deployment/setup.sh"), "changes of yours", "of what nginx did not take nothing is left")
		assert.NotContains(t, m.sh(t, "deployment/setup.sh"), "changes of yours")

		m.sh(t, "sed -i '1i # of the operator' /etc/nginx/sites-available/ecommerce")
		said := m.sh(t, "/var/tmp/release/deployment/setup.sh")
		assert.Contains(t, said, "/etc/nginx/sites-available/ecommerce has changes of yours and stays")
		assert.Contains(t, m.sh(t, "head -1 /etc/nginx/sites-available/ecommerce; tail -1 /etc/nginx/sites-available/ecommerce.new"), "# of the operator\n# a newer release")
		m.sh(t, regexp.MustCompile(`(?m)^  (mv .*)$`).FindStringSubmatch(said)[1])
		assert.NotContains(t, m.sh(t, "/var/tmp/release/deployment/setup.sh; deployment/setup.sh"), "changes of yours")
		assert.Equal(t, before, m.sh(t, "sha256sum </etc/nginx/sites-available/ecommerce; rm -r /var/tmp/release"))
	})
	t.Run("what an operator says of servers stays, and a server that is added by hand serves", func(t *testing.T) {
		const site = "/etc/nginx/sites-available/ecommerce"
		m.sh(t, "systemd-run --quiet --unit by-hand -p User=ecommerce -p EnvironmentFile=/etc/ecommerce/ecommerce.env -E PORT=5004 -E SERVER_NAME=By-Hand eshop serve; timeout 20 bash -c 'until PORT=5004 eshop healthcheck; do sleep 0.1; done'")
		m.sh(t, `sed -i -e '0,/server 127.0.0.1:5003.*/s//&\n    server 127.0.0.1:5004;  # New server/' -e 's/\(server 127.0.0.1:5001\) /\1 weight=2 /' -e 's/# least_conn;/least_conn;/' `+site+`
			sed -i '1i upstream another {\n\tserver 192.0.2.1:80;\n}\n' `+site+`; nginx -t -q; systemctl reload nginx`)
		report := m.losesNothing(t, func() {
			m.sh(t, "deployment/setup.sh")
			m.deploy(t, "restart")
			assert.Equal(t, "6", strings.TrimSpace(m.sh(t, "grep -c 'server 127.0.0.1:5004;  # New server$' "+site)), "every upstream has it")
			m.deploy(t, "scale 4")
			m.deploy(t, "scale 3")
		})
		assert.Positive(t, report.Servers()["By-Hand"])
		assert.Equal(t, "upstream another {\n\tserver 192.0.2.1:80;\n}\n", m.sh(t, "head -3 "+site), "which is none of the shop's")
		assert.Equal(t, "6 6 6\n", m.sh(t, "echo $(grep -c 'weight=2' "+site+") $(grep -c '^.least_conn;' "+site+") $(grep -c '127.0.0.1:500[23] ' "+site+" | awk '{print $1/2}')"))
		m.sh(t, "cp nginx/nginx.conf "+site+"; systemctl reload nginx; systemctl stop by-hand")
		m.losesNothing(t, func() { m.sh(t, "deployment/setup.sh") })
	})
	t.Run("deploy.sh tls opens the shop by TLS, and what does not fit changes nothing", func(t *testing.T) {
		m.sh(t, `cd /var/tmp; openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=shop.example -addext subjectAltName=DNS:shop.example -keyout key.pem -out cert.pem 2>/dev/null; openssl genrsa -out other.pem 2>/dev/null
			openssl x509 -in cert.pem -signkey key.pem -days -1 -out ended.pem; mkdir 'a folder'; ln -s ../cert.pem 'a folder/cert.pem'; cp cert.pem 'a$folder.pem'`)
		for arguments, says := range map[string]string{
			"": "say for which name", "shop.example": "say for which name", "'shop example' a@b.example": "say for which name", "shop.example --cert /var/tmp/cert.pem": "say for which name",
			"shop.example --cert /var/tmp/cert.pem --key /var/tmp/other.pem": "does not take this certificate", "shop.example --cert /none --key /none": "no certificate that can be read",
			"other.example --cert /var/tmp/cert.pem --key /var/tmp/key.pem": "not for other.example", "shop.example --cert /var/tmp/ended.pem --key /var/tmp/key.pem": "the certificate ended",
			"shop.example --cert /var/tmp/key.pem --key /var/tmp/key.pem": "no certificate that can be read", `shop.example --cert '/var/tmp/a$folder.pem' --key /var/tmp/key.pem`: "files of these names",
		} {
			assert.Contains(t, m.sh(t, "! deployment/deploy.sh tls "+arguments), says, arguments)
		}
		m.sh(t, "nginx -t -q; ! ls /etc/ecommerce/tls/tls.conf 2>/dev/null; mkdir -p /var/lib/ecommerce/acme/.well-known/acme-challenge; echo proof >/var/lib/ecommerce/acme/.well-known/acme-challenge/token")
		m.sh(t, "echo 'add_header X-Operator here always; set_real_ip_from 127.0.0.2; real_ip_header X-Forwarded-For;' >/etc/ecommerce/nginx.d/own.conf; sha256sum /etc/ecommerce/nginx.d/* >/var/tmp/own")
		for range 2 {
			assert.Contains(t, m.sh(t, "deployment/deploy.sh tls shop.example --cert '/var/tmp/a folder/cert.pem' --key /var/tmp/key.pem"), "open at https://shop.example/")
			m.sh(t, "deployment/setup.sh")
		}
		assert.Contains(t, m.sh(t, "cat /etc/ecommerce/tls/tls.conf"), `ssl_certificate "/var/tmp/a folder/cert.pem";`, "a link that may lead elsewhere one day stays one")
		const secure = "curl -s --cacert /var/tmp/cert.pem --resolve shop.example:443:127.0.0.1 --resolve shop.example:80:127.0.0.1 -D - -o /dev/null "
		said := m.sh(t, secure+"https://shop.example/login")
		assert.Regexp(t, `(?s)^HTTP/2 200.*x-operator: here.*strict-transport-security: max-age=31536000|(?s)^HTTP/2 200.*strict-transport-security: max-age=31536000.*x-operator: here`, said)
		assert.Regexp(t, `(?s)^HTTP/1.1 308.*Location: https://shop.example/products\?q=tea`, m.sh(t, secure+"'http://shop.example/products?q=tea'"))
		assert.Equal(t, "proof\n", m.sh(t, "curl -sf http://localhost/.well-known/acme-challenge/token"))
		const register = ` -H 'Content-Type: application/json' -d '{"username":"%s","email":"%s@shop.example","password":"a-very-long-password"}' `
		said = m.sh(t, secure+strings.ReplaceAll(register, "%s", "nadia")+"https://shop.example/auth/register")
		assert.Regexp(t, `(?i)set-cookie: __Host-session=[^\n]*secure`, said)

		const balanced = "curl -s -D - -o /dev/null -H 'X-Forwarded-For: 203.0.113.7' -H 'X-Forwarded-Proto: https' "
		said = m.sh(t, balanced+"--interface 127.0.0.2 "+strings.ReplaceAll(register, "%s", "nora")+"http://localhost/auth/register")
		assert.Regexp(t, `(?s)^HTTP/1.1 201.*Set-Cookie: __Host-session=.*Strict-Transport-Security`, said, "a balancer that ends TLS is believed")
		assert.Contains(t, m.sh(t, "tail -n 1 /var/log/nginx/ecommerce_access.log"), "203.0.113.7 ")
		assert.Contains(t, m.sh(t, balanced+"--interface 127.0.0.3 http://localhost/"), "HTTP/1.1 308", "and nobody else")
		// Docker keeps IPv6 off in containers, where the kernel has it.
		m.sh(t, "[ ! -e /proc/net/if_inet6 ] || { mount -o remount,rw /proc/sys; echo 0 >/proc/sys/net/ipv6/conf/lo/disable_ipv6; curl -sf -o /dev/null 'http://[::1]/health'; curl -sfk -o /dev/null 'https://[::1]/'; echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6; }")
		m.sh(t, "sha256sum --quiet -c /var/tmp/own; curl -sf http://localhost/nginx_status; rm /etc/ecommerce/tls/tls.conf /etc/ecommerce/nginx.d/own.conf; systemctl reload nginx; sleep 1; curl -sf -o /dev/null http://localhost/")
	})
	t.Run("deploy.sh tls fetches a certificate, which renews itself", func(t *testing.T) {
		m.openAuthority(t)
		assert.Contains(t, m.sh(t, "! deployment/deploy.sh tls blocked.example owner@shop.example"), "there is no certificate for blocked.example")
		m.sh(t, "nginx -t -q; ! ls /etc/ecommerce/tls/tls.conf 2>/dev/null")

		assert.Contains(t, m.sh(t, "deployment/deploy.sh tls shop.example owner@shop.example"), "open at https://shop.example/")
		const shown = "openssl s_client -connect localhost:443 -servername shop.example </dev/null 2>/dev/null | openssl x509 -noout -serial"
		first := m.sh(t, "curl -sf -o /dev/null https://shop.example/; "+shown)
		m.sh(t, "systemctl is-active -q certbot.timer; deployment/deploy.sh tls shop.example owner@shop.example")
		assert.Equal(t, first, m.sh(t, shown), "one that lasts is kept")
		m.sh(t, "certbot renew -q --force-renewal --no-random-sleep-on-renew 2>/dev/null; timeout 20 bash -c 'while [ \"$("+shown+")\" = "+strings.TrimSpace(first)+" ]; do sleep 0.2; done'")
		assert.Regexp(t, `(?m)^ok +shop\.example +ready`, m.sh(t, "deployment/deploy.sh doctor"))
		m.sh(t, "rm /etc/ecommerce/tls/tls.conf; systemctl reload nginx; sleep 1; curl -sf -o /dev/null http://localhost/; systemctl stop acme acme-names")
	})
	t.Run("a build that does not start stays out, and the others serve on", func(t *testing.T) {
		m.losesNothing(t, func() {
			m.sh(t, "echo PORT=none >>/etc/ecommerce/ecommerce-server1.env")
			assert.Contains(t, m.sh(t, "! deployment/deploy.sh restart"), "ecommerce-server1 does not become ready")
			assert.Contains(t, m.sh(t, "! deployment/deploy.sh status"), "left out")
		})
		m.sh(t, "sed -i /none/d /etc/ecommerce/ecommerce-server1.env")
		m.deploy(t, "restart")
		m.deploy(t, "status")
	})
	t.Run("a server that dies or is told to end is started again", func(t *testing.T) {
		id := m.processes(t, "ecommerce-server3")["ecommerce-server3"]
		m.losesNothing(t, func() {
			m.sh(t, "sleep 1; kill -9 "+id+"; timeout 20 bash -c 'until PORT=5003 eshop healthcheck; do sleep 0.2; done'; sleep 3")
		})
		assert.NotEqual(t, id, m.processes(t, "ecommerce-server3")["ecommerce-server3"])
		id = m.processes(t, "ecommerce-server2")["ecommerce-server2"]
		m.losesNothing(t, func() {
			m.sh(t, "sleep 1; kill -TERM "+id+"; sleep 4; timeout 20 bash -c 'until PORT=5002 eshop healthcheck; do sleep 0.2; done'; sleep 3")
		})
		assert.NotEqual(t, id, m.processes(t, "ecommerce-server2")["ecommerce-server2"])
	})
	t.Run("stop closes the shop politely, start opens it", func(t *testing.T) {
		m.deploy(t, "stop")
		assert.Contains(t, m.sh(t, "curl -si http://localhost/"), "Retry-After")
		m.deploy(t, "start")
		m.sh(t, "curl -sf http://localhost/")
	})
	t.Run("the books agree with what the shoppers know", func(t *testing.T) {
		assert.Empty(t, books.Audit(t, opening, m.shoppers))
		t.Logf("%d orders were acknowledged", m.shoppers.Orders())
		assert.Positive(t, m.shoppers.Orders())
	})
	m.losesItsDisk(t, books, opening)
	t.Run("setup.sh --firewall leaves ssh and the web open, and nothing else", func(t *testing.T) {
		reach := func(port string) error {
			connection, err := net.DialTimeout("tcp", net.JoinHostPort(m.lines(t, "hostname -I")[0], port), 2*time.Second)
			if err == nil {
				err = connection.Close()
			}
			return err
		}
		require.NoError(t, reach("15432"))
		m.sh(t, "printf '#!/bin/sh\nprintf \"port 22\\nlistenaddress 0.0.0.0:2200\\n\"\n' >/usr/local/sbin/sshd; chmod 755 /usr/local/sbin/sshd")
		for range 2 {
			m.losesNothing(t, func() { m.sh(t, "deployment/setup.sh --firewall") })
			assert.True(t, os.IsTimeout(reach("15432")), "what is not meant for others does not even refuse them")
			assert.NoError(t, reach("80"))
			for _, port := range []string{"22", "443", "2200"} {
				assert.ErrorIs(t, reach(port), syscall.ECONNREFUSED, "nobody listens, and nothing is in between")
			}
		}
		m.sh(t, "rm /usr/local/sbin/sshd; systemctl restart nftables; timeout 10 bash -c 'until systemctl is-active -q ecommerce-firewall; do sleep 0.1; done'; nft list table inet ecommerce >/dev/null")
		for _, options := range []string{"--firewall --uninstall", "--uninstall --firewall", "--fire", "firewall"} {
			assert.Contains(t, m.sh(t, "! deployment/setup.sh "+options), "usage:", options)
		}
	})
	t.Run("all of it is there after a reboot", func(t *testing.T) {
		m.Stop(t)
		m.Start(t)
		m.sh(t, "timeout 60 bash -c 'until deployment/deploy.sh status; do sleep 0.5; done'")
		m.losesNothing(t, func() { m.sh(t, "sleep 2") })
		assert.Contains(t, m.sh(t, "nft list table inet ecommerce"), "policy drop")
	})
	t.Run("no secret in the journal, in logs or in arguments", func(t *testing.T) {
		assert.NotEmpty(t, m.sh(t, "deployment/deploy.sh logs -n 5"))
		m.sh(t, "journalctl -a -o export >/var/tmp/journal; grep -q ecommerce-server1 /var/tmp/journal; grep -q setup.sh /var/tmp/arguments")
		for _, secret := range secrets {
			m.sh(t, "! grep -rlF "+secret+" /var/tmp/journal /var/tmp/arguments /var/log /opt/ecommerce/logs")
		}
		logs := m.lines(t, "ls /var/log/nginx")
		assert.Contains(t, logs, "ecommerce_access.log")
		assert.Contains(t, logs, "ecommerce_error.log")
	})
	t.Run("uninstalling leaves the data alone", func(t *testing.T) {
		const orders = "runuser -u postgres -- psql -AtX ecommerce_db -c 'SELECT count(*) FROM orders'"
		before := m.sh(t, orders)
		assert.NotEqual(t, "0\n", before)
		said := m.sh(t, "deployment/setup.sh --uninstall")
		assert.Contains(t, said, "/var/lib/postgresql/15/main")
		assert.Equal(t, before, m.sh(t, orders))
		left := m.lines(t, `find / -xdev \( -iname '*ecommerce*' -o -iname '*eshop*' \) -not -path '/srv/*' -not -path '/var/backups/*';
			grep -rl ecommerce /etc --exclude='*-' || true;
			ss -Hltn | awk '{print $4}' | grep -vE ':5432$' || true`)
		left = slices.DeleteFunc(left, func(name string) bool { return strings.HasPrefix(name, "/proc") })
		assert.Empty(t, left)
		m.sh(t, "! id ecommerce")
		m.sh(t, "deployment/setup.sh --uninstall")

		m.sh(t, "deployment/setup.sh")
		assert.Equal(t, before, m.sh(t, orders), "setting it up again finds the data")
	})
	m.movesHouse(t)
	t.Run("setup.sh --demo sets up a shop to look at", func(t *testing.T) {
		m.sh(t, "deployment/setup.sh --uninstall; runuser -u postgres -- dropdb ecommerce_db; deployment/setup.sh --demo")
		m.showsTheDemo(t)
		m.sh(t, "deployment/setup.sh")
		m.showsTheDemo(t)
	})
}
