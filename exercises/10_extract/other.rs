// Another solution: a layer around all routes makes the caller's context the current one.

use std::error::Error;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::{Router, routing};
use exercises::shop;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let checkout = shop::provider("checkout")?;
    let inventory = shop::provider("inventory")?;
    let app =
        Router::new().route("/reserve", routing::post(reserve)).layer(from_fn(continue_trace));
    let url = shop::serve(app.with_state(inventory.tracer("shop"))).await?;

    // The checkout's side: a client span, and its context in the headers, as in exercise 09.
    let propagator = TraceContextPropagator::new();
    let tracer = checkout.tracer("shop");
    shop::post(&Context::new(), &tracer, &propagator, &url, "/reserve").await?;

    checkout.shutdown()?;
    inventory.shutdown()?;
    Ok(())
}

/// Every handler of the inventory finds the caller's context as `Context::current()`.
async fn continue_trace(request: Request, next: Next) -> Response {
    let caller = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    next.run(request).with_context(caller).await
}

/// The inventory's side. `start` takes the current context as parent.
async fn reserve(State(tracer): State<SdkTracer>, headers: HeaderMap) -> &'static str {
    println!("traceparent: {:?}", headers["traceparent"]);

    let span = tracer.span_builder("POST /reserve").with_kind(SpanKind::Server).start(&tracer);
    let context = Context::current_with_span(span);
    select(&tracer).with_context(context).await;
    "reserved"
}

/// Asks the database. Its span is below the span of the request, because that one is current.
async fn select(tracer: &SdkTracer) {
    let _span = tracer
        .span_builder("SELECT items")
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new("db.system.name", "postgresql")])
        .start(tracer);
    tokio::time::sleep(Duration::from_millis(10)).await;
}
