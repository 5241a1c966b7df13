#!/usr/bin/env bash
# Makes a demo shop of this machine's shop: products, past orders and three accounts whose
# passwords everybody knows. One that has an order or an account of somebody's stays as it is.
# seed_database.sh --products N loads N products. Safe to run again.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

need_root "$@"
{ [ -x "$binary" ] && [ -n "$(setting DATABASE_URL)" ]; } || die "the shop is not installed here; run setup.sh first, or setup.sh --demo, which does this too"
as_shop "$binary" seed "$@" || die "the shop stays as it is; see what it says above"
if [ "$(setting ESHOP_ENV)" != demo ]; then
	sed -i '/^ESHOP_ENV=/d' "$settings"
	keep_setting ESHOP_ENV demo
	if systemctl is-active -q nginx; then "$here/deploy.sh" restart; else "$here/deploy.sh" start; fi
fi
say "the shop shows the demo: sign in as john_doe or jane_smith with password123, and at /admin as admin with admin123"
