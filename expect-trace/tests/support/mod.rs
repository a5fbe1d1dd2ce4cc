//! Traces that are built from a short text, not by the parser under test.

#![allow(dead_code, reason = "each test uses a part")]

use std::time::Duration;

use expect_trace::{Event, Kind, Record, Span, Status, Trace, Value};

/// A span with an id and a parent, at a time in milliseconds.
pub(crate) fn span(
    id: &str,
    parent: &str,
    service: &str,
    operation: &str,
    start: u64,
    duration: u64,
) -> Record {
    let mut span = Span::new(service, operation);
    span.start = start * 1_000_000;
    span.duration = Duration::from_millis(duration);
    Record {
        id: id.to_owned(),
        parent: Some(parent.to_owned()).filter(|parent| !parent.is_empty()),
        span,
    }
}

/// The purchase of the README.
pub(crate) fn purchase() -> Vec<Record> {
    let mut buy = span("1", "", "shop", "POST /buy", 0, 100);
    buy.span.kind = Kind::Server;
    buy.span.attributes.push(("http.response.status_code".into(), Value::Int(402)));
    let mut reserve = span("2", "1", "shop", "reserve", 10, 20);
    reserve.span.attributes.push(("sku".into(), Value::from("A-1")));
    let mut charge = span("3", "1", "shop", "POST /charge", 40, 50);
    charge.span.kind = Kind::Client;
    charge.span.status = Status::Error;
    let mut server = span("4", "3", "payments", "POST /charge", 50, 30);
    server.span.kind = Kind::Server;
    server.span.status = Status::Error;
    let mut exception = Event::new("exception");
    exception.attributes.push(("exception.type".into(), Value::from("CardDeclined")));
    server.span.events.push(exception);
    vec![buy, reserve, charge, server]
}

/// What the purchase should look like.
pub(crate) const PURCHASE: &str = "\
shop: POST /buy [server] http.response.status_code=402
├─ shop: reserve sku=\"A-1\"
└─ shop: POST /charge [client] error
   └─ payments: POST /charge [server] error
      • exception exception.type=\"CardDeclined\"
";

pub(crate) fn trace(records: Vec<Record>) -> Trace {
    Trace::from_records(records)
}
