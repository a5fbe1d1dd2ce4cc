// A purchase waits three times in a row. Read in its trace which waits could overlap, and let them.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::time::Duration;

use exercises::shop;
use tokio::time::sleep;
use tracing::instrument;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;
    shop::subscribe(&provider)?;

    let total = buy("mug", "ada").await;
    println!("paid: {total}");

    provider.shutdown()?;
    Ok(())
}

/// Buys an item, and returns what was paid.
#[instrument]
async fn buy(item: &str, customer: &str) -> i64 {
    // None of the three needs what another one answers. The wait is as long as the longest of them.
    let (price, shipping, discount) =
        tokio::join!(reserve(item), quote(customer), discount(customer));
    let total = price + shipping - discount;
    charge(customer, total).await;
    total
}

// Calls of other services. There is nothing to mend below.

/// Reserves the item in the service "inventory", which answers with the price.
#[instrument(fields(otel.kind = "client"))]
async fn reserve(item: &str) -> i64 {
    sleep(Duration::from_millis(60)).await;
    12
}

/// Asks the service "shipping" for the cost of a parcel to the customer.
#[instrument(fields(otel.kind = "client"))]
async fn quote(customer: &str) -> i64 {
    sleep(Duration::from_millis(100)).await;
    5
}

/// Asks the service "storefront" for the customer's discount.
#[instrument(fields(otel.kind = "client"))]
async fn discount(customer: &str) -> i64 {
    sleep(Duration::from_millis(40)).await;
    2
}

/// Charges the customer in the service "payment".
#[instrument(fields(otel.kind = "client"))]
async fn charge(customer: &str, total: i64) {
    sleep(Duration::from_millis(50)).await;
}
