// The storefront shows its front page in a span, and Jaeger never hears of it. Send it the span.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::thread;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::Tracer;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

fn main() -> Result<(), Box<dyn Error>> {
    // A provider without an exporter makes spans and throws them away.
    let exporter = SpanExporter::builder().with_http().build()?;
    // The resource says which program made the spans. Jaeger lists its `service.name`.
    let resource = Resource::builder().with_service_name("storefront").build();
    let provider =
        SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    global::set_tracer_provider(provider.clone());

    front_page();

    provider.shutdown()?; // exercise 02 is about this line
    Ok(())
}

/// Shows what the shop sells.
fn front_page() {
    // The tracer has the name of the code that makes the spans.
    let tracer = global::tracer("front_page");
    let _span = tracer.start("front page");
    thread::sleep(Duration::from_millis(5)); // as if it read the list from a database
    println!("Today: mug, teapot");
} // `_span` is dropped here, and the span ends
