// Everything is set up, and still Jaeger stays empty. Make the last spans leave the program.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::thread;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::Tracer;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};

fn main() -> Result<(), Box<dyn Error>> {
    let exporter = SpanExporter::builder().with_http().build()?;
    // Ended spans wait in a queue, and a thread sends them in batches. The default is one batch every
    // 5 s; this shop is busy and wants fewer and larger ones.
    let batches = BatchSpanProcessor::builder(exporter)
        .with_batch_config(
            BatchConfigBuilder::default().with_scheduled_delay(Duration::from_secs(30)).build(),
        )
        .build();
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("storefront").build())
        .with_span_processor(batches)
        .build();
    global::set_tracer_provider(provider.clone());

    front_page();

    // Sends what is in the queue, and returns when it was sent. No sleep is long enough to be sure of
    // that. The global provider is never dropped, so nothing else calls this.
    provider.shutdown()?;
    Ok(())
}

/// Shows what the shop sells.
fn front_page() {
    let _span = global::tracer("front_page").start("front page");
    thread::sleep(Duration::from_millis(5));
    println!("Today: mug, teapot");
}
