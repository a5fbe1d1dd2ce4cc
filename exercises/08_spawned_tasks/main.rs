// A purchase hands its work to other tasks and threads, and its trace falls apart. Keep it in one
// trace. `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::thread;
use std::time::Duration;

use exercises::shop;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

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
        reservations.spawn(reserve(item));
    }
    reservations.join_all().await;

    // The payment must go on where the customer closes the page, so it gets a task of its own.
    tokio::spawn(charge()).await?;

    // Printing blocks its thread, and a thread of the runtime must not be blocked.
    spawn_blocking(print_label).await?;
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
