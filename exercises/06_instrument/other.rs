// Written differently: all arguments are skipped, and the fields are chosen.

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

#[instrument(skip_all, err(Debug), fields(otel.name = "buy", shop.order.id = %order))]
fn handle_buy(order: &str, card: &Card) -> Result<(), CardDeclined> {
    reserve("mug", 2);
    charge(card, 24)
}

#[instrument(skip_all, fields(item = item, quantity = quantity))]
fn reserve(item: &str, quantity: i64) {
    println!("reserved: {quantity} {item}");
}

#[instrument(skip_all, fields(amount = amount), err)]
fn charge(card: &Card, amount: i64) -> Result<(), CardDeclined> {
    if card.0.ends_with('2') { Err(CardDeclined) } else { Ok(()) }
}
