package deployment_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
)

const backups = "/var/backups/ecommerce"

// losesItsDisk destroys the database's disk while people buy, and brings the shop back from its backups.
func (m *machine) losesItsDisk(t *testing.T, books *cluster.Cluster, opening cluster.Books) {
	t.Run("a backup is made, and another when one is asked for", func(t *testing.T) {
		assert.Regexp(t, `(?m)^eshop_backup_timestamp_seconds 1\.\d+e\+09$`, m.sh(t, "curl -sf http://127.0.0.1:6001/metrics"))
		begin := time.Now()
		said := m.sh(t, "deployment/backup.sh")
		t.Logf("backed up in %s:\n%s", time.Since(begin).Round(100*time.Millisecond), said)
		assert.Contains(t, said, "that is the database's own disk, and dies with it")
		assert.Equal(t, "postgres 700\n", m.sh(t, "stat -c '%U %a' "+backups), "secrets are in it")
		m.sh(t, "for settings in "+backups+"/2*/2*/settings.tar; do tar -tf $settings | grep -x etc/ecommerce/ecommerce.env; done")
	})
	t.Run("two at once do not harm each other", func(t *testing.T) {
		said := m.sh(t, "deployment/backup.sh & sleep 0.3; ! deployment/backup.sh; wait $!")
		assert.Contains(t, said, "another copy is being made")
		assert.Contains(t, said, "backed up to")
	})
	t.Run("a copy that is cut off never counts, and the next one clears it away", func(t *testing.T) {
		const whole, half = "find " + backups + " -name whole ! -path '*.new/*' | sort", "find " + backups + " -maxdepth 2 -name '*.new'"
		before := m.sh(t, whole)
		m.sh(t, `systemctl start --no-block ecommerce-backup; timeout 20 bash -c 'until [ -n "$(`+strings.ReplaceAll(half, "'", `"`)+`)" ]; do sleep 0.05; done'
			systemctl kill -s KILL ecommerce-backup; timeout 20 bash -c 'until systemctl is-failed -q ecommerce-backup; do sleep 0.1; done'`)
		assert.NotEmpty(t, m.sh(t, half))
		assert.Equal(t, before, m.sh(t, whole))
		m.sh(t, "deployment/backup.sh; systemctl reset-failed ecommerce-backup")
		assert.Empty(t, m.sh(t, half))
	})
	t.Run("where the disk of backups is not mounted, nothing is written in its place", func(t *testing.T) {
		said := m.sh(t, `systemctl stop ecommerce-wal; mv `+backups+` /var/tmp/away; ! deployment/backup.sh
			mkdir `+backups+`; ! deployment/backup.sh; ! deployment/backup.sh --stream
			rmdir `+backups+`; mv /var/tmp/away `+backups+`; systemctl start ecommerce-wal`)
		assert.Equal(t, 3, strings.Count(said, "mount its disk"), said)
		assert.Equal(t, 3, strings.Count(said, "\n"), said)
	})
	t.Run("nonsense is refused in a line, and changes nothing", func(t *testing.T) {
		files := m.sh(t, "find "+backups+" -name whole | sort; cat /etc/ecommerce/backup.conf")
		for command, says := range map[string]string{
			"backup.sh --to": "usage:", "backup.sh now": "usage:", "backup.sh --to /tmp --to /tmp": "usage:", "backup.sh --to 'a folder'": "is no name for a folder",
			"backup.sh --to /usr": "has other things in it", "backup.sh --to /etc/ecommerce/backups": "is no place for backups", "backup.sh --to /var/lib/postgresql/15/main/own": "is no place for backups",
			"restore.sh": "usage:", "restore.sh /none": "no such folder", "restore.sh /tmp": "has no backup", "restore.sh " + backups: "add --over",
			"restore.sh " + backups + " --at yesterday-ish": "is no time", "restore.sh " + backups + " --at '2001-01-01'": "nothing before that can be brought back", "restore.sh /tmp /tmp": "usage:",
		} {
			said := m.sh(t, "! deployment/"+command)
			assert.Contains(t, said, says, command)
			assert.Equal(t, 1, strings.Count(said, "\n"), "%s: %s", command, said)
		}
		assert.Equal(t, files, m.sh(t, "find "+backups+" -name whole | sort; cat /etc/ecommerce/backup.conf"))
		m.deploy(t, "status")
	})
	t.Run("a disk of backups that is full costs the shop nothing", func(t *testing.T) {
		m.losesNothing(t, func() {
			said := m.sh(t, `mkdir -p /mnt/small; mount -t tmpfs -o size=24m none /mnt/small
				! deployment/backup.sh --to /mnt/small/backups; sed -i 's|^backups=.*|backups=`+backups+`|' /etc/ecommerce/backup.conf; systemctl restart ecommerce-wal; sleep 1
				umount -l /mnt/small; timeout 20 bash -c 'until systemctl is-active -q ecommerce-wal; do sleep 0.2; done'`)
			assert.Contains(t, said, "there is no room in /mnt/small/backups")
		})
		m.sh(t, "deployment/backup.sh")
	})
	t.Run("a dead disk costs the last moment at most", func(t *testing.T) {
		var lost time.Time
		report := m.shoppers.During(func() {
			time.Sleep(3 * time.Second)
			m.sh(t, "systemctl kill -s KILL postgresql@15-main; rm -rf /var/lib/postgresql/15/main")
			lost = time.Now()
			said := m.sh(t, "deployment/restore.sh "+backups)
			t.Logf("brought back in %s:\n%s", time.Since(lost).Round(100*time.Millisecond), said)
			assert.Contains(t, said, "all is right")
			until := regexp.MustCompile(`after the last change at ([-0-9]+ [0-9:.]+) UTC`).FindStringSubmatch(said)
			require.NotNil(t, until, said)
			last, err := time.Parse("2006-01-02 15:04:05.999", until[1])
			require.NoError(t, err)
			t.Logf("the last change that came back was made %s before the disk was gone", lost.Sub(last).Round(time.Millisecond))
			assert.WithinDuration(t, lost, last, time.Minute)
			time.Sleep(3 * time.Second)
		})
		for _, a := range report.Failed() {
			assert.True(t, a.At.After(lost.Add(-time.Second)), "%+v", a)
		}
		// What was acknowledged in the last moment may be gone; each order that is, is named.
		missing := books.Audit(t, opening, m.shoppers)
		t.Logf("%d orders; missing: %v; carts: %v", m.shoppers.Orders(), missing, report.Grievances)
		for _, says := range missing {
			assert.Contains(t, says, "was acknowledged and is not there")
		}
		assert.LessOrEqual(t, len(missing)+len(report.Grievances), 3)
		m.deploy(t, "status")
	})
	t.Run("the shop comes back as it was at a time", func(t *testing.T) {
		const staff = "deployment/deploy.sh staff list"
		m.sh(t, "timeout 60 bash -c 'until deployment/backup.sh; do sleep 1; done'")
		m.sh(t, "echo a-long-password | deployment/deploy.sh staff early early@shop.example; sleep 1.5")
		at := strings.TrimSpace(m.sh(t, "date -u '+%F %T UTC'; sleep 1.5"))
		m.sh(t, "echo a-long-password | deployment/deploy.sh staff late late@shop.example; sleep 0.5")
		assert.Contains(t, m.sh(t, "! deployment/restore.sh "+backups+" --over --at '2199-01-01'"), "is yet to come")
		m.deploy(t, "status")
		said := m.sh(t, "cp -a "+backups+" /var/tmp/short; rm /var/tmp/short/2*/wal/*; ! deployment/restore.sh /var/tmp/short --over; rm -r /var/tmp/short")
		assert.Contains(t, said, "PostgreSQL does not take the backup")
		assert.Contains(t, m.sh(t, staff), "late@shop.example", "what was there goes on")
		said = m.sh(t, "deployment/restore.sh "+backups+" --over --at '"+at+"'")
		assert.Contains(t, said, "what was written until "+strings.TrimSuffix(at, " UTC")+"+00\n")
		m.deploy(t, "status")
		list := m.sh(t, staff)
		assert.Contains(t, list, "early@shop.example")
		assert.NotContains(t, list, "late@shop.example")
		m.sh(t, "rm -rf /var/lib/postgresql/15/main.before-*; timeout 60 bash -c 'until deployment/backup.sh; do sleep 1; done'")
	})
	t.Run("a copy that is damaged is not taken", func(t *testing.T) {
		m.sh(t, "copy=$(find "+backups+" -name whole | sort | tail -1); printf x >>${copy%/*}/data/PG_VERSION.extra; rm ${copy%/*}/data/global/pg_filenode.map")
		assert.Contains(t, m.sh(t, "! deployment/restore.sh "+backups+" --over"), "is damaged")
		m.deploy(t, "status")
		m.sh(t, "copy=$(find "+backups+" -name whole | sort | tail -1); rm -r ${copy%/*}; deployment/backup.sh")
	})
}

// movesHouse brings the shop back on a machine that has the folder of its backups and nothing else of it, as it is
// after everything was removed from this one.
func (m *machine) movesHouse(t *testing.T) {
	t.Run("another machine takes the shop over with its settings and secrets", func(t *testing.T) {
		const orders = "runuser -u postgres -- psql -AtX ecommerce_db -c 'SELECT count(*), max(number) FROM orders'"
		before, settings := m.sh(t, orders), m.sh(t, "sort /etc/ecommerce/ecommerce.env | sha256sum")
		m.sh(t, `timeout 60 bash -c 'until deployment/backup.sh; do sleep 1; done'; deployment/setup.sh --uninstall; pg_dropcluster --stop 15 main
			apt-get purge -qq -y 'postgresql*' >/dev/null; rm -rf /etc/postgresql* /var/lib/postgresql; ! id ecommerce; [ ! -e /etc/ecommerce ]`)
		begin := time.Now()
		said := m.sh(t, "deployment/restore.sh "+backups)
		t.Logf("brought back elsewhere in %s:\n%s", time.Since(begin).Round(100*time.Millisecond), said)
		assert.Contains(t, said, "now open the shop")
		m.sh(t, "deployment/setup.sh")
		m.deploy(t, "status")
		assert.Equal(t, before, m.sh(t, orders))
		assert.Equal(t, settings, m.sh(t, "sort /etc/ecommerce/ecommerce.env | sha256sum"))
		m.sh(t, "timeout 60 bash -c 'until deployment/backup.sh; do sleep 1; done'")
	})
}
