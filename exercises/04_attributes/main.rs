// The trace arrives, and nobody will find it again. Give it a name and attributes to search for.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::thread;
use std::time::Duration;

use exercises::shop;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};

fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("storefront")?;
    global::set_tracer_provider(provider.clone());

    post_buy("order-17", &[("mug", 2), ("teapot", 1)]);

    provider.shutdown()?;
    Ok(())
}

/// Handles the request `POST /buy`.
fn post_buy(order: &str, items: &[(&str, i64)]) {
    let tracer = global::tracer("storefront");
    let span = tracer
        .span_builder(format!("POST /buy {order}"))
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", "/buy"),
        ])
        .start(&tracer);
    let context = Context::current_with_span(span);
    let _guard = context.clone().attach();

    for (item, quantity) in items {
        reserve(item, *quantity);
    }
    let status = 200;
    context.span().set_attribute(KeyValue::new("status", status.to_string()));
}

fn reserve(item: &str, quantity: i64) {
    let tracer = global::tracer("storefront");
    tracer.in_span(format!("reserve {quantity} {item}"), |_| {
        thread::sleep(Duration::from_millis(3));
        println!("reserved: {quantity} {item}");
    });
}
