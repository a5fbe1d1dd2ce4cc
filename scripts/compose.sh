#!/bin/sh
# Runs the tutorial's stack in containers.
#
#   scripts/compose.sh up     builds and starts it, and waits until the programs have ended; fails if
#                             a program failed
#   scripts/compose.sh down   removes the containers and their network
#   scripts/compose.sh logs   prints the logs of the containers
#
# JAEGER=embedded uses the embedded Jaeger instead of jaegertracing/all-in-one; HTTPBIN=local uses
# the local httpbin instead of httpbin.org.
set -eu
cd "$(dirname "$0")/.."

programs="jaeger-example opentelemetry-example otlp-example"
export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1

if docker compose version >/dev/null 2>&1; then
	tool="docker compose"
elif command -v docker-compose >/dev/null 2>&1; then
	tool=docker-compose
else
	echo "compose: install 'docker compose' or 'docker-compose'" >&2
	exit 1
fi

compose() {
	more=
	[ "${JAEGER:-}" != embedded ] || more="$more -f compose/embedded.yml"
	[ "${HTTPBIN:-}" != local ] || more="$more -f compose/offline.yml"
	# shellcheck disable=SC2086 # $tool and $more hold several words
	$tool --project-name rust-tracing --env-file compose/.env \
		-f compose/docker-compose.yml $more "$@"
}

up() {
	# `make jaeger` or `make run-…` may have started servers on the stack's ports.
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
