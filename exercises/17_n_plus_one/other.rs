// The front page is slow. Read its trace, find what is asked too often, and ask once.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use exercises::shop;
use tracing::{info_span, instrument};

fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("storefront")?;
    shop::subscribe(&provider)?;

    front_page();

    provider.shutdown()?;
    Ok(())
}

/// Prints each item with the number in stock.
#[instrument(name = "front page")]
fn front_page() {
    for (item, count) in items() {
        println!("{item}: {count}");
    }
}

/// All items, each with the number in stock.
fn items() -> [(&'static str, u32); 8] {
    query("SELECT items", "SELECT name, count FROM items JOIN stock ON stock.item = items.name");
    STOCK
}

// The database. There is nothing to mend below.

const STOCK: [(&str, u32); 8] = [
    ("mug", 12),
    ("teapot", 3),
    ("cup", 40),
    ("saucer", 38),
    ("bowl", 7),
    ("jug", 0),
    ("kettle", 5),
    ("tray", 9),
];

/// Sends a query to the database and waits for its answer. The name goes to the span.
fn query(name: &str, sql: &str) {
    let span = info_span!(
        "query",
        otel.name = name,
        otel.kind = "client",
        db.system.name = "postgresql",
        db.query.text = sql
    );
    span.in_scope(|| sleep(Duration::from_millis(10)));
}
