// The order is paid, the log says so, and Jaeger has no trace. Make the exporter heard, then mend
// what it complains about. `cargo run -p exercises` runs this program after each save.

use std::error::Error;

use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, info};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    log();
    let provider = provider()?;

    let tracer = provider.tracer("checkout");
    tracer.in_span("buy", |_| {
        tracer.in_span("charge", |_| info!("order-17 is paid"));
    });

    provider.shutdown()?;
    info!("tracing was shut down without an error");
    Ok(())
}

/// Prints this program's log lines. Those of other crates are noise.
fn log() {
    let targets = Targets::new().with_target("nothing_arrives", Level::INFO);
    let lines = tracing_subscriber::fmt::layer().without_time().with_filter(targets);
    tracing_subscriber::registry().with(lines).init();
}

/// A provider for the service "checkout".
fn provider() -> Result<SdkTracerProvider, Box<dyn Error>> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint("http://localhost:4317") // where Jaeger receives OTLP
        .build()?;
    Ok(SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("checkout").build())
        .with_batch_exporter(exporter)
        .build())
}
