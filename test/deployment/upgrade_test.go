package deployment_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/server"
)

// firstInstalled is the oldest commit whose installations are upgraded.
const firstInstalled = "86ca0bcbe5370a3a2d55823545e62d52948e8872"

// TestSetup_UpgradesTheFirstShop holds that a shop of the first release keeps its database, its role, its orders and its
// paths, and that nobody notices.
func TestSetup_UpgradesTheFirstShop(t *testing.T) {
	if testing.Short() {
		t.Skip("needs containers")
	}
	first := server.Checkout(t, firstInstalled)
	m := newMachine(t, map[string]string{
		"/srv/first/deployment": filepath.Join(first, "deployment"),
		"/srv/first/nginx":      filepath.Join(first, "nginx"),
		"/srv/first/bin":        filepath.Join(first, "bin"),
	})
	defer m.explain(t)
	m.sh(t, "/srv/first/deployment/setup.sh")
	m.sh(t, `set -a; . /etc/ecommerce/ecommerce.env; ESHOP_ENV=development runuser -u ecommerce -- eshop seed 2>/dev/null
		runuser -u postgres -- psql -qX ecommerce -c 'DELETE FROM users'`)
	const mine = "curl -sf -b /tmp/jar -c /tmp/jar -H 'Content-Type: application/json' http://localhost"
	m.sh(t, mine+`/auth/register -d '{"username":"jane","email":"jane@shop.example","password":"a-very-long-password"}'`)
	m.sh(t, mine+`/api/cart/add -d "{\"product_id\":\"$(curl -sf 'http://localhost/api/products/?in_stock=true&per_page=1' | grep -oP '"products":\[\{"id":"\K[^"]+')\",\"quantity\":2}"`)
	bought := m.sh(t, mine+`/api/checkout/process -d '{"email":"jane@shop.example","shipping_address":{"name":"Jane","line1":"1 Main Street","city":"Springfield","region":"IL","postal_code":"62701","country":"US"},
		"payment":{"method":"demo_card","expiry":"12/40","cvc":"123","card_number":"4242424242424242"}}'`)
	number := regexp.MustCompile(`"number":"([^"]+)"`).FindStringSubmatch(bought)
	require.NotNil(t, number, bought)
	const orders = "runuser -u postgres -- psql -AtX ecommerce -c 'SELECT count(*) FROM orders'"
	settings, before := m.sh(t, "cat /etc/ecommerce/ecommerce.env"), m.sh(t, orders)

	m.sh(t, "touch /var/tmp/upgrading; while [ -e /var/tmp/upgrading ]; do curl -s -o /dev/null -w '%{http_code}\\n' http://localhost/; sleep 0.02; done >/var/tmp/codes 2>&1 & echo started")
	m.sh(t, "sed -i '1i # of the operator' /etc/nginx/nginx.conf; systemctl reload nginx")
	said := m.sh(t, "deployment/setup.sh")
	t.Log(said)
	assert.Contains(t, said, "/etc/nginx/nginx.conf is one of before with changes of yours, and stays as it is")
	for _, command := range []string{"restart", "scale 4", "scale 3", "status"} {
		m.deploy(t, command)
	}
	assert.Contains(t, m.sh(t, "! deployment/deploy.sh tls shop.example a@shop.example"), "one of before")
	assert.Equal(t, "# of the operator\n", m.sh(t, "head -1 /etc/nginx/nginx.conf"))
	m.sh(t, regexp.MustCompile(`(?m)^  (cp .*)$`).FindStringSubmatch(said)[1])
	assert.Equal(t, "# of the operator\n", m.sh(t, "head -1 /etc/nginx/nginx.conf.yours; rm /etc/nginx/nginx.conf.yours"))
	assert.Regexp(t, `^\s*\d+ 200\n$`, m.sh(t, "rm /var/tmp/upgrading; sleep 1; sort /var/tmp/codes | uniq -c"), "nobody notices")

	m.deploy(t, "status")
	assert.Contains(t, m.sh(t, mine+"/api/checkout/orders"), number[1], "the order is there, and who placed it is signed in")
	assert.Equal(t, settings, m.sh(t, "cat /etc/ecommerce/ecommerce.env"), "database, role and secrets are what they were")
	assert.Equal(t, before, m.sh(t, orders))
	assert.NotContains(t, m.sh(t, "runuser -u postgres -- psql -AtXl"), "ecommerce_db")
	assert.Equal(t, m.sh(t, "sha256sum <nginx/nginx.conf"), m.sh(t, "sha256sum </etc/nginx/sites-available/ecommerce"))
	m.sh(t, "nginx -t -q; ! ls /etc/nginx/nginx.conf.debian /etc/nginx/eshop-upstream.conf 2>/dev/null")
	m.runsWhatIsInstalled(t)
	m.sh(t, `dpkg-divert --quiet --local --rename --divert /etc/nginx/nginx.conf.debian --add /etc/nginx/nginx.conf
		! ls /etc/nginx/nginx.conf 2>/dev/null; deployment/setup.sh; nginx -t -q; ! ls /etc/nginx/nginx.conf.debian 2>/dev/null`) // as a run that was killed half-way left it
	m.deploy(t, "restart")
	assert.Empty(t, strings.TrimSpace(m.sh(t, "deployment/setup.sh | grep 'changes of yours' || true")))
	assert.Contains(t, m.sh(t, "deployment/setup.sh --uninstall"), "PostgreSQL's database ecommerce,")
	m.sh(t, "deployment/setup.sh")
	assert.Contains(t, m.sh(t, mine+"/api/products/?per_page=1"), `"total":1`, "setting it up again finds the data")
	assert.Equal(t, before, m.sh(t, orders))
}
