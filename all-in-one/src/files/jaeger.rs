//! Jaeger's JSON, as `/api/traces` answers and its page saves.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{
    Batch, Draft, DraftLog, DraftProcess, Part, RefKind, Reference, SpanId, Tag, TagValue, TraceId,
    append,
};

/// The processes of a trace by their ids.
pub(super) type Processes<'a> = BTreeMap<Cow<'a, str>, ProcessJson<'a>>;

#[derive(Deserialize)]
pub(super) struct ProcessJson<'a> {
    #[serde(borrow, rename = "serviceName")]
    service: Cow<'a, str>,
    #[serde(borrow)]
    tags: Option<Vec<TagJson<'a>>>,
}

/// The span of a trace, and its fields that are needed to name it in an error.
#[derive(Deserialize)]
struct SpanJson<'a> {
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    id: String,
    #[serde(borrow, rename = "operationName", default)]
    operation: Cow<'a, str>,
    #[serde(default)]
    flags: u32,
    references: Option<Vec<ReferenceJson>>,
    #[serde(rename = "startTime")]
    start: u64,
    #[serde(default)]
    duration: u64,
    #[serde(borrow)]
    tags: Option<Vec<TagJson<'a>>>,
    #[serde(borrow)]
    logs: Option<Vec<LogJson<'a>>>,
    #[serde(borrow, rename = "processID", default)]
    process: Cow<'a, str>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ReferenceJson {
    #[serde(rename = "refType", default)]
    kind: String,
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Deserialize)]
struct LogJson<'a> {
    timestamp: u64,
    #[serde(borrow)]
    fields: Option<Vec<TagJson<'a>>>,
}

#[derive(Deserialize)]
struct TagJson<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// Adds a span to a batch. `places` are the processes that are in the batch already.
///
/// # Errors
/// Where it is no span of Jaeger's, or its process is missing.
pub(super) fn span<'a>(
    json: &'a RawValue,
    processes: &Processes<'a>,
    places: &mut BTreeMap<String, usize>,
    batch: &mut Batch<'a>,
) -> Result<(), String> {
    let json: SpanJson<'a> = serde_json::from_str(json.get()).map_err(|error| error.to_string())?;
    let named = |error: String| format!("span {}: {error}", json.id);
    let trace_id: TraceId =
        json.trace.parse().map_err(|_| named(bad_id("traceID", &json.trace)))?;
    let span_id = span_id(&json.id).map_err(named)?;
    let references = json.references.unwrap_or_default();
    let references = references.into_iter().map(reference).collect::<Result<Vec<_>, _>>();
    let (tags, fields, references) = (
        tags(json.tags).map_err(named)?,
        logs(json.logs).map_err(named)?,
        references.map_err(named)?,
    );
    let process = match places.get(&*json.process) {
        Some(place) => *place,
        None => {
            let found = processes.get(&json.process);
            let found = found.ok_or_else(|| {
                named(format!("processID {:?} is not among the processes", json.process))
            })?;
            let place = process(found, batch).map_err(named)?;
            places.insert(json.process.clone().into_owned(), place);
            place
        }
    };
    let first_log = batch.logs.len();
    for (timestamp, fields) in fields {
        let fields = append(&mut batch.tags, fields);
        batch.logs.push(DraftLog { timestamp, fields });
    }
    let warnings = json.warnings.unwrap_or_default().into_iter().map(String::into_bytes);
    let draft = Draft {
        trace_id,
        span_id,
        operation: bytes(json.operation),
        references: append(&mut batch.references, references),
        flags: json.flags,
        start: json.start,
        duration: json.duration,
        tags: append(&mut batch.tags, tags),
        logs: first_log..batch.logs.len(),
        process,
        warnings: append(&mut batch.warnings, warnings.map(Cow::Owned)),
        ..Draft::default()
    };
    batch.spans.push(draft);
    Ok(())
}

type Fields<'a> = Vec<Tag<'a>>;

fn logs(logs: Option<Vec<LogJson<'_>>>) -> Result<Vec<(u64, Fields<'_>)>, String> {
    let logs = logs.unwrap_or_default().into_iter();
    logs.map(|log| Ok((log.timestamp, tags(log.fields)?))).collect()
}

fn process<'a>(json: &ProcessJson<'a>, batch: &mut Batch<'a>) -> Result<usize, String> {
    let tags = json.tags.iter().flatten().map(tag).collect::<Result<Vec<_>, _>>()?;
    let tags: Part = append(&mut batch.tags, tags);
    batch.processes.push(DraftProcess::new(bytes(json.service.clone()), tags));
    Ok(batch.processes.len() - 1)
}

fn reference(json: ReferenceJson) -> Result<Reference, String> {
    let kind = match &*json.kind {
        "FOLLOWS_FROM" => RefKind::FollowsFrom,
        "CHILD_OF" => RefKind::ChildOf,
        other => return Err(format!("refType must be CHILD_OF or FOLLOWS_FROM, not {other:?}")),
    };
    let trace_id = json.trace.parse().map_err(|_| bad_id("traceID", &json.trace))?;
    Ok(Reference { kind, trace_id, span_id: span_id(&json.span)? })
}

fn span_id(text: &str) -> Result<SpanId, String> {
    let id = text.parse::<TraceId>().ok().filter(|id| id.high == 0);
    id.map(|id| SpanId(id.low)).ok_or_else(|| bad_id("spanID", text))
}

fn bad_id(field: &str, text: &str) -> String {
    format!("{field} {text:?} is not a hexadecimal id")
}

fn tags(tags: Option<Vec<TagJson<'_>>>) -> Result<Fields<'_>, String> {
    tags.unwrap_or_default().iter().map(tag).collect()
}

fn tag<'a>(json: &TagJson<'a>) -> Result<Tag<'a>, String> {
    let value = value(&json.kind, json.value.get())
        .ok_or_else(|| format!("the value of the tag {:?} is no {}", json.key, json.kind))?;
    Ok(Tag { key: bytes(json.key.clone()), value })
}

/// A value by the type beside it; without one, by its type in JSON. Large integers are strings.
fn value<'a>(kind: &str, json: &'a str) -> Option<TagValue<'a>> {
    let text = match json.as_bytes() {
        [b'"', ..] => serde_json::from_str::<Unescaped<'_>>(json).ok()?.0,
        _ => Cow::Borrowed(json),
    };
    let kind = match (kind, json.as_bytes()) {
        ("", [b't' | b'f', ..]) => "bool",
        ("", [b'-' | b'0'..=b'9', ..]) if json.parse::<i64>().is_ok() => "int64",
        ("", [b'-' | b'0'..=b'9', ..]) => "float64",
        (kind, _) => kind,
    };
    Some(match kind {
        "bool" => TagValue::Bool(text.parse().ok()?),
        "int64" => TagValue::Int64(text.parse().ok()?),
        "float64" => TagValue::Float64(text.parse().ok()?),
        "binary" if json == "null" => TagValue::Binary(Cow::Borrowed(b"")),
        "binary" => TagValue::Binary(Cow::Owned(BASE64.decode(&*text).ok()?)),
        _ => TagValue::String(bytes(text)),
    })
}

/// Text that borrows from the JSON unless it has escapes.
#[derive(Deserialize)]
struct Unescaped<'a>(#[serde(borrow)] Cow<'a, str>);

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}
