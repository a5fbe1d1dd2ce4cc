// Solution: the baggage has a propagator of its own, and contains only what every service may see.

use std::error::Error;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Router, routing};
use exercises::shop;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::SdkTracer;

/// What all three services write into headers, and read from them.
fn propagator() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        // `traceparent` has ids alone. The baggage goes in a header of its own.
        Box::new(BaggagePropagator::new()),
    ])
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let storefront = shop::provider("storefront")?;
    let checkout = shop::provider("checkout")?;
    let shipping = shop::provider("shipping")?;

    let app = Router::new().route("/ship", routing::post(ship));
    let url = shop::serve(app.with_state(shipping.tracer("shop"))).await?;
    let app = Router::new().route("/pay", routing::post(pay));
    let url = shop::serve(app.with_state((checkout.tracer("shop"), url))).await?;
    buy(&storefront.tracer("shop"), &url).await?;

    for provider in [storefront, checkout, shipping] {
        provider.shutdown()?;
    }
    Ok(())
}

/// The storefront.
async fn buy(tracer: &SdkTracer, checkout: &str) -> reqwest::Result<()> {
    // Not the card: baggage goes to every service below, also to other companies.
    let context = Context::current_with_span(tracer.start("buy"))
        .with_baggage([KeyValue::new("customer", "ada")]);
    shop::post(&context, tracer, &propagator(), checkout, "/pay").await
}

/// The checkout. It does not look at the baggage.
async fn pay(State((tracer, shipping)): State<(SdkTracer, String)>, headers: HeaderMap) {
    let context = shop::answer(&tracer, &propagator(), &headers, "/pay");
    if let Err(error) = shop::post(&context, &tracer, &propagator(), &shipping, "/ship").await {
        context.span().record_error(&error);
    }
}

/// The shipping: another company's service. It keeps whatever baggage comes.
async fn ship(State(tracer): State<SdkTracer>, headers: HeaderMap) {
    let baggage = headers.get("baggage").and_then(|header| header.to_str().ok());
    println!("shipping got the header baggage: {}", baggage.unwrap_or("none"));

    let context = shop::answer(&tracer, &propagator(), &headers, "/ship");
    for (key, (value, _)) in context.baggage() {
        context.span().set_attribute(KeyValue::new(key.clone(), value.clone()));
    }
}
