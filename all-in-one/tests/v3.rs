//! Replays the requests to `/api/v3` that were recorded with a Jaeger 2 (main of 2026-08-20, between
//! 2.20 and 2.21), and compares every answer with its own, as JSON.
//!
//! Deliberate differences:
//!
//! | where | Jaeger 2 | here | why |
//! |---|---|---|---|
//! | lists, maps and empty values in attributes | as sent | JSON as text, empty text | the store has the types of Jaeger 1.35 |
//! | attributes of scopes and links, trace state of links, flags, dropped counts | as sent | left out | the same |
//! | raw: the order of a resource's attributes | as sent | the service first | the same |
//! | malformed JSON in a parameter | Go's words | ours | only the text differs |
//! | a disabled `query.filter` | names a feature gate, checks the tree | names the other parameters | there is no such gate |
//! | `/api/v3//services` | 307 | 301, as 1.35 | one router for both |
//! | `/api/v3` | 404 | the page, as 1.35 | the same |

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(all(feature = "otlp-http", unix))]

mod support;

use std::fs;
use std::path::Path;

use jaeger_all_in_one::files::load;
use jaeger_all_in_one::{AllInOne, Config, Port};
use serde_json::{Value, json};
use support::{Answer, Open as _, exchange, get, request};

/// A recorded request, and its answer.
struct Recorded {
    method: String,
    path: String,
    status: u64,
    content_type: String,
    body: String,
    /// Whether it was asked before anything was stored.
    is_empty: bool,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens-v3"))
}

fn lines(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join(name)).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn recorded() -> Vec<Recorded> {
    let bodies = lines("bodies.jsonl");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let read = |line: Value| {
        let (method, path) = line["request"].as_str().and_then(|r| r.split_once(' ')).expect("two");
        let body = line["body"].as_u64().and_then(|number| bodies.get(number as usize));
        Recorded {
            method: method.to_owned(),
            path: path.to_owned(),
            status: line["status"].as_u64().expect("a status"),
            content_type: text(&line["type"]),
            body: text(body.expect("a body")),
            is_empty: line["empty"] == true,
        }
    };
    lines("answers.jsonl").into_iter().map(read).collect()
}

/// An all-in-one with the recorded spans.
fn filled(config: Config) -> AllInOne {
    let jaeger = AllInOne::start_with(config).expect("start");
    for name in ["1-checkout.json", "2-queue.json", "3-shared-and-orphan.json"] {
        let body = fs::read(folder().join(name)).expect("spans");
        let headers = [("Content-Type", "application/json")];
        let answer = exchange(jaeger.at(Port::OtlpHttp), "POST", "/v1/traces", &headers, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    jaeger
}

#[test]
fn every_answer_is_jaeger_s() {
    let (full, empty) = (filled(Config::ephemeral()), AllInOne::start().expect("start"));
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for want in recorded() {
        if is_otherwise(&want.path) {
            continue;
        }
        let jaeger = if want.is_empty { &empty } else { &full };
        let answer = request(jaeger.at(Port::Query), &want.method, &want.path, &[]);
        compared += 1;
        if let Err(why) = compare(&want, &answer) {
            wrong.push(format!("{} {}: {why}", want.method, want.path));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 320, "only {compared} answers were compared");
}

/// Answers that differ entirely: a redirect, and searches by what is not stored.
fn is_otherwise(path: &str) -> bool {
    matches!(path, "/api/v3//services" | "/api/v3")
        || ["%22scope.tier%22", "%22why%22"].iter().any(|key| path.contains(key))
}

fn compare(want: &Recorded, answer: &Answer) -> Result<(), String> {
    if u64::from(answer.status) != want.status {
        return Err(format!("{}, not {}: {}", answer.status, want.status, answer.text()));
    }
    if answer.header("Content-Type").unwrap_or_default() != want.content_type {
        return Err(format!("{:?}", answer.header("Content-Type")));
    }
    let text = answer.text();
    let (got, wanted) = match serde_json::from_str::<Value>(&want.body) {
        Ok(wanted) => {
            let got = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
            (loose(got, &want.path), loose(kept(wanted), &want.path))
        }
        Err(_) => (json!(text), json!(want.body)),
    };
    if got == wanted { Ok(()) } else { Err(format!("\n got {got}\nwant {wanted}")) }
}

/// A recorded answer with what the store keeps of it.
fn kept(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(members) => {
            members.retain(|name, _| {
                !matches!(&**name, "droppedAttributesCount" | "droppedEventsCount" | "flags")
            });
            if let Some(scope) = members.get_mut("scope").and_then(Value::as_object_mut) {
                scope.remove("attributes");
            }
            for link in members.get_mut("links").and_then(Value::as_array_mut).into_iter().flatten()
            {
                link.as_object_mut().expect("a link").retain(|name, _| name.ends_with("Id"));
            }
            if members.get("key").is_some_and(|key| key != "@jaeger@warnings") {
                let value = members.get("value").map(text_of).unwrap_or_default();
                members.insert("value".to_owned(), value);
            }
            for (_, member) in members.iter_mut() {
                *member = kept(member.take());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = kept(item.take())),
        _ => {}
    }
    answer
}

/// An attribute's value, where lists, maps and nothing are text.
fn text_of(value: &Value) -> Value {
    match value.as_object().and_then(|value| value.keys().next()).map(String::as_str) {
        None => json!({ "stringValue": "" }),
        Some("arrayValue" | "kvlistValue") => json!({ "stringValue": plain(value).to_string() }),
        Some(_) => value.clone(),
    }
}

/// A value of OTLP as plain JSON.
fn plain(value: &Value) -> Value {
    let values = |of: &Value| of["values"].as_array().cloned().unwrap_or_default();
    let Some((kind, inner)) = value.as_object().and_then(|it| it.iter().next()) else {
        return Value::Null;
    };
    match &**kind {
        "arrayValue" => values(inner).iter().map(plain).collect(),
        "kvlistValue" => values(inner)
            .iter()
            .map(|pair| (pair["key"].as_str().expect("a key").to_owned(), plain(&pair["value"])))
            .collect(),
        "intValue" => json!(inner.as_str().and_then(|number| number.parse::<i64>().ok())),
        _ => inner.clone(),
    }
}

/// An answer without the order of lists that Jaeger shuffles, and without words that are ours.
fn loose(mut answer: Value, path: &str) -> Value {
    for name in ["services", "operations"] {
        if let Some(list) = answer.get_mut(name).and_then(Value::as_array_mut) {
            list.sort_by_key(Value::to_string);
        }
    }
    let is_raw = path.contains("awTraces=") || path.contains("raw_traces=");
    let spans = answer.pointer_mut("/result/resourceSpans").filter(|_| is_raw);
    for one in spans.and_then(Value::as_array_mut).into_iter().flatten() {
        let attributes = one.pointer_mut("/resource/attributes").and_then(Value::as_array_mut);
        attributes.expect("attributes").sort_by_key(|it| it["key"].to_string());
    }
    if let Some(Value::String(message)) = answer.pointer_mut("/error/message") {
        for (start, is_ours) in [
            ("malformed parameter query.attributes: ", !message.contains("cannot unmarshal")),
            ("malformed parameter query.filter: ", true),
            ("the structured query filter is disabled: ", true),
        ] {
            if is_ours && message.starts_with(start) {
                message.truncate(start.len());
            }
        }
        if path.contains("query.filter=") {
            message.clear();
        }
    }
    answer
}

#[test]
fn what_it_answers_is_read_as_the_trace_that_was_sent() {
    let jaeger = filled(Config::ephemeral().base_path("/jaeger"));
    let spans = "/jaeger/api/v3/traces?query.startTimeMin=2026-11-26T17:00:00Z\
                 &query.startTimeMax=2026-11-26T19:00:00Z&query.rawTraces=true";
    let answer = get(jaeger.at(Port::Query), spans);
    let file = std::env::temp_dir().join(format!("v3-{}.json", std::process::id()));
    fs::write(&file, &answer.body).expect("write");
    let again = AllInOne::start_with(Config::ephemeral().base_path("/jaeger")).expect("start");
    let loaded = load(again.store(), &file).expect("load");
    fs::remove_file(&file).expect("remove");
    assert_eq!((loaded.spans, loaded.refused), (14, 0));
    for path in ["/jaeger/api/v3/services", "/jaeger/api/v3/operations?service=shop", spans] {
        let [one, other] = [&jaeger, &again].map(|it| get(it.at(Port::Query), path));
        assert_eq!((one.status, other.status), (200, 200), "{path}");
        let sorted = |answer: &Answer| sorted(&answer.json());
        assert_eq!(sorted(&one), sorted(&other), "{path}");
    }
    assert_eq!(get(jaeger.at(Port::Query), "/api/v3/services").status, 404);
}

#[test]
fn errors_are_no_web_pages() {
    let jaeger = AllInOne::start().expect("start");
    let answer = get(jaeger.at(Port::Query), "/api/v3/traces/%3Cscript%3E");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
}

/// The spans of an answer by what identifies them, or its list of names.
fn sorted(answer: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut all: Vec<_> = list(&answer["result"]["resourceSpans"])
        .iter()
        .flat_map(|resource| list(&resource["scopeSpans"]))
        .flat_map(|scope| list(&scope["spans"]))
        .map(|span| {
            ["spanId", "parentSpanId", "name", "kind", "status", "events", "endTimeUnixNano"]
                .map(|name| span[name].to_string())
                .concat()
        })
        .chain(list(&answer["services"]).iter().map(Value::to_string))
        .chain(list(&answer["operations"]).iter().map(Value::to_string))
        .collect();
    all.sort();
    assert!(!all.is_empty(), "{answer}");
    all
}
