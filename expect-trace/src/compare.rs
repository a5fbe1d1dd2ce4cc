//! Compares one span with what is expected of it, without its children.

use std::fmt;
use std::time::Duration;

use crate::display::ServiceAndOperation as Names;
use crate::expectation::{
    EventPattern, LinkPattern, Pattern, Requirement, SpanPattern, StatusPattern, Timing,
};
use crate::span::{Event, Kind, Link, Span, Status};
use crate::text::{Key, Quoted, is_near};
use crate::value::Value;

/// One thing in which a span or event differs.
pub(crate) enum Mismatch<'a> {
    Service(&'a Pattern, &'a str),
    Operation(&'a Pattern, &'a str),
    Kind(Kind, Kind),
    Status(StatusPattern, Status),
    /// Whether the parent should be missing; it is the other way round.
    ParentMissing(bool),
    /// The key, and the attributes that are there.
    Attribute(&'a str, &'a Requirement, &'a [(String, Value)]),
    Shorter(Duration, Duration),
    Longer(Duration, Duration),
    Link(&'a LinkPattern),
    /// The span, and the sibling before it.
    Timing(Timing, &'a Span, Option<&'a Span>),
}

impl Mismatch<'_> {
    /// How much less alike it makes two spans. A span that is missing or extra counts 5.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Self::Service(Pattern::Is(a), b) | Self::Operation(Pattern::Is(a), b)
                if is_near(a, b) =>
            {
                2
            }
            Self::Operation(..) => 6,
            Self::Service(..) => 4,
            _ => 1,
        }
    }
}

impl Pattern {
    pub(crate) fn matches(&self, text: &str) -> bool {
        let pieces = match self {
            Self::Is(expected) => return expected == text,
            Self::Like(pieces) => pieces,
        };
        let [first, middle @ .., last] = pieces.as_slice() else {
            return pieces.iter().all(|piece| piece == text);
        };
        let Some(rest) = text.strip_prefix(first.as_str()) else { return false };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
        for piece in middle {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        true
    }
}

impl Requirement {
    /// Whether one of the values of an attribute is as required. A key may be there twice.
    pub(crate) fn is_met(&self, values: &[(String, Value)]) -> bool {
        match self {
            Self::Is(expected) => values.iter().any(|(_, value)| value == expected),
            Self::Like(pattern) => values.iter().any(|(_, value)| match value {
                Value::Text(text) => pattern.matches(text),
                other => pattern.matches(&other.to_string()),
            }),
            Self::Present => !values.is_empty(),
            Self::Absent => values.is_empty(),
        }
    }
}

impl LinkPattern {
    pub(crate) fn matches(&self, link: &Link) -> bool {
        match (&self.target, &link.target) {
            (None, None) => true,
            (Some((service, operation)), Some(target)) => {
                service.matches(&target.0) && operation.matches(&target.1)
            }
            _ => false,
        }
    }
}

impl Timing {
    /// Whether a span and the sibling before it are as required.
    pub(crate) fn is_met(self, previous: Option<&Span>, span: &Span) -> bool {
        match (self, previous) {
            (_, None) => false,
            (Self::After, Some(previous)) => previous.end() <= span.start,
            (Self::Overlaps, Some(previous)) => {
                previous.start < span.end() && span.start < previous.end()
            }
        }
    }
}

/// What differs between a span and its pattern. Events are in [`events`], children in `matches.rs`.
pub(crate) fn mismatches<'a>(pattern: &'a SpanPattern, span: &'a Span) -> Vec<Mismatch<'a>> {
    let mut all = Vec::new();
    if !pattern.service.matches(&span.service) {
        all.push(Mismatch::Service(&pattern.service, &span.service));
    }
    if !pattern.operation.matches(&span.operation) {
        all.push(Mismatch::Operation(&pattern.operation, &span.operation));
    }
    if let Some(kind) = pattern.kind.filter(|&kind| kind != span.kind) {
        all.push(Mismatch::Kind(kind, span.kind));
    }
    let status_differs = |status: &StatusPattern| match *status {
        StatusPattern::Is(status) => status != span.status,
        StatusPattern::NotError => span.status == Status::Error,
    };
    if let Some(status) = pattern.status.filter(status_differs) {
        all.push(Mismatch::Status(status, span.status));
    }
    if pattern.parent_missing != span.parent_missing {
        all.push(Mismatch::ParentMissing(pattern.parent_missing));
    }
    attributes(&pattern.attributes, &span.attributes, &mut all);
    if let Some(bound) = pattern.shorter.filter(|&bound| span.duration >= bound) {
        all.push(Mismatch::Shorter(bound, span.duration));
    }
    if let Some(bound) = pattern.longer.filter(|&bound| span.duration <= bound) {
        all.push(Mismatch::Longer(bound, span.duration));
    }
    let missing = |link: &&LinkPattern| !span.links.iter().any(|there| link.matches(there));
    all.extend(pattern.links.iter().filter(missing).map(Mismatch::Link));
    all
}

/// Whether a span has the names of a pattern.
pub(crate) fn has_names(pattern: &SpanPattern, span: &Span) -> bool {
    pattern.operation.matches(&span.operation) && pattern.service.matches(&span.service)
}

/// Whether a span has the names of a pattern, but for a typing mistake.
pub(crate) fn is_alike(pattern: &SpanPattern, span: &Span) -> bool {
    let alike = |pattern: &Pattern, name: &str| {
        pattern.matches(name) || matches!(pattern, Pattern::Is(expected) if is_near(expected, name))
    };
    alike(&pattern.service, &span.service) && alike(&pattern.operation, &span.operation)
}

fn attributes<'a>(
    expected: &'a [(String, Requirement)],
    there: &'a [(String, Value)],
    all: &mut Vec<Mismatch<'a>>,
) {
    for (key, requirement) in expected {
        if !requirement.is_met(values(there, key)) {
            all.push(Mismatch::Attribute(key, requirement, there));
        }
    }
}

/// The attributes with this key, among those that a trace has sorted.
pub(crate) fn values<'a>(attributes: &'a [(String, Value)], key: &str) -> &'a [(String, Value)] {
    let start = attributes.partition_point(|(name, _)| name.as_str() < key);
    let end = attributes.partition_point(|(name, _)| name.as_str() <= key);
    &attributes[start..end]
}

/// An expected event, what differs, and the event that is nearest.
pub(crate) struct EventComparison<'a> {
    pub(crate) expected: &'a EventPattern,
    pub(crate) nearest: Option<&'a Event>,
    pub(crate) mismatches: Vec<Mismatch<'a>>,
}

impl EventComparison<'_> {
    pub(crate) fn weight(&self) -> u64 {
        match self.nearest {
            None => 2,
            Some(_) => self.mismatches.len().min(1) as u64,
        }
    }
}

/// Looks for the expected events, in their order. Others may be between them.
pub(crate) fn events<'a>(pattern: &'a SpanPattern, span: &'a Span) -> Vec<EventComparison<'a>> {
    let mut rest = span.events.iter();
    let compare = |expected: &'a EventPattern| {
        let differences = |event: &'a Event| {
            let mut all = Vec::new();
            attributes(&expected.attributes, &event.attributes, &mut all);
            all
        };
        let named = |event: &&Event| expected.name.matches(&event.name);
        let mut ahead = rest.clone();
        if let Some(event) = ahead.find(|event| named(event) && differences(event).is_empty()) {
            rest = ahead;
            return EventComparison { expected, nearest: Some(event), mismatches: Vec::new() };
        }
        let nearest = rest.clone().find(named);
        EventComparison {
            expected,
            nearest,
            mismatches: nearest.map(differences).unwrap_or_default(),
        }
    };
    pattern.events.iter().map(compare).collect()
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(expected, found) => {
                write!(f, "service: expected {}, found {}", Name(expected), Quoted(found))
            }
            Self::Operation(expected, found) => {
                write!(f, "operation: expected {}, found {}", Name(expected), Quoted(found))
            }
            Self::Kind(expected, found) => {
                write!(f, "kind: expected {}, found {}", expected.name(), found.name())
            }
            Self::Status(expected, found) => {
                let expected = match expected {
                    StatusPattern::Is(status) => status_name(*status),
                    StatusPattern::NotError => "no error",
                };
                write!(f, "status: expected {expected}, found {}", status_name(*found))
            }
            Self::ParentMissing(true) => {
                f.write_str("parent: expected one that is missing, found a root without a parent")
            }
            Self::ParentMissing(false) => {
                f.write_str("parent: the span names a parent that is not in the trace")
            }
            Self::Attribute(key, requirement, there) => {
                write!(f, "{}: expected ", Key(key))?;
                match requirement {
                    Requirement::Is(value) => write!(f, "the {} {value}", value.type_name())?,
                    Requirement::Like(pattern) => pattern.fmt(f)?,
                    Requirement::Present => f.write_str("any value")?,
                    Requirement::Absent => f.write_str("no such attribute")?,
                }
                if let Some((_, value)) = values(there, key).first() {
                    return write!(f, ", found the {} {}", value.type_name(), Short(value, 100));
                }
                f.write_str(", found no such attribute")?;
                match there.iter().find(|(other, _)| is_like(key, other)) {
                    Some((other, _)) => write!(f, "; there is {}", Key(other)),
                    None => Ok(()),
                }
            }
            Self::Shorter(bound, found) => {
                write!(f, "duration: expected less than {bound:?}, found {found:?}")
            }
            Self::Longer(bound, found) => {
                write!(f, "duration: expected more than {bound:?}, found {found:?}")
            }
            Self::Link(link) => write!(f, "link: no link to {link}"),
            Self::Timing(_, _, None) => f.write_str("time: no span stands before it"),
            Self::Timing(timing, span, Some(previous)) => {
                let other = Names(previous);
                let (start, end) = (span.start, previous.end());
                match timing {
                    Timing::After => {
                        write!(f, "time: expected to start after the end of `{other}`")?
                    }
                    Timing::Overlaps => write!(f, "time: expected to overlap with `{other}`")?,
                }
                let gap = Duration::from_nanos(start.abs_diff(end));
                let side = if start < end { "before" } else { "after" };
                write!(f, ", found to start {gap:?} {side} its end")
            }
        }
    }
}

/// Whether a key may be meant by another: a typing mistake, or the last part is the same and says
/// more than `id`, `name` or `type`, which many keys end with.
fn is_like(key: &str, other: &str) -> bool {
    fn last(key: &str) -> &str {
        key.rsplit_once('.').map_or(key, |(_, last)| last)
    }
    is_near(key, other) || last(key) == last(other) && last(key).len() > "name".len()
}

/// A value, cut if it has more characters than this.
pub(crate) struct Short<'a>(pub(crate) &'a Value, pub(crate) usize);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) if text.chars().count() > self.1 => {
                write!(f, "{}…", Quoted(&text.chars().take(self.1).collect::<String>()))
            }
            value => value.fmt(f),
        }
    }
}

/// The pattern of a name, in quotes.
struct Name<'a>(&'a Pattern);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Pattern::Is(text) => Quoted(text).fmt(f),
            like @ Pattern::Like(_) => like.fmt(f),
        }
    }
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Unset => "unset",
        Status::Ok => "ok",
        Status::Error => "error",
    }
}
