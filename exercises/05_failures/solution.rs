// The purchase fails, and its trace looks as if all were well. Make the trace tell of the failure.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;
use std::fmt;

use exercises::shop;
use opentelemetry::global;
use opentelemetry::trace::{Status, TraceContextExt, Tracer};

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
    global::set_tracer_provider(provider.clone());

    if let Err(error) = buy("mug") {
        println!("not bought: {error}");
    }

    provider.shutdown()?;
    Ok(())
}

fn buy(item: &str) -> Result<(), CardDeclined> {
    global::tracer("checkout").in_span("buy", |context| {
        reserve(item);
        charge().inspect_err(|_| {
            // The purchase failed as well. The event in `charge` says why; once is enough.
            context.span().set_status(Status::error("not charged"));
        })
    })
}

fn reserve(item: &str) {
    global::tracer("checkout").in_span("reserve", |_context| println!("reserved: {item}"));
}

fn charge() -> Result<(), CardDeclined> {
    global::tracer("checkout").in_span("charge", |context| {
        let error = CardDeclined;
        // The event says what happened and when. Only the status says that the span failed.
        context.span().record_error(&error);
        context.span().set_status(Status::error(error.to_string()));
        Err(error)
    })
}
