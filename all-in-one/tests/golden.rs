//! Replays recorded packets of real clients, and compares every answer with Jaeger 1.35's.
//!
//! What is different on purpose:
//!
//! | where | Jaeger 1.35 | here | why |
//! |---|---|---|---|
//! | no services, no operations | `data: null` | `data: []` | the web pages need a list |
//! | integers beyond 2^53 | a number | text | JavaScript would round them; Jaeger since 1.76 |
//! | a tag of an unknown type | prints a Go struct with an address | the type's number | no meaning |

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::time::Duration;

use jaeger_all_in_one::{AllInOne, Config};
use serde_json::Value;
use support::{Sender, goldens, packets, request};

#[test]
fn every_answer_is_jaeger_s() {
    let mut cases: Vec<_> = fs::read_dir(goldens())
        .expect("goldens")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a name"))
        .collect();
    cases.sort();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for case in &cases {
        compared += replay(case, "answers.jsonl", Config::ephemeral(), &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} answers differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 500, "only {compared} answers were compared");
}

#[test]
fn clock_skew_is_adjusted_where_that_is_allowed() {
    let config = Config { max_clock_skew: Duration::from_secs(3600), ..Config::ephemeral() };
    let mut wrong = Vec::new();
    let compared = replay("synth-clock-skew", "answers-skew1h.jsonl", config, &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 10, "only {compared} answers were compared");
}

fn replay(case: &str, answers: &str, config: Config, wrong: &mut Vec<String>) -> usize {
    let jaeger = AllInOne::start_with(config).expect("start");
    let mut sender = Sender::new(&jaeger);
    for packet in packets(case) {
        sender.send_and_wait(&packet);
    }
    let recorded = fs::read_to_string(goldens().join(case).join(answers)).expect("answers");
    let recorded: Vec<Value> =
        recorded.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    for entry in &recorded {
        if let Err(difference) = compare(&jaeger, entry, &recorded) {
            wrong.push(format!("{case}: {} {difference}", entry["request"]));
        }
    }
    recorded.len()
}

fn compare(jaeger: &AllInOne, entry: &Value, recorded: &[Value]) -> Result<(), String> {
    let (method, path) =
        entry["request"].as_str().and_then(|r| r.split_once(' ')).expect("a request");
    let answer = request(jaeger.query_addr(), method, path, &[]);
    equal("status", &entry["status"], &Value::from(answer.status))?;
    if let Some(kind) = entry["type"].as_str() {
        equal("content type", &Some(kind), &answer.header("Content-Type"))?;
    }
    if let Some(location) = entry["location"].as_str() {
        equal("location", &Some(location), &answer.header("Location"))?;
    }
    if entry["page"] == true {
        return match answer.text().contains("Jaeger UI") {
            true => Ok(()),
            false => Err("is not the web pages".to_owned()),
        };
    }
    let Some(body) = body(entry, recorded) else {
        return Ok(());
    };
    if answer.status != 200 {
        return equal("body", &body, &answer.text().as_str());
    }
    let want: Value = serde_json::from_str(body).expect("recorded JSON");
    equal("JSON", &loose(expected(want.clone())), &loose(answer.json()))?;
    // Bytes too, where nothing in it is in the order of a Go map: the order of the fields, the
    // escapes and the numbers are then Jaeger's.
    if path.starts_with("/api/traces/") && expected(want.clone()) == want {
        return equal("bytes", &body, &answer.text().as_str());
    }
    Ok(())
}

fn body<'a>(entry: &'a Value, recorded: &'a [Value]) -> Option<&'a str> {
    let Some(same) = entry.get("same_as") else {
        return entry["body"].as_str();
    };
    recorded.iter().find(|other| other["request"] == *same)?["body"].as_str()
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, want: &T, got: &T) -> Result<(), String> {
    match want == got {
        true => Ok(()),
        false => Err(format!("{what}:\n   want {want:?}\n    got {got:?}")),
    }
}

/// What is expected here where Jaeger answered `value`: the table above.
fn expected(value: Value) -> Value {
    match value {
        Value::Object(mut object) => {
            if object.get("data") == Some(&Value::Null) && object["errors"].is_null() {
                object.insert("data".to_owned(), Value::Array(Vec::new()));
            }
            if object.get("type").is_some_and(|kind| kind == "int64") {
                let number = object["value"].as_i64().expect("an integer");
                if number.unsigned_abs() >= 1 << 53 {
                    object.insert("value".to_owned(), Value::String(number.to_string()));
                }
            }
            let unknown = "Unknown VType: Tag(";
            if object.get("value").and_then(Value::as_str).is_some_and(|v| v.starts_with(unknown)) {
                object.insert("value".to_owned(), "Unknown VType: 9".into());
            }
            Value::Object(object.into_iter().map(|(k, v)| (k, expected(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(expected).collect()),
        other => other,
    }
}

/// `data` without its order, which is a Go map's. Spans keep theirs: they come as they arrived.
fn loose(mut answer: Value) -> Value {
    if let Some(Value::Array(data)) = answer.get_mut("data") {
        data.sort_by_key(Value::to_string);
    }
    answer
}
