#!/bin/sh
# Checks that the library compiles without warnings with each of its features alone, with none, and
# with some combinations. It only checks, so after the first line each takes a few seconds.
set -eu
cd "$(dirname "$0")/.."

# `default` and `cli` are what everything else compiles.
features=$(sed -n '/^\[features\]/,/^\[dependencies\]/s/^\([a-z-]*\) = .*/\1/p' all-in-one/Cargo.toml |
	grep -vx -e default -e cli)
for combination in '' $features ui,doors ui,otlp-http files,otlp-http otlp-http,otlp-grpc jaeger,jaeger-grpc otlp-http,zipkin; do
	echo "checking jaeger-all-in-one with ${combination:-no feature}"
	warnings=$("${CARGO:-cargo}" check --quiet --locked --color never -p jaeger-all-in-one \
		--no-default-features --features "$combination" 2>&1) && [ -z "$warnings" ] || {
		printf '%s\n' "$warnings" >&2
		exit 1
	}
done
