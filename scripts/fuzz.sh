#!/usr/bin/env bash
# Fuzzes each decoder: fuzz.sh SECONDS [TARGET…]. Needs a nightly toolchain and cargo-fuzz. The
# corpus starts with the recorded packets and stays in fuzz/corpus, together with the fuzzer's
# findings; none of it is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?missing SECONDS, the time for each target}
shift
goldens=all-in-one/tests/goldens
corpus=fuzz/corpus

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
	targets=(thrift_compact thrift_binary jaeger_proto otlp_proto otlp_json zipkin_json zipkin_thrift zipkin_proto packed upload query request)
fi

# seed TARGET FILE NAME: adds a file (- for stdin) to a target's corpus.
seed() {
	mkdir -p "$corpus/$1"
	cat "$2" >"$corpus/$1/$3"
}

# Prints the fuzz target for the door in a line of sends.jsonl.
target_of() {
	case $1 in
	*'"door": "udp-binary"'* | *'"door": "http-thrift"'*) echo thrift_binary ;;
	*'"door": "grpc-jaeger"'*) echo jaeger_proto ;;
	*'"door": "otlp-grpc"'*) echo otlp_proto ;;
	*'"door": "otlp-http"'*'/json"'*) echo otlp_json ;;
	*'"door": "otlp-http"'*) echo otlp_proto ;;
	*'"door": "zipkin"'*'x-thrift"'*) echo zipkin_thrift ;;
	*'"door": "zipkin"'*'x-protobuf"'*) echo zipkin_proto ;;
	*'"door": "zipkin"'*) echo zipkin_json ;;
	*) echo thrift_compact ;;
	esac
}

seed_packets() {
	local case=$1 packet line
	for packet in "$case"/packet-*.bin; do
		seed packed "$packet" "${case##*/}-${packet##*/}"
		line=$(grep -s "\"${packet##*/}\"" "$case/sends.jsonl" || true)
		# Unpack gzip, as the doors do before they call a decoder.
		gzip -dc <"$packet" 2>/dev/null | seed "$(target_of "$line")" - "${case##*/}-${packet##*/}" ||
			seed "$(target_of "$line")" "$packet" "${case##*/}-${packet##*/}"
	done
}

seed_queries() {
	local case=$1 number=0 path
	sed -n 's/^{"request": "GET \([^"]*\)", .*/\1/p' "$case/answers.jsonl" | while read -r path; do
		number=$((number + 1))
		printf '%s' "$path" | seed query - "${case##*/}-$number"
		printf 'GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n' "$path" | seed request - "${case##*/}-$number"
	done
}

for case in "$goldens"/*/; do
	case=${case%/}
	if compgen -G "$case/packet-*.bin" >/dev/null; then seed_packets "$case"; fi
	if [ -e "$case/answers.jsonl" ]; then seed_queries "$case"; fi
done

for file in "$corpus"/{otlp,zipkin}_json/*; do
	seed upload "$file" "${file##*/}"
done

for target in "${targets[@]}"; do
	printf '== %s, %s s, from %s inputs\n' "$target" "$seconds" "$(ls "$corpus/$target" | wc -l)"
	# The largest datagram has 65,000 bytes. No input may use anywhere near 1 GiB of memory.
	cargo +nightly fuzz run --fuzz-dir fuzz "$target" -- \
		-max_total_time="$seconds" -max_len=65000 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0
done
