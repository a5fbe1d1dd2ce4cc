#!/bin/sh
# The tutorial's stack in containers.
#
#   scripts/compose.sh up     builds, starts, waits until the programs have ended; the exit code is
#                             not 0 if one of theirs was not
#   scripts/compose.sh down   removes the containers and their network
#   scripts/compose.sh logs   prints what they printed
#
# JAEGER=embedded takes the embedded Jaeger in place of jaegertracing/all-in-one, HTTPBIN=local the
# httpbin of this repository in place of httpbin.org.
set -eu
cd "$(dirname "$0")/.."

programs="jaeger-example opentelemetry-example otlp-example"
export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1

if docker compose version >/dev/null 2>&1; then
	tool="docker compose"
elif command -v docker-compose >/dev/null 2>&1; then
	tool=docker-compose
else
	echo "compose: neither 'docker compose' nor 'docker-compose' is there" >&2
	exit 1
fi

compose() {
	more=
	[ "${JAEGER:-}" != embedded ] || more="$more -f compose/embedded.yml"
	[ "${HTTPBIN:-}" != local ] || more="$more -f compose/offline.yml"
	# shellcheck disable=SC2086 # several words are several words
	$tool --project-name rust-tracing --env-file compose/.env \
		-f compose/docker-compose.yml $more "$@"
}

up() {
	# What `make jaeger` or `make run-…` started here has ports that the stack wants.
	for server in jaeger httpbin; do
		"scripts/$server.sh" stop | grep stopped || true
	done
	compose up -d --build
	failed=0
	for program in $programs; do
		container=$(compose ps -q -a "$program" 2>/dev/null || compose ps -q "$program")
		code=$(docker wait "$container")
		echo "$program: exit code $code"
		[ "$code" -eq 0 ] || failed=1
	done
	echo "Jaeger: http://localhost:16686 (make compose-down ends it)"
	return $failed
}

case "${1:-}" in
up) up ;;
down) compose down --volumes --remove-orphans ;;
logs) compose logs --no-color ;;
*)
	echo "usage: $0 up|down|logs" >&2
	exit 2
	;;
esac
