//! A failure says what was probably meant.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use expect_trace::{Expectation, Record, jaeger};
use support::{span, trace};

fn failure(expected: &str, records: Vec<Record>) -> String {
    expected.parse::<Expectation>().unwrap().check(&trace(records)).unwrap_err().to_string()
}

fn order() -> Vec<Record> {
    let mut records = vec![span("1", "", "ship", "order", 0, 100)];
    for (index, name) in ["pack", "pack", "pack", "insure"].into_iter().enumerate() {
        records.push(span(&format!("c{index}"), "1", "ship", name, 10 + index as u64, 1));
    }
    records
}

#[test]
fn attributes_that_are_the_kind_or_the_status() {
    let json = r#"{"data": [{"traceID": "1", "processes": {"p1": {"serviceName": "ship"}}, "spans": [{
        "traceID": "1", "spanID": "1", "operationName": "order", "startTime": 1, "duration": 1, "processID": "p1",
        "tags": [{"key": "span.kind", "type": "string", "value": "server"},
            {"key": "error", "type": "bool", "value": true},
            {"key": "otel.status_code", "type": "string", "value": "ERROR"},
            {"key": "otel.library.name", "type": "string", "value": "shop"}]}]}]}"#;
    let trace = &jaeger::traces(json).unwrap()[0];
    for (condition, note) in [
        ("span.kind=\"server\"", "write `[server]`"),
        ("span.kind=*", "write `[server]`"),
        ("error=true", "write `error`"),
        ("error=false", "write `!error`"),
        ("otel.status_code=\"ERROR\"", "write `error`"),
        ("otel.status_code=\"OK\"", "write `ok`"),
        ("otel.library.name=\"shop\"", "it says how the span was sent, and is left out"),
    ] {
        let expected: Expectation = format!("ship: order {condition}").parse().unwrap();
        let text = expected.check(trace).unwrap_err().to_string();
        let note = format!("found no such attribute; {note}\n");
        assert!(text.contains(&note), "{text}");
    }
    let expected: Expectation = "ship: order [server] error".parse().unwrap();
    expected.check(trace).unwrap();
}

#[test]
fn words_that_are_almost_conditions() {
    for (words, note) in [
        ("eror", "\"eror\" is not a condition; did you mean `error`?"),
        ("Failed", "\"Failed\" is not a condition; did you mean `error`?"),
        ("overlap", "\"overlap\" is not a condition; did you mean `overlaps`?"),
        ("server", "\"server\" is not a condition; did you mean `[server]`?"),
        ("(sever)", "\"(sever)\" is not a condition; did you mean `[server]`?"),
        ("optional", "\"optional\" is not a condition; did you mean `?`?"),
        ("x3", "\"x3\" is not a condition; did you mean `× 3`?"),
        ("key~abc", "\"key~abc\" is not a condition; a pattern needs quotes: `key~\"abc\"`"),
        ("slowly", "\"slowly\" is not a condition; the trace has \"order\""),
        ("// c", "\"//\" is not a condition; a comment starts with `#`"),
    ] {
        let text = failure(&format!("# Ships.\nship: order {words}\n  …\n"), order());
        let note = format!("note: line 2: \"order {words}\" is one name, because {note}\n");
        assert!(text.contains(&note), "{text}");
    }
    let text = failure("ship: invoice eror", order());
    assert!(!text.contains("condition"), "{text}");
}

#[test]
fn counts_can_be_typed() {
    let typed: Expectation = "ship: order\n  ship: pack x 3\n  ship: insure x ..2".parse().unwrap();
    typed.check(&trace(order())).unwrap();
    let names = "ship: \"pack x 3\"\nship: pack x three\n\"- ship\": order\n";
    assert_eq!(names.parse::<Expectation>().unwrap().to_string(), names);
}

#[test]
fn a_near_span_among_the_others_is_named() {
    let text = failure("ship: order\n  ship: insurance\n  …\n", order());
    let near = "^ near it, among the others: `ship: insure`";
    assert!(text.contains(near) && text.contains("more, as allowed"), "{text}");
    let text = failure("ship: order\n  ship: insure\n  ship: pack\n  …\n", order());
    assert!(text.contains("- ├─ ship: pack\n") || text.contains("- ├─ ship: insure\n"), "{text}");
    assert!(text.contains("^ found "), "{text}");
}
