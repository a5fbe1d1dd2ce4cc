#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::expectation::{Expectation, Pattern, Requirement, SpanPattern, StatusPattern};
use crate::span::{Event, Kind, Link, Span, Status};
use crate::trace::{Record, Trace};
use crate::value::Value;

/// A trace that is described as an expectation would be. Spans last for 10 ms and start after each other.
fn trace(text: &str) -> Trace {
    let expected: Expectation = text.parse().unwrap();
    let mut records = Vec::new();
    let mut rest: Vec<(Option<String>, &SpanPattern)> =
        expected.roots.spans.iter().rev().map(|root| (None, root)).collect();
    while let Some((parent, pattern)) = rest.pop() {
        for _ in 0..pattern.count.least {
            let id = records.len().to_string();
            let span = span(pattern, records.len() as u64);
            let parent = parent.clone().or(pattern.parent_missing.then(|| "none".to_owned()));
            records.push(Record { id: id.clone(), parent, span });
            rest.extend(pattern.below.spans.iter().rev().map(|child| (Some(id.clone()), child)));
        }
    }
    Trace::from_records(records)
}

fn span(pattern: &SpanPattern, number: u64) -> Span {
    let mut span = Span::new(name(&pattern.service), name(&pattern.operation));
    span.start = number * 20_000_000;
    span.duration = pattern.shorter.unwrap_or(Duration::from_millis(10));
    span.kind = pattern.kind.unwrap_or_default();
    if let Some(StatusPattern::Is(status)) = pattern.status {
        span.status = status;
    }
    span.attributes = values(&pattern.attributes);
    for event in &pattern.events {
        let mut there = Event::new(name(&event.name));
        there.attributes = values(&event.attributes);
        span.events.push(there);
    }
    for link in &pattern.links {
        let target = link.target.as_ref();
        let target = target.map(|(service, operation)| (name(service), name(operation)));
        span.links.push(Link { target });
    }
    span
}

fn name(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Is(name) => name.clone(),
        Pattern::Like(pieces) => pieces.join("X"),
    }
}

fn values(attributes: &[(String, Requirement)]) -> Vec<(String, Value)> {
    let value = |requirement: &Requirement| match requirement {
        Requirement::Is(value) => Some(value.clone()),
        Requirement::Like(pattern) => Some(Value::Text(name(pattern))),
        Requirement::Present => Some(Value::Int(1)),
        Requirement::Absent => None,
    };
    attributes.iter().filter_map(|(key, it)| Some((key.clone(), value(it)?))).collect()
}

/// Updates a text, and checks that the result matches and stays.
#[track_caller]
fn update(text: &str, trace: &Trace) -> String {
    let new = super::update(text, &text.parse().unwrap(), trace);
    let expected: Expectation = new.parse().unwrap_or_else(|error| panic!("{error}\n{new}"));
    if let Err(difference) = expected.check(trace) {
        panic!("{difference}\nbefore:\n{text}\nafter:\n{new}\ntrace:\n{trace}");
    }
    assert_eq!(super::update(&new, &expected, trace), new, "a second update changes it");
    new
}

#[track_caller]
fn case(before: &str, now: &str, after: &str) {
    let new = update(before, &trace(now));
    assert_eq!(new, after, "\n{new}\n--- expected\n{after}");
}

const HAND: &str = "\
# The purchase.

shop: ~\"POST /buy/*\" [server] code=402 id=* !retry  # no retry
  # Reserved first.
  shop: reserve < 50ms sku~\"A-*\"
  …
  db: SELECT × 2..
    • row n=*  # each
  shop: charge after error
    • declined code=\"51\"
    → shop: order
  shop: mail ?
# The end.
";

const TRACE: &str = "\
shop: POST /buy/7 [server] code=402 id=9 other=1
  shop: reserve sku=\"A-1\" other=1
  db: SELECT × 3
    • row n=1
  shop: charge [client] error
    • declined code=\"51\"
    → shop: order
";

#[test]
fn what_matches_is_kept() {
    case(HAND, TRACE, HAND);
}

#[test]
fn a_value_that_differs() {
    case(HAND, &TRACE.replace("402", "\"402\""), &HAND.replace("402", "\"402\""));
    case(
        HAND,
        &TRACE.replace("A-1", "B-1"),
        &HAND.replace("reserve < 50ms sku~\"A-*\"", "reserve sku=\"B-1\" < 50ms"),
    );
    case(HAND, &TRACE.replace("id=9", "retry=true"), &HAND.replace(" id=* !retry", " retry=true"));
    case(HAND, &TRACE.replace("[server]", "[consumer]"), &HAND.replace("[server]", "[consumer]"));
    let ok = HAND.replace("charge after error", "charge ok after");
    case(HAND, &TRACE.replace("] error", "] ok"), &ok);
    case("shop: buy a=1 b=2 c~\"x*\"\n", "shop: buy a=\"1\" c=7 d=1\n", "shop: buy a=\"1\" c=7\n");
    case("shop: buy !error\n", "shop: buy error\n", "shop: buy error\n");
    case("shop: buy error\n", "shop: buy\n", "shop: buy\n");
}

#[test]
fn a_renamed_span_keeps_its_conditions() {
    let now = TRACE.replace("charge", "pay").replace("/buy/7", "/sell/7");
    let before = HAND.replace("  …\n", "");
    let after = before.replace("charge after error", "pay error after");
    case(&before, &now, &after.replace("~\"POST /buy/*\"", "POST /sell/7"));
}

#[test]
fn a_new_span_has_all_its_attributes() {
    let now = "shop: buy x=1\n  shop: audit [client] error a=1\n    • e b=2\n    → (elsewhere)\n    shop: log c=3\n  shop: pay y=1\n";
    let before = "shop: buy # all\n\n  # At the end.\n  shop: pay\n";
    let new = "  shop: audit [client] error a=1\n  • e b=2\n  → (elsewhere)\n    shop: log c=3\n";
    case(before, now, &before.replace("# all\n", &format!("# all\n{new}")));
    // Where others are allowed they are not written.
    let open = "shop: buy\n  ...\n  shop: pay\n";
    case(&open.replace("pay", "pay z=1"), now, open);
}

#[test]
fn a_span_that_is_gone_takes_its_comment_with_it() {
    let before = "# File.\nshop: buy\n  # First.\n  shop: reserve\n    # Below.\n    db: SELECT\n\n  # Second.\n  shop: pay\n";
    case(before, "shop: buy\n  shop: pay\n", "# File.\nshop: buy\n\n  # Second.\n  shop: pay\n");
    case(
        before,
        "shop: buy\n  shop: reserve\n    db: SELECT\n",
        &before.replace("\n  # Second.\n  shop: pay\n", ""),
    );
    assert_eq!(update(before, &Trace::default()), "# File.\n");
}

#[test]
fn counts() {
    let before =
        |count: &str| format!("shop: buy\n  db: SELECT{count} table=\"a\"  # rows\n  db: COMMIT\n");
    let now = |count: &str| format!("shop: buy\n  db: SELECT table=\"a\"{count}\n  db: COMMIT\n");
    let after =
        |count: &str| format!("shop: buy\n  db: SELECT table=\"a\"{count}  # rows\n  db: COMMIT\n");
    case(&before(" × 2.."), &now(" × 7"), &before(" × 2.."));
    case(&before(" × 2.."), &now(""), &after(" × 1.."));
    case(&before(" × ..2"), &now(" × 3"), &after(" × ..3"));
    case(&before(" × 2..4"), &now(" × 6"), &after(" × 2..6"));
    case(&before(" × 3"), &now(" × 5"), &after(" × 5"));
    case(&before(" × 3"), &now(""), &after(""));
    let none = "shop: buy\n  db: COMMIT\n";
    case(&before(" × 2.."), none, none);
    case(&before(" ?"), none, &before(" ?"));
    case(&before(" ?").replace("buy", "buy x=1"), none, &before(" ?"));
    case(&before(" ?"), &now("").replace("\"a\"", "2"), &after(" ?").replace("\"a\"", "2"));
}

/// More spans than a count allows, and something else differs as well.
#[test]
fn counts_and_conditions() {
    let now = "ship: order\n  ship: pack box=3 weight=1.5 × 4\n  ship: insure\n";
    let file = |line: &str| format!("ship: order\n  {line}\n  ship: insure\n");
    let before = file("ship: pack × 2..3 < 1us  # each");
    case(&before, now, &file("ship: pack < 20ms × 2..4  # each"));
    let before = file("ship: pack weight=\"1.5\" × 2..3");
    case(&before, now, &file("ship: pack weight=1.5 × 2..4"));
    case(&file("ship: wrap × 2..3"), now, &file("ship: pack × 2..4"));
    case(
        &file("ship: pack [server] × 3").replace("  ship: insure\n", ""),
        now,
        &file("ship: pack [internal] × 4"),
    );
}

/// The bound of a duration moves as far as all of the spans need, so that they stay one line.
#[test]
fn one_bound_for_several_spans() {
    let now = "ship: pack < 3ms\nship: pack < 7ms\nship: pack < 4ms\n";
    case("ship: pack < 5ms × 2..\n", now, "ship: pack < 10ms × 2..\n");
    case("ship: pack < 1us × 2..2\n", now, "ship: pack < 10ms × 3\n");
    case("ship: pack > 5ms < 10ms × ..9\n", now, "ship: pack < 10ms > 2ms × ..9\n");
    case("ship: pack x=1 < 5ms × 1..3\n", now, "ship: pack < 10ms × 1..3\n");
}

#[test]
fn one_line_for_several_spans_is_divided_where_they_differ() {
    let before = "db: SELECT × 2.. table=\"a\"  # rows\n";
    let all = "db: SELECT table=\"b\" × 3\n";
    case(before, all, "db: SELECT table=\"b\" × 2..  # rows\n");
    let some = "db: SELECT table=\"a\" × 2\ndb: SELECT table=\"b\" × 2\ndb: SELECT table=\"a\"\n";
    let divided =
        "db: SELECT table=\"a\" × 2  # rows\ndb: SELECT table=\"b\" × 2\ndb: SELECT table=\"a\"\n";
    case(before, some, divided);
    let before = "db: tx × 2..\n  db: SELECT\n";
    let now = "db: tx\n  db: SELECT\ndb: tx\n  db: UPDATE n=1\n";
    case(before, now, "db: tx\n  db: SELECT\ndb: tx\n  db: UPDATE\n");
}

#[test]
fn a_span_under_another_parent_keeps_its_conditions() {
    let before = "shop: buy\n├─ shop: reserve\n└─ shop: pay\n   └─ bank: charge card=* amount~\"1*\"  # one card\n      └─ …\n";
    let now = "shop: buy\n  shop: reserve\n    bank: charge card=7 amount=12 currency=\"EUR\"\n      bank: log\n  shop: pay\n";
    let after = "shop: buy\n├─ shop: reserve\n│  └─ bank: charge card=* amount~\"1*\"  # one card\n│     └─ …\n└─ shop: pay\n";
    case(before, now, after);
    let orphan = "bank: charge (parent missing) card=7 amount=12\n  bank: log\nshop: buy\n  shop: reserve\n  shop: pay\n";
    let after = "bank: charge (parent missing) card=* amount~\"1*\"  # one card\n└─ …\nshop: buy\n├─ shop: reserve\n└─ shop: pay\n";
    case(before, orphan, after);
}

#[test]
fn events_and_links() {
    let before = "shop: buy\n• start n=*\n# Why.\n• retry after~\"1*\" # once\n→ shop: order\n";
    let now = |events: &str, link: &str| format!("shop: buy\n{events}→ shop: {link}\n");
    case(
        before,
        &now("• start n=1\n• retry after=2\n", "order"),
        &before.replace("after~\"1*\"", "after=2"),
    );
    case(
        before,
        &now("• start n=1\n• again after=1\n", "order"),
        &before.replace("retry after~\"1*\"", "again after=1"),
    );
    case(before, &now("• start n=1\n", "order"), &now("• start n=*\n", "order"));
    case(
        before,
        &now("• retry after=1\n• start n=1\n", "order"),
        &now("# Why.\n• retry after~\"1*\" # once\n• start n=*\n", "order"),
    );
    case(before, &now("• start n=1\n• retry after=1\n", "cart"), &before.replace("order", "cart"));
    case(
        before,
        "shop: buy\n• start n=1\n• retry after=1\n",
        &before.replace("→ shop: order\n", ""),
    );
    case("shop: buy\n• a\n• a n=2\n", "shop: buy\n• a n=2\n", "shop: buy\n• a\n");
}

#[test]
fn durations_and_order_in_time() {
    case("shop: buy < 5ms > 1us\n", "shop: buy\n", "shop: buy < 20ms > 1µs\n");
    case("shop: buy > 1s\n", "shop: buy\n", "shop: buy > 5ms\n");
    case("shop: a\nshop: b overlaps x=*\n", "shop: a\nshop: b x=1\n", "shop: a\nshop: b x=*\n");
    let between = "shop: a\nshop: long < 30ms\nshop: b\n";
    case("shop: a\nshop: b after\n", between, "shop: a\nshop: long\nshop: b\n");
}

#[test]
fn the_drawing_is_kept() {
    let drawn = "a: x\n├─ a: y\n│  # Why.\n│  └─ a: z k=1\n└─ a: w\n   • e\n   └─ …\n";
    let now = "a: x\n  a: y\n    a: z k=2\n  a: w\n    • e\n    a: v\n  a: new\n";
    let after = "a: x\n├─ a: y\n│  # Why.\n│  └─ a: z k=2\n├─ a: w\n│  • e\n│  └─ …\n└─ a: new\n";
    case(drawn, now, after);
    let wide = "a: x\n    a: y k=1\n        a: z\n        * e\n";
    case(wide, "a: x\n  a: y k=2\n    a: z\n      • e\n", &wide.replace("k=1", "k=2"));
    case("a: x\n", "a: x\n  a: y\n    • e\n", "a: x\n└─ a: y\n   • e\n");
    let lines = "# Lines.\r\na: x k=1\r\n  a: y\r\n";
    case(lines, "a: x k=2\n  a: y\n", &lines.replace("k=1", "k=2"));
    case("\u{feff}a: x k=1\n", "a: x k=2\n", "a: x k=2\n");
}

#[test]
fn a_new_file_leaves_out_what_changes_from_run_to_run() {
    let now = r#"
shop: GET /  thread.id=1 thread.name="main" busy_ns=10 idle_ns=10 code.lineno=7 code.filepath="src/main.rs" code.namespace="shop" target="shop" server.port=8000
  • exception exception.message="no" exception.stacktrace="at main.rs:7"
  shop: GET [client] url.full="http://127.0.0.1:41234/get?a=b:80" server.address="localhost:41234" time="12:30" note="a: 10"
  shop: ids order="123e4567-e89b-12d3-a456-426614174000" trace="4bf92f3577b34da6a3ce929d0e0e4701" number="1234567812345678"
"#;
    let after = r#"shop: GET / server.port=*
• exception exception.message="no" exception.stacktrace=*
├─ shop: GET [client] note="a: 10" server.address~"localhost:*" time="12:30" url.full~"http://127.0.0.1:*/get?a=b:80"
└─ shop: ids number="1234567812345678" order=* trace=*
"#;
    case("", now, after);
    case("# Mine.\n", "shop: a\n", "# Mine.\nshop: a\n");
    case(
        "shop: GET server.port=80 order=\"x\"\n",
        "shop: GET server.port=81 order=\"123e4567-e89b-12d3-a456-426614174000\"\n",
        "shop: GET server.port=* order=*\n",
    );
}

#[test]
fn a_deep_trace() {
    let chain: String = (0..127).map(|depth| format!("{}s: a\n", " ".repeat(depth))).collect();
    let records = |length: usize| {
        let parent = |index: usize| index.checked_sub(1).map(|parent| parent.to_string());
        let record = |index: usize| {
            let span = Span::new("s", "a");
            Record { id: index.to_string(), parent: parent(index), span }
        };
        Trace::from_records((0..length).map(record).collect())
    };
    assert!(update("", &records(5000)).ends_with("…\n"));
    update(&chain, &records(5000));
    update(&chain, &records(3));
}

/// A small generator of numbers: the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

fn random_span(random: &mut Random) -> Span {
    let operation = random.pick(&["a", "b", "handle error", "GET /x"]);
    let mut span = Span::new(random.pick(&["shop", "db"]), operation);
    span.start = random.below(20) as u64 * 1_000_000;
    span.duration = Duration::from_millis(random.below(5) as u64);
    span.kind = Kind::ALL[random.below(5)];
    span.status = [Status::Unset, Status::Ok, Status::Error][random.below(3)];
    for _ in 0..random.below(4) {
        let number = Value::Int(random.below(3) as i64);
        let values = [number, Value::from("x y"), Value::from("http://h:80/")];
        let key = random.pick(&["k", "l", "server.port", "thread.id"]);
        span.attributes.push((key.into(), values[random.below(3)].clone()));
    }
    for _ in 0..random.below(3) {
        let mut event = Event::new(random.pick(&["e", "f"]));
        event.attributes.push(("n".into(), Value::Int(random.below(2) as i64)));
        span.events.push(event);
    }
    for _ in 0..random.below(2) {
        let name = |name: &str| ("shop".to_owned(), name.to_owned());
        let targets = [None, Some(name("a")), Some(name("b"))];
        span.links.push(Link { target: targets[random.below(3)].clone() });
    }
    span
}

fn random_records(random: &mut Random) -> Vec<Record> {
    let mut records = Vec::new();
    for index in 0..1 + random.below(9) {
        let parent = (index > 0).then(|| random.below(index).to_string());
        records.push(Record { id: index.to_string(), parent, span: random_span(random) });
    }
    records
}

/// Removes, adds, moves and changes spans.
fn edit_records(records: &mut Vec<Record>, random: &mut Random) {
    for edit in 0..random.below(4) {
        if records.is_empty() {
            return;
        }
        let at = random.below(records.len());
        let other = records[random.below(records.len())].id.clone();
        match random.below(6) {
            0 => _ = records.remove(at),
            1 => records[at].parent = Some(other),
            2 => records[at].span.operation = "new".into(),
            3 => records[at].span.attributes = random_span(random).attributes,
            4 => records[at].span.events = random_span(random).events,
            _ => {
                let (id, span) = (format!("new {edit}"), random_span(random));
                records.push(Record { id, parent: Some(other), span });
            }
        }
    }
}

/// Makes a text as people write it: looser, with comments, drawn or not.
fn edit_text(text: &str, random: &mut Random) -> String {
    const CONDITIONS: [&str; 9] =
        [" ?", " × 1..", " × 2", " × ..3", " < 1ms", " > 1ms", " after", " overlaps", " !z"];
    let mut out = random.pick(&["", "# File.\n\n"]).to_owned();
    let spaces = random.below(2) == 0;
    for line in text.lines() {
        let start = line.find(|c| !"│├└─ ".contains(c)).unwrap_or(0);
        let (mut indentation, mut content) = (line[..start].to_owned(), line[start..].to_owned());
        if spaces {
            indentation = " ".repeat(indentation.chars().count());
        }
        if random.below(5) == 0 {
            out += "# Above.\n";
        }
        let is_span = !content.starts_with(['•', '→', '…']);
        if random.below(3) == 0 {
            content = content.replace("k=0", "k=*").replace(" l=\"x y\"", "");
            content = content.replace("shop: a", "~\"s*\": a").replace("n=0", "n=*");
        }
        if is_span && random.below(3) == 0 {
            content += random.pick(&CONDITIONS);
        }
        if is_span && !indentation.is_empty() && random.below(9) == 0 {
            out += &format!("{}…\n", indentation.replace('└', "├"));
        }
        let note = random.pick(&["", "", "", "", "  # Note."]);
        out += &format!("{indentation}{content}{note}\n");
    }
    out
}

#[test]
fn random_edits() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut kept, mut changed) = (0, 0);
    for _ in 0..1500 {
        let mut records = random_records(&mut random);
        let old = Trace::from_records(records.clone());
        let text = edit_text(&update("", &old), &mut random);
        edit_records(&mut records, &mut random);
        let new = Trace::from_records(records);
        let expected: Expectation = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        let updated = update(&text, &new);
        if expected.check(&new).is_ok() {
            assert_eq!(updated, text, "\n{updated}\n--- expected\n{text}");
            kept += 1;
        } else {
            assert_ne!(updated, text);
            changed += 1;
        }
        let count = |text: &str, comment: &str| text.matches(comment).count();
        assert_eq!(count(&updated, "# File."), count(&text, "# File."));
    }
    assert!(kept > 100 && changed > 500, "{kept} {changed}");
}
