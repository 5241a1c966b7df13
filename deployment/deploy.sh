#!/usr/bin/env bash
# Runs the shop's servers under systemd behind nginx, once setup.sh is through.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

usage="usage: deploy.sh COMMAND
  start     start the stores, nginx and every server, and wait until they are ready
  stop      stop every server; nginx tells visitors that the shop is closed
  restart   restart one server at a time, each taken out of nginx's hands first
  update FILE   bring a build into service: it migrates the database, a server of its own proves it, then one server
            after another restarts with it; when any of that fails, the build before goes on
  rollback  bring the build before the last update back into service, in the same way but for the database
  status    what runs, and whether it is ready; exits with 1 unless all is well
  doctor    look at nginx, every server, the stores, the clock and the disk, and say what to type; exits with 1 unless all is well
  scale N   have N servers, 1 to 9, starting or stopping as many as it takes
  staff NAME EMAIL   make an account that may look after the shop at /admin; asks for its password
  staff list         who may look after the shop
  staff remove NAME  make a customer of somebody who looks after the shop, signed out everywhere at once
  staff password NAME  give them another password, signed out everywhere at once; asks for it
  tls DOMAIN EMAIL   open the shop at https://DOMAIN/ with a certificate of Let's Encrypt, which renews itself
  tls DOMAIN --cert FILE --key FILE   the same with a certificate that is there; a renewed one needs systemctl reload nginx
  logs ...  the servers' journal; options as for journalctl, such as -f"

most=9            # 16 connections each, of the 200 that init_database.sh gives PostgreSQL
ready_within=60   # seconds
drain_within=10   # seconds; what takes longer, such as sockets, the server itself sends away
old_workers=

only_one() {
	exec 9>"/run/$shop-deploy.lock"
	flock -n 9 || die "another deploy.sh is at work; try again when it is done"
}

# line_of N is what nginx is told of server N, "" when it is told nothing.
line_of() { servers_of "$(balanced)" 2>/dev/null | grep "^server 127.0.0.1:$(port_of "$1")[ ;]"; }

is_known() { line_of "$1" >/dev/null; }

# is_out says whether nginx sends a server nobody.
is_out() { ! line_of "$1" | grep -qv '^[^;]* down[ ;]'; }

# rewrite_upstream OUT NUMBER... tells nginx of the servers with these numbers, of
# which it leaves alone those in OUT. What an operator said of them stays, and so do servers
# that are not of these scripts.
rewrite_upstream() {
	local out=" $1 " file line n known='' new
	shift
	file=$(balanced)
	new=$(mktemp)
	while read -r line; do
		n=${line#server 127.0.0.1:500}
		n=${n%%[ ;]*}
		if [[ $line = "server 127.0.0.1:500$n"[\ \;]* && $n =~ ^[1-9]$ ]] && { [[ " $* " = *" $n "* ]] || servers | grep -qx "$n"; }; then
			[[ " $* " = *" $n "* ]] || continue
			known+=" $n "
			if [[ $line =~ ^([^\;]*)\ down([\ \;].*)$ ]]; then line=${BASH_REMATCH[1]}${BASH_REMATCH[2]}; fi
			if [[ $out = *" $n "* ]]; then line=${line/;/ down;}; fi
		fi
		echo "$line"
	done < <(servers_of "$file") >"$new"
	for n in "$@"; do
		[[ $known != *" $n "* ]] || continue
		line="server 127.0.0.1:$(port_of "$n") max_fails=2 fail_timeout=2s"
		if [[ $out = *" $n "* ]]; then line+=" down"; fi
		echo "$line;" >>"$new"
	done
	cp "$file" "$etc/balanced.before"
	if ! with_servers "$file" <"$new" | replace "$file" 644; then
		rm "$new" "$etc/balanced.before"
		return 0
	fi
	rm "$new"
	if ! nginx -t -q; then
		mv "$etc/balanced.before" "$file"
		die "nginx does not take its configuration and goes on with the one before; put right what it says above in $file"
	fi
	rm "$etc/balanced.before"
	reload_nginx
}

accepting() { pgrep -P "$(cat /run/nginx.pid)" -f 'nginx: worker process$' || true; }

# reload_nginx returns when no worker with the old configuration takes requests.
reload_nginx() {
	local end pid
	old_workers=
	systemctl is-active -q nginx || return 0
	old_workers=$(accepting)
	systemctl reload nginx || die "nginx can't be reloaded; this says why: journalctl -u nginx -n 20"
	end=$((SECONDS + 10))
	for pid in $old_workers; do
		while accepting | grep -qx "$pid"; do
			[ $SECONDS -lt $end ] || die "nginx keeps its old configuration; this says why: tail /var/log/nginx/ecommerce_error.log"
			sleep 0.1
		done
	done
}

# drain returns when what nginx had in flight at its last reload is answered.
drain() {
	local pid end=$((SECONDS + drain_within))
	for pid in $old_workers; do
		while [ -e "/proc/$pid" ] && [ $SECONDS -lt $end ]; do sleep 0.1; done
	done
}

outside() {
	local n
	for n in $(servers); do
		if is_out "$n"; then echo "$n"; fi
	done | xargs
}

take_out() {
	# shellcheck disable=SC2046 # numbers
	rewrite_upstream "$(outside) $1" $(servers)
	drain
}

let_in() {
	local n others=
	for n in $(outside); do [ "$n" = "$1" ] || others+=" $n"; done
	# shellcheck disable=SC2046 # numbers
	rewrite_upstream "$others" $(servers)
}

ends() { systemctl show -p NRestarts --value "$1"; }

# wait_ready N [UNIT] waits for server N, whose unit may be another. It fails after
# ready_within, and before that when the server ends again and again.
wait_ready() {
	local unit=${2-$(unit "$1")} first end=$((SECONDS + ready_within))
	first=$(ends "$unit")
	until is_ready "$1"; do
		[ $SECONDS -lt $end ] && [ $(($(ends "$unit") - first)) -lt 5 ] || return 1
		sleep 0.2
	done
}

start() {
	local n late=()
	allow_addresses "$binary"
	systemctl start postgresql redis-server || die "a store does not start; this says why: journalctl -u 'postgresql*' -u redis-server -n 20"
	for n in $(servers); do systemctl start "$(unit "$n")" || late+=("$n"); done
	for n in $(servers); do wait_ready "$n" || late+=("$n"); done
	# shellcheck disable=SC2046 # numbers
	rewrite_upstream "${late[*]-}" $(servers)
	systemctl start nginx || die "nginx does not start; this says why: journalctl -u nginx -n 20"
	[ ${#late[@]} = 0 ] || die "not ready, and not given to nginx: ${late[*]/#/$shop-server}; this says why: deploy.sh logs -n 50"
	say "servers that are ready: $(servers | wc -l)"
}

stop() {
	local n units=()
	for n in $(servers); do units+=("$(unit "$n")"); done
	systemctl stop "${units[@]}"
	say "the servers have stopped; nginx tells visitors that the shop is closed (systemctl stop nginx ends that too)"
}

restart() {
	allow_addresses "$binary"
	# shellcheck disable=SC2046 # numbers
	restart_these $(servers)
}

# restart_these NUMBER... restarts these servers, one at a time.
restart_these() {
	local n sick=() well=()
	systemctl is-active -q nginx || die "nginx does not run, so nobody is served; start it all: deploy.sh start"
	for n in "$@"; do
		if is_ready "$n"; then well+=("$n"); else sick+=("$n"); fi
	done
	# Those that serve nobody come first, so that there is somebody to take over.
	for n in "${sick[@]}" "${well[@]}"; do
		if [ "$(servers | wc -l)" -gt 1 ]; then
			take_out "$n"
		else
			say "there is one server only: visitors wait while it restarts (deploy.sh scale 2 avoids that)"
		fi
		systemctl restart "$(unit "$n")" || die "$(unit "$n") does not start and stays out of nginx's hands; the others serve on. This says why: journalctl -u $(unit "$n") -n 50"
		wait_ready "$n" || die "$(unit "$n") does not become ready and stays out of nginx's hands; the others serve on. This says why: journalctl -u $(unit "$n") -n 50"
		let_in "$n"
		say "$(unit "$n") is restarted and serves"
	done
}

# --- A new build -------------------------------------------------------------

new=$binary.new          # a build that is not proved yet, and its unit
unit_new=$etc/unit.new
trial=$shop-trial        # the server that proves it; nginx knows nothing of it
replaced=                # whether the build before was replaced already

update() {
	[ -x "$1" ] || die "$1 is no program; say which build: deploy.sh update bin/eshop"
	if cmp -s "$1" "$binary" && cmp -s "$here/systemd/$shop-server.service" "$(newest_unit)" && [ -z "$(outdated)" ]; then
		say "that build is in service already"
		return
	fi
	proving
	install -m 755 "$1" "$new"
	install -m 644 "$here/systemd/$shop-server.service" "$unit_new"
	"$new" version >/dev/null || die "$1 does not run on this machine"
	install_logs
	# From its own place: what runs goes on with its own file, whatever comes of this.
	as_shop "$new" migrate up || die "the new build can't migrate the database; put right what it says above. The servers go on: steps that were taken do not disturb them"
	bring_in
	say "the new build is in service; deploy.sh rollback brings the one before back"
}

rollback() {
	[ -e "$before" ] || die "there is no build before this one; deploy.sh update keeps the one that it replaces"
	proving
	install -m 755 "$before" "$new"
	install -m 644 "$unit_before" "$unit_new"
	bring_in
	say "the build before is in service again, on the database as it is; deploy.sh rollback undoes that"
}

# proving makes sure that the build before goes on unless bring_in ends well.
proving() {
	systemctl is-active -q nginx || die "nginx does not run, so nobody is served; start it all: deploy.sh start"
	trap 'exit 130' HUP INT TERM
	trap back_out EXIT
}

back_out() {
	local status=$?
	trap - EXIT
	end_trial
	rm -f "$new" "$unit_new"
	if [ -n "$replaced" ]; then
		install_build "$before" "$unit_before"
		# shellcheck disable=SC2046 # numbers
		(restart_these $(outdated)) || true # it says itself what is wrong
	fi
	echo "${0##*/}: the new build is not in service; the one before is, on every server that is ready: deploy.sh status" >&2
	exit $((status ? status : 1))
}

# bring_in proves the new build, puts it in the place of the one before, and lets the servers follow.
bring_in() {
	prove
	install -m 755 "$binary" "$before"
	install -m 644 "$(newest_unit)" "$unit_before"
	replaced=yes
	install_build "$new" "$unit_new"
	# shellcheck disable=SC2046 # numbers
	restart_these $(outdated)
	trap - EXIT HUP INT TERM
	rm -f "$new" "$unit_new"
}

# prove fails unless a server of the new build, with its unit, becomes ready.
prove() {
	sed "s|$binary |$new |" "$unit_new" >"/run/systemd/system/$trial.service"
	printf 'PORT=%s\nSERVER_NAME=Trial\nESHOP_ACCESS_LOG=\nESHOP_ERROR_LOG=\n' "$(port_of 0)" >"$etc/$trial.env"
	systemctl daemon-reload
	if ! systemctl start "$trial" || ! wait_ready 0 "$trial"; then
		systemctl stop "$trial" || true
		journalctl --no-pager -q -n 5 -o cat -t "$trial" >&2 || true
		die "a server of the new build does not become ready; what it said is above, and more by: journalctl -u $trial -n 50"
	fi
	end_trial
}

end_trial() {
	[ -e "/run/systemd/system/$trial.service" ] || return 0
	systemctl stop "$trial" || true
	rm -f "/run/systemd/system/$trial.service" "$etc/$trial.env"
	systemctl daemon-reload
	systemctl reset-failed "$trial" 2>/dev/null || true
}

# install_build FILE UNIT puts a build and its unit in their places. Who runs goes on with the old ones.
install_build() {
	local n
	replace "$binary" 755 <"$1" || true
	for n in $(servers); do
		replace "$(unit_file "$n")" 644 <"$2" || true
	done
	systemctl daemon-reload
}

# outdated lists the servers that do not run, or not the build, unit and settings that are installed.
outdated() {
	local n pid since changed
	for n in $(servers); do
		pid=$(systemctl show -p MainPID --value "$(unit "$n")")
		if [ "$pid" != 0 ] && [ "/proc/$pid/exe" -ef "$binary" ]; then
			since=$(date -d "$(systemctl show -p ExecMainStartTimestamp --value "$(unit "$n")")" +%s)
			changed=$(stat -c %Z "$(unit_file "$n")" "$etc/$(unit "$n").env" | sort -n | tail -1)
			[ "$changed" -gt "$since" ] || continue
		fi
		echo "$n"
	done | xargs
}

scale() {
	local want="$*" n out='' added=() gone=()
	[[ $want =~ ^[1-$most]$ ]] || die "say how many servers, 1 to $most: deploy.sh scale 3"
	for n in $(seq "$want"); do
		servers | grep -qx "$n" || added+=("$n")
	done
	for n in $(servers); do
		[ "$n" -le "$want" ] || gone+=("$n")
	done
	for n in "${added[@]}"; do add_server "$n"; done
	systemctl daemon-reload
	for n in "${added[@]}"; do systemctl enable -q --now "$(unit "$n")"; done
	for n in "${added[@]}"; do
		wait_ready "$n" || die "$(unit "$n") does not become ready, and nginx does not know of it. This says why: journalctl -u $(unit "$n") -n 50; then try again, or remove it: deploy.sh scale $((n - 1))"
	done
	for n in $(servers); do
		if is_known "$n" && is_out "$n"; then out+=" $n"; fi
	done
	# shellcheck disable=SC2046 # numbers
	rewrite_upstream "$out" $(seq "$want")
	drain
	for n in "${gone[@]}"; do
		systemctl disable -q --now "$(unit "$n")"
		rm -f "/etc/systemd/system/$(unit "$n").service" "$etc/$(unit "$n").env"
	done
	systemctl daemon-reload
	say "servers: $want"
}

status() {
	local n store state ready use fine=yes
	printf '%-20s %-5s %-9s %-10s %s\n' UNIT PORT STATE READY NGINX
	for n in $(servers); do
		state=$(systemctl is-active "$(unit "$n")") || fine=
		ready=ready use="in use"
		if ! is_ready "$n"; then ready="not ready" fine=; fi
		if is_out "$n"; then use="left out" fine=; fi
		printf '%-20s %-5s %-9s %-10s %s\n' "$(unit "$n")" "$(port_of "$n")" "$state" "$ready" "$use"
	done
	for store in nginx postgresql redis-server; do
		state=$(systemctl is-active "$store") || fine=
		printf '%-20s %-5s %s\n' "$store" - "$state"
	done
	[ -n "$fine" ] || die "not all is well; this says more: deploy.sh logs -n 50, journalctl -u nginx -n 20"
}

# --- TLS ---------------------------------------------------------------------

# tls DOMAIN EMAIL, or DOMAIN --cert FILE --key FILE.
tls() {
	local domain=$1 cert key
	[ -e "$upstream" ] && die "$nginx_conf is one of before, which this cannot add to; setup.sh says what to do with it"
	install_packages openssl
	if [ $# = 2 ]; then
		cert=/etc/letsencrypt/live/$domain/fullchain.pem key=/etc/letsencrypt/live/$domain/privkey.pem
		install_packages certbot
		install -d -m 755 "$acme"
		certbot certonly --non-interactive --agree-tos --no-eff-email -m "$2" --webroot -w "$acme" -d "$domain" --cert-name "$domain" --keep-until-expiring \
			--deploy-hook 'systemctl reload nginx' || die "there is no certificate for $domain; put right what it says above: the name must lead here, and port 80 must be open to everybody"
	else
		# Links stay what they are: who renews a certificate may let them lead to another file.
		cert=$(realpath -s -- "$3") key=$(realpath -s -- "$5")
	fi
	[[ $cert$key != *[\"\$\\]* ]] || die "nginx can't read files of these names: $cert, $key"
	fits "$cert" "$domain"
	install -d "$etc/tls"
	cp "$tls_site" "$etc/tls/before" 2>/dev/null || true
	tls_conf "$domain" "$cert" "$key" | replace "$tls_site" 644 || true
	if ! nginx -t -q; then
		if [ -e "$etc/tls/before" ]; then mv "$etc/tls/before" "$tls_site"; else rm "$tls_site"; fi
		die "nginx does not take this certificate and goes on as before; put right what it says above"
	fi
	rm -f "$etc/tls/before"
	reload_nginx
	say "the shop is open at https://$domain/; without TLS again: rm $tls_site && systemctl reload nginx (browsers that were here insist on it for a year)"
}

# fits CERT DOMAIN fails unless the certificate is that domain's, today. Browsers that were sent to one that is not show
# no shop, and remember.
fits() {
	openssl x509 -noout -in "$1" || die "$1 is no certificate that can be read"
	openssl x509 -noout -checkend 0 -in "$1" >/dev/null || die "the certificate ended: $(openssl x509 -noout -enddate -in "$1")"
	openssl x509 -noout -checkhost "$2" -in "$1" | grep -q 'does match' ||
		die "the certificate is not for $2: $(openssl x509 -noout -subject -ext subjectAltName -in "$1" 2>/dev/null | xargs)"
}

# tls_conf DOMAIN CERT KEY prints what the shop's site includes.
tls_conf() {
	echo "# Written by deploy.sh tls; changes are lost."
	echo "listen 443 ssl http2 default_server backlog=4096;"
	[ ! -e /proc/net/if_inet6 ] || echo "listen [::]:443 ssl http2 default_server backlog=4096;"
	cat <<-END
		ssl_certificate "$2";
		ssl_certificate_key "$3";
		ssl_protocols TLSv1.2 TLSv1.3;
		ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
		ssl_session_cache shared:tls:10m;
		ssl_session_timeout 1d;
		ssl_session_tickets off;
		# Everybody comes by TLS but who renews the certificate, who looks after this machine, and a balancer that ends TLS.
		set \$shop_redirect \$shop_scheme;
		if (\$uri ~ ^/(\.well-known/acme-challenge/|nginx_status\$|ready\$|health\$)) {
			set \$shop_redirect none;
		}
		if (\$shop_redirect = http) {
			return 308 https://$1\$request_uri;
		}
	END
}

[ $# -gt 0 ] || { echo "$usage" >&2; exit 2; }
command=$1
shift
case $command in
start | stop | restart | rollback | status | doctor) [ $# = 0 ] || die "$command takes nothing more: deploy.sh $command" ;;
scale | logs) ;;
update) [ $# = 1 ] || die "say which build: deploy.sh update bin/eshop" ;;
staff) [ $# = 2 ] || [ "$*" = list ] || die "say who it is for: deploy.sh staff NAME EMAIL, or staff list, staff remove NAME, staff password NAME" ;;
tls)
	label='[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?'
	if ! [[ ${1-} =~ ^$label(\.$label)+$ ]] || ! { [[ $# = 2 && $2 = ?*@?* ]] || [[ $# = 5 && $2 = --cert && $4 = --key ]]; }; then
		die "say for which name: deploy.sh tls shop.example you@shop.example, or deploy.sh tls shop.example --cert FILE --key FILE"
	fi
	;;
help | -h | --help) echo "$usage"; exit ;;
*) echo "$usage" >&2; exit 2 ;;
esac
need_root "$command" "$@"
[ -n "$(servers)" ] || die "the shop is not installed here; run setup.sh first"
case $command in
logs) exec journalctl -u "$shop-server*" "$@" ;;
status) status ;;
doctor)
	addresses=(http://localhost)
	if [ -n "$(tls_name)" ]; then addresses+=("https://$(tls_name)"); fi
	for n in $(servers); do addresses+=("http://127.0.0.1:$(port_of "$n")"); done
	as_shop "$binary" doctor "${addresses[@]}"
	;;
staff)
	as_shop "$binary" staff "$@"
	[ "$1" = list ] || logger -t "$shop-staff" "${SUDO_USER:-root} did: staff $*"
	;;
*) only_one; "$command" "$@" ;;
esac
