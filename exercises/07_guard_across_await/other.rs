// Written differently: the attribute instruments the whole function.

use std::error::Error;
use std::time::Duration;

use exercises::shop;
use tokio::time::sleep;
use tracing::instrument;

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

#[instrument]
async fn buy(order: &str) {
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
