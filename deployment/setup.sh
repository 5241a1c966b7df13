#!/usr/bin/env bash
# Sets a Debian or Ubuntu machine up as the whole shop: PostgreSQL, Redis, nginx
# and three servers under systemd. Run it again to bring a new build into service,
# one server at a time; secrets and settings stay as they are.
# setup.sh --demo sets up a demo shop, with products, orders and accounts to try.
# setup.sh --firewall closes every port but those of ssh and of the web, too.
# setup.sh --uninstall takes it all away but the data.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../bin/eshop

# A shop up to 0.1 had the whole of nginx.conf, with the distribution's beside it.
undivert() { dpkg-divert --quiet --local --rename --divert "$nginx_conf.debian" --remove "$nginx_conf"; }

# The distribution's nginx has room for some hundreds of connections, and says so where no site can say otherwise.
more_connections() { sed -i 's/^\([ \t]*worker_connections\) \([0-9]\{1,4\}\);[^#]*$/\1 32768; # \2 before the shop/' "$nginx_conf"; }
fewer_connections() { sed -i 's/worker_connections [0-9]*; # \([0-9]*\) before the shop/worker_connections \1;/' "$nginx_conf"; }

uninstall() {
	local n name data database role renewal ours=()
	say "taking the shop away"
	if [ -e "$firewall_unit" ]; then
		systemctl disable -q --now "${firewall_unit##*/}"
		rm -f "$firewall_unit"
	fi
	for renewal in /etc/letsencrypt/renewal/*.conf; do
		grep -qs "$acme" "$renewal" || continue
		certbot delete --quiet --non-interactive --cert-name "$(basename "$renewal" .conf)" || true
	done
	if [ -e "$backup_conf" ]; then
		read_backup_conf
		systemctl disable -q --now "$shop-backup.timer" "$shop-wal" 2>/dev/null || true
		rm -f /etc/systemd/system/"$shop"-{wal.service,backup.service,backup.timer} "/var/lib/systemd/timers/stamp-$shop-backup.timer" /etc/postgresql/*/main/conf.d/"$shop-backup.conf"
		rm -rf "$scripts"
		# What nobody fetches any more must not fill PostgreSQL's disk.
		runuser -u postgres -- psql -qXAt -p "$(pg_lsclusters --no-header | awk '$2 == "main" { print $3 }' | tail -1)" -c \
			"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '$backup_slot'" >/dev/null 2>&1 || true
	fi
	for n in $(servers); do
		systemctl disable -q --now "$shop-server$n" 2>/dev/null || true
		rm -f "/etc/systemd/system/$shop-server$n.service"
	done
	rm -f "$nginx_unit" "$reachable"
	rmdir --ignore-fail-on-non-empty "${nginx_unit%/*}" "${reachable%/*}" 2>/dev/null || true
	systemctl daemon-reload
	systemctl reset-failed "$shop-server*" 2>/dev/null || true

	# Packages that were there before the shop stay, with what was theirs.
	was_installed() { grep -qsx "$1" "$installed"; }
	if [ -e "$nginx_conf.debian" ]; then
		rm -f "$nginx_conf"
		undivert
	fi
	if [ -e "$nginx_conf" ]; then fewer_connections; fi
	rm -rf "$upstream" "$site" "$site.new" "$site_link" "$nginx_main" "${acme%/*}" "${pages%/*}" /var/lib/nginx/eshop-{assets,pictures}
	if [ -e "${site%/*}/default" ]; then ln -sf "${site%/*}/default" "${site_link%/*}/default"; fi
	if [ -e "$redis_own" ]; then
		sed -i "\|^include $redis_own\$|d" "$redis_conf"
		rm -f "$redis_own"
	fi
	if was_installed nginx; then ours+=(nginx nginx-common); else systemctl try-restart nginx 2>/dev/null || true; fi
	if was_installed redis-server; then ours+=(redis-server redis-tools); else systemctl try-restart redis-server 2>/dev/null || true; fi
	for name in procps logrotate certbot nftables openssl; do
		if was_installed "$name"; then ours+=("$name"); fi
	done
	if [ ${#ours[@]} -gt 0 ]; then
		# Unlike apt-get it takes nothing away that others have come to need.
		dpkg --purge "${ours[@]}" >/dev/null || say "what it says above stays installed; to remove that too: apt-get purge ${ours[*]}"
	fi
	rm -rf "$logs" "$logrotate"
	rmdir --ignore-fail-on-non-empty "${logs%/*}" 2>/dev/null || true
	rm -f /var/log/nginx/"$shop"_*.log* "$binary" "$before" "/run/$shop-deploy.lock" /etc/postgresql/*/main/conf.d/"$shop.conf"
	rmdir /var/log/nginx 2>/dev/null || true
	database=$(database_of) role=ecommerce_user
	[ "$database" != "$shop" ] || role=$shop
	rm -rf "$etc"
	if id "$shop" >/dev/null 2>&1; then userdel "$shop"; fi

	data=$(pg_lsclusters --no-header 2>/dev/null | awk '$2 == "main" { print $6 }' | tail -1)
	if [ -z "$data" ]; then
		say "The shop is gone, and there is no PostgreSQL here that would hold data of it."
		return
	fi
	cat <<-END
		The shop is gone. What is left is its data: PostgreSQL's database ${database:=ecommerce_db}, in $data.
		  keep a copy:    runuser -u postgres -- pg_dump -Fc $database >$database.dump
		  remove it too:  runuser -u postgres -- dropdb $database; runuser -u postgres -- dropuser $role
		${backups:+its backups, in $backups:  rm -r $backups}
		setup.sh finds it again. Where nothing else uses PostgreSQL: apt-get purge 'postgresql*' removes that and the data.
		Libraries that nothing needs any more: apt-get autoremove
	END
}

# build_it builds the shop as whoever has the checkout, where Go and Node are new enough for that.
build_it() {
	local root owner go node
	root=$(dirname "$here")
	owner=$(stat -c %U "$root")
	as_owner() { runuser -l "$owner" -s /bin/bash -c "PATH=\$PATH:$PATH:/usr/local/go/bin; $1"; }
	at_least() { printf '%s\n' "$1" "$2" | sort -VC; }
	go=$(as_owner "cd /; GOTOOLCHAIN=local go version" 2>/dev/null | sed -n 's/^go version go\([0-9.]*\).*/\1/p') || true
	node=$(as_owner "node --version" 2>/dev/null | sed -n 's/^v\([0-9.]*\)$/\1/p') || true
	if [ ! -e "$root/go.mod" ] || ! at_least "$(sed -n 's/^go //p' "$root/go.mod")" "$go" || ! at_least 20 "$node" ||
		! as_owner "command -v npm && command -v make" >/dev/null 2>&1; then
		die "there is no bin/eshop, and building it takes Go 1.26, Node 20, npm and make; where they are, type: make release; and here: tar -xf eshop-*.tar.gz && sudo eshop-*/deployment/setup.sh"
	fi
	say "building bin/eshop as $owner, which takes some minutes the first time"
	as_owner "make -C '$root' build" || die "bin/eshop can't be built; put right what it says above"
}

mode=production firewall=
for option in "$@"; do
	case $option in
	--demo) mode=demo ;;
	--firewall) firewall=yes ;;
	--uninstall) [ $# = 1 ] || option= ;;
	*) option= ;;
	esac
	[ -n "$option" ] || {
		echo "usage: setup.sh [--demo] [--firewall], or setup.sh --uninstall" >&2
		exit 2
	}
done
need_root "$@"
if [ "$*" = --uninstall ]; then
	need_systemd
	uninstall
	exit
fi
need_systemd
[ -x "$build" ] || build_it
"$build" version >/dev/null || die "bin/eshop does not run on this machine; build it for this one: make build"
others=$(find /etc/nginx/sites-enabled /etc/nginx/conf.d -mindepth 1 ! -name default ! -name "$shop" -printf '%f ' 2>/dev/null) || true
[ -e "$nginx_unit" ] || [ -z "$others" ] ||
	die "nginx serves other sites here (${others% }), and the shop would take their place; remove them or use another machine"

if [ -n "$firewall" ] && { LC_ALL=C ufw status 2>/dev/null | grep -q '^Status: active' || systemctl is-active -q firewalld; }; then
	die "a firewall is at work here already, and two are one too many; let it open 80 and 443, such as by: ufw allow 80/tcp && ufw allow 443/tcp; and then: setup.sh"
fi

install_packages nginx nginx-common procps logrotate # which keeps two weeks of logs
need_user
install -d "$etc" "${nginx_unit%/*}"
keep_setting ESHOP_ENV "$mode"
keep_setting SECRET_KEY "$(new_secret)"
keep_setting ESHOP_TRUSTED_PROXIES 127.0.0.0/8,::1/128
say "settings are in $settings, which root alone may read"
install_logs

# What runs goes on with its own build until the new one is proved; there is nothing to prove it to at first.
first=
if [ ! -e "$binary" ]; then
	first=yes
	replace "$binary" 755 <"$build"
fi
"$here/install_redis.sh"
"$here/init_database.sh"
allow_addresses "$build"

# nginx_of_0_1 is that of 0.1, which kept no copy of what it installed.
nginx_of_0_1=36b22c66359032c84732c1c36ed1c1f959a90a40ca103c8b1e5dcb5c5a82d976

# install_nginx puts the shop's site in its place. One that an operator changed stays, and
# one that nginx does not take is not put there.
install_nginx() {
	local new=$site.new
	install -d "$pages" "$etc/nginx.d" "$etc/tls"
	install -m 644 "$here"/../nginx/pages/* "$pages"
	# A run that ended while files took each other's place left no nginx.conf.
	if [ -e "$nginx_conf.debian" ] && [ -e "$nginx_conf" ] && ! cmp -s "$nginx_conf" "$etc/nginx.conf" && [ "$(sha256sum <"$nginx_conf")" != "$nginx_of_0_1  -" ]; then
		say "$nginx_conf is one of before with changes of yours, and stays as it is. Take your changes over to files in $etc/nginx.d/, which the shop's site includes; then let that take its place:"
		say "  cp $nginx_conf $nginx_conf.yours && cp $nginx_conf $etc/nginx.conf && $here/setup.sh"
	else
		# A reload answers all that is under way: nothing is missed while files take each other's place.
		new_site >"$new"
		if [ -e "$nginx_conf.debian" ]; then
			mv "$nginx_conf" "$etc/nginx.conf.before" 2>/dev/null || true
			undivert
		fi
		give_room
		cp "$site" "$etc/site.before" 2>/dev/null || true
		cp "$site_ours" "$etc/ours.before" 2>/dev/null || true
		keep_or_take "$new"
		ln -sf "$site" "$site_link"
		rm -f "${site_link%/*}/default"
		if ! nginx -t -q; then
			back_to_before
			die "nginx does not take its new configuration, so the one before stays; put right what it says above in $here/../nginx"
		fi
		rm -f "$upstream" "$etc/site.before" "$etc/ours.before" "$etc/nginx.conf" "$etc/nginx.conf.before"
	fi
	printf '[Service]\nRestart=always\n' >"$nginx_unit"
	systemctl daemon-reload
	systemctl enable -q nginx 2>/dev/null
	nginx -t -q || die "nginx does not take its configuration; put right what it says above"
	systemctl reload-or-restart nginx || die "nginx does not start; this says why: journalctl -u nginx -n 20"
}

# new_site prints the site with the servers that nginx knows, and for a kernel with one internet for that one.
new_site() {
	local known
	known=$(servers_of "$(balanced)" 2>/dev/null) || true
	if [ -n "$known" ]; then with_servers "$here/../nginx/nginx.conf" <<<"$known"; else cat "$here/../nginx/nginx.conf"; fi |
		if [ -e /proc/net/if_inet6 ]; then cat; else sed '/listen \[::\]/d'; fi
}

# changed A B reports whether two sites differ in more than their servers and in what the kernel lacks.
changed() { ! cmp -s <(unchanging "$1") <(unchanging "$2"); }

unchanging() { sed -e '/^[ \t]*server [^{]*;/d' -e '/listen \[::\]/d' "$1" 2>/dev/null; }

# keep_or_take NEW makes it the site, unless an operator changed that.
keep_or_take() {
	if [ ! -e "$site" ] || ! changed "$site" "$1" || ! changed "$site" "$site_ours"; then
		cp "$here/../nginx/nginx.conf" "$site_ours"
		replace "$site" 644 <"$1" || true
		rm "$1"
	elif ! changed "$1" "$site_ours"; then
		rm "$1"
		say "$site has changes of yours and stays as it is"
	else
		say "$site has changes of yours and stays as it is. The new build brings another, which is beside it: take your changes over to $1, then"
		say "  mv $1 $site && cp $here/../nginx/nginx.conf $site_ours && nginx -t && systemctl reload nginx"
	fi
}

# give_room gives nginx what a site cannot ask for: more connections than the distribution does, the files for them,
# and an end for the sockets of workers that a reload replaced.
give_room() {
	more_connections
	replace "$nginx_main" 644 <<-END || true
		# For the shop's site, which cannot say this itself.
		worker_rlimit_nofile 65536;
		worker_shutdown_timeout 60s;
	END
}

back_to_before() {
	if [ -e "$etc/site.before" ]; then
		mv "$etc/site.before" "$site"
		mv "$etc/ours.before" "$site_ours" 2>/dev/null || rm -f "$site_ours"
	else
		rm -f "$site" "$site_ours" "$site_link"
		if [ -e "${site%/*}/default" ]; then ln -sf "${site%/*}/default" "${site_link%/*}/default"; fi
	fi
	if [ -e "$etc/nginx.conf.before" ]; then
		fewer_connections
		dpkg-divert --quiet --local --rename --divert "$nginx_conf.debian" --add "$nginx_conf"
		mv "$etc/nginx.conf.before" "$nginx_conf"
		rm -f "$nginx_main"
	fi
}

# close_ports lets nobody outside reach anything here but ssh and nginx. It is a table of its own, so the rules of others
# hold beside it.
close_ports() {
	local ports
	install_packages nftables
	# Who set this up by ssh comes back, wherever ssh listens.
	ports=$({
		printf '22\n80\n443\n'
		{ sshd -T || true; systemctl show -p Listen --value ssh.socket || true; } 2>/dev/null |
			sed -nE 's/^port ([0-9]+)$/\1/p; s/^listenaddress .*:([0-9]+)$/\1/p; s/.*:([0-9]+) \(Stream\).*/\1/p'
	} | sort -nu | xargs | sed 's/ /, /g')
	replace "$firewall_rules" 644 <<-END || true
		# Written by setup.sh --firewall, which writes it anew. After a change: systemctl restart $shop-firewall
		table inet ecommerce
		delete table inet ecommerce
		table inet ecommerce {
			chain input {
				type filter hook input priority filter; policy drop;
				ct state established,related accept
				iifname "lo" accept
				meta l4proto { icmp, ipv6-icmp } accept
				udp sport . udp dport { 67 . 68, 547 . 546 } accept comment "DHCP"
				tcp dport { $ports } accept
			}
		}
	END
	nft -c -f "$firewall_rules" || die "the firewall can't be set up here; this says why: nft -c -f $firewall_rules"
	replace "$firewall_unit" 644 <"$here/systemd/${firewall_unit##*/}" || true
	systemctl daemon-reload
	systemctl enable -q "${firewall_unit##*/}" 2>/dev/null
	systemctl restart "${firewall_unit##*/}" || die "the firewall does not start; this says why: journalctl -u $shop-firewall -n 20"
	say "open to others are the ports $ports, and no more; to open all again: systemctl disable --now $shop-firewall"
}

# back_up makes a copy of all each night and keeps the write-ahead log meanwhile.
back_up() {
	local version
	install -d "$scripts"
	install -m 644 "$here/lib.sh" "$scripts"
	install -m 755 "$here/backup.sh" "$scripts"
	version=$(pg_lsclusters --no-header | awk '$2 == "main" { print $1 }' | sort -n | tail -1)
	if replace "/etc/postgresql/$version/main/conf.d/$shop-backup.conf" 644 <<<"max_slot_wal_keep_size = $backup_room"; then
		systemctl reload "postgresql@$version-main"
	fi
	[ -e "$backup_conf" ] || printf '# Where backup.sh keeps backups, and how many copies of the whole. Another place: backup.sh --to FOLDER\nbackups=%s\nkeep=7\n' \
		"/var/backups/$shop" | replace "$backup_conf" 644 || true
	read_backup_conf
	[ -d "$backups" ] || install -d -o postgres -g postgres -m 700 "$backups"
	for n in wal.service backup.service backup.timer; do
		replace "/etc/systemd/system/$shop-$n" 644 <"$here/systemd/$shop-$n" || true
	done
	systemctl daemon-reload
	systemctl enable -q --now "$shop-wal" "$shop-backup.timer" 2>/dev/null
	if [ -z "$(find "$backups" -mindepth 3 -maxdepth 3 -name whole | head -1)" ]; then
		systemctl start "$shop-backup" || say "there is no backup yet; this says why: journalctl -u $shop-backup -u $shop-wal -n 20"
	fi
	say "backups are in $backups; restore.sh brings them back. A dead disk takes them along where it is the database's own: mount another and type $here/backup.sh --to FOLDER"
}

units=()
numbers=$(servers)
for n in ${numbers:-1 2 3}; do
	units+=("$(unit "$n")")
	add_server "$n"
done
systemctl daemon-reload
systemctl enable -q "${units[@]}" 2>/dev/null
if [ -n "$first" ] || ! systemctl is-active -q nginx || ! systemctl is-active -q "$shop-server*"; then
	install_nginx
	"$here/deploy.sh" start || [ -z "$first" ] # the new build may be what puts it right
fi
# nginx comes last: a build that is not taken changes nothing of it.
"$here/deploy.sh" update "$build"
[ -n "$first" ] || install_nginx
[ -z "$firewall" ] || close_ports
back_up
if [ "$mode" = demo ] && [ "$(setting ESHOP_ENV)" != demo ]; then "$here/seed_database.sh"; fi
say "the shop is open at http://localhost/; what runs: $here/deploy.sh status"
