# shellcheck shell=sh
# Makes new projects outside of this workspace, each with one test that sends a trace. Sourced by
# bench-wait.sh, which sets $folder, $sides and $cargo.

# The names of the projects end in .now or .before: the commit whose library they use.
projects=$folder/projects

# project NAME: a project with the dependencies on stdin.
project() {
	mkdir -p "$projects/$1/src" "$projects/$1/tests" "$projects/$1/examples"
	: >"$projects/$1/src/lib.rs"
	{
		printf '[package]\nname = "project"\nversion = "0.0.0"\nedition = "2024"\n\n'
		printf '[workspace]\n\n[dependencies]\nopentelemetry = "0.33"\nopentelemetry_sdk = "0.33"\n'
		cat
	} >"$projects/$1/Cargo.toml"
}

# exporter FEATURES: the dependency on the exporter.
exporter() {
	printf '\n[dependencies.opentelemetry-otlp]\nversion = "0.33"\ndefault-features = false\nfeatures = ["trace", %s]\n' "$1"
}

# library SIDE FEATURE: the dependency on jaeger-all-in-one of a commit.
library() {
	printf '\n[dev-dependencies.jaeger-all-in-one]\npath = "%s/all-in-one"\ndefault-features = false\nfeatures = ["%s"]\n' "$folder/$1" "$2"
}

HTTP='"http-proto", "reqwest-blocking-client"'
TOKIO='tokio = { version = "1", features = ["macros", "rt-multi-thread"] }'
USES='use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;'
SEND='let resource = Resource::builder().with_service_name("shop").build();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    provider.tracer("shop").in_span("buy", |_| {});'

exporter_project() {
	exporter "$HTTP" | project exporter.now
	cat >"$projects/exporter.now/tests/trace.rs" <<END
$USES

#[test]
fn a_trace_is_made() -> Result<(), Box<dyn std::error::Error>> {
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).build()?;
    $SEND
    Ok(())
}
END
}

# otlp_http_project SIDE
otlp_http_project() {
	{ exporter "$HTTP" && library "$1" otlp-http; } | project "otlp-http.$1"
	cat >"$projects/otlp-http.$1/tests/trace.rs" <<END
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
	cat >"$projects/otlp-http.$1/examples/start_stop.rs" <<'END'
//! Prints the median time of a start and a stop.

use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut times = Vec::new();
    for _ in 0..50 {
        let begin = Instant::now();
        drop(jaeger_all_in_one::AllInOne::start()?);
        times.push(begin.elapsed());
    }
    times.sort();
    println!("{:.2} ms", times[25].as_secs_f64() * 1e3);
    Ok(())
}
END
}

# otlp_grpc_project SIDE
otlp_grpc_project() {
	{ exporter '"grpc-tonic"' && library "$1" otlp-grpc && printf '\n[dev-dependencies]\n%s\n' "$TOKIO"; } |
		project "otlp-grpc.$1"
	cat >"$projects/otlp-grpc.$1/tests/trace.rs" <<END
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
}

fake_project() {
	printf '\n[dev-dependencies]\nfake-opentelemetry-collector = "0.42"\n%s\n' "$TOKIO" | project fake.now
	cat >"$projects/fake.now/tests/trace.rs" <<'END'
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
}

# Makes all projects. Each has the versions of this workspace, as far as it has the same crates;
# `cargo tree` downloads them.
test_projects() {
	exporter_project
	fake_project
	for side in $sides; do
		otlp_http_project "$side"
		otlp_grpc_project "$side"
	done
	for project in "$projects"/*; do
		cp Cargo.lock "$project/Cargo.lock"
		(cd "$project" && "$cargo" tree --quiet --prefix none --edges normal,build,dev >tree)
		sed 's/ (.*//' "$project/tree" | sort -u | grep -vc ' v0\.0\.0$' >"$project/crates"
	done
}
