// Written differently: each function passes its context on as an argument.

use std::error::Error;
use std::thread;
use std::time::Duration;

use exercises::shop;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, global};

fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;
    global::set_tracer_provider(provider.clone());

    buy("mug");

    provider.shutdown()?;
    Ok(())
}

fn buy(item: &str) {
    let tracer = global::tracer("checkout");
    let context = Context::new().with_span(tracer.start("buy"));
    reserve(&context, item);
    println!("bought: {item}");
} // the last clone of `context` is dropped, and the span ends

fn reserve(parent: &Context, item: &str) {
    let tracer = global::tracer("checkout");
    let context = parent.with_span(tracer.start_with_context("reserve", parent));
    let left = stock(&context, item);
    println!("{item}: {left} left");
}

/// Asks the database how many there are.
fn stock(parent: &Context, _item: &str) -> u32 {
    let tracer = global::tracer("database");
    let _span = tracer
        .span_builder("SELECT items")
        .with_kind(SpanKind::Client)
        .start_with_context(&tracer, parent);
    thread::sleep(Duration::from_millis(5));
    3
}
