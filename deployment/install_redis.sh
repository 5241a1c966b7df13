#!/usr/bin/env bash
# Installs Redis for the shop: bound to localhost, with a password that is made
# once and kept. Safe to run again.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
need_root "$@"
need_systemd

# What another program keeps in this machine's Redis is not the shop's to evict.
if [ ! -e "$redis_own" ] && { grep -qs '^[[:space:]]*requirepass' "$redis_conf" || redis-cli info keyspace 2>/dev/null | grep -q '^db'; }; then
	die "the Redis of this machine has a password or data already, so it serves somebody else; empty it and take requirepass out of $redis_conf to give it to the shop"
fi
install_packages redis-server redis-tools

keep_setting REDIS_URL "redis://:$(new_secret)@127.0.0.1:6379/0"
url=$(setting REDIS_URL)
case $url in
redis://:*@127.0.0.1:6379/*) ;;
*) die "REDIS_URL in $settings is not this machine's Redis; to use that, remove the line" ;;
esac
password=${url#redis://:}
password=${password%@127.0.0.1:6379/*}

changed=
# The password comes from a file: arguments are for everybody to see.
replace "$redis_own" 640 <<-END && changed=restart
	# Made by install_redis.sh; the password is also in $settings.
	bind 127.0.0.1
	protected-mode yes
	port 6379
	requirepass $password
	# All of it may be lost: what matters is in PostgreSQL.
	save ""
	maxmemory 256mb
	maxmemory-policy volatile-lru
END
chgrp redis "$redis_own"
if ! grep -qx "include $redis_own" "$redis_conf"; then
	echo "include $redis_own" >>"$redis_conf"
	changed=restart
fi
systemctl enable -q redis-server 2>/dev/null
systemctl "${changed:-start}" redis-server || die "Redis does not start; this says why: journalctl -u redis-server -n 20"

answer=
for _ in $(seq 50); do
	answer=$(REDISCLI_AUTH=$password redis-cli -h 127.0.0.1 ping 2>&1) || true
	[ "$answer" = PONG ] && break
	sleep 0.2
done
[ "$answer" = PONG ] || die "Redis does not take its password ($answer); look for another requirepass in $redis_conf and restart it: systemctl restart redis-server"
say "Redis answers on 127.0.0.1:6379, with the password in $settings"
