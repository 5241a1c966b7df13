package deployment_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// buildAuthority builds a certificate authority that speaks ACME, and servers of names for it, and returns their folder.
func buildAuthority(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	const pebble = "github.com/letsencrypt/pebble/v2/cmd/pebble"
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", folder, pebble, pebble+"-challtestsrv")
	build.Dir, build.Env = "authority", append(os.Environ(), "CGO_ENABLED=0")
	said, err := build.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return folder
}

// openAuthority lets certbot ask the authority of /srv/authority, for which every name leads to this machine.
func (m *machine) openAuthority(t *testing.T) {
	t.Helper()
	m.sh(t, `mkdir -p /run/acme /etc/letsencrypt; cd /run/acme
		openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null
		echo '{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "certificate": "cert.pem", "privateKey": "key.pem",
			"httpPort": 80, "tlsPort": 443, "domainBlocklist": ["blocked.example"], "retryAfter": {"authz": 1, "order": 1}}}' >config.json
		systemd-run --quiet --unit acme-names /srv/authority/pebble-challtestsrv -dnsserver 127.0.0.1:8053 -defaultIPv4 127.0.0.1 -defaultIPv6= -http01= -https01= -tlsalpn01= -doh= -management=
		systemd-run --quiet --unit acme --working-directory /run/acme -E PEBBLE_VA_NOSLEEP=1 -E PEBBLE_WFE_NONCEREJECT=0 /srv/authority/pebble -config config.json -dnsserver 127.0.0.1:8053
		printf 'server = https://localhost:14000/dir\nno-verify-ssl = true\n' >/etc/letsencrypt/cli.ini
		timeout 20 bash -c 'until curl -sfk -o authority.crt https://localhost:15000/roots/0; do sleep 0.2; done'
		echo '127.0.0.1 shop.example' >>/etc/hosts
		mkdir -p /usr/local/share/ca-certificates; cp authority.crt /usr/local/share/ca-certificates/`)
}
