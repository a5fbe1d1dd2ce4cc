// Two orders at the same time, and their spans get mixed up. Keep them apart.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::time::Duration;

use exercises::shop;
use tokio::time::sleep;
use tracing::{info_span, instrument};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;
    shop::subscribe(&provider)?;

    take_orders().await;

    provider.shutdown()?;
    Ok(())
}

/// Takes two orders at once: while one waits, the other goes on.
#[instrument]
async fn take_orders() {
    // `biased` polls in this order, so that each run leaves the same trace.
    tokio::join!(biased; buy("order-17"), buy("order-18"));
}

async fn buy(order: &str) {
    let span = info_span!("buy", order);
    let _guard = span.enter();
    reserve(order).await;
    charge(order).await;
}

#[instrument]
async fn reserve(order: &str) {
    sleep(Duration::from_millis(20)).await; // as if it asked the inventory
    println!("{order}: reserved");
}

#[instrument]
async fn charge(order: &str) {
    sleep(Duration::from_millis(20)).await; // as if it asked the payment service
    println!("{order}: charged");
}
