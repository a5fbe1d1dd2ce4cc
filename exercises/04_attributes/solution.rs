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
        .span_builder("POST /buy") // one name for all orders
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", "/buy"),
            // What differs from order to order. The shop's own names have a prefix.
            KeyValue::new("shop.order.id", order.to_owned()),
        ])
        .start(&tracer);
    let context = Context::current_with_span(span);
    let _guard = context.clone().attach();

    for (item, quantity) in items {
        reserve(item, *quantity);
    }
    let status = 200;
    // The name and the type are those of the semantic conventions.
    context.span().set_attribute(KeyValue::new("http.response.status_code", status));
}

fn reserve(item: &str, quantity: i64) {
    let tracer = global::tracer("storefront");
    tracer.in_span("reserve", |context| {
        context.span().set_attribute(KeyValue::new("shop.item.name", item.to_owned()));
        context.span().set_attribute(KeyValue::new("shop.item.quantity", quantity));
        thread::sleep(Duration::from_millis(3));
        println!("reserved: {quantity} {item}");
    });
}
