// One purchase should be one trace, and it is two. Make them one.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::thread;
use std::time::Duration;

use exercises::shop;
use opentelemetry::global;
use opentelemetry::trace::{SpanKind, Tracer};

fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;
    global::set_tracer_provider(provider.clone());

    buy("mug");

    provider.shutdown()?;
    Ok(())
}

fn buy(item: &str) {
    let tracer = global::tracer("checkout");
    // `start` makes a span and nothing more. `in_span` also makes it the current one for as long as the
    // closure runs, and a span that starts gets the current one as its parent.
    tracer.in_span("buy", |_| {
        reserve(item);
        println!("bought: {item}");
    });
}

fn reserve(item: &str) {
    let tracer = global::tracer("checkout");
    tracer.in_span("reserve", |_| {
        let left = stock(item);
        println!("{item}: {left} left");
    });
}

/// Asks the database how many there are.
fn stock(_item: &str) -> u32 {
    let tracer = global::tracer("database");
    let _span = tracer.span_builder("SELECT items").with_kind(SpanKind::Client).start(&tracer);
    thread::sleep(Duration::from_millis(5));
    3
}
