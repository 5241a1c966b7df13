package deployment_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/cluster"
	"eshop/test/container"
)

// row is one promise of the product's specification.
type row struct {
	of    string // the promise, in the specification's words
	typed string // what its reader types, as root in a checkout
	shows string // a regular expression that finds what is printed
	none  string // why there is nothing to type, or what else holds the promise
}

const (
	aCart     = `curl -sf -b /tmp/jar -c /tmp/jar`
	asJSON    = ` -H 'Content-Type: application/json'`
	product   = `$(curl -sf 'http://localhost/api/products/?in_stock=true&per_page=1' | grep -oP '"products":\[\{"id":"\K[^"]+')`
	signIn    = `curl -sf -c /tmp/john` + asJSON + ` -d '{"username":"john_doe","password":"password123"}' `
	addresses = `"shipping_address":{"name":"John Doe","line1":"1 Main Street","city":"Springfield","region":"IL","postal_code":"62701","country":"US"}`
	buyWith   = `curl -s -w '%{http_code}' -b /tmp/john http://localhost/api/checkout/process` + asJSON + ` -d '{` + addresses + `,"payment":{"method":"demo_card","expiry":"12/40","cvc":"123","card_number":"`
	intoCart  = `curl -sf -o /dev/null -b /tmp/john http://localhost/api/cart/add` + asJSON + ` -d "{\"product_id\":\"` + product + `\",\"quantity\":1}"; `
	password  = `$(sed -nE "s|^REDIS_URL='redis://:(.*)@.*|\1|p" /etc/ecommerce/ecommerce.env)`
)

// specification is every row, in an order in which its reader can type the commands.
var specification = []row{
	// Installation
	{of: "prerequisites: Ubuntu 20.04, PostgreSQL 12, Redis 6, nginx 1.18, or later", typed: `cat README.md`, shows: `PostgreSQL 15`,
		none: "this machine is Debian 12; the README says what older versions lack and which are not tested"},
	{of: "sudo deployment/setup.sh", typed: `chmod +x deployment/setup.sh; deployment/setup.sh`, shows: `the shop is open at http://localhost/`},
	{of: "./deployment/init_database.sh", typed: `chmod +x deployment/init_database.sh; ./deployment/init_database.sh`, shows: `the database ecommerce_db, its schema up to date`},
	{of: "./deployment/install_redis.sh", typed: `chmod +x deployment/install_redis.sh; ./deployment/install_redis.sh`, shows: `Redis answers on 127\.0\.0\.1:6379`},
	{of: ".env from .env.example with three lines", typed: `mkdir -p /tmp/env; cp .env.example /tmp/env/.env; cd /tmp/env
		cat >>.env <<-END
			DATABASE_URL=postgresql://ecommerce_user:your_password@localhost:5432/ecommerce_db
			SECRET_KEY=your-secret-key-here
			REDIS_URL=redis://localhost:6379/0
		END
		! eshop config; sed -i "s/^SECRET_KEY=.*/SECRET_KEY=$(openssl rand -hex 32)/" .env; eshop config`,
		shows: `(?s)SECRET_KEY is an example's.*openssl rand -hex 32.*DATABASE_URL +postgresql://ecommerce_user:\*\*\*@localhost:5432/ecommerce_db +\.env`},
	{of: "python3 seed_database.py", typed: `deployment/seed_database.sh`, shows: `the shop shows the demo`, none: "Python's is deployment/seed_database.sh here, or eshop seed"},
	{of: "default credentials", typed: `for who in admin:admin123 john_doe:password123 jane_smith:password123; do
		curl -sf http://localhost/auth/login` + asJSON + ` -d "{\"username\":\"${who%:*}\",\"password\":\"${who#*:}\"}"; done`,
		shows: `(?s)"admin".*"john_doe".*"jane_smith"`},

	// Running the application
	{of: "deploy.sh start, status, restart, stop", typed: `chmod +x deployment/deploy.sh; for what in start status restart stop start; do ./deployment/deploy.sh $what; done; curl -sf -o /dev/null -w '%{http_code}' http://localhost/`, shows: `200$`},
	{of: "systemctl start, enable and status of ecommerce-server1 to 3", typed: `for n in 1 2 3; do systemctl start ecommerce-server$n; systemctl enable ecommerce-server$n; done; systemctl status --no-pager ecommerce-server1`, shows: `active \(running\)`},
	{of: "three terminals with PORT and SERVER_NAME", typed: `set -a; . /etc/ecommerce/ecommerce.env; set +a; ids=
		for n in 1 2 3; do PORT=511$n SERVER_NAME=Terminal-$n runuser -u ecommerce -- eshop serve >/tmp/terminal$n 2>&1 & ids+=" $!"; done
		for n in 1 2 3; do timeout 20 bash -c "until curl -sf -o /dev/null http://localhost:511$n/ready; do sleep 0.1; done"; curl -s http://localhost:511$n/ | grep -o 'Terminal-[1-3]' | sort -u; done; kill $ids; wait $ids || true`,
		shows: `(?s)Terminal-1\s+Terminal-2\s+Terminal-3`, none: "run.py is eshop serve here"},
	{of: "cp nginx/nginx.conf /etc/nginx/sites-available/ecommerce; nginx -t", typed: `cp nginx/nginx.conf /etc/nginx/sites-available/ecommerce; ln -sf /etc/nginx/sites-available/ecommerce /etc/nginx/sites-enabled/
		rm -f /etc/nginx/sites-enabled/default; nginx -t; systemctl reload nginx; curl -sf -o /dev/null -w '%{http_code}' http://localhost/`, shows: `(?s)test is successful.*200$`},
	{of: "http://localhost, and :5001 to :5003 directly", typed: `for at in localhost localhost:5001 localhost:5002 localhost:5003; do curl -sf -o /dev/null -w '%{http_code} ' http://$at/; done`, shows: `^200 200 200 200 $`},

	// Features
	{of: "load balancing, round robin", typed: `for i in $(seq 30); do curl -sf -o /dev/null -D - http://localhost/ | grep -i '^x-served-by'; done | sort | uniq -c`, shows: `(?s)Server-1.*Server-2.*Server-3`},
	{of: "if one server fails, the others serve", typed: `systemctl stop ecommerce-server2; for i in $(seq 20); do curl -s -o /dev/null -w '%{http_code}\n' http://localhost/; done | sort | uniq -c; systemctl start ecommerce-server2`, shows: `^\s*20 200\s*$`},
	{of: "sessions on all servers", typed: signIn + `-o /dev/null http://localhost:5001/auth/login; for n in 1 2 3; do curl -sf -b /tmp/john http://localhost:500$n/auth/current-user; done`, shows: `(?s)(john_doe.*){3}`},
	{of: "real-time chat", typed: `curl -si --http1.1 -m 3 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' http://localhost/ws/chat | head -c 400 || true`,
		shows: `101 Switching Protocols`, none: "it speaks WebSocket, and not the protocol of Socket.IO"},
	{of: "add servers through nginx's configuration", typed: `deployment/deploy.sh scale 4; for i in $(seq 12); do curl -s http://localhost/ | grep Server; done | sort | uniq -c; deployment/deploy.sh scale 3`, shows: `Server-4`},
	{of: "one PostgreSQL for all servers", typed: `curl -sf -o /dev/null http://localhost:5001/auth/register` + asJSON + ` -d '{"username":"neighbour","email":"n@shop.example","password":"a-very-long-password"}'
		curl -sf http://localhost:5003/auth/login` + asJSON + ` -d '{"username":"neighbour","password":"a-very-long-password"}'`, shows: `"neighbour"`},
	{of: "registration and authentication", typed: `curl -s -o /dev/null -c /tmp/jar -w '%{http_code} ' http://localhost/auth/register` + asJSON + ` -d '{"username":"new_one","email":"new@shop.example","password":"a-very-long-password"}'
		curl -s -o /dev/null -b /tmp/jar -w '%{http_code} ' http://localhost/auth/current-user; curl -s -o /dev/null -b /tmp/jar -X POST -w '%{http_code} ' http://localhost/auth/logout
		curl -s -o /dev/null -b /tmp/jar -w '%{http_code}' http://localhost/auth/current-user; rm /tmp/jar`, shows: `^201 200 204 401$`},
	{of: "product browsing with search and filters", typed: `curl -sf 'http://localhost/api/products/?q=tea&in_stock=true&max_price=5000&sort=price&per_page=5'`, shows: `"total":[1-9]`},
	{of: "shopping cart", typed: aCart + ` http://localhost/api/cart/add` + asJSON + ` -d "{\"product_id\":\"` + product + `\",\"quantity\":2}"; ` + aCart + ` http://localhost/api/cart/`, shows: `(?s)"item_count":2.*"item_count":2`},
	{of: "wishlist", typed: aCart + ` http://localhost/api/wishlist/add` + asJSON + ` -d "{\"product_id\":\"` + product + `\"}"; ` + aCart + ` http://localhost/api/wishlist/`, shows: `(?s)"added_at".*"added_at"`},
	{of: "checkout", typed: signIn + `-o /dev/null http://localhost/auth/login; ` + intoCart + buyWith + `4242424242424242"}}'`, shows: `(?s)"status":"paid".*201$`},
	{of: "demo payment", typed: intoCart + buyWith + `4000000000000002"}}'`, shows: `(?s)"payment_declined".*402$`},
	{of: "order history", typed: `curl -sf -b /tmp/john http://localhost/api/checkout/orders`, shows: `"total":[1-9]`},
	{of: "contact and call options", typed: `curl -sf http://localhost/contact | grep -oE 'href="(tel|mailto):[^"]*"' | sort -u`, shows: `(?s)mailto:support@eshop\.com.*tel:\+`},
	{of: "RESTful API", typed: `curl -sf http://localhost/api/openapi.json`, shows: `"openapi": ?"3\.1`},
	{of: "responsive Bootstrap UI", typed: `curl -sf http://localhost/ | grep -o '<meta name="viewport"[^>]*>'`, shows: `width=device-width`, none: "test/browser looks at every page at 360, 768 and 1280 px"},
	{of: "server health monitoring", typed: `for n in 1 2 3; do curl -sf http://localhost:500$n/health; curl -sf http://localhost:500$n/ready; curl -sf http://localhost:600$n/metrics | grep -c ^eshop_; done`, shows: `(?s)("status":"ready".*){3}`},
	{of: "zero-downtime deployment", typed: `touch /tmp/restarting; while [ -e /tmp/restarting ]; do curl -s -o /dev/null -w '%{http_code}\n' http://localhost/; done >/tmp/codes & deployment/deploy.sh restart >/dev/null; rm /tmp/restarting; wait; sort /tmp/codes | uniq -c`, shows: `^\s*\d{2,} 200\s*$`},

	// Testing load balancing
	{of: `test 1: curl | grep "Server", ten times`, typed: `for i in {1..10}; do curl -s http://localhost/ | grep "Server"; done | sort | uniq -c`, shows: `^(\s*[34] [^\n]{0,120}Server-[123][^\n]{0,120}\n){3}$`},
	{of: "test 2: stop server 2, curl, start it", typed: `systemctl stop ecommerce-server2; curl -sf -o /dev/null -w '%{http_code}' http://localhost/; systemctl start ecommerce-server2`, shows: `^200$`},
	{of: "test 3: ab -n 1000 -c 10", typed: `ab -n 1000 -c 10 http://localhost/`, shows: `(?s)Complete requests: +1000\n.*Failed requests: +0\n`},

	// Monitoring
	{of: "logs of the servers in /opt/ecommerce/logs", typed: `sleep 2; tail -n 1 /opt/ecommerce/logs/server1-access.log; tail -n 3 /opt/ecommerce/logs/server1-error.log`, shows: `"status":`},
	{of: "logs of nginx", typed: `tail -n 1 /var/log/nginx/ecommerce_access.log; ls /var/log/nginx/ecommerce_error.log`, shows: `(?s)"?GET .*ecommerce_error\.log`},
	{of: "journalctl -u ecommerce-server1", typed: `journalctl --no-pager -n 20 -u ecommerce-server1`, shows: `open`},
	{of: "/nginx_status", typed: `curl -sf http://localhost/nginx_status`, shows: `Active connections`},
	{of: "redis-cli: INFO, MONITOR, ping", typed: `export REDISCLI_AUTH=` + password + `; redis-cli INFO server; timeout 2 redis-cli MONITOR | head -1 || true; redis-cli ping`, shows: `(?s)redis_version.*OK.*PONG`},
	{of: "psql -d ecommerce_db", typed: `runuser -u postgres -- psql -X -d ecommerce_db -c '\dt' -c '\d+ users' -c 'SELECT count(*) FROM users;'`, shows: `(?s)users.*username.*\(1 row\)`},

	{of: "project structure", typed: `ls cmd domain usecase adapter port web web/page/*/*.templ web/asset nginx/nginx.conf deployment/{setup,deploy,init_database,install_redis}.sh .env.example README.md go.mod cmd/eshop/{main,config,seed}.go`,
		shows: `web/page/shop/home\.templ`, none: "what are Python's files there are Go's here, as the README's map has them"},

	// Configuration
	{of: "edit nginx.conf: servers, least_conn, ip_hash, TLS, time-outs", typed: `sed -i '0,/^\([ \t]*\)# *least_conn;/s//\1least_conn;/' /etc/nginx/sites-available/ecommerce; nginx -t; systemctl reload nginx
		deployment/setup.sh; deployment/deploy.sh restart; grep -c '^[[:space:]]*least_conn;' /etc/nginx/sites-available/ecommerce; cp nginx/nginx.conf /etc/nginx/sites-available/ecommerce; systemctl reload nginx`, shows: `(?s)test is successful.*\n1\n$`},
	{of: "edit the configuration: database, sessions, uploads, security", typed: `eshop help`, shows: `(?s)DATABASE_URL.*SECRET_KEY.*ESHOP_SESSION`},
	{of: "scaling by hand: port 5004, a line in nginx.conf, reload", typed: `(set -a; . /etc/ecommerce/ecommerce.env; PORT=5004 SERVER_NAME=Server-4 exec setsid runuser -u ecommerce -- eshop serve >/tmp/server4 2>&1) & echo $! >/tmp/server4.id
		timeout 20 bash -c 'until curl -sf -o /dev/null http://localhost:5004/ready; do sleep 0.1; done'
		sed -i 's/^\(.*\)server 127\.0\.0\.1:5003\([^;]*\);.*/&\n\1server 127.0.0.1:5004\2;/' /etc/nginx/sites-available/ecommerce; nginx -t; systemctl reload nginx; sleep 1
		deployment/deploy.sh restart; for i in $(seq 20); do curl -s http://localhost/ | grep -o 'Server-4' || true; done
		cp nginx/nginx.conf /etc/nginx/sites-available/ecommerce; systemctl reload nginx; kill -- -$(cat /tmp/server4.id) $(cat /tmp/server4.id) 2>/dev/null || true`, shows: `Server-4`, none: "gunicorn is eshop serve here"},

	// Security considerations
	{of: "change default passwords in production", typed: `curl -s -o /dev/null -w '%{http_code} ' -b /tmp/john http://localhost/auth/password` + asJSON + ` -d '{"current":"password123","new":"another-long-password"}'
		curl -s -o /dev/null -w '%{http_code}' http://localhost/auth/login` + asJSON + ` -d '{"username":"john_doe","password":"password123"}'`, shows: `^204 401$`},
	{of: "HTTPS", typed: `openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=shop.example -addext subjectAltName=DNS:shop.example -keyout /tmp/key.pem -out /tmp/cert.pem 2>/dev/null
		deployment/deploy.sh tls shop.example --cert /tmp/cert.pem --key /tmp/key.pem; curl -sf --cacert /tmp/cert.pem --resolve shop.example:443:127.0.0.1 -o /dev/null -w '%{http_code}\n' https://shop.example/
		rm /etc/ecommerce/tls/tls.conf; systemctl reload nginx; sleep 1`, shows: `(?m)^200$`},
	{of: "firewall rules", typed: `deployment/setup.sh --firewall; nft list table inet ecommerce; curl -sf -o /dev/null -w '%{http_code}' http://localhost/`, shows: `(?s)policy drop.*tcp dport \{ 22, 80, 443 \} accept.*200$`},
	{of: "Redis authentication", typed: `redis-cli ping`, shows: `NOAUTH`},
	{of: "environment variables for sensitive data", typed: `stat -c '%a %U' /etc/ecommerce/ecommerce.env; tr '\0' '\n' </proc/$(systemctl show -p MainPID --value ecommerce-server1)/environ | grep -c -e ^SECRET_KEY= -e ^REDIS_URL=`, shows: `^600 root\n2\n$`},
	{of: "rate limiting", typed: `for i in $(seq 30); do curl -s -o /dev/null -w '%{http_code}\n' http://localhost/auth/login` + asJSON + ` -d '{"username":"nobody","password":"wrong-password"}'; done | sort -u`, shows: `429`},
	{of: "regular updates", typed: `{ cat bin/eshop; echo newer; } >/var/tmp/eshop; chmod 755 /var/tmp/eshop; deployment/deploy.sh update /var/tmp/eshop; deployment/deploy.sh rollback`, shows: `(?s)serves.*serves`},

	{of: "troubleshooting", typed: `ss -ltnp 'sport = :5001'; systemctl status --no-pager postgresql redis-server | grep Active; runuser -u postgres -- psql -l | grep ecommerce_db; nginx -t; tail -n 1 /var/log/nginx/error.log; deployment/deploy.sh doctor`, shows: `(?s)eshop.*active.*ecommerce_db.*successful.*ok +PostgreSQL`},

	{of: "sixteen REST endpoints", typed: `for call in 'POST /auth/register' 'POST /auth/login' 'POST /auth/logout' 'GET /auth/current-user' 'GET /api/products/' "GET /api/products/` + product + `" 'GET /api/products/categories' \
			'GET /api/cart/' 'POST /api/cart/add' 'PUT /api/cart/update/none' 'DELETE /api/cart/remove/none' 'GET /api/wishlist/' 'POST /api/wishlist/add' 'DELETE /api/wishlist/remove/none' 'POST /api/checkout/process' 'GET /api/checkout/orders'; do
			curl -s -X ${call% *} http://localhost${call#* }` + asJSON + ` | grep -q "nothing at this address" && echo "$call is not there"; done; echo done`,
		shows: `^done\n$`, none: "the tests of web/api hold each to the OpenAPI document"},

	// Performance optimization
	{of: "database connection pooling", typed: `runuser -u postgres -- psql -AtX -d ecommerce_db -c "SELECT count(*) BETWEEN 3 AND 60 FROM pg_stat_activity WHERE datname = 'ecommerce_db' AND application_name LIKE 'eshop%'"`, shows: `^t\n$`},
	{of: "Redis caching for sessions", typed: `REDISCLI_AUTH=` + password + ` redis-cli --scan --pattern 'eshop:*' | cut -d: -f1-3 | sort | uniq -c`, shows: `session`},
	{of: "gzip compression in nginx", typed: `curl -sf -H 'Accept-Encoding: gzip' -o /dev/null -D - http://localhost/`, shows: `(?i)content-encoding: gzip`},
	{of: "static file caching", typed: `curl -sf -o /dev/null -D - "http://localhost$(curl -sf http://localhost/ | grep -oE '/assets/[^"]+\.css' | head -1)"`, shows: `(?i)cache-control: [^\n]*immutable`},
	{of: "database query optimization", none: "adapter/postgres asks EXPLAIN about the statements of every page, and counts them"},
	{of: "lazy loading for images", typed: `curl -sf http://localhost/products | grep -o 'loading="lazy"' | sort -u`, shows: `loading="lazy"`},
	{of: "CDN integration ready", typed: `eshop help`, shows: `ESHOP_ASSET_URL`},

	{of: "contributing, licence, support", typed: `ls CONTRIBUTING.md LICENSE CHANGELOG.md SECURITY.md; curl -sf http://localhost/contact | grep -o 'support@eshop.com' | head -1`, shows: `(?s)LICENSE.*support@eshop\.com`},
}

func TestSpecification(t *testing.T) {
	if testing.Short() {
		t.Skip("needs containers")
	}
	require.Len(t, specification, 60)
	m := newCheckout(t)
	defer m.explain(t)
	t.Run("by hand: the database and Redis before setup.sh, once and again", func(t *testing.T) {
		for range 2 {
			said := m.sh(t, "./deployment/init_database.sh; ./deployment/install_redis.sh; ! deployment/deploy.sh start")
			assert.Regexp(t, `(?s)the database ecommerce_db; setup\.sh brings its schema.*Redis answers on 127\.0\.0\.1:6379.*run setup\.sh first`, said)
		}
	})
	for _, r := range specification {
		t.Run(r.of, func(t *testing.T) {
			if r.none != "" {
				t.Log(r.none)
			}
			require.NotEmpty(t, r.typed+r.none)
			if r.typed != "" {
				assert.Regexp(t, r.shows, m.sh(t, r.typed))
			}
		})
	}
}

// newCheckout is a machine on which nothing of the shop is installed, with a checkout of the repository, and the
// build in it, at /srv/eshop.
func newCheckout(t *testing.T) *machine {
	t.Helper()
	const root = "../.."
	listed, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files").Output()
	require.NoError(t, err)
	folder := t.TempDir()
	take := func(from, to string) {
		content, err := os.ReadFile(from)
		require.NoError(t, err)
		about, err := os.Stat(from)
		require.NoError(t, err)
		to = filepath.Join(folder, to)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, content, about.Mode()))
	}
	for name := range strings.Lines(string(listed)) {
		name = strings.TrimSpace(name)
		take(filepath.Join(root, name), name)
	}
	take(filepath.Join(cluster.Build(t), "eshop"), "bin/eshop")
	m := &machine{Server: container.Start(t, container.Spec{
		Folder: "machine", Machine: true, Port: 80, Ready: []string{"systemctl", "is-system-running", "-q"},
		Files: map[string]string{"/srv/checkout": folder},
	})}
	m.Run(t, "cp", "-r", "/srv/checkout", "/srv/eshop") // where its reader may write
	return m
}
