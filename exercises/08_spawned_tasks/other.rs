// Another solution: the spans are made before the tasks, where the caller's span is current.

use std::error::Error;
use std::thread;
use std::time::Duration;

use exercises::shop;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use tracing::{Instrument, Span, info_span};

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
        reservations.spawn(reserve().instrument(info_span!("reserve", item)));
    }
    reservations.join_all().await;

    // The payment must go on where the customer closes the page, so it gets a task of its own.
    tokio::spawn(charge(Span::current())).await?;

    // Printing blocks its thread, and a thread of the runtime must not be blocked.
    let span = info_span!("print_label");
    spawn_blocking(move || {
        let _entered = span.enter();
        print_label();
    })
    .await?;
    Ok(())
}

async fn reserve() {
    sleep(Duration::from_millis(10)).await;
}

#[tracing::instrument(parent = &parent, skip(parent))]
async fn charge(parent: Span) {
    sleep(Duration::from_millis(20)).await;
}

fn print_label() {
    thread::sleep(Duration::from_millis(5));
}
