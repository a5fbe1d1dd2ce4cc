#!/bin/sh
# Runs the three programs against the local httpbin and prints each trace as a tree. A Jaeger must
# run (scripts/jaeger.sh start), and the programs must be built.
set -eu

bin=${CARGO_TARGET_DIR:-target}/debug
HTTPBIN_URL=$(scripts/httpbin.sh local)
export HTTPBIN_URL

# run SPANS PROGRAM [ARGUMENT…]: SPANS is the number of spans in the trace, including httpbin's.
run() {
	spans=$1
	shift
	echo
	echo "== $*"
	output=$("$bin/$@" 2>/dev/null)
	id=$(printf '%s\n' "$output" | sed -n 's|^main_process: .*trace[ /]||p')
	if [ -z "$id" ]; then
		echo "$1 printed no trace; run it alone to see why" >&2
		return 1
	fi
	"$bin/jaeger-all-in-one" tree "$id" "$spans"
}

run 3 jaeger-example --one-trace
run 4 otel-example
run 4 otlp-example
