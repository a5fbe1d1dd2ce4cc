#!/bin/sh
# Runs Jaeger 1.35's own test of its container, TestAllInOne, against the embedded Jaeger.
#
#   scripts/peer-suite.sh v1.35.0
#
# The test asks the usual ports: 16686 and 5778 must be free.
set -eu

module=github.com/jaegertracing/jaeger@$1
folder=$(go mod download -json "$module" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
if "${CARGO_TARGET_DIR:-target}/debug/jaeger-all-in-one" status >/dev/null 2>&1; then
	echo "a Jaeger already answers on port 16686: stop it, then run this again" >&2
	exit 1
fi
JAEGER=embedded scripts/jaeger.sh start
trap 'scripts/jaeger.sh stop' EXIT
(cd "$folder" && go test -count=1 -v -tags integration -run '^TestAllInOne$' ./cmd/all-in-one)
