# shellcheck shell=sh
# Functions that start and stop servers in the background. Sourced by other scripts.

run=.run

# background NAME COMMAND...: starts a server and writes its process id to $run/NAME.pid and $pid.
background() {
	name=$1
	shift
	mkdir -p "$run"
	# Give the server its own process group, so that ctrl-c in the terminal does not reach it.
	{ set -m; } 2>/dev/null || true
	nohup "$@" >"$run/$name.log" 2>&1 </dev/null &
	pid=$!
	echo "$pid" >"$run/$name.pid"
}

# wait_for_answer [PID]: waits until `answers` succeeds, for at most ten seconds and only while the
# process lives.
wait_for_answer() {
	tries=0
	until answers; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		[ -z "${1:-}" ] || kill -0 "$1" 2>/dev/null || return 1
		sleep 0.1
	done
}

# failed NAME: prints the log of a server that did not start.
failed() {
	rm -f "$run/$1.pid"
	cat "$run/$1.log" >&2
	return 1
}

# end NAME PROGRAM: stops what `background` started and waits until it has ended. Fails if there is
# nothing to stop.
end() {
	[ -f "$run/$1.pid" ] || return 1
	pid=$(cat "$run/$1.pid")
	rm -f "$run/$1.pid"
	# Check the program first: another process may have the id by now.
	ps -p "$pid" -o args= | grep -q "$2" && kill "$pid" || return 1
	tries=0
	while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
}
