// Solution: the batch has a trace of its own, with a link to the span of every message.

use std::collections::HashMap;
use std::error::Error;
use std::thread;
use std::time::Duration;

use exercises::shop;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

/// A message in the queue `parcels`. It has headers, as an HTTP request has.
struct Message {
    headers: HashMap<String, String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let storefront = shop::provider("storefront")?; // sends what a customer bought
    let inventory = shop::provider("inventory")?; // sends goods to another warehouse
    let payment = shop::provider("payment")?; // sends an invoice
    let shipping = shop::provider("shipping")?;

    let batch = [&storefront, &inventory, &payment].map(|sender| send(&sender.tracer("shop")));
    process(&shipping.tracer("shop"), &batch);

    for provider in [storefront, inventory, payment, shipping] {
        provider.shutdown()?;
    }
    Ok(())
}

/// A sender. It has a trace of its own, and writes its context into the message, as into a request.
fn send(tracer: &SdkTracer) -> Message {
    let span = tracer.span_builder("send parcels").with_kind(SpanKind::Producer).start(tracer);
    let context = Context::current_with_span(span);
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut headers);
    Message { headers }
}

/// The shipping: takes a batch of messages.
fn process(tracer: &SdkTracer, batch: &[Message; 3]) {
    // A span has one parent, and as many links as it has causes.
    let links = batch.iter().map(|message| {
        let sender = TraceContextPropagator::new().extract(&message.headers);
        Link::with_context(sender.span().span_context().clone())
    });

    let _span = tracer
        .span_builder("process parcels")
        .with_kind(SpanKind::Consumer)
        .with_attributes([KeyValue::new("messaging.batch.message_count", 3)])
        .with_links(links.collect())
        .start(tracer);
    thread::sleep(Duration::from_millis(20));
}
