#!/usr/bin/env bash
# Brings a backed up shop back, here or on a machine that never had it.
#   restore.sh FOLDER                bring back all that the backups in FOLDER have
#   restore.sh FOLDER --at TIME      what there was at TIME, such as '2026-11-27 09:30:00 UTC'
#   restore.sh FOLDER ... --over     in place of the shop that is here, whose data is put aside and not removed
# Settings and secrets come back where there are none. Afterwards setup.sh, or deploy.sh start, opens the shop.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

usage() {
	echo "usage: restore.sh FOLDER [--at TIME] [--over]" >&2
	exit 2
}

need_root "$@"
from='' at='' over=''
while [ $# -gt 0 ]; do
	case $1 in
	--at)
		[ -n "${2-}" ] || usage
		at=$2
		shift
		;;
	--over) over=yes ;;
	-*) usage ;;
	*)
		[ -z "$from" ] || usage
		from=$1
		;;
	esac
	shift
done
[ -n "$from" ] || usage
need_systemd
from=$(realpath -e -- "$from" 2>/dev/null) || die "there is no such folder of backups; backup.sh says where they are"
[[ $from =~ ^/[A-Za-z0-9._/-]+$ ]] || die "'$from' has characters in its name that PostgreSQL would take for others; move it"
if [ -n "$at" ]; then
	moment=$(date -d "$at" +%s 2>/dev/null) || die "'$at' is no time; write it like: $(date -u '+%F %T UTC')"
	[ "$moment" -le "$(date +%s)" ] || die "'$at' is yet to come; without --at all is brought back that there is"
	at=$(date -u -d "@$moment" '+%F %T+00')
fi

# The newest copy that was whole by then.
copy=
while read -r one; do
	[ -z "$at" ] || [ "$(cat "$one/whole")" -le "$moment" ] || continue
	copy=$one
done < <(find "$from" -mindepth 3 -maxdepth 3 -name whole ! -path '*.new/whole' -printf '%h\n' | sort)
if [ -z "$copy" ]; then
	first=$(find "$from" -mindepth 3 -maxdepth 3 -name whole ! -path '*.new/whole' -exec cat {} + | sort -n | head -1)
	[ -n "$first" ] || die "$from has no backup; give the folder that backup.sh --to was given"
	die "the first backup in $from was whole at $(date -u -d "@$first" '+%F %T UTC'), and nothing before that can be brought back"
fi
wal=${copy%/*}/wal
wanted=$(cat "$copy/data/PG_VERSION")

install_packages postgresql
read -r version port data < <(pg_lsclusters --no-header | awk '$2 == "main" { print $1, $3, $6 }' | sort -n | tail -1) ||
	die "PostgreSQL has no cluster named main; make one: pg_createcluster $wanted main"
[ "$version" = "$wanted" ] || die "the backup is of PostgreSQL $wanted, and here is $version; install that: apt-get install postgresql-$wanted"
cluster=postgresql@$version-main
bin=/usr/lib/postgresql/$version/bin
as_postgres() { runuser -u postgres -- "$@"; }
sql() { as_postgres psql -qXAt -v ON_ERROR_STOP=1 -p "$port" "$@"; }
as_postgres test -r "$copy/data/PG_VERSION" || die "PostgreSQL's user can't read $from; let it: chown -R postgres:postgres $from (and chmod o+x the folders above)"
as_postgres "$bin/pg_verifybackup" -q -n "$copy/data" || die "$copy is damaged: take an earlier one by --at, or another disk's"
if [ -n "$(find "$data" -mindepth 1 -maxdepth 1 2>/dev/null | head -1)" ]; then
	if [ -z "$over" ] && { [ "$(sql -c "SELECT count(*) FROM pg_database WHERE datname IN ('ecommerce_db', '$shop')" 2>&1 || true)" != 0 ]; }; then
		die "there is a shop in $data, or a database that does not say; to put its data aside and bring back $copy in its place, add --over"
	fi
fi
need=$(du -sk "$copy/data" | cut -f1) free=$(df --output=avail -k "$(dirname "$data")" | tail -1)
[ "$free" -gt "$need" ] || die "there is no room for it: it takes $((need / 1024)) MiB, and $((free / 1024)) MiB are free beside $data"

say "bringing back $copy, of $(date -u -d "@$(cat "$copy/whole")" '+%F %T UTC'), and what was written until ${at:-the end}"
for n in $(servers); do systemctl stop "$(unit "$n")"; done
systemctl stop "$shop-wal" "$shop-backup" 2>/dev/null || true
systemctl stop "$cluster"
aside=
if [ -e "$data" ]; then
	aside=$data.before-$(date -u +%Y-%m-%dT%H-%M-%SZ)
	mv "$data" "$aside"
	say "what was there is in $aside; remove it when all is well"
fi

# put_back has what was there go on, as far as it can.
put_back() {
	rm -rf "$data"
	mv "$aside" "$data"
	systemctl start "$cluster" || true
	systemctl start "$shop-wal" 2>/dev/null || true
	if [ -x "$binary" ] && [ -n "$(servers)" ]; then "$here/deploy.sh" start || true; fi
	say "what was there before is in its place again"
}

install -d -o postgres -g postgres -m 700 "$data"
cp -a "$copy/data/." "$data/"
chown -R postgres:postgres "$data"
chmod 700 "$data"
{
	echo "hot_standby = off" # which would insist on as many connections as the shop's machine allowed
	echo "restore_command = 'cp \"$wal/%f\" \"%p\" 2>/dev/null || cp \"$wal/%f.partial\" \"%p\"'"
	[ -z "$at" ] || echo "recovery_target_time = '$at'"
	echo "recovery_target_action = 'promote'"
} >>"$data/postgresql.auto.conf"
as_postgres touch "$data/recovery.signal"
systemctl start "$cluster" || true
until [ "$(sql -c 'SELECT pg_is_in_recovery()' 2>/dev/null)" = f ]; do
	if ! systemctl is-active -q "$cluster"; then
		why=$(tail -8 "/var/log/postgresql/postgresql-$version-main.log")
		echo "$why" >&2
		[ -z "$aside" ] || put_back
		[ -z "$at" ] || ! grep -q 'recovery target was reached' <<<"$why" ||
			die "the backups end before $at; without --at all is brought back that there is"
		die "PostgreSQL does not take the backup; put right what it says above"
	fi
	sleep 0.5
done
for name in hot_standby restore_command recovery_target_time recovery_target_action; do sql -c "ALTER SYSTEM RESET $name"; done
sql -c "SELECT pg_reload_conf()" >/dev/null
last=$(sql -c "SELECT coalesce(to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS UTC'), 'the copy, after which nothing was written')")

if [ ! -e "$settings" ]; then
	tar -C / -xf "$copy/settings.tar" --exclude="${installed#/}" # which packages are whose differs
	say "settings and secrets are back in $etc"
else
	say "the settings in $settings stay as they are; those of the backup: tar -tf $copy/settings.tar"
fi
say "the records are back as they were after the last change at $last"
if [ ! -x "$binary" ]; then
	say "now open the shop: $here/setup.sh"
	exit
fi
"$here/init_database.sh"
systemctl start "$shop-wal" 2>/dev/null || true
as_shop "$binary" audit || say "eshop audit found what it says above; the shop is opened all the same"
"$here/deploy.sh" start
