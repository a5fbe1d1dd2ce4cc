// Another solution: the links are added to a span that has begun already.

use std::collections::HashMap;
use std::error::Error;
use std::thread;
use std::time::Duration;

use exercises::shop;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer, TracerProvider};
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
    let mut span = tracer
        .span_builder("process parcels")
        .with_kind(SpanKind::Consumer)
        .with_attributes([KeyValue::new("messaging.batch.message_count", 3)])
        .start(tracer);
    for message in batch {
        let sender = TraceContextPropagator::new().extract(&message.headers);
        span.add_link(sender.span().span_context().clone(), Vec::new());
    }
    thread::sleep(Duration::from_millis(20));
}
