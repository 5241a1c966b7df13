# shellcheck shell=bash
# What the scripts beside this file have in common: names, places, and saying
# what is wrong. It is sourced, not run.

set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

shop=ecommerce                      # the system user, the units' prefix; up to 0.1 the database and its role too
etc=/etc/$shop
settings=$etc/$shop.env             # what all servers share, secrets among it
installed=$etc/packages             # what these scripts installed, for --uninstall
binary=/usr/local/bin/eshop
before=$binary.before               # the build before it, and its unit below
unit_before=$etc/unit.before
logs=/opt/$shop/logs                # the servers' access and error logs
logrotate=/etc/logrotate.d/$shop
pages=/usr/share/eshop/pages        # what nginx shows when no server is left
nginx_conf=/etc/nginx/nginx.conf    # the distribution's; up to 0.1 the shop's, with its servers in a file of their own
upstream=/etc/nginx/eshop-upstream.conf
site=/etc/nginx/sites-available/$shop
site_link=/etc/nginx/sites-enabled/$shop
site_ours=$etc/site                 # as setup.sh installed it, which tells what an operator changed
nginx_main=/etc/nginx/modules-enabled/99-$shop.conf # what stands outside of all sites
acme=/var/lib/$shop/acme            # what a certificate authority asks for
tls_site=$etc/tls/tls.conf          # what deploy.sh tls adds to the site
nginx_unit=/etc/systemd/system/nginx.service.d/$shop.conf
firewall_rules=$etc/firewall.nft
firewall_unit=/etc/systemd/system/$shop-firewall.service
reachable=/etc/systemd/system/$shop-.service.d/reachable.conf # for every unit whose name begins so
backup_conf=$etc/backup.conf        # where backups are, and how many
backup_slot=${shop}_backup          # by which PostgreSQL keeps what the backup has not got yet; adapter/postgres knows it
backup_room=1GB                     # and so much of it
scripts=/usr/local/lib/eshop        # of units, which outlive a checkout
redis_conf=/etc/redis/redis.conf
redis_own=/etc/redis/$shop.conf
# shellcheck disable=SC2034 # for those who source it
readonly shop etc settings installed binary before unit_before logs logrotate pages nginx_conf upstream site site_link site_ours nginx_main acme tls_site nginx_unit firewall_rules firewall_unit reachable backup_conf backup_slot backup_room scripts redis_conf redis_own

say() { echo "$*"; }

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

need_root() { [ "$(id -u)" = 0 ] || die "this changes the system and must run as root: sudo $0${*:+ $*}"; }

need_systemd() {
	command -v apt-get >/dev/null || die "this is for Debian and Ubuntu; elsewhere use Docker: make up"
	[ -d /run/systemd/system ] || die "systemd does not run here; use Docker: make up"
}

# apt_get says nothing unless it fails. What an operator changed of a package's files stays.
apt_get() {
	local words
	words=$(apt-get -q -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" 2>&1 </dev/null) || {
		echo "$words" >&2
		return 1
	}
}

# install_packages NAME... installs what is missing and notes it.
install_packages() {
	local name missing=()
	for name in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	if [ -z "${package_lists_fetched-}" ]; then
		apt_get update || die "the package lists can't be fetched; see whether this machine reaches its mirror: apt-get update"
		export package_lists_fetched=yes # for the scripts that this one calls, too
	fi
	apt_get install -y --no-install-recommends "${missing[@]}" || die "${missing[*]} can't be installed; put right what it says above"
	install -d "$etc"
	printf '%s\n' "${missing[@]}" >>"$installed"
}

new_secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

setting() { sed -n "s/^$1=//p" "$settings" 2>/dev/null | tail -1 | tr -d "\"'"; }

# keep_setting NAME VALUE adds a setting unless it is there: what was generated or
# edited stays as it is.
keep_setting() {
	install -d "$etc"
	if [ ! -e "$settings" ]; then
		(umask 077 && printf '# Settings that all servers share: eshop help explains them. After a change: deploy.sh restart\n# After a change of SECRET_KEY: deploy.sh stop before it, deploy.sh start after it\n' >"$settings")
	fi
	grep -q "^$1=" "$settings" || printf "%s='%s'\n" "$1" "$2" >>"$settings"
}

# replace FILE MODE makes the file what standard input says, at once and for good,
# and fails when it was so already.
replace() {
	local file=$1 new
	new=$(mktemp "$file.XXXXXX")
	cat >"$new"
	chmod "$2" "$new"
	if cmp -s "$new" "$file"; then
		rm "$new"
		return 1
	fi
	mv "$new" "$file"
}

# need_user makes the system user that servers run as.
need_user() {
	id "$shop" >/dev/null 2>&1 || useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$shop"
}

# database_of prints the database that the settings name, "" for one that is not this machine's.
database_of() {
	case $(setting DATABASE_URL) in
	"postgres://$shop@/$shop?host=/run/postgresql&port="*) echo "$shop" ;;
	postgres://ecommerce_user:*@localhost:*/ecommerce_db'?'*) echo ecommerce_db ;;
	esac
}

# as_shop COMMAND... runs a command as the shop's user with the shop's settings, and with no .env that lies about.
# They go by the environment, which only that user and root can read.
as_shop() {
	(
		set -a
		# shellcheck disable=SC1090
		. "$settings"
		set +a
		cd /
		exec runuser -u "$shop" -- "$@"
	)
}

# install_logs makes the folder of the servers' logs, which they alone write and the group adm reads, and has them rotated.
install_logs() {
	install -d "${logs%/*}"
	install -d -o "$shop" -g adm -m 2750 "$logs"
	replace "$logrotate" 644 <"${BASH_SOURCE[0]%/*}/logrotate.conf" || true
}

# allow_addresses BUILD lets the servers reach the hosts that the settings name and that are not this machine, and
# nothing else: their unit denies the rest. Where a name is not in /etc/hosts, the name servers are needed, too.
allow_addresses() {
	local hosts host found address addresses=()
	hosts=$(
		set -a
		# shellcheck disable=SC1090
		. "$settings"
		set +a
		cd /
		"$1" config hosts 2>/dev/null
	) || return 0 # who needs the settings says what is wrong with them
	for host in $hosts; do
		found=$(getent ahosts "$host" | awk '{ print $1 }') || true
		[ -n "$found" ] || say "$host, which the settings name, can't be looked up, so the servers won't reach it; when it can: deploy.sh restart"
		if ! [[ $host =~ ^[0-9.]+$|: ]] && ! getent -s files hosts "$host" >/dev/null; then
			found+=" $(sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf)"
		fi
		for address in $found; do
			case $address in
			127.* | ::1 | *%*) ;; # what the unit lets through already, and what has no meaning without an interface
			*) addresses+=("$address") ;;
			esac
		done
	done
	if [ ${#addresses[@]} = 0 ]; then
		[ -e "$reachable" ] || return 0
		rm -f "$reachable"
		rmdir --ignore-fail-on-non-empty "${reachable%/*}"
	else
		install -d "${reachable%/*}"
		{
			echo "# Written by setup.sh and deploy.sh restart; changes are lost. It is what the hosts in $settings are now."
			echo "[Service]"
			printf '%s\n' "${addresses[@]}" | sort -u | sed 's/^/IPAddressAllow=/'
		} | replace "$reachable" 644 || return 0
	fi
	systemctl daemon-reload
}

# read_backup_conf says where backups are (backups) and how many copies stay (keep).
read_backup_conf() {
	backups=$(sed -n 's/^backups=//p' "$backup_conf" | tail -1) keep=$(sed -n 's/^keep=//p' "$backup_conf" | tail -1)
	[[ $backups =~ ^/[A-Za-z0-9._/-]+$ && $keep =~ ^[1-9][0-9]{0,2}$ ]] ||
		die "$backup_conf must have two lines, such as: backups=/var/backups/$shop and: keep=7 (1 to 999 copies)"
}

# servers lists the numbers of the servers that are installed.
servers() {
	local file
	for file in "$etc/$shop"-server*.env; do
		[ -e "$file" ] || continue
		file=${file##*-server}
		echo "${file%.env}"
	done | sort -n
}

unit() { echo "$shop-server$1"; }

unit_file() { echo "/etc/systemd/system/$(unit "$1").service"; }

# add_server N installs a server's settings and its unit, unless it has one. It starts nothing.
add_server() {
	printf 'PORT=%s\nSERVER_NAME=Server-%s\n' "$(port_of "$1")" "$1" | replace "$etc/$(unit "$1").env" 644 || true
	[ -e "$(unit_file "$1")" ] || replace "$(unit_file "$1")" 644 <"$(newest_unit)" || true
}

# newest_unit is the file that units are copies of: that of the servers there are, or
# for the first the one beside this file.
newest_unit() {
	local n
	for n in $(servers); do
		if [ -e "$(unit_file "$n")" ]; then unit_file "$n" && return; fi
	done
	echo "${BASH_SOURCE[0]%/*}/systemd/$shop-server.service"
}

port_of() { echo $((5000 + $1)); }

is_ready() { (cd / && PORT=$(port_of "$1") exec "$binary" healthcheck) >/dev/null 2>&1; }

# balanced is the file that names the servers to nginx.
balanced() { if [ -e "$upstream" ]; then echo "$upstream"; else echo "$site"; fi; }

# servers_of FILE lists the servers of its upstream ecommerce_backend, each as "server ADDRESS ...;" and what follows
# on its line. A file without upstreams is the list of one.
servers_of() {
	awk -v inside="$(has_upstreams "$1" || echo 1)" '
		/^[ \t]*upstream[ \t]+ecommerce_backend[ \t]*{/ { inside = 1 }
		inside && /^[ \t]*server[ \t]+[^{]*;/ { sub(/^[ \t]*server[ \t]+/, "server "); print }
		inside && /^[ \t]*}/ { exit }' "$1"
}

# with_servers FILE prints it with the servers on standard input in each of the shop's upstreams.
with_servers() {
	if has_upstreams "$1"; then
		awk 'NR == FNR { list = list "\t" $0 "\n"; next }
			/^[ \t]*upstream[ \t]+ecommerce_[a-z]+[ \t]*{/ { inside = 1; told = 0 }
			/^[ \t]*}/ { inside = 0 }
			inside && /^[ \t]*server[ \t]+[^{]*;/ { if (!told++) printf "%s", list; next }
			{ print }' - "$1"
	else
		cat
	fi
}

has_upstreams() { grep -q '^[[:space:]]*upstream[[:space:]]' "$1"; }

# tls_name is the domain that the shop is open at by TLS, "" without.
tls_name() { sed -n 's|.*return 308 https://\([^$]*\)\$.*|\1|p' "$tls_site" 2>/dev/null || true; }
