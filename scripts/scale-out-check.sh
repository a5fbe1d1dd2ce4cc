#!/bin/sh
# Checks compose/scale-out with the tools on this machine:
#
#   scripts/scale-out-check.sh         checks the compose file with Docker Compose, and the
#                                      configurations with the existing binaries; a few seconds
#   scripts/scale-out-check.sh build   first builds the binaries with Go; several minutes, once
#   scripts/scale-out-check.sh run     starts the stack, sends a trace over UDP, reads it back from the
#                                      query service, and removes the stack and its data
#
# JAEGER_V2 and OTELCOL name binaries in other places.
set -eu
cd "$(dirname "$0")/.."

here=compose/scale-out
target=$PWD/target/scale-out
jaeger=${JAEGER_V2:-$target/jaeger}
otelcol=${OTELCOL:-$target/otelcol}
# Jaeger 2.13 is in the Go module of Jaeger 1.76, and is built on the Collector 0.140.
jaeger_module=v1.76.0
core=v0.140.0
contrib=v0.140.1

# `go install` refuses a module with a `replace`, so this builds it through a module that repeats the
# `replace`.
build_jaeger() {
	echo "building Jaeger 2.13 (module $jaeger_module)"
	mkdir -p "$target/jaeger-module"
	cat >"$target/jaeger-module/go.mod" <<-END
		module example.com/jaeger

		go 1.25

		require github.com/jaegertracing/jaeger $jaeger_module

		replace github.com/Shopify/sarama => github.com/Shopify/sarama v1.33.0
	END
	cat >"$target/jaeger-module/tools.go" <<-END
		//go:build tools

		package tools

		import _ "github.com/jaegertracing/jaeger/cmd/jaeger"
	END
	(cd "$target/jaeger-module" && go mod tidy &&
		CGO_ENABLED=0 go build -o "$target/jaeger" github.com/jaegertracing/jaeger/cmd/jaeger)
}

# Builds a Collector with only the components that agent.yaml uses, of the image's two hundred.
build_otelcol() {
	echo "building the OpenTelemetry Collector $core"
	mkdir -p "$target"
	cat >"$target/otelcol.yaml" <<-END
		dist: { name: otelcol, output_path: $target/otelcol-module }
		extensions:
		  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension $contrib
		receivers:
		  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/receiver/jaegerreceiver $contrib
		  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver $core
		processors:
		  - gomod: go.opentelemetry.io/collector/processor/memorylimiterprocessor $core
		exporters:
		  - gomod: go.opentelemetry.io/collector/exporter/otlpexporter $core
		providers:
		  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v1.46.0
		  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v1.46.0
	END
	CGO_ENABLED=0 go run "go.opentelemetry.io/collector/cmd/builder@$core" \
		--config "$target/otelcol.yaml"
	mv "$target/otelcol-module/otelcol" "$target/otelcol"
}

if docker compose version >/dev/null 2>&1; then
	tool="docker compose"
elif command -v docker-compose >/dev/null 2>&1; then
	tool=docker-compose
else
	tool=
fi

compose() {
	$tool --project-name scale-out-check --env-file "$here/.env" -f "$here/docker-compose.yml" "$@"
}

check_compose() {
	if [ -z "$tool" ]; then
		echo "skipped: $here/docker-compose.yml, because Docker Compose is not installed"
		return
	fi
	compose config --quiet
	echo "$here/docker-compose.yml: valid"
}

run() {
	export BIND="${BIND:-127.0.0.1}"
	trap 'compose down --volumes' EXIT
	trap 'exit 130' INT TERM
	compose up -d
	link=$(JAEGER_AGENT_HOST=$BIND HTTPBIN_URL=http://127.0.0.1:1/get \
		cargo run --quiet --locked -p jaeger-example | tail -n 1)
	tries=0
	until curl --silent --fail --output /dev/null "http://$BIND:16686/api/traces/${link##*/}"; do
		tries=$((tries + 1))
		if [ "$tries" -ge 60 ]; then
			echo "the trace ${link##*/} did not arrive within a minute" >&2
			exit 1
		fi
		sleep 1
	done
	echo "the trace ${link##*/} arrived through all services"
}

# check_configurations BINARY NAME…
check_configurations() {
	binary=$1
	shift
	for name; do
		if [ -x "$binary" ]; then
			output=$("$binary" validate --config "$here/$name.yaml" 2>&1) || {
				echo "$here/$name.yaml: $output" >&2
				exit 1
			}
			echo "$here/$name.yaml: valid"
		else
			echo "skipped: $here/$name.yaml, because $binary does not exist (make check-scale-out builds it)"
		fi
	done
}

case "${1:-}" in
build)
	[ -x "$jaeger" ] || build_jaeger
	[ -x "$otelcol" ] || build_otelcol
	;;
run)
	run
	exit
	;;
"") ;;
*)
	echo "usage: $0 [build|run]" >&2
	exit 2
	;;
esac
check_compose
check_configurations "$jaeger" collector ingester query
check_configurations "$otelcol" agent
