//! The whole texts of failures, as a person sees them. `UPDATE_EXPECT=1` writes them: read them then.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use expect_trace::{Expectation, Record, Value};
use support::{PURCHASE, purchase, span, trace};

#[track_caller]
fn compare(name: &str, expected: &str, records: Vec<Record>) {
    let difference = expected.parse::<Expectation>().unwrap().check(&trace(records)).unwrap_err();
    let text = difference.to_string();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/failures/{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap();
    assert_eq!(text, stored, "\n{text}\n--- but {} has\n{stored}", path.display());
}

#[test]
fn missing_span() {
    let mut records = purchase();
    records.remove(1);
    compare("missing_span", PURCHASE, records);
}

#[test]
fn extra_span() {
    let mut records = purchase();
    records.push(span("5", "1", "shop", "audit", 35, 1));
    records.push(span("6", "5", "shop", "write log", 35, 1));
    compare("extra_span", PURCHASE, records);
}

#[test]
fn wrong_parent() {
    let mut records = purchase();
    records[3].parent = Some("1".into());
    compare("wrong_parent", PURCHASE, records);
}

#[test]
fn missing_parent() {
    let mut records = purchase();
    records.remove(2);
    compare("missing_parent", PURCHASE, records);
}

#[test]
fn wrong_type_of_attribute() {
    let mut records = purchase();
    records[0].span.attributes[0].1 = Value::from("402");
    compare("wrong_type_of_attribute", PURCHASE, records);
}

#[test]
fn the_readme_shows_a_real_failure() {
    let readme = include_str!("../README.md");
    let failure = include_str!("failures/wrong_type_of_attribute.txt");
    assert!(readme.contains(&format!("tests/buy.trace: {failure}")), "{failure}");
    assert!(readme.contains(PURCHASE));
}

#[test]
fn misspelt_service() {
    compare("misspelt_service", &PURCHASE.replace("payments:", "paymets:"), purchase());
}

#[test]
fn renamed_span() {
    compare("renamed_span", &PURCHASE.replace("shop: POST /charge", "shop: HTTP POST"), purchase());
}

/// The named span is shown, not left out as one of the others.
#[test]
fn among_others() {
    let expected = "shop: POST /buy\n  …\n  shop: POST /charge [server] sku=* retries=0 > 1s\n";
    compare("among_others", expected, purchase());
}

#[test]
fn no_spans() {
    compare("no_spans", PURCHASE, Vec::new());
}

#[test]
fn wrong_event() {
    compare("wrong_event", &PURCHASE.replace("CardDeclined", "Timeout"), purchase());
}

#[test]
fn wrong_count() {
    compare("wrong_count", &PURCHASE.replace("sku=\"A-1\"", "× 3"), purchase());
}

/// Only what differs, with the way to it.
#[test]
fn large_trace() {
    let mut records = purchase();
    for index in 0..40 {
        records.push(span(&format!("a{index}"), "1", "shop", &format!("before {index}"), 1, 1));
        records.push(span(&format!("b{index}"), "4", "db", &format!("SELECT {index}"), 60, 1));
    }
    let expected = trace(records.clone()).to_string().replace("SELECT 20", "UPDATE");
    compare("large_trace", &expected, records);
}
