// 24 items are imported, and the trace has eight of them. Listen to the SDK, and mend the limits.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter,
};
use tracing_subscriber::filter::LevelFilter;

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).without_time().init();
    let provider = provider()?;

    let file = "mug;teapot;".repeat(2_000_000); // 22 MB
    let tracer = provider.tracer("inventory");
    tracer.in_span("import", |import| {
        import.span().set_attribute(KeyValue::new("import.file", file));
        for number in 1..=24 {
            tracer.in_span("import item", |item| {
                item.span().set_attribute(KeyValue::new("item.number", number));
                sleep(Duration::from_millis(2));
            });
        }
    });

    provider.shutdown()?;
    Ok(())
}

/// A provider for the service "inventory". Spans wait in a queue, and go out in batches.
fn provider() -> Result<SdkTracerProvider, Box<dyn Error>> {
    let exporter = FarAway(opentelemetry_otlp::SpanExporter::builder().with_http().build()?);
    let config = BatchConfigBuilder::default().with_max_queue_size(4).build(); // saves memory
    Ok(SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("inventory").build())
        .with_span_processor(
            BatchSpanProcessor::builder(exporter).with_batch_config(config).build(),
        )
        .build())
}

/// Jaeger in another data centre: each batch takes a while. There is nothing to mend here.
#[derive(Debug)]
struct FarAway(opentelemetry_otlp::SpanExporter);

impl SpanExporter for FarAway {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        sleep(Duration::from_millis(300));
        self.0.export(batch).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
