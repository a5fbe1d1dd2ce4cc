#!/bin/sh
# Measures how long the first build of a small project's tests takes, with an empty target folder,
# and how many crates it compiles: with nothing but the exporter, with jaeger-all-in-one, and with
# fake-opentelemetry-collector. The projects are new ones outside of this workspace.
#
#   RUNS=3          how often each is built, in turn
#   BEFORE=<commit> also measure jaeger-all-in-one of this commit, which must be without features
#
# It prints a table in Markdown. CPU times vary less than times on a machine that does other work. The crates are downloaded before the clock starts.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
cargo=${CARGO:-cargo}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

# project NAME: a project with the dependencies on stdin.
project() {
	mkdir -p "$folder/$1/src" "$folder/$1/tests"
	: >"$folder/$1/src/lib.rs"
	{
		printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n' "$1"
		printf '[workspace]\n\n[dependencies]\nopentelemetry = "0.33"\nopentelemetry_sdk = "0.33"\n'
		cat
	} >"$folder/$1/Cargo.toml"
}

# exporter FEATURES: the dependency on the exporter.
exporter() {
	printf '\n[dependencies.opentelemetry-otlp]\nversion = "0.33"\ndefault-features = false\nfeatures = ["trace", %s]\n' "$1"
}

# ours PATH LINE: the dependency on jaeger-all-in-one.
ours() {
	printf '\n[dev-dependencies.jaeger-all-in-one]\npath = "%s/all-in-one"\n%s\n' "$1" "$2"
}

HTTP='"http-proto", "reqwest-blocking-client"'
USES='use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;'
SEND='let resource = Resource::builder().with_service_name("shop").build();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    provider.tracer("shop").in_span("buy", |_| {});'

exporter "$HTTP" | project exporter
cat >"$folder/exporter/tests/trace.rs" <<END
$USES

#[test]
fn a_trace_is_made() -> Result<(), Box<dyn std::error::Error>> {
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).build()?;
    $SEND
    Ok(())
}
END

{ exporter "$HTTP"; ours "$root" 'default-features = false
features = ["otlp-http"]'; } | project ours-http
cat >"$folder/ours-http/tests/trace.rs" <<END
$USES

#[test]
fn a_trace_is_received() -> Result<(), Box<dyn std::error::Error>> {
    let jaeger = jaeger_all_in_one::AllInOne::start()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(jaeger.otlp_http_endpoint()?)
        .build()?;
    $SEND
    provider.force_flush()?;
    assert_eq!(jaeger.wait_for_service("shop").blocking()?.to_string(), "shop: buy\n");
    Ok(())
}
END

{ exporter '"grpc-tonic"'; ours "$root" 'default-features = false
features = ["otlp-grpc"]'; printf '\n[dev-dependencies.tokio]\nversion = "1"\nfeatures = ["macros", "rt-multi-thread"]\n'; } | project ours-grpc
cat >"$folder/ours-grpc/tests/trace.rs" <<END
$USES

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_received() -> Result<(), Box<dyn std::error::Error>> {
    let jaeger = jaeger_all_in_one::AllInOne::start()?;
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_protocol(Protocol::Grpc)
        .with_endpoint(jaeger.otlp_grpc_endpoint()?)
        .build()?;
    $SEND
    provider.force_flush()?;
    assert_eq!(jaeger.wait_for_service("shop").await?.to_string(), "shop: buy\n");
    Ok(())
}
END

project fake <<'END'

[dev-dependencies]
fake-opentelemetry-collector = "0.42"
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
END
cat >"$folder/fake/tests/trace.rs" <<'END'
use std::time::Duration;

use fake_opentelemetry_collector::{FakeCollectorServer, setup_tracer_provider};
use opentelemetry::trace::{Tracer, TracerProvider};

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_received() -> Result<(), Box<dyn std::error::Error>> {
    let mut collector = FakeCollectorServer::start().await?;
    let provider = setup_tracer_provider(&collector).await;
    provider.tracer("shop").in_span("buy", |_| {});
    provider.force_flush()?;
    let spans = collector.exported_spans(1, Duration::from_secs(5)).await;
    assert_eq!(spans[0].name, "buy");
    Ok(())
}
END

projects='exporter ours-http ours-grpc fake'
if [ -n "${BEFORE:-}" ]; then
	mkdir "$folder/old"
	git archive "$BEFORE" | tar -x -C "$folder/old"
	{ exporter "$HTTP"; ours "$folder/old" ''; printf '\n[dev-dependencies.tokio]\nversion = "1"\nfeatures = ["macros", "rt-multi-thread"]\n'; } | project before
	cat >"$folder/before/tests/trace.rs" <<END
$USES

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_received() -> Result<(), Box<dyn std::error::Error>> {
    let jaeger = jaeger_all_in_one::AllInOne::start()?;
    let address = jaeger.otlp_http_addr().ok_or("no OTLP")?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("http://{address}/v1/traces"))
        .build()?;
    $SEND
    provider.force_flush()?;
    let traces = jaeger.wait_for_spans("shop", 1, std::time::Duration::from_secs(5)).await?;
    assert_eq!(&*traces[0].spans[0].operation, "buy");
    Ok(())
}
END
	projects="exporter before ours-http ours-grpc fake"
fi

# The versions of this workspace, as far as a project has the same crates. `cargo tree` downloads
# them before the clock starts.
for name in $projects; do
	cp Cargo.lock "$folder/$name/Cargo.lock"
	(cd "$folder/$name" && "$cargo" tree --quiet --prefix none --edges normal,build,dev >tree)
	sed 's/ (.*//' "$folder/$name/tree" | sort -u | grep -vc ' v0\.0\.0$' >"$folder/$name/crates"
done

for run in $(seq "${RUNS:-3}"); do
	for name in $projects; do
		cd "$folder/$name"
		export CARGO_TARGET_DIR="$folder/target"
		begin=$(date +%s%N)
		("$cargo" test --quiet --offline --no-run && times >times)
		end=$(date +%s%N)
		"$cargo" test --quiet --offline >/dev/null # what was built works
		rm -rf "$folder/target"
		# The second line of `times` is the CPU time of the children.
		cpu=$(sed -n 2p times | tr 'ms' '  ' | awk '{ printf "%.1f", $1 * 60 + $2 + $3 * 60 + $4 }')
		seconds=$(awk "BEGIN { printf \"%.1f\", ($end - $begin) / 1e9 }")
		echo "$seconds" >>seconds
		echo "$cpu" >>cpu
		echo "run $run: $name $seconds s, $cpu s of CPU, load $(cut -d' ' -f1 /proc/loadavg)" >&2
	done
done

# The median and the range of the numbers in a file.
summary() {
	sort -n "$1" | awk '{ n[NR] = $1 } END { printf "%s (%s to %s)", n[int((NR + 1) / 2)], n[1], n[NR] }'
}

printf '| the test has | crates | seconds | seconds of CPU |\n|---|---|---|---|\n'
for name in $projects; do
	case $name in
	exporter) what='the exporter alone' ;;
	before) what="jaeger-all-in-one at $BEFORE" ;;
	ours-http) what='jaeger-all-in-one with `otlp-http`' ;;
	ours-grpc) what='jaeger-all-in-one with `otlp-grpc`' ;;
	fake) what="fake-opentelemetry-collector $(cd "$folder/fake" && "$cargo" tree --offline --depth 0 -p fake-opentelemetry-collector | sed 's/.* v\([0-9.]*\).*/\1/'), by gRPC" ;;
	esac
	crates=$(cat "$folder/$name/crates")
	printf '| %s | %s | %s | %s |\n' "$what" "$crates" "$(summary "$folder/$name/seconds")" "$(summary "$folder/$name/cpu")"
done
