// Half of this program moved from the Jaeger client to OpenTelemetry, and its trace broke in two.
// Move `charge` as well. `cargo run -p exercises` runs this program after each save.

use std::error::Error;

use exercises::shop;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracer;

fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;

    buy(&provider.tracer("checkout"));

    provider.shutdown()?;
    Ok(())
}

/// Has moved to OpenTelemetry.
fn buy(tracer: &SdkTracer) {
    tracer.in_span("buy", |context| {
        context.span().set_attribute(KeyValue::new("order.id", "order-17"));
        charge(tracer, 12);
    });
}

/// Has moved, too. Its parent is the current span, so nothing needs to be passed.
fn charge(tracer: &SdkTracer, amount: i64) {
    let mut span = tracer.span_builder("charge").with_kind(SpanKind::Client).start(tracer);
    span.set_attribute(KeyValue::new("amount", amount));

    // The bank says no. A status in place of the tag `error`, an event in place of the log.
    span.set_status(Status::error("declined"));
    span.add_event("declined", vec![KeyValue::new("reason", "card expired")]);
} // the span ends here
