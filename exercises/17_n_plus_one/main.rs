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
    for item in items() {
        let stock = stock(&[item]);
        println!("{item}: {}", stock[0]);
    }
}

/// The names of all items.
fn items() -> Vec<&'static str> {
    query("SELECT items", "SELECT name FROM items");
    STOCK.iter().map(|(item, _)| *item).collect()
}

/// The number in stock of each of these items, in their order.
fn stock(items: &[&str]) -> Vec<u32> {
    let places = vec!["?"; items.len()].join(", ");
    query("SELECT stock", &format!("SELECT count FROM stock WHERE item IN ({places})"));
    let count =
        |item: &&str| STOCK.iter().find(|(name, _)| name == item).map_or(0, |found| found.1);
    items.iter().map(count).collect()
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
