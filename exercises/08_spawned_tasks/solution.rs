// Solution: each task and thread gets the span that it belongs to.

use std::error::Error;
use std::thread;
use std::time::Duration;

use exercises::shop;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use tracing::{Instrument, Span};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;
    shop::subscribe(&provider)?;
    buy().await?;
    provider.shutdown()?;
    Ok(())
}

#[tracing::instrument(err)]
async fn buy() -> Result<(), Box<dyn Error>> {
    // Both items at the same time.
    let mut reservations = JoinSet::new();
    for item in ["mug", "teapot"] {
        // A task begins without a current span. `in_current_span` takes the caller's along.
        reservations.spawn(reserve(item).in_current_span());
    }
    reservations.join_all().await;

    // The payment must go on where the customer closes the page, so it gets a task of its own.
    tokio::spawn(charge().in_current_span()).await?;

    // Printing blocks its thread, and a thread of the runtime must not be blocked.
    // A closure is no future, so it enters the span itself.
    let buy = Span::current();
    spawn_blocking(move || buy.in_scope(print_label)).await?;
    Ok(())
}

#[tracing::instrument]
async fn reserve(item: &'static str) {
    sleep(Duration::from_millis(10)).await;
}

#[tracing::instrument]
async fn charge() {
    sleep(Duration::from_millis(20)).await;
}

#[tracing::instrument]
fn print_label() {
    thread::sleep(Duration::from_millis(5));
}
