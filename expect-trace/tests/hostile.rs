//! Deep, wide and absurd input ends soon, and without a stack overflow.

mod support;

use std::time::{Duration, Instant};

use expect_trace::{ExpectFile, Expectation, Record, jaeger, otlp};
use support::{span, trace};

const MANY: usize = 100_000;
/// Generous, for a busy machine and a debug build; without a limit these take minutes.
const SOON: Duration = Duration::from_secs(30);

fn chain(length: usize) -> Vec<Record> {
    (0..length)
        .map(|index| span(&index.to_string(), &index.wrapping_sub(1).to_string(), "s", "a", 0, 1))
        .collect()
}

fn wide(length: usize, name: impl Fn(usize) -> String) -> Vec<Record> {
    let child = |index: usize| span(&index.to_string(), "root", "s", &name(index), index as u64, 1);
    std::iter::once(span("root", "", "s", "root", 0, 1)).chain((0..length).map(child)).collect()
}

#[test]
fn a_deep_trace() {
    let start = Instant::now();
    let trace = trace(chain(MANY));
    let text = trace.to_string();
    assert!(text.ends_with("…  # 99872 spans deeper\n"), "{}", &text[text.len() - 100..]);
    text.parse::<Expectation>().unwrap().check(&trace).unwrap();
    let difference =
        "s: a (parent missing)".parse::<Expectation>().unwrap().check(&trace).unwrap_err();
    assert!(difference.to_string().contains("… 99998 spans below it"), "{difference}");
    assert!(start.elapsed() < SOON);
}

#[test]
fn a_deep_cycle() {
    let mut records = chain(MANY);
    records[0].parent = Some((MANY - 1).to_string());
    assert_eq!(trace(records).spans().len(), MANY);
}

#[test]
fn a_deep_expectation() {
    let text: String = (0..2000).map(|depth| format!("{}s: a\n", " ".repeat(depth))).collect();
    assert_eq!(
        text.parse::<Expectation>().unwrap_err().to_string(),
        "line 129, column 129: more than 128 levels"
    );
}

#[test]
fn deep_json() {
    let nested = format!("{}{}", "[".repeat(MANY), "]".repeat(MANY));
    let tag = format!(r#"{{"data":[{{"spans":[{{"tags":[{{"key":"a","value":{nested}}}]}}]}}]}}"#);
    jaeger::traces(&tag).unwrap_err();
    let list = format!(r#"{{"key":"a","value":{{"arrayValue":{nested}}}}}"#);
    let request = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"attributes":[{list}]}}]}}]}}]}}"#
    );
    otlp::traces(&request).unwrap_err();
    otlp::traces(&nested).unwrap_err();
    otlp::traces(&format!(r#"{{"error":{nested}}}"#)).unwrap_err();
}

#[test]
fn huge_counts() {
    let start = Instant::now();
    let records = wide(1000, |_| "a".to_owned());
    let trace = trace(records);
    for count in [
        "1000",
        "18446744073709551615",
        "18446744073709551615..",
        "..18446744073709551615",
        "1..18446744073709551615",
    ] {
        let expected: Expectation =
            format!("s: root\n  s: a × {count}\n    s: b × 18446744073709551615\n…")
                .parse()
                .unwrap();
        expected.check(&trace).unwrap_err();
        let expected: Expectation = format!("s: root\n  s: a × {count}\n").parse().unwrap();
        assert_eq!(expected.check(&trace).is_ok(), !count.starts_with("184"), "{count}");
    }
    assert!(start.elapsed() < SOON);
}

#[test]
fn a_wide_trace() {
    let start = Instant::now();
    let many = trace(wide(MANY, |index| index.to_string()));
    let same: Expectation = many.to_string().parse().unwrap();
    same.check(&many).unwrap();
    let other = trace(wide(MANY, |index| format!("other {index}")));
    let text = same.check(&other).unwrap_err().to_string();
    assert!(text.len() < 50_000, "{}", text.len());
    "s: root\n  …\n  s: 99999\n".parse::<Expectation>().unwrap().check(&many).unwrap();
    "s: root\n  ~\"*\": ~\"*\" × 100000\n".parse::<Expectation>().unwrap().check(&many).unwrap();
    assert!(start.elapsed() < SOON);
}

#[test]
fn updates_of_wide_files() {
    let start = Instant::now();
    let file = ExpectFile::new(env!("CARGO_TARGET_TMPDIR"), "wide.trace");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("wide.trace");
    let many = trace(wide(MANY / 5, |index| index.to_string()));
    _ = std::fs::remove_file(&path);
    file.update(&many).unwrap();
    file.update(&trace(wide(MANY / 5, |index| format!("other {index}")))).unwrap();
    std::fs::write(&path, "s: root\n  ~\"*\": ~\"*\" × 2.. n=1\n").unwrap();
    file.update(&many).unwrap();
    file.check(&many).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "s: root\n  ~\"*\": ~\"*\" × 2..\n");
    assert!(start.elapsed() < SOON);
}

/// Each level offers many pairings, and so does each below it.
#[test]
fn many_pairings() {
    let start = Instant::now();
    let mut records = vec![span("", "", "s", "a", 0, 1)];
    for level in 0..12 {
        for index in 0..60 {
            let parent =
                if level == 0 { String::new() } else { format!("{}.{}", level - 1, index / 2) };
            records.push(span(
                &format!("{level}.{index}"),
                &parent,
                "s",
                &format!("{}", index % 3),
                index,
                1,
            ));
        }
    }
    records[0].id = "root".into();
    for record in &mut records[1..61] {
        record.parent = Some("root".into());
    }
    let other = trace(records.clone());
    for record in &mut records {
        record.span.operation += "x";
    }
    let expected: Expectation = trace(records).to_string().parse().unwrap();
    expected.check(&other).unwrap_err();
    assert!(start.elapsed() < SOON);
}

#[test]
fn many_missing_and_many_extra() {
    let start = Instant::now();
    let records = wide(MANY, |index| index.to_string());
    let other: String = (0..MANY).map(|index| format!("  t: {index}\n")).collect();
    let expected: Expectation = format!("s: root\n  s: a\n{other}").parse().unwrap();
    expected.check(&trace(vec![span("root", "", "s", "root", 0, 1)])).unwrap_err();
    expected.check(&trace(records.clone())).unwrap_err();
    let expected: Expectation = format!("s: root\n  …\n{other}").parse().unwrap();
    expected.check(&trace(records)).unwrap_err();
    assert!(start.elapsed() < SOON);
}

/// A terminal must not run what a span's name says.
#[test]
fn control_characters() {
    let evil = "\u{1b}[2J\u{202e}";
    let records = vec![
        span("1", "", "s", evil, 0, 1),
        span("2", "1", evil, evil, 1, 1),
        span("3", "2", "s", "moved", 2, 1),
    ];
    for expected in [
        "",
        "s: x\n  s: y\n  s: moved",
        "s: ~\"*\"\n  …\n  t: moved",
        "s: x\n  s: moved\n    s: z a=1",
    ] {
        let text = expected
            .parse::<Expectation>()
            .unwrap()
            .check(&trace(records.clone()))
            .unwrap_err()
            .to_string();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}

#[test]
fn wildcards() {
    let start = Instant::now();
    let long = "a".repeat(MANY);
    let trace = trace(vec![span("1", "", "s", &long, 0, 1)]);
    let expected: Expectation = format!("s: ~\"{}b\"", "*a".repeat(1000)).parse().unwrap();
    expected.check(&trace).unwrap_err();
    assert!(start.elapsed() < SOON);
}
