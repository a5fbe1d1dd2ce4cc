#!/bin/sh
# Finds or starts the page that the examples request, or stops the httpbin that this script started.
#
#   scripts/httpbin.sh url     prints the page's URL: $HTTPBIN_URL if set, else httpbin.org if it
#                              answers, else the local httpbin, started in the background
#   scripts/httpbin.sh local   prints the URL of the local httpbin, and starts it if needed
#   scripts/httpbin.sh stop    stops the httpbin that was started, if any
#
# httpbin must be built: `make programs`.
set -eu

page=https://httpbin.org/get
listen=127.0.0.1:8000
httpbin=${CARGO_TARGET_DIR:-target}/debug/httpbin
. scripts/background.sh

say() { echo "httpbin: $*" >&2; }

answers() { "$httpbin" status --listen "$listen" >/dev/null 2>&1; }

# Whether httpbin.org answers. Fails if there is neither curl nor wget.
reachable() {
	if command -v curl >/dev/null 2>&1; then
		curl --silent --fail --max-time 3 --output /dev/null "$page"
	elif command -v wget >/dev/null 2>&1; then
		wget -q -T 3 -t 1 -O /dev/null "$page"
	else
		return 1
	fi
}

# A short batch delay: its spans should be in Jaeger when a user looks.
start() {
	OTEL_BSP_SCHEDULE_DELAY=${OTEL_BSP_SCHEDULE_DELAY:-100}
	export OTEL_BSP_SCHEDULE_DELAY
	background httpbin "$httpbin" --listen "$listen"
	wait_for_answer "$pid" || failed httpbin
}

# Prints the URL of the local httpbin.
local_url() {
	if answers; then
		say "the local one that answers on http://$listen"
	else
		start
		say "the local one, on http://$listen (log: $run/httpbin.log; make httpbin-stop ends it)"
	fi
	echo "http://$listen/get"
}

url() {
	if [ -n "${HTTPBIN_URL:-}" ]; then
		echo "$HTTPBIN_URL"
	elif [ ! -f "$run/httpbin.pid" ] && reachable; then
		echo "$page"
	else
		[ -f "$run/httpbin.pid" ] || say "$page does not answer"
		local_url
	fi
}

stop() {
	if end httpbin "$httpbin"; then
		say 'stopped'
	else
		say 'nothing to stop'
	fi
}

case "${1:-}" in
url) url ;;
local) local_url ;;
stop) stop ;;
*)
	echo "usage: $0 url|local|stop" >&2
	exit 2
	;;
esac
