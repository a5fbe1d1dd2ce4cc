// Written differently: each span is sent as it ends, and the service's name is an attribute of the
// resource like any other.

use std::error::Error;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

fn main() -> Result<(), Box<dyn Error>> {
    let exporter =
        SpanExporter::builder().with_http().with_timeout(Duration::from_secs(2)).build()?;
    let resource = Resource::builder_empty()
        .with_attributes([KeyValue::new("service.name", "storefront")])
        .build();
    let provider =
        SdkTracerProvider::builder().with_simple_exporter(exporter).with_resource(resource).build();
    global::set_tracer_provider(provider.clone());

    front_page(&provider.tracer("shop"));
    Ok(())
}

/// Shows what the shop sells.
fn front_page(tracer: &SdkTracer) {
    tracer.in_span("front page", |_| {
        thread::sleep(Duration::from_millis(5));
        println!("Today: mug, teapot");
    });
}
