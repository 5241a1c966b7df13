#!/usr/bin/env bash
# Backs the shop up: the database, with pictures and all, the settings and their secrets. A copy of all is made each
# night; between copies the write-ahead log is kept as it is written, so that a dead disk costs the last seconds.
#   backup.sh               make a copy now
#   backup.sh --to FOLDER   keep backups in FOLDER from now on, which should be another disk, and make a copy now
#   backup.sh --stream      keep the write-ahead log, which the unit ecommerce-wal does for as long as it runs
# restore.sh brings it all back. setup.sh switches this on.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

usage="usage: backup.sh [--to FOLDER]"
least_free=1048576 # KiB that are left to others where backups lie, or a twentieth of the disk
patience=60        # seconds that the last of a copy may take to arrive

free_in() { df --output=avail -k "$1" | tail -1; }

# enough FOLDER [KIB] reports whether so much more fits there, with room left.
enough() {
	local size
	size=$(df --output=size -k "$1" | tail -1)
	local left=$((size / 20 < least_free ? size / 20 : least_free))
	[ "$(free_in "$1")" -ge $((${2:-0} + left)) ]
}

cluster() {
	read -r version port data < <(pg_lsclusters --no-header | awk '$2 == "main" { print $1, $3, $6 }' | sort -n | tail -1) ||
		die "PostgreSQL has no cluster named main, so there is nothing to back up here"
	bin=/usr/lib/postgresql/$version/bin
}

as_postgres() { runuser -u postgres -- "$@"; }

sql() { as_postgres psql -qXAt -v ON_ERROR_STOP=1 -p "$port" "$@"; }

# identity is what a series of backups belongs to: a restored database is another one, at once and not at its next
# checkpoint.
identity() { sql -c 'SELECT system_identifier, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) FROM pg_control_system()'; }

# newest_series prints the folder of the series that goes on, "" without one.
newest_series() { find "$backups" -mindepth 1 -maxdepth 1 -type d -name '2*' | sort | tail -1; }

# need_backups fails where the disk of backups is not mounted: what lies below would fill another.
need_backups() {
	[ "$(stat -c %U "$backups" 2>/dev/null)" = postgres ] ||
		die "$backups is not there, or not PostgreSQL's; mount its disk, or use another: $here/backup.sh --to FOLDER"
}

# begin_series starts a new one where there is none, where the database is another, and where what
# the last one lacks can't be had any more.
begin_series() {
	local kept now slot
	kept=$(newest_series)
	now=$(identity) || die "PostgreSQL does not answer; this says why: journalctl -u postgresql@$version-main -n 20"
	slot=$(sql -c "SELECT wal_status FROM pg_replication_slots WHERE slot_name = '$backup_slot'")
	if [ -n "$kept" ] && [ "$(cat "$kept/identity" 2>/dev/null)" = "$now" ] && [ -n "$slot" ] && [ "$slot" != lost ]; then return; fi
	[ -z "$slot" ] || sql -c "SELECT FROM pg_drop_replication_slot('$backup_slot')"
	kept=$backups/$(date -u +%Y-%m-%dT%H-%M-%SZ)
	install -d -o postgres -g postgres -m 700 "$kept" "$kept/wal"
	as_postgres "$bin/pg_receivewal" -p "$port" -w -S "$backup_slot" --create-slot --if-not-exists
	echo "$now" >"$kept/identity"
	say "a new series of backups begins in $kept"
	systemctl start --no-block "$shop-backup" # without a copy it is of no use
}

# stream keeps the write-ahead log until PostgreSQL or the disk's room ends. PostgreSQL keeps a gigabyte meanwhile
# (max_slot_wal_keep_size), and goes on without the backup then.
stream() {
	local receiver
	begin_series
	enough "$backups" || die "there is no room in $backups; the shop goes on, and its backup does not"
	as_postgres "$bin/pg_receivewal" -p "$port" -w -n --synchronous --status-interval=1 -S "$backup_slot" -D "$(newest_series)/wal" &
	receiver=$!
	trap 'kill $receiver 2>/dev/null; exit 0' TERM INT
	while sleep 5 && kill -0 $receiver 2>/dev/null; do
		if ! enough "$backups"; then
			kill $receiver
			die "there is no room in $backups; the shop goes on, and its backup does not"
		fi
	done
	wait $receiver || die "the write-ahead log does not arrive; put right what it says above"
}

# copy makes a copy of all, which counts when it is whole, checked, and on the disk.
copy() {
	local series new size name was='' streamed end
	exec 8>"$backups/.lock"
	flock -n 8 || die "another copy is being made; try again when it is done"
	find "$backups" -mindepth 2 -maxdepth 2 -name '*.new' -exec rm -rf {} + # of one that was cut off
	systemctl is-active -q "$shop-wal" || die "the write-ahead log is not kept; this says why: journalctl -u $shop-wal -n 20"
	end=$((SECONDS + patience))
	until series=$(newest_series) && [ -n "$series" ] && [ "$(cat "$series/identity" 2>/dev/null)" = "$(identity)" ]; do
		[ $SECONDS -lt $end ] || die "the write-ahead log of another database is kept; restart it: systemctl restart $shop-wal"
		sleep 0.2
	done
	size=$(sql -c "SELECT (sum(pg_database_size(oid)) / 1024)::bigint FROM pg_database") # du fails where files go meanwhile
	enough "$backups" "$size" ||
		die "there is no room in $backups: a copy takes $((size / 1024)) MiB, and $(($(free_in "$backups") / 1024)) MiB are free; keep fewer in $backup_conf, or use another disk: $0 --to FOLDER"
	name=$(date -u +%Y-%m-%dT%H-%M-%SZ) new=$series/$name.new
	install -d -o postgres -g postgres -m 700 "$new"
	as_postgres "$bin/pg_basebackup" -p "$port" -w -D "$new/data" -X none --checkpoint=fast --max-rate=100M --manifest-checksums=SHA256 2>"$new/log" ||
		failed "$new" "$(cat "$new/log")"
	# shellcheck disable=SC2046 # paths of the system's
	tar -C / -cf "$new/settings.tar" $(cd / && find "${etc#/}" "${site#/}" etc/letsencrypt -maxdepth 0 2>/dev/null) || failed "$new" "the settings can't be read"
	as_postgres "$bin/pg_verifybackup" -q -n "$new/data" 2>"$new/log" || failed "$new" "$(cat "$new/log")"
	# A copy is of use once what was written while it was made is there, too.
	was=$(sql -c "SELECT pg_current_wal_lsn()") end=$((SECONDS + patience))
	until streamed=$(sql -c "SELECT restart_lsn >= '$was' FROM pg_replication_slots WHERE slot_name = '$backup_slot'") && [ "$streamed" = t ]; do
		[ $SECONDS -lt $end ] || failed "$new" "the write-ahead log of the copy does not arrive; this says why: journalctl -u $shop-wal -n 20"
		sleep 0.5
	done
	rm "$new/log"
	date +%s >"$new/whole"
	sync -f "$new"
	mv "$new" "$series/$name"
	sync -f "$series"
	sql -d "$(database_of)" -c "INSERT INTO upkeep (what, done_at) VALUES ('backup', now()) ON CONFLICT (what) DO UPDATE SET done_at = now()"
	forget
	say "backed up to $series/$name: $(du -sh "$series/$name" | cut -f1)"
	if [ "$(df --output=source "$backups" | tail -1)" = "$(df --output=source "$data" | tail -1)" ]; then
		say "that is the database's own disk, and dies with it: mount another and type $here/backup.sh --to FOLDER"
	fi
}

failed() {
	rm -rf "$1"
	die "no copy was made, and those of before stay: $2"
}

# forget removes all copies but the newest, and of the write-ahead log what no copy needs.
forget() {
	local all old series first
	mapfile -t all < <(find "$backups" -mindepth 3 -maxdepth 3 -name whole -printf '%h\n' | sort) # by age: the names are times
	for old in "${all[@]:0:$((${#all[@]} > keep ? ${#all[@]} - keep : 0))}"; do
		mv "$old" "$old.new" # so that half of it is no copy
		rm -rf "$old.new"
	done
	for series in "$backups"/2*; do
		first=$(find "$series" -mindepth 2 -maxdepth 2 -name whole -printf '%h\n' | sort | head -1)
		if [ -n "$first" ]; then
			first=$(sed -nE 's/^START WAL LOCATION: .*file ([0-9A-F]{24}).*/\1/p' "$first/data/backup_label")
			as_postgres "$bin/pg_archivecleanup" "$series/wal" "$first"
		elif [ "$series" != "$(newest_series)" ]; then
			rm -rf "$series"
		fi
	done
}

# move_to FOLDER keeps backups there from now on.
move_to() {
	local to others
	to=$(realpath -m -- "$1")
	[[ $to =~ ^/[A-Za-z0-9._/-]+$ ]] || die "'$1' is no name for a folder of backups: letters, digits and . _ - / are"
	case $to/ in "$data/"* | / | /etc/* | "$etc/"*) die "$to is no place for backups" ;; esac
	# It becomes PostgreSQL's alone, which no folder of others outlives.
	others=$(find "$to" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name .lock ! -name '2*T*Z' -printf '%f ' -quit 2>/dev/null) || true
	[ -z "$others" ] || die "$to has other things in it, such as ${others% }; give a folder of its own: $0 --to $to/$shop"
	install -d "$to" || die "$to can't be made"
	chown postgres:postgres "$to" && chmod 700 "$to"
	as_postgres test -w "$to" || die "PostgreSQL's user can't write to $to; let it through the folders above: chmod o+x"
	[ "$to" != "$backups" ] || return 0
	printf '# Where backup.sh keeps backups, and how many copies of the whole. Another place: backup.sh --to FOLDER\nbackups=%s\nkeep=%s\n' "$to" "$keep" |
		replace "$backup_conf" 644 || true
	# A series is whole in one place, so another begins: one that is there already lacks what went elsewhere.
	backups=$to
	systemctl stop "$shop-wal" 2>/dev/null || true
	sql -c "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '$backup_slot'" >/dev/null
	systemctl start "$shop-wal" || die "the write-ahead log is not kept; this says why: journalctl -u $shop-wal -n 20"
}

need_root "$@"
need_systemd
[ -e "$backup_conf" ] || die "backups are not switched on here; setup.sh does that"
read_backup_conf
cluster
case $#$* in
1--stream)
	need_backups
	stream
	;;
0 | "2--to "?*)
	[ $# = 0 ] || move_to "$2"
	need_backups
	copy
	;;
*)
	echo "$usage" >&2
	exit 2
	;;
esac
