#!/bin/sh
# Runs all tests of the workspace. Those that build projects outside of it compile most of the time,
# and the others wait most of the time, for time limits and for children: both run at once.
set -eu
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
# `cargo test` alone leaves them out: testbed/Cargo.toml.
outside="--test chapters --test package --test testing"

# The projects are built offline.
"$cargo" fetch --locked
# shellcheck disable=SC2086 # $outside holds several words
"$cargo" test --locked --workspace $outside --no-run
"$cargo" test --locked --workspace --no-run

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
"$cargo" test --locked --workspace $outside >"$log" 2>&1 &
outside_id=$!
trap 'kill "$outside_id"; exit 130' INT TERM
code=0
"$cargo" test --locked --workspace || code=$?
wait "$outside_id" || code=$?
printf '\nThe projects outside of the workspace:\n'
cat "$log"
exit "$code"
