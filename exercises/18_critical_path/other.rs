// A purchase waits three times in a row. Read in its trace which waits could overlap, and let them.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::time::Duration;

use exercises::shop;
use tokio::task::JoinError;
use tokio::time::sleep;
use tracing::{Instrument, instrument};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;
    shop::subscribe(&provider)?;

    let total = buy("mug", "ada").await?;
    println!("paid: {total}");

    provider.shutdown()?;
    Ok(())
}

/// Buys an item, and returns what was paid.
#[instrument]
async fn buy(item: &str, customer: &'static str) -> Result<i64, JoinError> {
    // Tasks may run on other threads. `in_current_span` takes the parent along, as in exercise 08.
    let shipping = tokio::spawn(quote(customer).in_current_span());
    let discount = tokio::spawn(discount(customer).in_current_span());
    let price = reserve(item).await;
    let total = price + shipping.await? - discount.await?;
    charge(customer, total).await;
    Ok(total)
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
async fn quote(customer: &'static str) -> i64 {
    sleep(Duration::from_millis(100)).await;
    5
}

/// Asks the service "storefront" for the customer's discount.
#[instrument(fields(otel.kind = "client"))]
async fn discount(customer: &'static str) -> i64 {
    sleep(Duration::from_millis(40)).await;
    2
}

/// Charges the customer in the service "payment".
#[instrument(fields(otel.kind = "client"))]
async fn charge(customer: &'static str, total: i64) {
    sleep(Duration::from_millis(50)).await;
}
