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
    compare_text(name, &difference.to_string());
}

#[track_caller]
fn compare_text(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/failures/{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, text).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap();
    assert_eq!(text, stored, "\n{text}\n--- but {} has\n{stored}", path.display());
}

#[test]
fn colours() {
    let expected = PURCHASE.replace("402", "200").parse::<Expectation>().unwrap();
    let text = expected.check(&trace(purchase())).unwrap_err().to_colored_string();
    compare_text("colours", &text.replace('\u{1b}', "ESC"));
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

#[test]
fn wrong_value() {
    compare("wrong_value", &PURCHASE.replace("A-1", "B-2"), purchase());
}

#[test]
fn misspelt_attribute() {
    let expected = PURCHASE.replace("http.response.status_code", "http.status_code");
    compare("misspelt_attribute", &expected.replace("sku", "skus"), purchase());
}

#[test]
fn wrong_kind() {
    compare("wrong_kind", &PURCHASE.replace("[client]", "[producer]"), purchase());
}

#[test]
fn wrong_status() {
    compare("wrong_status", &PURCHASE.replace("[client] error", "[client] ok"), purchase());
}

#[test]
fn wrong_order() {
    let mut records = purchase();
    records[1].span.start = 95_000_000;
    compare("wrong_order", PURCHASE, records);
}

#[test]
fn missing_event_and_link() {
    let expected = PURCHASE.replace("• exception", "• timeout") + "      → shop: order\n";
    compare("missing_event_and_link", &expected, purchase());
}

#[test]
fn duration_and_overlap() {
    let expected = PURCHASE.replace("sku=\"A-1\"", "< 10ms");
    compare("duration_and_overlap", &expected.replace("[client] error", "overlaps"), purchase());
}

/// Everything is another: the wrong trace, probably.
#[test]
fn another_trace() {
    compare("another_trace", "shop: GET /cart [server]\n  db: SELECT cart\n", purchase());
}

#[test]
fn two_hundred_spans() {
    let mut records = purchase();
    for index in 0..20 {
        let id = format!("{index}");
        records.push(span(&format!("t{id}"), "1", "shop", &format!("item {index}"), 20 + index, 1));
        for query in 0..10 {
            let name = ["SELECT", "UPDATE"][query % 2];
            records.push(span(
                &format!("q{id}.{query}"),
                &format!("t{id}"),
                "db",
                name,
                20 + index,
                1,
            ));
        }
    }
    let expected = trace(records.clone()).to_string();
    records.retain(|record| record.id != "q7.4");
    records[16].span.operation = "DELETE".into();
    records.push(span("late", "q11.3", "db", "lock", 31, 1));
    compare("two_hundred_spans", &expected, records);
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

/// Packs and insures: `× 2..3` packs are expected.
fn packs(names: &[&str]) -> Vec<Record> {
    let mut records = vec![span("1", "", "ship", "order", 0, 100)];
    for (index, name) in names.iter().enumerate() {
        records.push(span(&format!("c{index}"), "1", "ship", name, 10 + index as u64, 1));
    }
    records
}

#[test]
fn too_many_spans() {
    let expected = "ship: order\n  ship: pack × 2..3\n  ship: insure\n";
    compare("too_many_spans", expected, packs(&["pack", "pack", "pack", "pack", "pack", "insure"]));
}

/// A span of which there are too many is not another one, renamed.
#[test]
fn too_many_spans_and_a_missing_one() {
    let expected = "ship: order\n  ship: pack × 2..3\n  ship: insure\n";
    compare("too_many_spans_and_a_missing_one", expected, packs(&["pack"; 5]));
}

#[test]
fn reversed_order() {
    let expected = "ship: order\n  ship: notify\n  ship: label printing\n  ship: pack\n";
    compare("reversed_order", expected, packs(&["pack", "label printing", "notify"]));
}

#[test]
fn too_many_spans_in_a_large_trace() {
    let mut names = vec!["pack"; 40];
    names.push("insure");
    let expected = "ship: order\n  ship: pack × 2..30\n  ship: insure\n";
    compare("too_many_spans_in_a_large_trace", expected, packs(&names));
}

#[test]
fn too_many_spans_that_differ() {
    let expected = "ship: order\n  ship: pack < 1us × 1..2\n  ship: insure\n";
    compare("too_many_spans_that_differ", expected, packs(&["pack", "pack", "pack", "insure"]));
}

/// What fits at the beginning is known as well.
#[test]
fn an_extra_span_before_a_renamed_one() {
    let expected = "ship: order\n  ship: pack\n  ship: invoice\n";
    compare("an_extra_span_before_a_renamed_one", expected, packs(&["pack", "pack", "insure"]));
}
