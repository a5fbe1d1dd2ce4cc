//! A trace reads the same from the SDK's memory and, sent over OTLP, from Jaeger.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::sync::{Arc, Mutex};

use expect_trace::{Trace, jaeger, sdk};
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

#[test]
fn the_sdk_and_jaeger() {
    let server = Jaeger::start().unwrap();
    let otlp = SpanExporter::builder()
        .with_http()
        .with_http_client(httpbin::http_client().unwrap())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", server.otlp_url()))
        .build()
        .unwrap();
    let memory = Memory::default();
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("shop").build())
        .with_simple_exporter(memory.clone())
        .with_batch_exporter(otlp)
        .build();
    record_story!(opentelemetry, provider);
    provider.shutdown().unwrap();

    let spans = memory.0.lock().unwrap();
    let in_memory = sdk::traces(&spans, "shop");
    assert_eq!(in_memory[1].to_string().trim(), STORY.trim());

    for trace in &in_memory {
        server.trace(trace.id().unwrap(), trace.spans().len()).unwrap();
    }
    // The spans are of 2023; without these bounds Jaeger looks for recent ones.
    let path = "/api/traces?service=shop&limit=10&start=1600000000000000&end=1800000000000000";
    let answer = server.get(path).unwrap();
    let from_jaeger = jaeger::traces(&answer.to_string()).unwrap();
    assert_eq!(texts(&from_jaeger), texts(&in_memory));
    let ids = |traces: &[Trace]| -> Vec<_> {
        traces.iter().map(|trace| trace.id().map(str::to_owned)).collect()
    };
    assert_eq!(ids(&from_jaeger), ids(&in_memory));
}
