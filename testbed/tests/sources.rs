//! A trace reads the same from the SDK's memory, from OTLP in JSON, and from Jaeger.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use expect_trace::{Trace, jaeger, otlp, sdk};
use jaeger_all_in_one::{AllInOne, TraceId};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use testbed::Jaeger;

include!("../../expect-trace/tests/sdk/story.rs");

/// `InMemorySpanExporter` needs a feature of the SDK, with which the programs would be compiled again.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<SpanData>>>);

impl opentelemetry_sdk::trace::SpanExporter for Memory {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().append(&mut batch);
        Ok(())
    }
}

fn texts(traces: &[Trace]) -> Vec<String> {
    traces.iter().map(ToString::to_string).collect()
}

/// What `/api/traces` of the server answers.
fn from_api(server: &AllInOne) -> Vec<Trace> {
    // The spans are of 2023; without these bounds Jaeger looks for recent ones.
    let path = "/api/traces?service=shop&limit=10&start=1600000000000000&end=1800000000000000";
    let answer = Jaeger::at(&server.query_url().unwrap()).unwrap().get(path).unwrap();
    jaeger::traces(&answer.to_string()).unwrap()
}

#[test]
fn the_sdk_otlp_and_jaeger() {
    let server = AllInOne::start().unwrap();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(httpbin::http_client().unwrap())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(server.otlp_http_endpoint().unwrap())
        .build()
        .unwrap();
    let memory = Memory::default();
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("shop").build())
        .with_simple_exporter(memory.clone())
        .with_batch_exporter(exporter)
        .build();
    record_story!(opentelemetry, provider);
    provider.shutdown().unwrap();

    let in_memory = sdk::traces(&memory.0.lock().unwrap(), "shop");
    assert_eq!(in_memory[1].to_string().trim(), STORY.trim());

    for trace in &in_memory {
        let id: TraceId = trace.id().unwrap().parse().unwrap();
        let wait = server.wait_for_trace(id).with_spans(trace.spans().len());
        wait.blocking().unwrap();
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("story.jsonl");
    server.save(&file).unwrap();
    let from_otlp = otlp::traces(&fs::read_to_string(&file).unwrap()).unwrap();

    let loaded = AllInOne::start().unwrap();
    loaded.load(&file).unwrap();

    let ids = |traces: &[Trace]| -> Vec<_> {
        traces.iter().map(|trace| trace.id().map(str::to_owned)).collect()
    };
    for traces in [from_otlp, from_api(&server), from_api(&loaded)] {
        assert_eq!(texts(&traces), texts(&in_memory));
        assert_eq!(ids(&traces), ids(&in_memory));
    }
}
