#!/usr/bin/env bash
# A shopper with nothing but curl and a cookie jar: searches, fills a cart as a
# guest, registers, finds the cart merged, pays, and sees the order.
# usage: curl-shopper.sh [ADDRESS]; without one it starts bin/eshop by itself.
set -euo pipefail
cd "$(dirname "$0")/../.."

jar=$(mktemp)
server=""
cleanup() {
	rm -f "$jar"
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" || true
	fi
}
trap cleanup EXIT

if [ $# -gt 0 ]; then
	shop=$1
else
	shop=http://127.0.0.1:18080
	PORT=18080 SERVER_NAME=curl ESHOP_DEMO=true bin/eshop serve &
	server=$!
	for _ in $(seq 100); do
		curl -fs "$shop/ready" >/dev/null && break
		sleep 0.1
	done
fi

ask() { curl -fsS -b "$jar" -c "$jar" -H 'Content-Type: application/json' "$@"; }
must() { grep -q -- "$2" <<<"$1" || { printf 'expected %s in: %s\n' "$2" "$1" >&2; exit 1; }; }

found=$(ask "$shop/api/products/?q=headphones&in_stock=true")
id=$(sed -E 's/.*"products":\[\{"id":"([^"]+)".*/\1/' <<<"$found")
must "$(ask -d "{\"product_id\":\"$id\",\"quantity\":1}" "$shop/api/cart/add")" '"item_count":1'
name="curl-$$-$RANDOM"
must "$(ask -d "{\"username\":\"$name\",\"email\":\"$name@example.com\",\"password\":\"a long password\"}" "$shop/auth/register")" "$name"
must "$(ask "$shop/api/cart/")" "$id"
order=$(ask -H 'Idempotency-Key: curl-1' -d '{"shipping_address":{"name":"Curl","line1":"1 Main St","line2":"","city":"Springfield","region":"IL","postal_code":"62701","country":"US","phone":""},"payment":{"method":"demo_card","card_number":"4242424242424242","expiry":"12/39","cvc":"123"}}' "$shop/api/checkout/process")
must "$order" '"status":"paid"'
number=$(sed -E 's/.*"number":"([^"]+)".*/\1/' <<<"$order")
must "$(ask "$shop/api/checkout/orders")" "\"number\":\"$number\""
must "$(ask "$shop/orders/$number")" "$number"
must "$(ask "$shop/api/cart/")" '"item_count":0'
echo "a shopper with curl bought order $number"
