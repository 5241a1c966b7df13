#!/usr/bin/env bash
# Installs PostgreSQL for the shop, makes the role ecommerce_user and the database ecommerce_db, and brings
# the schema up to what the installed build needs. Safe to run again, before setup.sh and after it.
# A shop up to 0.1 keeps its role and its database, which are called ecommerce.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
need_root "$@"
need_systemd
need_user
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

exists() { [ "$(as_postgres -c "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 1 ]; }
if [ -z "$(setting DATABASE_URL)" ]; then
	if exists "$shop" && ! exists ecommerce_db; then
		keep_setting DATABASE_URL "postgres://$shop@/$shop?host=/run/postgresql&port=$port"
	else
		keep_setting DATABASE_URL "postgres://ecommerce_user:$(new_secret)@localhost:$port/ecommerce_db?sslmode=disable"
	fi
fi
url=$(setting DATABASE_URL) database=$(database_of)
[ -n "$database" ] || die "DATABASE_URL in $settings is not this machine's database; to use that, remove the line"
if [ "$database" = "$shop" ]; then
	role=$shop password= # PostgreSQL asks the system who is at the other end of the socket
else
	role=ecommerce_user password=${url#*:*:}
	password=${password%%@*}
fi
# By standard input: arguments are for everybody to see.
as_postgres <<END
SELECT 'CREATE ROLE $role LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$role') \gexec
SELECT 'ALTER ROLE $role PASSWORD ''$password''' WHERE '$password' <> '' \gexec
SELECT 'CREATE DATABASE $database OWNER $role TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
	WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$database') \gexec
END
if [ ! -x "$binary" ]; then
	say "PostgreSQL $version has the database $database; setup.sh brings its schema"
	exit
fi
as_shop "$binary" migrate up || die "the schema can't be brought up to date; put right what it says above, then run this again"
say "PostgreSQL $version has the database $database, its schema up to date"
