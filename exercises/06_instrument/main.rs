// `#[instrument]` makes a span of each function, and not yet a good one. Tell it more.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::fmt;

use exercises::shop;
use tracing::instrument;

#[derive(Debug)]
struct Card(&'static str);

#[derive(Debug)]
struct CardDeclined;

impl fmt::Display for CardDeclined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card was declined")
    }
}

impl Error for CardDeclined {}

fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;
    shop::subscribe(&provider)?;

    let card = Card("4000-0002");
    if let Err(error) = handle_buy("order-17", &card) {
        println!("not bought: {error}");
    }

    provider.shutdown()?;
    Ok(())
}

#[instrument]
fn handle_buy(order: &str, card: &Card) -> Result<(), CardDeclined> {
    reserve("mug", 2);
    charge(card, 24)
}

#[instrument]
fn reserve(item: &str, quantity: i64) {
    println!("reserved: {quantity} {item}");
}

#[instrument]
fn charge(card: &Card, amount: i64) -> Result<(), CardDeclined> {
    if card.0.ends_with('2') { Err(CardDeclined) } else { Ok(()) }
}
