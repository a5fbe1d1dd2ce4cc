//! Replays recorded packets and requests of real clients, through the doors that they used, and
//! compares every answer with Jaeger 1.35's.
//!
//! An answer with status 200 is compared byte by byte where its order is fixed. An error is compared
//! by its status, its content type and its envelope: the text in it is ours.
//!
//! Deliberate differences:
//!
//! | where | Jaeger 1.35 | here | why |
//! |---|---|---|---|
//! | no services, no operations | `data: null` | `data: []` | the web pages need a list |
//! | integers beyond 2^53, asked for by a web page | a number | text | JavaScript would round them; Jaeger since 1.76 |
//! | a start before 1970 or after 9999 | 500 for the trace | 1970 and a warning, or as sent | one bad span hides the others |
//! | a negative duration | 18446744073709551611 µs | 0 and a warning | it is meaningless |
//! | a duration beyond 292 years | the rest of a division | as sent | it is meaningless |
//! | a tag of an unknown type | prints a Go struct with an address | the type's number | it is meaningless |
//! | a tag that is NaN or infinite | the search fails with 500 | text, such as `"NaN"` | one tag must not hide the others |
//! | a service whose name is not UTF-8 | panics and exits | stored, with U+FFFD | one packet must not stop the server |
//! | `raw=true` after a read without it | process tags sorted: the read changed the store | as sent | a read changes nothing |
//! | `/api/v3/*` | answers as 1.35 | answers as Jaeger 2, see `v3.rs` | newer web pages ask there |
//! | `jaeger.api_v3` by gRPC | answers as 1.35 | answers as Jaeger 2: adjusted, and no error for an unknown trace | newer clients ask there |
//! | gRPC: a question of more than 16 KiB | up to 4 MiB | `RESOURCE_EXHAUSTED` | nobody asks as much |
//! | gRPC health: `Watch` of an unknown service | waits for it | `NOT_FOUND` | no service is added later |
//! | paths outside of the base path | the page, with 200 | `/` redirects to the base path, others 404 | the page cannot work there, and a script must not take it for an answer |
//! | `POST /api/transform` | the page, with 200 | the traces of a file, as in Jaeger 1.76; Jaeger's and Zipkin's JSON too | the page's upload sends OTLP there |
//! | `/favicon.ico` | 404 in the recorded build, which had no web pages | the icon | browsers ask for it |
//! | `/api/metrics/*` | 501 without Prometheus | counted from the stored spans | the Monitor page works |
//! | `/api/metrics/*`: a step below 1 ms | 501 | 400 | Prometheus refuses it |
//! | `quantile=0x1p-2`, `quantile=1_0` | 501 | 400 | nobody writes numbers like this, and both are errors |
//! | OTLP: bytes | an empty text | binary | nothing is lost; Jaeger 1.76 |
//! | OTLP: a zero id | stored as trace or span 0 | refused, partial success | OTLP calls it invalid |
//! | OTLP: an id of the wrong length | refuses the request | refuses the span, partial success | the other spans are valid |
//! | OTLP/HTTP: br | ignores it | 415 | the bytes would be taken for something else |
//! | OTLP/HTTP: a media type in capitals or with a parameter | 415 | accepted | RFC 9110 |
//! | OTLP/JSON: an unknown field | refuses the request | ignores it | OTLP demands it; today's clients send some |
//! | OTLP/JSON: something after the value | ignored | 400 | it is not JSON |
//! | OTLP/JSON, Zipkin: a number as text, base64 or short ids | refuses the request | mends them | their meaning is clear |
//! | OTLP/JSON, Zipkin: one bad span among others | refuses the request | refuses the span | the other spans are valid |
//! | Zipkin: a null span, or a span of both sides | 500 | 202 | Jaeger panics there |
//! | Zipkin protobuf: an endpoint without an IPv4 address | 500 | 202 | Jaeger panics there |
//! | Zipkin protobuf: a remote endpoint without a kind | a tag without a name | left out, as in JSON | it is meaningless |
//! | Zipkin v1 JSON: a number as a tag | its bytes in the wrong order, or Go's `%!s(…)` | as sent | it is meaningless |
//! | Zipkin over UDP: a span without a service | drops the batch | stored as `unknown-service-name` | as over HTTP |
//! | HTTP: a foreign Host on loopback | accepted | 403 | a foreign web page must not send spans |
//!
//! Where a whole answer differs, the expected one is in the `otherwise.jsonl` of the case.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use jaeger_all_in_one::files::{load, save};
use jaeger_all_in_one::{AllInOne, Config};
use prost::Message as _;
use serde_json::{Value, json};
use support::{Answer, Target, exchange, goldens, lines, packets, request, until};
use testbed::Real;

#[test]
fn every_answer_is_jaeger_s() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for case in &cases() {
        compared += replay(case, "answers.jsonl", Config::ephemeral(), &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} answers differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 1_250, "only {compared} answers were compared");
}

#[test]
fn clock_skew_is_adjusted_where_that_is_allowed() {
    let config = Config::ephemeral().max_clock_skew(Duration::from_secs(3600));
    let mut wrong = Vec::new();
    let compared = replay("synth-clock-skew", "answers-skew1h.jsonl", config, &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 10, "only {compared} answers were compared");
}

/// Everything that Jaeger shows survives the way through a file.
#[test]
fn what_is_saved_and_loaded_again_gives_the_same_answers() {
    let file = std::env::temp_dir().join(format!("goldens-{}.jsonl", std::process::id()));
    let mut compared = 0;
    for case in &cases() {
        let jaeger = AllInOne::start().expect("start");
        for (how, packet) in sends(case).iter().zip(&packets(case)) {
            // Whether the answer is right is not the question here.
            let _ = send(&jaeger, how, packet);
        }
        let saved = save(jaeger.store(), &file).expect("save");
        assert_eq!(saved.left_out > 0, case.contains("zero-ids"), "{case}: {saved:?}");
        let again = AllInOne::start().expect("start");
        let loaded = load(again.store(), &file).expect("load");
        assert_eq!((loaded.spans, loaded.refused), (saved.spans, 0), "{case}");
        if saved.left_out > 0 {
            continue;
        }
        let recorded = lines(case, "answers.jsonl");
        for path in
            recorded.iter().map(|entry| split(entry).1).filter(|path| path.starts_with("/api/"))
        {
            let [before, after] = [&jaeger, &again].map(|it| request(it.query(), "GET", path, &[]));
            assert_eq!(after.text(), before.text(), "{case}: {path}");
            compared += 1;
        }
    }
    fs::remove_file(&file).expect("remove");
    assert!(compared > 1_000, "only {compared} answers were compared");
}

/// The same replay against the real Jaeger: the recordings are right on this machine too.
#[test]
#[ignore = "needs the real Jaeger 1.35: make test-real"]
fn the_real_one_gives_the_recorded_answers() {
    let binary = std::env::var_os("JAEGER_ALL_IN_ONE").expect("JAEGER_ALL_IN_ONE names it");
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for case in cases() {
        let recorded = lines(&case, "answers.jsonl");
        let recorded: Vec<_> = recorded.into_iter().filter(|it| it["page"] != true).collect();
        let jaeger = Real::start(&binary).expect("start");
        for (how, packet) in sends(&case).iter().zip(&packets(&case)) {
            if let Err(difference) = send(&jaeger, how, packet) {
                wrong.push(format!("{case}: a packet: {difference}"));
            }
        }
        // It does not say when it has stored them, so it is asked until it has.
        let begin = Instant::now();
        let still_wrong = loop {
            let differ = |entry: &Value| {
                let difference = compare(&jaeger, entry, &recorded, |want| want).err()?;
                Some(format!("{case}: {} {difference}", entry["request"]))
            };
            let differing: Vec<_> = recorded.iter().filter_map(differ).collect();
            if differing.is_empty() || begin.elapsed() > REAL_PATIENCE {
                break differing;
            }
            std::thread::yield_now();
        };
        compared += recorded.len();
        wrong.extend(still_wrong);
    }
    println!("{} of {compared} answers are the recorded ones", compared - wrong.len());
    let is_named = |difference: &String| {
        NEVER_THE_SAME.iter().any(|(case, request, place)| {
            let line = difference.lines().next().unwrap_or_default();
            line.starts_with(&format!("{case}: \"{request}\" ")) && line.ends_with(place)
        })
    };
    wrong.retain(|difference| !is_named(difference));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// How long the real Jaeger may take to store what it was sent.
const REAL_PATIENCE: Duration = Duration::from_secs(3);

/// Answers of the real Jaeger that differ every time: the case, the request, and the place in the
/// answer. There is one cause: Jaeger prints a tag of an unknown type as a Go struct, with the
/// address of the tag's text (`VStr:0x3df9fc99d940`).
const NEVER_THE_SAME: [(&str, &str, &str); 4] = [
    (
        "synth-minimal",
        "GET /api/traces?service=synth-minimal&start=0&end=4200000000000000",
        ".spans[0].tags[5].value:",
    ),
    ("synth-minimal", "GET /api/traces/0000000000000001", ".spans[0].tags[5].value:"),
    ("synth-minimal", "GET /api/traces/0000000000000001?raw=true", ".spans[0].tags[5].value:"),
    (
        "synth-minimal",
        "GET /api/traces?traceID=0000000000000001&traceID=fedcba9876543210ffffffffffffffff&traceID=deadbeef",
        ".spans[0].tags[5].value:",
    ),
];

/// The names of the recorded cases.
fn cases() -> Vec<String> {
    let mut cases: Vec<_> = fs::read_dir(goldens())
        .expect("goldens")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a name"))
        .collect();
    cases.sort();
    cases
}

/// How each packet of a case was sent. Packets for the compact UDP door have no entry.
fn sends(case: &str) -> Vec<Value> {
    let sends = lines(case, "sends.jsonl");
    let packets = packets(case).len();
    assert!(sends.is_empty() || sends.len() == packets, "{case}: what goes where?");
    if sends.is_empty() { vec![Value::default(); packets] } else { sends }
}

fn replay(case: &str, answers: &str, config: Config, wrong: &mut Vec<String>) -> usize {
    let jaeger = AllInOne::start_with(config).expect("start");
    let packets = packets(case);
    let sends = sends(case);
    let otherwise = lines(case, "otherwise.jsonl");
    for (number, packet) in packets.iter().enumerate() {
        let mut how = sends[number].clone();
        if let Some(here) = otherwise.iter().find(|here| here["packet"] == number + 1) {
            assert_ne!(here["answer"], how["answer"], "{case}: packet {} is no other", number + 1);
            how["answer"] = here["answer"].clone();
        }
        if let Err(difference) = send(&jaeger, &how, packet) {
            wrong.push(format!("{case}: packet {} {difference}", number + 1));
        }
    }
    let recorded = lines(case, answers);
    for entry in &recorded {
        let here = otherwise.iter().find(|here| here["request"] == entry["request"]);
        if here.is_none() && entry["status"] == 501 && split(entry).1.contains("/api/metrics/") {
            wrong.extend(metrics(&jaeger, split(entry)).map(|why| format!("{case}: {why}")));
            continue;
        }
        if let Err(difference) = compare(&jaeger, here.unwrap_or(entry), &recorded, expected) {
            wrong.push(format!("{case}: {} {difference}", entry["request"]));
        }
    }
    packets.len() + recorded.len()
}

/// What is wrong with an answer about metrics, which the recorded Jaeger does not have.
fn metrics(jaeger: &impl Target, (method, path): (&str, &str)) -> Option<String> {
    let answer = request(jaeger.query(), method, path, &[]);
    let wanted = if path.contains("step=-1") && !path.contains("minstep") { 400 } else { 200 };
    let is_right = answer.status == wanted
        && (wanted == 400 || path.contains("minstep") || answer.json()["metrics"].is_array());
    (!is_right).then(|| format!("{path}: {} {}", answer.status, answer.text()))
}

/// Sends a packet as it was recorded, to the compact UDP door by default, and waits until it was
/// dealt with.
fn send(jaeger: &impl Target, how: &Value, packet: &[u8]) -> Result<(), String> {
    let door = how["door"].as_str().unwrap_or("udp-compact");
    let address = jaeger.address(door);
    let before = jaeger.received(door);
    if door.starts_with("udp-") {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.send_to(packet, address).expect("send");
        if before.is_some() {
            until("the packet was taken", || jaeger.received(door) > before);
        }
        return Ok(());
    }
    if let Some(method) = how["method"].as_str() {
        let code = match support::grpc::call(address, method, packet) {
            Ok(_) => "OK".to_owned(),
            Err(status) => format!("{:?}", status.code()),
        };
        return equal("code", &how["answer"]["code"], &Value::from(code));
    }
    let (method, path) = split(how);
    let mut headers = Vec::new();
    for (name, key) in [("Content-Type", "type"), ("Content-Encoding", "encoding")] {
        headers.extend(how[key].as_str().map(|value| (name, value)));
    }
    let body = if matches!(method, "GET" | "OPTIONS") { b"" } else { packet };
    let answer = exchange(address, method, path, &headers, body);
    equal("status", &how["answer"]["status"], &Value::from(answer.status))?;
    equal("content type", &how["answer"]["type"].as_str(), &answer.header("Content-Type"))?;
    same_body(how["answer"]["body"].as_str().unwrap_or_default(), &answer)
}

fn split(entry: &Value) -> (&str, &str) {
    entry["request"].as_str().and_then(|r| r.split_once(' ')).expect("a request")
}

fn compare(
    jaeger: &impl Target,
    entry: &Value,
    recorded: &[Value],
    expected: fn(Value) -> Value,
) -> Result<(), String> {
    let (method, path) = split(entry);
    let address =
        entry["door"].as_str().map_or_else(|| jaeger.query(), |door| jaeger.address(door));
    let answer = request(address, method, path, &[]);
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
    match body(entry, recorded) {
        Some(body) if answer.status == 200 && !body.is_empty() => {
            same_json(path, body, &answer, expected)
        }
        Some(body) => same_body(body, &answer),
        None => Ok(()),
    }
}

/// Compares a body with the recorded one; in errors, without the text.
fn same_body(want: &str, answer: &Answer) -> Result<(), String> {
    if answer.status < 400 {
        return equal("body", &want, &answer.text().as_str());
    }
    let kind = answer.header("Content-Type");
    equal("envelope", &envelope(want.as_bytes(), kind), &envelope(&answer.body, kind))
}

/// The body of an error without its text.
fn envelope(body: &[u8], kind: Option<&str>) -> Value {
    let text_in = |text: &str| Value::from(if text.is_empty() { "no text" } else { "text" });
    if kind == Some("application/x-protobuf") {
        let status = tonic_types::Status::decode(body).expect("a google.rpc.Status");
        return json!({ "code": status.code, "message": text_in(&status.message) });
    }
    let Ok(mut json) = serde_json::from_slice::<Value>(body) else {
        return text_in(&String::from_utf8_lossy(body));
    };
    let problems = json.get_mut("errors").and_then(Value::as_array_mut);
    for problem in problems.into_iter().flatten() {
        problem["msg"] = text_in(problem["msg"].as_str().unwrap_or_default());
    }
    if let Some(message) = json.get_mut("message") {
        *message = text_in(message.as_str().unwrap_or_default());
    }
    json
}

fn same_json(
    path: &str,
    body: &str,
    answer: &Answer,
    expected: fn(Value) -> Value,
) -> Result<(), String> {
    let want: Value = serde_json::from_str(body).expect("recorded JSON");
    same(&loose(expected(want.clone())), &loose(answer.json()))?;
    // Bytes too, unless something in the answer has the order of a Go map: then the order of the
    // fields, the escapes and the numbers are Jaeger's.
    let zipkin = body.contains("\"value\":\"zipkin\"");
    if path.starts_with("/api/traces/") && expected(want.clone()) == want && !zipkin {
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

/// Compares two values; the error is the first difference.
fn same(want: &Value, got: &Value) -> Result<(), String> {
    match (want, got) {
        (Value::Object(w), Value::Object(g)) if w.keys().eq(g.keys()) => {
            w.iter().try_for_each(|(key, w)| same(w, &g[key]).map_err(|e| format!(".{key}{e}")))
        }
        (Value::Array(w), Value::Array(g)) if w.len() == g.len() => {
            let mut pairs = w.iter().zip(g).enumerate();
            pairs.try_for_each(|(i, (w, g))| same(w, g).map_err(|e| format!("[{i}]{e}")))
        }
        _ if want == got => Ok(()),
        _ => Err(format!(":\n   want {want}\n    got {got}")),
    }
}

/// The attributes in the recorded requests that are bytes, with their base64.
const BYTES: [(&str, Option<&str>); 3] =
    [("bytes", Some("AAH+/w==")), ("bytes.empty", None), ("b", Some("AAH+/w=="))];

/// The answer that is expected here where Jaeger answered `value`, by the table above.
fn expected(value: Value) -> Value {
    match value {
        Value::Object(mut object) => {
            if object.get("data") == Some(&Value::Null) && object["errors"].is_null() {
                object.insert("data".to_owned(), Value::Array(Vec::new()));
            }
            if object.get("duration").and_then(Value::as_u64).is_some_and(|d| d > 1 << 63) {
                object.insert("duration".to_owned(), 0.into());
                let warning = "the client sent a negative duration; shown as 0";
                object.insert("warnings".to_owned(), json!([warning]));
            }
            let empty = object.get("value").is_some_and(|value| value == "");
            let bytes = BYTES.iter().find(|(key, _)| object.get("key").is_some_and(|k| k == key));
            if let (true, Some((_, bytes))) = (empty, bytes) {
                object.insert("type".to_owned(), "binary".into());
                object.insert("value".to_owned(), json!(bytes));
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

/// Sorts `data`, which has the order of a Go map. Spans keep their order of arrival.
fn loose(mut answer: Value) -> Value {
    if let Some(Value::Array(data)) = answer.get_mut("data") {
        data.iter_mut().for_each(sort_zipkin_tags);
        data.sort_by_key(Value::to_string);
    }
    answer
}

/// The tags of Zipkin's spans have a map's order too.
fn sort_zipkin_tags(trace: &mut Value) {
    let Some(spans) = trace.get_mut("spans").and_then(Value::as_array_mut) else {
        return;
    };
    for span in spans {
        let Some(tags) = span["tags"].as_array_mut() else {
            continue;
        };
        if tags.iter().any(|tag| tag["value"] == "zipkin") {
            tags.sort_by_key(Value::to_string);
        }
    }
}
