#!/bin/sh
# Writes to FOLDER what the containers of compose.yaml read there: what kind of shop it is, whom the servers
# believe, passwords, keys and addresses. What .env says goes first, what was made before stays, and the rest is
# made. Each file can be read by those alone who need it: the servers (user 65534), the owner of the tables
# (65533), Redis (65532). ROUTES is the kernel's table of this container's networks.
set -eu
umask 077
folder=$1 routes=$2
cd "$folder"

die() {
	echo "$*" >&2
	exit 1
}

# put FILE USER:GROUP writes standard input to FILE, for these alone to read.
put() {
	cat >"$1.new"
	chmod 440 "$1.new"
	chown "$2" "$1.new"
	mv -f "$1.new" "$1"
}

# secret NAME FILE prints what .env says of NAME, or what FILE has, or a new secret.
secret() {
	said=$(printenv "$1" || true)
	case $said in *[[:cntrl:]]*) die "$1 in deployment/docker/.env must be one line" ;; esac
	if [ -n "$said" ]; then
		printf %s "$said"
	elif [ -s "$2" ]; then
		cat "$2"
	else
		od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
	fi
}

# escaped TEXT prints TEXT as a part of an address, whatever its characters are.
escaped() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; }

# networks prints the networks that this container is on, as 172.18.0.0/16.
networks() {
	while read -r _ network gateway _ _ _ _ mask _; do
		if [ "$gateway" != 00000000 ] || [ "$network" = 00000000 ]; then continue; fi
		# Both are numbers in hexadecimal digits, the last byte first.
		# shellcheck disable=SC2046,SC2183 # four numbers
		printf '%d.%d.%d.%d/' $(echo "$network" | sed 's/\(..\)\(..\)\(..\)\(..\)/0x\4 0x\3 0x\2 0x\1/')
		bits=0 rest=$((0x$mask))
		while [ "$rest" -gt 0 ]; do bits=$((bits + (rest & 1))) rest=$((rest >> 1)); done
		echo "$bits"
	done <"$routes"
}

# What began as one kind of shop stays it, unless .env says otherwise. A .env with secrets and without a kind is
# that of a production shop from before the kind was asked for.
asked=${ASKED_ENV:-} noted=$(sed -n 's/^ESHOP_ENV=//p' .env 2>/dev/null || true)
[ "$asked" != development ] || asked= # as in the .env of a developer, which is about servers without containers
if [ -n "${ESHOP_ENV:-}" ]; then
	kind=$ESHOP_ENV
elif [ -n "$noted" ]; then
	kind=$noted
elif [ -n "$asked" ]; then
	kind=$asked
elif [ -n "${SECRET_KEY:-}" ]; then
	kind=production
else
	kind=demo
fi
case $kind in demo | production) ;; *) die "ESHOP_ENV must be demo or production, and not $kind" ;; esac
[ "${asked:-$kind}" = "$kind" ] || die "this shop has begun with ESHOP_ENV=$kind, and stays with it"
trusted=$(networks | paste -sd , -)
[ -n "$trusted" ] || die "this container is on no network"

owner=$(secret DATABASE_PASSWORD database_password)
shop=$(secret SHOP_PASSWORD shop_password)
redis=$(secret REDIS_PASSWORD redis_password)
key=$(secret SECRET_KEY secret_key)

printf %s "$owner" | put database_password 65533:65533
printf %s "$shop" | put shop_password 65533:65533
printf %s "$redis" | put redis_password 65532:65532
printf %s "$key" | put secret_key 65534:65534
printf 'postgres://eshop:%s@postgres:5432/eshop?sslmode=disable' "$(escaped "$owner")" | put owner_url 65533:65533
printf 'postgres://shop:%s@postgres:5432/eshop?sslmode=disable' "$(escaped "$shop")" | put database_url 65534:65534
printf 'redis://:%s@redis:6379/0' "$(escaped "$redis")" | put redis_url 65534:65534
printf 'ESHOP_ENV=%s\nESHOP_TRUSTED_PROXIES=%s\n' "$kind" "$trusted" >.env.new
chmod 444 .env.new
mv -f .env.new .env

if [ "$kind" = demo ]; then
	echo "it is a demo shop: sign in as john_doe / password123, and at /admin as admin / admin123"
else
	echo "let somebody look after it at /admin: docker compose run --rm migrate staff NAME EMAIL"
fi
