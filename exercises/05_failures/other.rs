// Written differently: one function for all spans that can fail.

use std::error::Error;
use std::fmt;

use exercises::shop;
use opentelemetry::trace::{Status, TraceContextExt, Tracer};
use opentelemetry::{KeyValue, global};

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

/// Runs `work` in a span, which fails if `work` does.
fn traced<T, E: Error>(name: &'static str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    global::tracer("checkout").in_span(name, |context| {
        work().inspect_err(|error| {
            let attributes = vec![
                KeyValue::new("exception.type", std::any::type_name::<E>()),
                KeyValue::new("exception.message", error.to_string()),
            ];
            context.span().add_event("exception", attributes);
            context.span().set_status(Status::error(error.to_string()));
        })
    })
}

fn buy(item: &str) -> Result<(), CardDeclined> {
    traced("buy", || {
        reserve(item);
        charge()
    })
}

fn reserve(item: &str) {
    global::tracer("checkout").in_span("reserve", |_context| println!("reserved: {item}"));
}

fn charge() -> Result<(), CardDeclined> {
    traced("charge", || Err(CardDeclined))
}
