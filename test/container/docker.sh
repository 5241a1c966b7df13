#!/usr/bin/env bash
# Makes a Debian machine fit for tests with containers, as root: Docker runs, and
# the image that theirs are built on is there. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")"

base=debian:bookworm-slim

if ! docker version >/dev/null 2>&1; then
	[ "$(id -u)" = 0 ] || { echo "Docker does not answer; as root this installs and starts it: sudo $0" >&2; exit 1; }
	if ! command -v dockerd >/dev/null; then
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
	fi
	if [ -d /run/systemd/system ]; then
		systemctl start docker
	else
		nohup dockerd >/var/log/dockerd.log 2>&1 </dev/null &
	fi
	for _ in $(seq 60); do
		docker version >/dev/null 2>&1 && break
		sleep 0.5
	done
	docker version >/dev/null 2>&1 || { echo "dockerd does not start; see /var/log/dockerd.log" >&2; tail -5 /var/log/dockerd.log >&2; exit 1; }
fi

if ! docker image inspect "$base" >/dev/null 2>&1 && ! timeout 60 docker pull -q "$base" >/dev/null 2>&1; then
	[ "$(id -u)" = 0 ] || { echo "$base can't be pulled; as root this makes it: sudo $0" >&2; exit 1; }
	if ! command -v debootstrap >/dev/null; then
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
	fi
	# The mirror that this machine uses is the one that it can reach.
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 2>/dev/null | head -1)
	tree=$(mktemp -d)
	trap 'rm -rf "$tree"' EXIT
	debootstrap --variant=minbase bookworm "$tree" ${mirror:+"$mirror"} >/dev/null
	rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*
	tar -C "$tree" -c . | docker import - "$base" >/dev/null
fi

for folder in */; do
	said=$(docker build -q -t "eshop-test-${folder%/}" "$folder" 2>&1) || { echo "$said" >&2; exit 1; }
done
# Servers that tests built before, whose place newer ones have taken.
docker image prune -f --filter label=eshop.test >/dev/null
