//! Each feature of the grammar: what it matches, and what it does not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use expect_trace::{Event, Expectation, Kind, Link, Record, Status, Trace, Value};
use support::{PURCHASE, purchase, span, trace};

fn matches(expected: &str, trace: &Trace) -> bool {
    expected
        .parse::<Expectation>()
        .unwrap_or_else(|error| panic!("{expected}: {error}"))
        .check(trace)
        .is_ok()
}

#[track_caller]
fn check(trace: &Trace, yes: &[&str], no: &[&str]) {
    for expected in yes {
        assert!(matches(expected, trace), "should match: {expected}");
    }
    for expected in no {
        assert!(!matches(expected, trace), "should not match: {expected}");
    }
}

fn one(change: impl FnOnce(&mut Record)) -> Trace {
    let mut record = span("1", "", "shop", "buy", 0, 50);
    change(&mut record);
    trace(vec![record])
}

#[test]
fn the_purchase() {
    check(&trace(purchase()), &[PURCHASE], &["", "shop: POST /buy"]);
}

#[test]
fn names() {
    check(
        &one(|_| ()),
        &["shop: buy", "\"shop\": \"buy\"", "~\"s*\": ~\"*\"", "shop: ~\"b*y\"", "shop: ~\"buy\""],
        &[
            "shop: Buy",
            "bank: buy",
            "shop: ~\"b*z\"",
            "shop: ~\"buy*buy\"",
            "shop: ~\"bu\"",
            "shop: b*y",
        ],
    );
}

#[test]
fn kind_and_status() {
    let server = one(|record| {
        record.span.kind = Kind::Server;
        record.span.status = Status::Error;
    });
    check(
        &server,
        &["shop: buy", "shop: buy [server] error"],
        &["shop: buy [client]", "shop: buy ok", "shop: buy !error"],
    );
    check(
        &one(|_| ()),
        &["shop: buy [internal]", "shop: buy !error"],
        &["shop: buy [server]", "shop: buy error", "shop: buy ok"],
    );
    check(
        &one(|record| record.span.status = Status::Ok),
        &["shop: buy ok", "shop: buy !error"],
        &["shop: buy error"],
    );
}

#[test]
fn attributes() {
    let span = one(|record| {
        record.span.attributes = vec![
            ("text".into(), Value::from("402 a*b")),
            ("int".into(), Value::Int(402)),
            ("float".into(), Value::Float(2.0)),
            ("bool".into(), Value::Bool(true)),
            ("twice".into(), Value::Int(1)),
            ("twice".into(), Value::Int(2)),
        ];
    });
    check(
        &span,
        &[
            "shop: buy text=\"402 a*b\" int=402 float=2.0 bool=true",
            "shop: buy text~\"4* a\\*b\" int~\"40*\"",
            "shop: buy text=* !other \"int\"=402",
            "shop: buy twice=1 twice=2",
        ],
        &[
            "shop: buy text=402",
            "shop: buy int=\"402\"",
            "shop: buy int=402.0",
            "shop: buy float=2",
            "shop: buy bool=\"true\"",
            "shop: buy bool=false",
            "shop: buy !text",
            "shop: buy other=*",
            "shop: buy text~\"402\"",
            "shop: buy twice=3",
        ],
    );
}

#[test]
fn events_and_links() {
    let span = one(|record| {
        for (name, attempt) in [("retry", 1), ("retry", 2), ("done", 2)] {
            let mut event = Event::new(name);
            event.attributes.push(("attempt".into(), Value::Int(attempt)));
            record.span.events.push(event);
        }
        record.span.links.push(Link::default());
        let mut link = Link::default();
        link.target = Some(("jobs".into(), "run".into()));
        record.span.links.push(link);
    });
    check(
        &span,
        &[
            "shop: buy\n  • done",
            "shop: buy\n  • retry\n  • retry attempt=2\n  • done",
            "shop: buy\n  • ~\"re*\" attempt=2",
            "shop: buy\n  → jobs: run\n  → (elsewhere)",
            "shop: buy\n  → jobs: ~\"r*\"",
        ],
        &[
            "shop: buy\n  • other",
            "shop: buy\n  • retry\n  • retry\n  • retry",
            "shop: buy\n  • done\n  • retry",
            "shop: buy\n  • done attempt=\"2\"",
            "shop: buy\n  → jobs: walk",
        ],
    );
    check(&one(|_| ()), &["shop: buy"], &["shop: buy\n  → (elsewhere)"]);
}

#[test]
fn durations() {
    check(
        &one(|_| ()),
        &["shop: buy < 51ms", "shop: buy > 49.5ms < 1s", "shop: buy > 100us"],
        &["shop: buy < 50ms", "shop: buy > 50ms", "shop: buy > 1s"],
    );
}

fn siblings(operations: &str) -> Trace {
    let mut records = vec![span("root", "", "s", "root", 0, 1000)];
    for (index, operation) in operations.chars().enumerate() {
        records.push(span(
            &index.to_string(),
            "root",
            "s",
            &operation.to_string(),
            index as u64 * 10,
            1,
        ));
    }
    trace(records)
}

/// Writes `a×2 b` as lines below the root.
fn children(patterns: &[&str]) -> String {
    let mut text = "s: root\n".to_owned();
    for pattern in patterns {
        let line = if *pattern == "…" { "…".to_owned() } else { format!("s: {pattern}") };
        text += &format!("  {line}\n");
    }
    text
}

#[test]
fn counts_order_and_others() {
    for (operations, patterns, expected) in [
        ("ab", &["a", "b"][..], true),
        ("ba", &["a", "b"], false),
        ("ab", &["a"], false),
        ("a", &["a", "b"], false),
        ("aaa", &["a × 3"], true),
        ("aa", &["a × 3"], false),
        ("aaaa", &["a × 3"], false),
        ("aa", &["a × 2.."], true),
        ("aaaaa", &["a × 2.."], true),
        ("a", &["a × 2.."], false),
        ("", &["a × ..2"], true),
        ("aaa", &["a × ..2"], false),
        ("aaab", &["a × 1..", "a", "b"], true),
        ("ab", &["a × 1..", "a", "b"], false),
        ("aab", &["a ?", "a", "a ?", "b"], true),
        ("b", &["a ?", "b"], true),
        ("aab", &["a ?", "b"], false),
        ("abab", &["~\"*\" × 4"], true),
        ("xaybz", &["a", "b", "…"], true),
        ("xaybz", &["…", "b", "a"], false),
        ("ab", &["…"], true),
        ("", &["…"], true),
        ("xbxb", &["b × 2", "…"], true),
        ("xbx", &["b × 2", "…"], false),
        ("", &["a × 0"], true),
        ("a", &["a × 0"], false),
    ] {
        assert_eq!(
            matches(&children(patterns), &siblings(operations)),
            expected,
            "{operations} {patterns:?}"
        );
    }
}

/// Every short list of patterns with every short list of spans gives what trying all possibilities gives.
#[test]
fn siblings_match_if_there_is_a_way() {
    const PATTERNS: [(&str, &str, usize, usize); 7] = [
        ("a", "a", 1, 1),
        ("b", "b", 1, 1),
        ("a ?", "a", 0, 1),
        ("a × 2", "a", 2, 2),
        ("b × 1..", "b", 1, 9),
        ("~\"*\" × ..2", "ab", 0, 2),
        ("~\"*\" × 2..3", "ab", 2, 3),
    ];
    fn possible(patterns: &[usize], spans: &str, open: bool) -> bool {
        let Some((&first, rest)) = patterns.split_first() else { return open || spans.is_empty() };
        let (_, names, least, most) = PATTERNS[first];
        // Those taken need not stand side by side if others may be between them.
        fn take(
            rest: &[usize],
            names: &str,
            least: usize,
            most: usize,
            spans: &str,
            open: bool,
        ) -> bool {
            least == 0 && possible(rest, spans, open)
                || spans.chars().next().is_some_and(|c| {
                    most > 0
                        && names.contains(c)
                        && take(rest, names, least.saturating_sub(1), most - 1, &spans[1..], open)
                        || open && take(rest, names, least, most, &spans[1..], open)
                })
        }
        take(rest, names, least, most, spans, open)
    }
    let lists = |letters: usize, length: usize| -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new()];
        for length in 0..length {
            let longer = all.iter().filter(|list: &&Vec<usize>| list.len() == length);
            let longer: Vec<_> = longer
                .flat_map(|list| {
                    (0..letters).map(move |letter| [list.as_slice(), &[letter]].concat())
                })
                .collect();
            all.extend(longer);
        }
        all
    };
    let mut counts = [0; 2];
    for spans in lists(2, 5) {
        let spans: String = spans.iter().map(|&letter| ['a', 'b'][letter]).collect();
        let trace = siblings(&spans);
        for patterns in lists(PATTERNS.len(), 3) {
            for open in [false, true] {
                let mut lines: Vec<&str> =
                    patterns.iter().map(|&pattern| PATTERNS[pattern].0).collect();
                lines.extend(open.then_some("…"));
                let expected = possible(&patterns, &spans, open);
                assert_eq!(matches(&children(&lines), &trace), expected, "{spans} {lines:?}");
                counts[usize::from(expected)] += 1;
            }
        }
    }
    assert!(counts.iter().all(|&count| count > 1000), "{counts:?}");
}

#[test]
fn times_of_siblings() {
    let at = |start| {
        trace(vec![
            span("1", "", "s", "root", 0, 100),
            span("2", "1", "s", "a", 10, 10),
            span("3", "1", "s", "b", start, 10),
        ])
    };
    let (after, overlaps) = (children(&["a", "b after"]), children(&["a", "b overlaps"]));
    assert!(matches(&after, &at(20)) && !matches(&overlaps, &at(20)));
    assert!(!matches(&after, &at(19)) && matches(&overlaps, &at(19)));
    assert!(!matches(&children(&["a after", "b"]), &at(20)), "the first has no sibling before it");
}

#[test]
fn several_roots_and_missing_parents() {
    let both = trace(vec![span("1", "", "s", "a", 0, 1), span("2", "9", "s", "b", 5, 1)]);
    check(
        &both,
        &["s: a\ns: b (parent missing)", "…\ns: a", "…"],
        &[
            "s: a\ns: b",
            "s: a (parent missing)\ns: b (parent missing)",
            "s: a",
            "s: b (parent missing)\ns: a",
        ],
    );
    assert_eq!(both.to_string(), "s: a\ns: b (parent missing)\n");
}

#[test]
fn a_cycle_is_a_root_whose_parent_is_missing() {
    let cycle = trace(vec![
        span("1", "2", "s", "a", 0, 1),
        span("2", "1", "s", "b", 5, 1),
        span("3", "3", "s", "c", 9, 1),
    ]);
    assert_eq!(cycle.to_string(), "s: a (parent missing)\n└─ s: b\ns: c (parent missing)\n");
}
