// Nobody can buy a mug, and the log blames the checkout. Find in the trace which service is slow,
// and mend that one. `cargo run -p exercises` runs this program after each save.

mod http; // requests, and queries to a database: nothing to mend there

use std::error::Error;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use exercises::shop;
use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let providers =
        [shop::provider("storefront")?, shop::provider("checkout")?, shop::provider("inventory")?];
    let [storefront, checkout, inventory] = providers.each_ref().map(|it| it.tracer("shop"));

    let reserve = post(async move |headers| reserve(&inventory, headers).await);
    let inventory = http::serve(Router::new().route("/reserve", reserve)).await?;
    let order = post(async move |headers| order(&checkout, headers, &inventory).await);
    let checkout = http::serve(Router::new().route("/orders", order)).await?;
    buy(&storefront, &checkout).await;

    // A service notices a moment later that its caller has gone, and ends its spans.
    tokio::time::sleep(Duration::from_millis(50)).await;
    for provider in providers {
        provider.shutdown()?;
    }
    Ok(())
}

/// The storefront: orders a mug from the checkout, in up to three attempts.
async fn buy(tracer: &SdkTracer, checkout: &str) {
    let context = Context::current_with_span(tracer.start("buy"));
    for attempt in 1..=3 {
        let patience = Duration::from_millis(250);
        match http::post(tracer, &context, checkout, "/orders", patience).await {
            Ok(()) => return println!("storefront: sold a mug"),
            Err(reason) => println!("storefront: attempt {attempt}: checkout: {reason}"),
        }
    }
}

/// The checkout: looks the customer up, and has the mug reserved.
async fn order(tracer: &SdkTracer, headers: HeaderMap, inventory: &str) -> StatusCode {
    let context = http::answer(tracer, &headers, "/orders");
    let sql = "SELECT address FROM customers WHERE name = 'ada'";
    http::query(tracer, &context, "SELECT customers", sql).await;
    let patience = Duration::from_secs(2);
    match http::post(tracer, &context, inventory, "/reserve", patience).await {
        Ok(()) => StatusCode::CREATED,
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}

/// The inventory: looks for the mug in the stock.
async fn reserve(tracer: &SdkTracer, headers: HeaderMap) -> StatusCode {
    let context = http::answer(tracer, &headers, "/reserve");
    let sql = "SELECT item, count FROM stock";
    http::query(tracer, &context, "SELECT stock", sql).await;
    StatusCode::OK
}
