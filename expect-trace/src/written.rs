//! What is written of a span that no expectation mentions yet: everything but what changes from run to run.

use crate::expectation::{
    EventPattern, LinkPattern, Pattern, Requirement, SpanPattern, StatusPattern,
};
use crate::span::{Event, Kind, Link, Span, Status};
use crate::value::Value;

/// They say on which thread and for how long something ran, which differs in each run.
const LEFT_OUT: [&str; 6] =
    ["busy_ns", "idle_ns", "process.pid", "telemetry.sdk.version", "thread.id", "thread.name"];

/// Its text contains line numbers, addresses and paths of one machine.
const STACKTRACE: &str = "exception.stacktrace";

/// A pattern that the span matches, without its children.
pub(crate) fn pattern(span: &Span) -> SpanPattern {
    let is = |name: &str| Pattern::Is(name.to_owned());
    let mut pattern = SpanPattern::new(is(&span.service), is(&span.operation));
    pattern.kind = Some(span.kind).filter(|&kind| kind != Kind::Internal);
    pattern.status = status(span.status);
    pattern.parent_missing = span.parent_missing;
    pattern.attributes = attributes(&span.attributes);
    pattern
}

pub(crate) fn event(event: &Event) -> EventPattern {
    let name = Pattern::Is(event.name.clone());
    EventPattern { line: 0, name, attributes: attributes(&event.attributes) }
}

pub(crate) fn link(link: &Link) -> LinkPattern {
    let is = |name: &String| Pattern::Is(name.clone());
    let target = link.target.as_ref().map(|(service, operation)| (is(service), is(operation)));
    LinkPattern { line: 0, target }
}

/// The condition on a status; that nobody set one is not a condition.
pub(crate) fn status(status: Status) -> Option<StatusPattern> {
    Some(StatusPattern::Is(status)).filter(|_| status != Status::Unset)
}

fn attributes(attributes: &[(String, Value)]) -> Vec<(String, Requirement)> {
    let value = |key: &str| attributes.iter().find(|(other, _)| other == key).map(|(_, it)| it);
    let module = value("code.module.name").or_else(|| value("code.namespace"));
    let is_target = |(key, value): &(String, Value)| key == "target" && Some(value) == module;
    let is_asserted = |pair: &&(String, Value)| !is_left_out(&pair.0) && !is_target(pair);
    let write = |(key, value): &(String, Value)| (key.clone(), requirement(key, value));
    let mut written: Vec<(String, Requirement)> =
        attributes.iter().filter(is_asserted).map(write).collect();
    written.dedup();
    written
}

/// Where something stands in the source is not what it does.
fn is_left_out(key: &str) -> bool {
    LEFT_OUT.contains(&key) || key.starts_with("code.")
}

/// What the attribute should be in the next run.
pub(crate) fn requirement(key: &str, value: &Value) -> Requirement {
    if is_left_out(key) || key == STACKTRACE || key.ends_with(".port") {
        return Requirement::Present;
    }
    match value {
        Value::Text(text) if is_random_id(text) => Requirement::Present,
        Value::Text(text) => match without_port(text) {
            Some(pattern) => Requirement::Like(pattern),
            None => Requirement::Is(value.clone()),
        },
        _ => Requirement::Is(value.clone()),
    }
}

/// Whether a text is a UUID, or the id of a trace or span.
fn is_random_id(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let is_uuid = text.len() == 36
        && digits == 32
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| (byte == b'-') == [8, 13, 18, 23].contains(&at));
    is_uuid
        || text.len() == digits
            && matches!(digits, 16 | 32)
            && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// An URL with a port, or `host:port`, as a pattern for each port.
fn without_port(text: &str) -> Option<Pattern> {
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    let (host, port) = text[start..end].rsplit_once(':')?;
    let is_port = (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    // Other texts may contain a colon and a number; a host alone is a name or an address.
    let is_host = !host.is_empty()
        && (start > 0 || host == "localhost" || host.contains('.') || host.starts_with('['))
        && !host.contains(char::is_whitespace);
    let port_at = start + host.len() + 1;
    (is_port && is_host)
        .then(|| Pattern::Like(vec![text[..port_at].to_owned(), text[end..].to_owned()]))
}
