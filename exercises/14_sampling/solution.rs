// Solution: the checkout decides only about traces that begin at the checkout.

use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Router, routing};
use exercises::shop;
use opentelemetry::Context;
use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let storefront = shop::provider("storefront")?;
    let checkout = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("checkout").build())
        .with_batch_exporter(SpanExporter::builder().with_http().build()?)
        // The checkout looks for stuck orders all the time. Nobody wants a trace each time.
        // Where there is a caller, the caller has decided, and its decision holds.
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
        .build();
    let payment = shop::provider("payment")?;

    let app = Router::new().route("/charge", routing::post(charge));
    let url = shop::serve(app.with_state(payment.tracer("shop"))).await?;
    let app = Router::new().route("/buy", routing::post(buy));
    let url = shop::serve(app.with_state((checkout.tracer("shop"), url))).await?;

    look_for_stuck_orders(&checkout.tracer("shop")).await;
    let tracer = storefront.tracer("shop");
    shop::post(&Context::new(), &tracer, &TraceContextPropagator::new(), &url, "/buy").await?;

    for provider in [storefront, checkout, payment] {
        provider.shutdown()?;
    }
    Ok(())
}

/// The checkout's work in the background: nobody called it, so its span is the root of a trace.
async fn look_for_stuck_orders(tracer: &SdkTracer) {
    let span = tracer.start("look for stuck orders");
    println!("look for stuck orders: sampled = {}", span.span_context().is_sampled());
    sleep(Duration::from_millis(1)).await;
}

/// The checkout.
async fn buy(State((tracer, payment)): State<(SdkTracer, String)>, headers: HeaderMap) {
    let header = headers["traceparent"].to_str().unwrap_or_default();
    println!("checkout: traceparent {header}");

    let propagator = TraceContextPropagator::new();
    let context = shop::answer(&tracer, &propagator, &headers, "/buy");
    if let Err(error) = shop::post(&context, &tracer, &propagator, &payment, "/charge").await {
        context.span().record_error(&error);
    }
}

/// The payment. Its sampler is the SDK's default.
async fn charge(State(tracer): State<SdkTracer>, headers: HeaderMap) {
    let header = headers["traceparent"].to_str().unwrap_or_default();
    println!("payment:  traceparent {header}");

    let _context = shop::answer(&tracer, &TraceContextPropagator::new(), &headers, "/charge");
    sleep(Duration::from_millis(10)).await;
}
