package deployment_test

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
	"eshop/test/container"
)

// machine is a Debian machine on which nothing of the shop is installed yet. A
// release is unpacked at /srv/eshop.
type machine struct {
	*container.Server

	build    string // the file of this host that is bin/eshop there
	shoppers *cluster.Shoppers
}

// more are files of this host that are there too.
func newMachine(t *testing.T, more map[string]string) *machine {
	t.Helper()
	tree := unpack(t, release(t, "022"))
	m := &machine{build: filepath.Join(tree, "bin", "eshop")}
	files := map[string]string{"/srv/eshop": tree}
	maps.Copy(files, more)
	m.Server = container.Start(t, container.Spec{
		Folder: "machine", Machine: true, Port: 80, Ready: []string{"systemctl", "is-system-running", "-q"}, Files: files,
	})
	return m
}

// explain shows what the machine has to say when the test failed.
func (m *machine) explain(t *testing.T) {
	if t.Failed() {
		t.Log(m.sh(t, "journalctl --no-pager -n 60 -u 'ecommerce-*' -u nginx -u redis-server -u 'postgresql*'; tail -n 20 /var/log/nginx/ecommerce_error.log || true"))
	}
}

// sh runs a script in the release's folder and returns what it prints, errors too.
func (m *machine) sh(t *testing.T, script string) string {
	t.Helper()
	return m.Run(t, "timeout", "240", "bash", "-c", "set -euo pipefail; cd /srv/eshop; exec 2>&1; "+script)
}

func (m *machine) lines(t *testing.T, script string) []string {
	t.Helper()
	return strings.Fields(m.sh(t, script))
}

// deploy runs deploy.sh.
func (m *machine) deploy(t *testing.T, command string) {
	t.Helper()
	t.Logf("deploy.sh %s:\n%s", command, m.sh(t, "deployment/deploy.sh "+command))
}

// losesNothing lets the shoppers shop while do runs; none may notice it.
func (m *machine) losesNothing(t *testing.T, do func()) cluster.Report {
	t.Helper()
	report := m.shoppers.During(do)
	assert.Empty(t, report.Failures(), "requests that failed")
	assert.Empty(t, report.Grievances, "what the shop did against its word")
	t.Logf("%d answers in %s, %d sent again on a new connection, the longest took %s (%s), by %v", len(report.Answers),
		report.Took.Round(100*time.Millisecond), report.Resent(), report.Longest().Took.Round(time.Millisecond), report.Longest().Request, report.Servers())
	return report
}

// runsWhatIsInstalled holds every server to run the build that is installed.
func (m *machine) runsWhatIsInstalled(t *testing.T) {
	t.Helper()
	for name, id := range m.processes(t, servers...) {
		m.sh(t, "[ /proc/"+id+"/exe -ef /usr/local/bin/eshop ] || { echo "+name+" runs another build; exit 1; }")
	}
	m.deploy(t, "status")
}

// showsTheDemo holds that the shop says that it is a demo, and has the goods and the accounts of one.
func (m *machine) showsTheDemo(t *testing.T) {
	t.Helper()
	m.deploy(t, "status")
	assert.Contains(t, m.sh(t, "curl -sf http://localhost/"), "Demo shop")
	assert.Regexp(t, `"total":1[0-9]{3}\b`, m.sh(t, "curl -sf 'http://localhost/api/products/?per_page=1'"))
	for name, password := range map[string]string{"admin": "admin123", "john_doe": "password123", "jane_smith": "password123"} {
		m.sh(t, `curl -sf -o /dev/null http://localhost/auth/login -H 'Content-Type: application/json' -d '{"username":"`+name+`","password":"`+password+`"}'`)
	}
}

// books are the shop's tables, for the auditor alone: the database asks the system
// who its users are, and does not know those of this host.
func (m *machine) books(t *testing.T) *cluster.Cluster {
	t.Helper()
	m.sh(t, `runuser -u postgres -- psql -qX -c "CREATE ROLE auditor LOGIN PASSWORD 'auditor' IN ROLE pg_read_all_data"
		systemd-run --quiet systemd-socket-activate --listen=0.0.0.0:15432 /lib/systemd/systemd-socket-proxyd 127.0.0.1:5432`)
	address := m.lines(t, "hostname -I")[0]
	return &cluster.Cluster{Postgres: &container.Server{URL: "postgres://auditor:auditor@" + address + ":15432/ecommerce_db"}}
}

// processes are the first processes of units, by their names.
func (m *machine) processes(t *testing.T, units ...string) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for _, unit := range units {
		ids[unit] = strings.TrimSpace(m.sh(t, "systemctl show -p MainPID --value "+unit))
		require.NotContains(t, []string{"", "0"}, ids[unit], "%s does not run", unit)
	}
	return ids
}
