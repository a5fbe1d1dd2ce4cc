#!/bin/sh
# Finds or starts a Jaeger for the examples, or stops the one that this script started.
#
#   scripts/jaeger.sh start   uses a running Jaeger, else starts the tutorial's container if Docker
#                             works, else the embedded all-in-one in the background
#   scripts/jaeger.sh stop    stops the Jaeger that `start` started, if any
#
# JAEGER=embedded does not use Docker.
set -eu

image=jaegertracing/all-in-one:1.35
container=jaeger
all_in_one=${CARGO_TARGET_DIR:-target}/debug/jaeger-all-in-one
. scripts/background.sh
ui=http://localhost:16686

answers() { "$all_in_one" status >/dev/null 2>&1; }

docker_works() { [ "${JAEGER:-}" != embedded ] && docker info >/dev/null 2>&1; }

# An existing container of that name is started, and `stop` keeps it. A new container is removed
# when it stops.
start_container() {
	docker start "$container" >/dev/null 2>&1 || docker run -d --rm --name "$container" \
		-e COLLECTOR_ZIPKIN_HOST_PORT=:9411 -e COLLECTOR_OTLP_ENABLED=true \
		-p 127.0.0.1:5775:5775/udp -p 127.0.0.1:6831:6831/udp -p 127.0.0.1:6832:6832/udp \
		-p 127.0.0.1:5778:5778 -p 127.0.0.1:16686:16686 -p 127.0.0.1:14250:14250 \
		-p 127.0.0.1:14268:14268 -p 127.0.0.1:14269:14269 -p 127.0.0.1:9411:9411 \
		-p 127.0.0.1:4317:4317 -p 127.0.0.1:4318:4318 \
		"$image" >/dev/null && wait_for_answer && mkdir -p "$run" && touch "$run/jaeger.container"
}

start_embedded() {
	export COLLECTOR_ZIPKIN_HOST_PORT=:9411
	background jaeger "$all_in_one"
	wait_for_answer "$pid" || failed jaeger
}

start() {
	if answers; then
		echo "Jaeger: the one that answers on $ui"
	elif docker_works && start_container; then
		echo "Jaeger: the container $image, on $ui (make jaeger-stop ends it)"
	elif start_embedded; then
		echo "Jaeger: the embedded all-in-one, on $ui (log: $run/jaeger.log; make jaeger-stop ends it)"
	else
		echo "Jaeger: no server answers on $ui, and none could be started" >&2
		exit 1
	fi
}

stop() {
	if end jaeger "$all_in_one"; then
		echo 'Jaeger: stopped the embedded all-in-one'
	elif [ -f "$run/jaeger.container" ] && rm "$run/jaeger.container" &&
		docker stop "$container" >/dev/null 2>&1; then
		echo "Jaeger: stopped the container $container"
	else
		echo 'Jaeger: nothing to stop'
	fi
}

case "${1:-}" in
start) start ;;
stop) stop ;;
*)
	echo "usage: $0 start|stop" >&2
	exit 2
	;;
esac
