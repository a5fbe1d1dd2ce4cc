#!/bin/sh
# Finds or starts a Jaeger for the examples, or stops the one that was started here.
#
#   scripts/jaeger.sh start   one that answers already, else the tutorial's container where Docker
#                             works, else the embedded all-in-one in the background
#   scripts/jaeger.sh stop    stops what `start` started; no error where there is nothing
#
# JAEGER=embedded leaves Docker out.
set -eu

image=jaegertracing/all-in-one:1.35
container=jaeger
all_in_one=${CARGO_TARGET_DIR:-target}/debug/jaeger-all-in-one
run=.run
ui=http://localhost:16686

answers() { "$all_in_one" status >/dev/null 2>&1; }

# Waits until a Jaeger answers, ten seconds at most, and no longer than the process $1 lives.
wait_for_answer() {
	tries=0
	until answers; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		[ -z "${1:-}" ] || kill -0 "$1" 2>/dev/null || return 1
		sleep 0.1
	done
}

docker_works() { [ "${JAEGER:-}" != embedded ] && docker info >/dev/null 2>&1; }

# A container of that name that was there before is started, and only stopped later; one that is
# made here goes when it stops.
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
	mkdir -p "$run"
	# A process group of its own where there is a terminal: ctrl-c there is not for Jaeger.
	{ set -m; } 2>/dev/null || true
	COLLECTOR_ZIPKIN_HOST_PORT=:9411 nohup "$all_in_one" >"$run/jaeger.log" 2>&1 </dev/null &
	echo $! >"$run/jaeger.pid"
	wait_for_answer "$!" && return
	rm -f "$run/jaeger.pid"
	cat "$run/jaeger.log" >&2
	return 1
}

start() {
	if answers; then
		echo "Jaeger: the one that answers on $ui"
	elif docker_works && start_container; then
		echo "Jaeger: the container $image, on $ui (make jaeger-stop ends it)"
	elif start_embedded; then
		echo "Jaeger: the embedded all-in-one, on $ui (log: $run/jaeger.log; make jaeger-stop ends it)"
	else
		echo "Jaeger: none answers on $ui, and none could be started" >&2
		exit 1
	fi
}

stop() {
	if [ -f "$run/jaeger.pid" ]; then
		pid=$(cat "$run/jaeger.pid")
		rm -f "$run/jaeger.pid"
		# Only what was started here: the number may be another program's by now.
		if ps -p "$pid" -o args= | grep -q jaeger-all-in-one && kill "$pid"; then
			tries=0
			while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
				tries=$((tries + 1))
				sleep 0.05
			done
			echo "Jaeger: stopped the embedded all-in-one"
			return
		fi
	fi
	if [ -f "$run/jaeger.container" ] && rm "$run/jaeger.container" &&
		docker stop "$container" >/dev/null 2>&1; then
		echo "Jaeger: stopped the container $container"
	else
		echo "Jaeger: none was started here"
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
