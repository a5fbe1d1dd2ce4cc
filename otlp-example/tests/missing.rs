//! Reproduces each OTLP and SDK cause in the README's table "My trace is missing", and checks that
//! the table quotes what is printed. (testbed/tests/chapters.rs covers a missing shutdown.)

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use testbed::robustness::closed_port;
use testbed::{Answer, Finished, Httpbin, Jaeger, Program};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::prelude::*;

const README: &str = include_str!("../../README.md");

const SOURCE: &str = include_str!("missing.rs");

fn program(page: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_otlp-example")).env("HTTPBIN_URL", page)
}

fn sending_to(protocol: &str, endpoint: &str) -> Finished {
    let finished = program("http://127.0.0.1:1/get")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .run()
        .unwrap();
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""), "{finished:?}");
    finished
}

/// The error that the program logged for a failed HTTP export, without the module name.
fn cause(finished: &Finished) -> &str {
    finished
        .stderr
        .lines()
        .find_map(|it| it.strip_prefix("ERROR otlp_example::telemetry: "))
        .unwrap()
}

#[test]
fn no_jaeger_listens() {
    let port = closed_port().to_string();
    let finished = sending_to("http/protobuf", &format!("http://localhost:{port}"));
    testbed::assert_row(README, &cause(&finished).replace(&port, "4318"));
}

#[test]
fn an_unknown_host() {
    let finished = sending_to("http/protobuf", "http://no.such.host.invalid:4318");
    let words = "failed to lookup address information";
    assert!(cause(&finished).contains(words), "{finished:?}");
    testbed::assert_row(README, words);
}

#[test]
fn the_wrong_port() {
    let jaeger = Jaeger::start().unwrap();
    let finished = sending_to("http/protobuf", jaeger.otlp_grpc_url());
    // The rest of the message depends on timing.
    let words = "error sending request: client error (SendRequest)";
    assert!(cause(&finished).contains(words), "{finished:?}");
    testbed::assert_row(README, words);

    let finished = sending_to("grpc", jaeger.otlp_url());
    for words in
        ["Operation failed: TonicTracesClient export failed with gRPC code:", "transport error"]
    {
        assert!(finished.stderr.contains(words), "{finished:?}");
        testbed::assert_row(README, words);
    }
}

#[test]
fn the_wrong_path() {
    let jaeger = Jaeger::start().unwrap();
    // The exporter appends the path to this endpoint, which already has it.
    let finished = sending_to("http/protobuf", &format!("{}/v1/traces", jaeger.otlp_url()));
    let (_, words) = cause(&finished).split_once("/v1/traces/v1/traces: ").unwrap();
    testbed::assert_row(README, words);
    // It appends nothing to this one, which lacks it.
    let finished = program("http://127.0.0.1:1/get")
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", jaeger.otlp_url())
        .run()
        .unwrap();
    assert!(cause(&finished).ends_with(words), "{finished:?}");
}

#[test]
fn sampled_out() {
    let page = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&page.url())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
        .env("OTEL_TRACES_SAMPLER", "always_off")
        .run()
        .unwrap();
    assert_eq!(finished.stdout, "", "no link");
    assert!(
        !finished.stderr.contains("ERROR") && !finished.stderr.contains("WARN"),
        "{finished:?}"
    );
    assert!(page.header("traceparent").unwrap().ends_with("-00"), "the server learns it too");
}

/// Jaeger has the span only after the batch processor has sent its batch.
#[test]
fn not_sent_yet() {
    let jaeger = Jaeger::start().unwrap();
    let provider = provider(&jaeger);
    drop(provider.tracer("test").start("a request"));
    let services = jaeger.get("/api/services").unwrap();
    assert!(!services.to_string().contains("missing"), "{services}");
    provider.force_flush().unwrap();
    jaeger.traces("missing", 1).unwrap();
}

fn provider(jaeger: &Jaeger) -> SdkTracerProvider {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", jaeger.otlp_url()))
        .with_http_client(httpbin::http_client().unwrap())
        .build()
        .unwrap();
    SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("missing").build())
        .with_batch_exporter(exporter)
        .build()
}

/// A task does not inherit the context of the code that spawns it. The README shows the fixes.
#[test]
fn a_spawned_task_starts_its_own_trace() {
    let provider = SdkTracerProvider::builder().build();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _parent = Context::current_with_span(provider.tracer("test").start("parent")).attach();
    let parent = Context::current().span().span_context().trace_id();
    let child = || {
        let tracer = provider.tracer("test");
        async move { tracer.start("child").span_context().trace_id() }
    };

    let work = child();
    let alone = runtime.block_on(async { tokio::spawn(work).await.unwrap() });
    assert_ne!(alone, parent);
    let work = child();
    let together = runtime
        .block_on(async { tokio::spawn(work.with_context(Context::current())).await.unwrap() });
    assert_eq!(together, parent);
    assert_fix("tokio::spawn(work.with_context(Context::current()))");
}

#[test]
fn a_spawned_task_starts_its_own_trace_with_instrument() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing_subscriber::registry().with(layer).init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let trace_id = |span: &tracing::Span| span.context().span().span_context().trace_id();
    let parent_span = tracing::info_span!("parent");
    let _entered = parent_span.enter();
    let parent = trace_id(&parent_span);

    let work = async move { trace_id(&tracing::info_span!("child")) };
    let alone = runtime.block_on(async { tokio::spawn(work).await.unwrap() });
    assert_ne!(alone, parent);
    let work = async move { trace_id(&tracing::info_span!("child")) };
    let together = runtime.block_on(async { tokio::spawn(work.in_current_span()).await.unwrap() });
    assert_eq!(together, parent);
    assert_fix("tokio::spawn(work.in_current_span())");
}

/// Checks that this test ran the fix that the README shows.
fn assert_fix(code: &str) {
    assert!(SOURCE.matches(code).count() > 1, "this test did not run {code}");
    testbed::assert_row(README, code);
}
