//! The fields needed to adjust the spans of a trace together.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::version::Version;
use super::view::nanos;
use crate::model::{Nanos, Process, Span, SpanId, Value};

/// How many spans of a trace are adjusted together: their outlines take 6.4 MB.
pub(crate) const MOST: usize = 100_000;

/// A span in 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::query) struct Outline {
    pub(super) change: Change,
    /// In whole microseconds; `nanos` has the rest of both.
    start: u64,
    duration: u64,
    nanos: Nanos,
    pub(super) kind: CallEnd,
    /// A hash of its host; 0 where it names none.
    pub(super) host: u64,
}

/// The end of a call that a span is, by its tag `span.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallEnd {
    Client,
    Server,
    Other,
}

impl CallEnd {
    fn of(span: &Span) -> Self {
        match span.kind() {
            Some(kind) if kind.matches("client") => CallEnd::Client,
            Some(kind) if kind.matches("server") => CallEnd::Server,
            _ => CallEnd::Other,
        }
    }
}

/// Why a span does not fit into the tree.
#[derive(Clone, Copy, Debug)]
pub(super) enum Misfit {
    Duplicate,
    NoParent,
}

impl Misfit {
    /// The warning for it.
    pub(super) fn warning(self, parent: SpanId, api: Version) -> String {
        match self {
            Misfit::NoParent if api == Version::V3 => format!(
                "parent span ID={parent} is not in the trace; skipping clock skew adjustment"
            ),
            Misfit::Duplicate => "duplicate span IDs; skipping clock skew adjustment".to_owned(),
            Misfit::NoParent => {
                format!("invalid parent span IDs={parent}; skipping clock skew adjustment")
            }
        }
    }
}

/// The changes to a span; at first none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// The span's number in its trace.
    pub(super) number: u32,
    pub(super) misfit: Option<Misfit>,
    pub(super) has_new_id: bool,
    pub(super) has_new_parent: bool,
    /// The new or unchanged id.
    pub(super) span_id: SpanId,
    /// The new or unchanged parent in the same trace; 0 for none.
    pub(super) parent: SpanId,
    /// How far it should move, in nanoseconds.
    pub(super) skew: i64,
}

impl Change {
    pub(super) fn is_any(&self) -> bool {
        self.misfit.is_some() || self.has_new_id || self.has_new_parent || self.skew != 0
    }
}

impl Outline {
    fn new(number: usize, span: &Span, host: u64) -> Self {
        Outline {
            change: Change {
                number: number as u32,
                misfit: None,
                has_new_id: false,
                has_new_parent: false,
                span_id: span.span_id,
                parent: span.parent().unwrap_or(SpanId(0)),
                skew: 0,
            },
            start: span.start,
            duration: span.duration,
            nanos: span.nanos,
            kind: CallEnd::of(span),
            host,
        }
    }

    pub(in crate::query) fn span_id(&self) -> SpanId {
        self.change.span_id
    }

    pub(in crate::query) fn parent(&self) -> SpanId {
        self.change.parent
    }

    pub(super) fn set_id(&mut self, id: SpanId) {
        (self.change.span_id, self.change.has_new_id) = (id, true);
    }

    pub(super) fn set_parent(&mut self, id: SpanId) {
        (self.change.parent, self.change.has_new_parent) = (id, true);
    }

    /// Its start by its own clock, in nanoseconds.
    pub(super) fn start(&self) -> i128 {
        nanos(self.start) + i128::from(self.nanos.start)
    }

    /// Its duration in nanoseconds.
    pub(super) fn takes(&self) -> i128 {
        nanos(self.duration) + i128::from(self.nanos.duration)
    }
}

/// The outlines of a trace's spans, in the order of their arrival.
#[derive(Debug, Default)]
pub(in crate::query) struct Outlines {
    spans: Vec<Outline>,
    hosts: RandomState,
    version: Version,
}

impl Outlines {
    /// Without spans, for an API.
    pub(in crate::query) fn new(version: Version) -> Self {
        Outlines { version, ..Outlines::default() }
    }

    /// Adds the next spans of the trace.
    pub(in crate::query) fn add(&mut self, spans: &[Span]) {
        let mut last: Option<(&Arc<Process>, u64)> = None;
        for span in spans {
            let host = match last {
                Some((process, host)) if Arc::ptr_eq(process, &span.process) => host,
                _ => self.host(&span.process),
            };
            last = Some((&span.process, host));
            self.spans.push(Outline::new(self.spans.len(), span, host));
        }
    }

    fn host(&self, process: &Process) -> u64 {
        let host = host(process, self.version);
        if host.is_empty() { 0 } else { self.hosts.hash_one(host) | 1 }
    }

    pub(in crate::query) fn into_vec(self) -> Vec<Outline> {
        self.spans
    }
}

/// What identifies a host: the tag `ip`, whatever its type; or its name.
fn host(process: &Process, api: Version) -> String {
    match process.tag("ip") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Int64(number)) => Ipv4Addr::from(*number as u32).to_string(),
        Some(Value::Binary(bytes)) => address(bytes),
        _ if api == Version::V3 => {
            process.tag("host.name").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ipv4Addr::from(four).to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(sixteen) => Ipv6Addr::from(sixteen).to_canonical().to_string(),
        Err(_) => String::new(),
    }
}
