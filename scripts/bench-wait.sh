#!/bin/sh
# Measures how long people wait: for a first trace, for the next command, for a test, for a verdict.
# Prints a table in Markdown. Each build is measured once and starts from nothing, in a fresh clone of
# the last commit. It uses the tutorial's ports, so no Jaeger may run.
#
#   BEFORE=<commit>      measures this commit too, in turn with the last one
#   STEPS='run-all …'    chooses steps [default: all but images]:
#     run-all      `make run-all` up to its three traces, then each program again
#     test         the first build of a test in a new project, beside another collector; AllInOne's start
#     course       the first build of the checker, then from a save to the verdict
#     images       all images, then one changed line; empties Docker's builder cache
#   WAIT_RESULTS=<folder>  also writes the table to wait.md in that folder
set -eu
cd "$(dirname "$0")/.."
root=$PWD
cargo=${CARGO:-cargo}
steps=${STEPS:-run-all test course}
sides=now
# As a new user builds.
unset CARGO_TARGET_DIR CARGO_INCREMENTAL CARGO_PROFILE_DEV_DEBUG HTTPBIN_URL

folder=$(mktemp -d)
clean_up() {
	cd "$root"
	for side in $sides; do stop_servers "$side"; done
	rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
# shellcheck source=scripts/test-projects.sh
. scripts/test-projects.sh

say() { echo "bench-wait: $*" >&2; }

stop_servers() {
	[ -d "$folder/$1/scripts" ] || return 0
	(cd "$folder/$1" && scripts/jaeger.sh stop && scripts/httpbin.sh stop) >/dev/null 2>&1 || true
}

# timed FOLDER COMMAND…: runs it there, and sets $seconds and $cpu.
timed() {
	where=$1
	shift
	begin=$(date +%s%N)
	(cd "$where" && "$@" >"$folder/log" 2>&1 && times >"$folder/times") || {
		cat "$folder/log" >&2
		say "failed: $*"
		exit 1
	}
	seconds=$(awk "BEGIN { printf \"%.2f\", ($(date +%s%N) - $begin) / 1e9 }")
	# The second line of `times` is the CPU time of the children.
	cpu=$(sed -n 2p "$folder/times" | tr 'ms' '  ' | awk '{ printf "%.0f", $1 * 60 + $2 + $3 * 60 + $4 }')
}

# cell STEP SIDE TEXT: what the table says of a step.
cell() {
	echo "$3" >"$folder/cells/$1.$2"
	say "$1, $2: $3 (load $(cut -d' ' -f1 /proc/loadavg))"
}

# build STEP SIDE FOLDER COMMAND…: measures a build.
build() {
	step=$1 side=$2
	shift 2
	say "$step, $side: building"
	timed "$@"
	cell "$step" "$side" "$(printf %.0f "$seconds") s, $cpu s of CPU"
}

# median COMMAND…: runs it five times; it sets $seconds, and this sets $median.
median() {
	: >"$folder/runs"
	for _ in 1 2 3 4 5; do
		"$@"
		echo "$seconds" >>"$folder/runs"
	done
	median=$(sort -n "$folder/runs" | sed -n 3p)
}

run_all() {
	clone=$folder/$1
	build run-all "$1" "$clone" env JAEGER=embedded make run-all
	if grep -q 'Jaeger: the one that answers' "$folder/log"; then
		say 'another Jaeger runs: stop it, then start again'
		exit 1
	fi
	# A package counts once, however many sets of features it is compiled with.
	crates=$(grep -c '^ *Compiling ' "$folder/log" || true)
	units=$(find "$clone/target/debug/.fingerprint" -name '*.json' | wc -l)
	cell crates "$1" "$crates in $units units"
	export HTTPBIN_URL=http://127.0.0.1:8000/get
	for name in jaeger otel otlp; do
		median timed "$clone" "target/debug/$name-example"
		program=$median
		median timed "$clone" env JAEGER=embedded make "run-$name"
		beyond=$(awk "BEGIN { printf \"%.2f\", $median - $program }")
		cell "run-$name" "$1" "$beyond s beyond the program's $program s"
	done
	unset HTTPBIN_URL
	stop_servers "$1"
	rm -rf "$clone/target"
}

test_builds() {
	for project in $(ls "$folder/projects"); do
		name=${project%.*} side=${project##*.}
		export CARGO_TARGET_DIR="$folder/target"
		where=$folder/projects/$project
		say "test, $project: building"
		# Only what a user's project has: the example below is not part of it.
		timed "$where" "$cargo" test --quiet --offline --no-run --test trace
		cell "test-$name" "$side" "$(printf %.0f "$seconds") s, $cpu s of CPU, $(cat "$where/crates") crates"
		(cd "$where" && "$cargo" test --quiet --offline --test trace >/dev/null) # what was built works
		if [ "$name" = otlp-http ]; then
			cell start-stop "$side" "$(cd "$where" && "$cargo" run --quiet --offline --example start_stop)"
		fi
		unset CARGO_TARGET_DIR
		rm -rf "$folder/target"
	done
}

# Exercise 03 is wrong as it is, so that its verdict is no.
check() { target/debug/exercises check 03 || [ $? -eq 1 ]; }

save_and_check() {
	echo '// saved' >>"$clone/exercises/03_parent_and_child/main.rs"
	timed "$clone" check
}

course() {
	clone=$folder/$1
	build course "$1" "$clone" "$cargo" run --quiet --locked -p exercises -- list
	timed "$clone" check # compiles what the exercises use besides
	median save_and_check
	cell verdict "$1" "$median s"
	rm -rf "$clone/target"
}

images() {
	clone=$folder/$1
	docker builder prune --all --force >/dev/null
	say "images, $1: building"
	timed "$clone" make images
	cell images "$1" "$(printf %.0f "$seconds") s"
	echo '// changed' >>"$clone/jaeger-example/src/main.rs"
	timed "$clone" docker build -t jaeger-example -f jaeger-example/Dockerfile .
	cell image-line "$1" "$seconds s"
}

# row STEP TITLE GOAL: a row of the table, if the step was measured.
row() {
	[ -e "$folder/cells/$1.now" ] || return 0
	now=$(cat "$folder/cells/$1.now")
	before=$(cat "$folder/cells/$1.before" 2>/dev/null || echo –)
	echo "| $2 | $3 | $now |${BEFORE:+ $before |}"
}

table() {
	echo "| | goal | now: $(git rev-parse --short HEAD) |${BEFORE:+ before: $BEFORE |}"
	echo "|---|---|---|${BEFORE:+---|}"
	row run-all 'fresh clone, crates fetched, to three traces: `make run-all`' '80 s'
	row crates 'crates compiled for it' 'fewer'
	for name in jaeger otel otlp; do
		row run-$name "the next \`make run-$name\`" '1 s beyond'
	done
	row test-otlp-http 'first build of a test with `otlp-http`' 'half of before'
	row test-otlp-grpc 'first build of a test with `otlp-grpc`' 'half of before'
	row test-fake 'the same with fake-opentelemetry-collector, by gRPC' ''
	row test-exporter 'the same with the exporter alone, by HTTP' ''
	row start-stop '`AllInOne`, start and stop in a test (median of 50)' '1 ms'
	row course 'first build of the checker' '60 s'
	row verdict 'exercise 03: from a save to the verdict (median of 5)' '3 s'
	row images 'all images, with an empty builder cache' '240 s'
	row image-line 'the image of jaeger-example after one changed line' '8 s'
}

# clone SIDE COMMIT: a fresh clone, with its crates fetched.
clone() {
	git clone --quiet --shared --no-checkout . "$folder/$1"
	(cd "$folder/$1" && git checkout --quiet --detach "$2" && "$cargo" fetch --quiet --locked)
}

mkdir "$folder/cells"
clone now HEAD
if [ -n "${BEFORE:-}" ]; then
	clone before "$BEFORE"
	sides='before now'
fi
say "on two quiet cores: run-all 3 min, test 4 min, course 2 min, images 8 min for each commit"
for step in $steps; do
	case $step in
	run-all) for side in $sides; do run_all "$side"; done ;;
	test)
		test_projects
		test_builds
		;;
	course) for side in $sides; do course "$side"; done ;;
	images)
		if docker info >/dev/null 2>&1; then
			for side in $sides; do images "$side"; done
		else
			say 'skipped: images, because Docker does not work here'
		fi
		;;
	*)
		say "there is no step $step"
		exit 2
		;;
	esac
done
table | if [ -n "${WAIT_RESULTS:-}" ]; then tee "$WAIT_RESULTS/wait.md"; else cat; fi
