# shellcheck shell=sh
# Servers in the background, for the scripts that start and stop them. Sourced, not run.

run=.run

# background NAME COMMAND...: starts a server; its number is in $run/NAME.pid, and in $pid.
background() {
	name=$1
	shift
	mkdir -p "$run"
	# A process group of its own where there is a terminal: ctrl-c there is not for the server.
	{ set -m; } 2>/dev/null || true
	nohup "$@" >"$run/$name.log" 2>&1 </dev/null &
	pid=$!
	echo "$pid" >"$run/$name.pid"
}

# wait_for_answer [PID]: waits until `answers` does, ten seconds at most, and no longer than the
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

# failed NAME: says why a server did not start.
failed() {
	rm -f "$run/$1.pid"
	cat "$run/$1.log" >&2
	return 1
}

# end NAME PROGRAM: stops what `background` started, and waits for its end. Fails where there is
# nothing to stop.
end() {
	[ -f "$run/$1.pid" ] || return 1
	pid=$(cat "$run/$1.pid")
	rm -f "$run/$1.pid"
	# Only what was started here: the number may be another program's by now.
	ps -p "$pid" -o args= | grep -q "$2" && kill "$pid" || return 1
	tries=0
	while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
}
