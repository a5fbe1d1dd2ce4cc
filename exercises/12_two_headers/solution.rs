// Solution: the checkout reads and writes both headers.

#![allow(deprecated, reason = "the old header is deprecated, and this fleet still has it")]

use std::error::Error;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Router, routing};
use exercises::shop;
use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_jaeger_propagator::Propagator as JaegerPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

/// The headers of the old services. A Jaeger client knows `uber-trace-id` and nothing else.
fn old() -> impl TextMapPropagator + Send + Sync + 'static {
    JaegerPropagator::new()
}

/// The headers of the new services: OpenTelemetry's default, `traceparent`.
fn new() -> impl TextMapPropagator + Send + Sync + 'static {
    TraceContextPropagator::new()
}

/// The headers of the checkout, which stands between old and new.
fn both() -> impl TextMapPropagator + Send + Sync + 'static {
    // Writes both headers, and reads whichever is there. The last one wins where both are.
    TextMapCompositePropagator::new(vec![
        Box::new(JaegerPropagator::new()),
        Box::new(TraceContextPropagator::new()),
    ])
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let storefront = shop::provider("storefront")?; // old
    let checkout = shop::provider("checkout")?;
    let payment = shop::provider("payment")?; // old
    let inventory = shop::provider("inventory")?; // new

    let reserve = serve(&inventory, "/reserve", Arc::new(new()), vec![]).await?;
    let charge = serve(&payment, "/charge", Arc::new(old()), vec![]).await?;
    let calls = vec![(reserve, "/reserve"), (charge, "/charge")];
    let checkout_url = serve(&checkout, "/buy", Arc::new(both()), calls).await?;
    shop::post(&Context::new(), &storefront.tracer("shop"), &old(), &checkout_url, "/buy").await?;

    for provider in [storefront, checkout, payment, inventory] {
        provider.shutdown()?;
    }
    Ok(())
}

type Headers = Arc<dyn TextMapPropagator + Send + Sync>;
type Call = (String, &'static str);

/// Serves one service of the fleet, which calls others; returns its URL.
async fn serve(
    provider: &SdkTracerProvider,
    path: &'static str,
    propagator: Headers,
    calls: Vec<Call>,
) -> std::io::Result<String> {
    let state = (provider.tracer("shop"), path, propagator, calls);
    shop::serve(Router::new().route(path, routing::post(answer)).with_state(state)).await
}

async fn answer(
    State((tracer, path, propagator, calls)): State<(SdkTracer, &'static str, Headers, Vec<Call>)>,
    headers: HeaderMap,
) {
    let context = shop::answer(&tracer, &*propagator, &headers, path);
    for (url, path) in calls {
        if let Err(error) = shop::post(&context, &tracer, &*propagator, &url, path).await {
            context.span().record_error(&error);
        }
    }
}
