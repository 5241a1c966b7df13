#!/usr/bin/env bash
# Installs PostgreSQL for the shop, makes its role and database, and brings the
# schema up to what the installed binary needs. Safe to run again.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
need_root "$@"
need_systemd
id "$shop" >/dev/null 2>&1 || die "the user $shop is missing; run setup.sh, which makes it"
[ -x "$binary" ] || die "$binary is missing; run setup.sh, which installs it"

install_packages postgresql
systemctl enable -q postgresql 2>/dev/null
systemctl start postgresql || die "PostgreSQL does not start; this says why: journalctl -u 'postgresql*' -n 20"

# The newest cluster named main is the one that the package made.
read -r version _ port _ < <(pg_lsclusters --no-header | awk '$2 == "main"' | sort -n | tail -1) ||
	die "PostgreSQL has no cluster named main; make one: pg_createcluster --start VERSION main (pg_lsclusters lists what is there)"
[ "$version" -ge 15 ] || die "PostgreSQL $version is too old, the shop needs 15; Debian 12 and Ubuntu 24.04 bring it"

# Servers hold up to 16 connections each.
if echo 'max_connections = 200' | replace "/etc/postgresql/$version/main/conf.d/$shop.conf" 644; then
	systemctl restart "postgresql@$version-main" || die "PostgreSQL does not start; this says why: journalctl -u postgresql@$version-main -n 20"
fi
as_postgres() { runuser -u postgres -- psql -qXAt -v ON_ERROR_STOP=1 -p "$port" "$@"; }
for _ in $(seq 100); do
	answer=$(as_postgres -c 'SELECT 1' 2>&1) && break
	sleep 0.2
done
[ "$answer" = 1 ] || die "PostgreSQL does not answer ($answer); this says why: journalctl -u postgresql@$version-main -n 20"

# The role has no password: PostgreSQL asks the system who is at the other end of the socket.
as_postgres <<END
SELECT 'CREATE ROLE $shop LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$shop') \gexec
SELECT 'CREATE DATABASE $shop OWNER $shop TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
	WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$shop') \gexec
END
url="postgres://$shop@/$shop?host=/run/postgresql&port=$port"
keep_setting DATABASE_URL "$url"
[ "$(setting DATABASE_URL)" = "$url" ] || die "DATABASE_URL in $settings is not this machine's database; to use that, remove the line"
as_shop "$binary" migrate up || die "the schema can't be brought up to date; put right what it says above, then run this again"
say "PostgreSQL $version has the database $shop, its schema up to date"
