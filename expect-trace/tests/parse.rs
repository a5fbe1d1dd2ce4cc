//! Errors say where they are and what should be there, and an expectation prints as it was written.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use expect_trace::Expectation;

#[track_caller]
fn error(text: &str) -> String {
    text.parse::<Expectation>().expect_err(text).to_string()
}

#[test]
fn errors_have_line_column_and_what_was_expected() {
    let condition = "expected a condition such as key=\"text\", key=402, key=*, !key, [server] or error \
                     (quote a name that contains this word)";
    let event_condition = "expected a condition on an attribute such as key=\"text\", key=402, key=* or !key \
                           (quote a name that contains this word)";
    for (text, expected) in [
        ("buy", "line 1, column 1: expected `service: operation`, found `buy`".to_owned()),
        (": buy", "line 1, column 1: expected `service: operation`, found `:`".to_owned()),
        ("a: b\n- shop: buy", "line 2, column 1: expected `service: operation` without a sign before it (quote a service that starts so), found `-`".to_owned()),
        ("\"shop\" buy", "line 1, column 7: expected `:` after the service, found the end of the line".to_owned()),
        ("shop:", "line 1, column 6: expected the name of an operation, found the end of the line".to_owned()),
        ("shop: [server]", "line 1, column 7: expected the name of an operation (quote it if it contains this word), found `[server]`".to_owned()),
        ("shop: a\n  • printed error", format!("line 2, column 13: {event_condition}, found `error`")),
        ("shop: a\n  • printed x=1 [server]", format!("line 2, column 17: {event_condition}, found `[server]`")),
        ("shop: a\n  • error", "line 2, column 5: expected the name of an event (quote it if it contains this word), found `error`".to_owned()),
        ("shop: a\n  • # none", "line 2, column 5: expected the name of an event, found `#`".to_owned()),
        ("shop: a\n  shop: b error ok", "line 2, column 17: a second condition on the status; keep one of them".to_owned()),
        ("shop: a !error x=1 error", "line 1, column 20: a second condition on the status; keep one of them".to_owned()),
        ("shop: é [client] [server]", "line 1, column 18: a second condition on the kind; keep one of them".to_owned()),
        ("shop: a ? × 2", "line 1, column 11: a second condition on the count; keep one of them".to_owned()),
        ("shop: a x 3 ?", "line 1, column 13: a second condition on the count; keep one of them".to_owned()),
        ("shop: a after overlaps", "line 1, column 15: a second condition on the time; keep one of them".to_owned()),
        ("shop: a < 1s < 2s", "line 1, column 14: a second condition on the longest duration; keep one of them".to_owned()),
        ("shop: a > 50ms < 10ms", "line 1, column 16: no span can meet this and the conditions before it".to_owned()),
        ("shop: a < 10ms > 10ms", "line 1, column 16: no span can meet this and the conditions before it".to_owned()),
        ("shop: a x=1 !x", "line 1, column 13: no span can meet this and the conditions before it".to_owned()),
        ("shop: a\n  • e !x y=1 x=*", "line 2, column 14: no span can meet this and the conditions before it".to_owned()),
        ("shop: a x=nan", "line 1, column 11: expected a value: \"text\", a number, true, false, or * for any, found `nan`".to_owned()),
        ("shop: a x=-Infinity", "line 1, column 11: expected a value: \"text\", a number, true, false, or * for any, found `-Infinity`".to_owned()),
        ("shop: a x=1e999", "line 1, column 11: number out of range".to_owned()),
        ("shop: a\n\n  é: b [sever]", "line 3, column 9: expected a kind (internal, server, client, producer, consumer) and `]`, found `sever]`".to_owned()),
        ("shop: a x=1 word", format!("line 1, column 13: {condition}, found `word`")),
        ("shop: a =1", format!("line 1, column 9: {condition}, found `=1`")),
        ("shop: a [server] !", format!("line 1, column 18: {condition}, found `!`")),
        ("shop: a x=1y", "line 1, column 11: expected a value: \"text\", a number, true, false, or * for any, found `1y`".to_owned()),
        ("shop: a x=", "line 1, column 11: expected a value: \"text\", a number, true, false, or * for any, found the end of the line".to_owned()),
        ("shop: a x=99999999999999999999", "line 1, column 11: number out of range".to_owned()),
        ("shop: a x=\"1", "line 1, column 13: expected a closing quote, found the end of the line".to_owned()),
        ("shop: a x=\"\\q\"", "line 1, column 12: expected an escape: \\\" \\\\ \\n \\r \\t \\* or \\u{1b}, found `\\q\"`".to_owned()),
        ("shop: a x=\"1\"y=2", "line 1, column 14: expected a space between conditions, found `y=2`".to_owned()),
        ("shop: a [server]error", "line 1, column 17: expected a space between conditions, found `error`".to_owned()),
        ("shop: a x=1 y~z", "line 1, column 15: expected a text in quotes after `~`, found `z`".to_owned()),
        ("shop: a × 4..2", "line 1, column 11: expected a count: 3, 2.., ..4 or 2..4, found `4..2`".to_owned()),
        ("shop: a × many", "line 1, column 11: expected a count: 3, 2.., ..4 or 2..4, found `many`".to_owned()),
        ("shop: a < 5", "line 1, column 11: expected a duration such as 50ms, with the unit ns, us, ms or s, found `5`".to_owned()),
        ("shop: a\n    shop: b\n  shop: c", "line 3, column 3: this indentation matches none of the lines above".to_owned()),
        ("  shop: a\nshop: b", "line 2, column 1: this indentation matches none of the lines above".to_owned()),
        ("shop: a\n\tshop: b", "line 2, column 1: a tab in the indentation; use spaces".to_owned()),
        ("• event", "line 1, column 1: an event or link must stand below its span".to_owned()),
        ("shop: a\n… more", "line 2, column 3: expected the end of the line, found `more`".to_owned()),
        ("shop: a\n  → (elsewhere) x", "line 2, column 17: expected the end of the line, found `x`".to_owned()),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn plain_indentation_and_drawn_trees_are_the_same() {
    let drawn = "\
shop: POST /buy [server] http.response.status_code=402
• log x=1
→ jobs: run
├─ shop: reserve sku=\"A-1\" × 2..
│  └─ db: SELECT ?
└─ shop: \"handle error\" [client] error !a b=* c~\"d*\\*\" < 50ms > 1µs after
   └─ …
…
";
    let plain = "
# What a purchase looks like.
shop: POST /buy [server] http.response.status_code=402
  * log x=1
  -> jobs: run
  shop: reserve sku=\"A-1\" ×2..     # more than one
    db: SELECT ?

  shop: \"handle error\" [client] error !a b=* c~\"d*\\*\" <50ms > 1us after
    ...
...
";
    for text in [drawn, plain] {
        assert_eq!(text.parse::<Expectation>().unwrap().to_string(), drawn);
    }
}

#[test]
fn values_that_are_no_finite_numbers_print_as_they_are_read() {
    let text = "shop: a x=NaN y=inf z=-inf z=1.5\n";
    assert_eq!(text.parse::<Expectation>().expect("no error").to_string(), text);
}
