//! Requests in protobuf, decoded straight into a batch of spans.
//!
//! A generated decoder would first build every message in memory, with a copy of its text. Here
//! text stays where it was received. The memory of a request is counted as it is decoded: an empty attribute is 2 bytes on
//! the wire and 56 in memory.
//!
//! The spans get the tags and the order that Jaeger 1.35 gives them. Sources:
//! <https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/>, Jaeger's answers to the
//! recorded requests, and the field numbers in opentelemetry/proto.

use super::limits::{ErrorText, MAX_DEPTH, spend};
use super::nested::nested;
use crate::model::{
    Batch, Bytes, Draft, DraftLog, DraftProcess, Nanos, Part, RefKind, Reference, SpanId, Tag,
    TagValue, TraceId, push_tag,
};
use crate::protobuf::wire::{Fields, WireValue};
use crate::receive::warnings::NEGATIVE_DURATION;
use crate::server::body::MAX_DECODED;

/// The field for spans before OTLP 0.15. Its `InstrumentationLibrarySpans` has the fields of a
/// `ScopeSpans`.
const INSTRUMENTATION_LIBRARY_SPANS: u32 = 1000;
/// The value of `internal.span.format` for spans from OTLP.
const FORMAT: &str = "proto";
/// The service of spans without a resource.
const NO_RESOURCE: &str = "OTLPResourceNoServiceName";
const SERVICE_NAME: &[u8] = b"service.name";

/// Decodes an `ExportTraceServiceRequest` and passes its spans to `take`, about `most` at a time,
/// in the order sent. Returns how many spans were refused, because an id is zero or has the wrong
/// length.
///
/// # Errors
/// Where the bytes are malformed, nest too deep or take too much memory.
pub(super) fn decode<'a>(
    request: &'a [u8],
    most: usize,
    take: &mut dyn FnMut(Batch<'a>),
) -> Result<u64, ErrorText> {
    let mut decoder = Decoder {
        take,
        most,
        budget: MAX_DECODED,
        refused: 0,
        resource: b"",
        batch: Batch::recycled(),
        library: [b""; 2],
        fields: Vec::new(),
    };
    each(request, |number, value| match number {
        1 => decoder.resource_spans(message(value, "ResourceSpans")?),
        _ => Ok(()),
    })?;
    (decoder.take)(decoder.batch);
    Ok(decoder.refused)
}

struct Decoder<'a, 't> {
    take: &'t mut dyn FnMut(Batch<'a>),
    most: usize,
    /// The resource of the current spans.
    resource: &'a [u8],
    batch: Batch<'a>,
    refused: u64,
    /// The memory that the rest of the batch may take, in bytes.
    budget: usize,
    /// The name and the version of the instrumentation: the first tags of each of its spans.
    library: [&'a [u8]; 2],
    /// The event fields of the current span. They are kept apart because the span's own tags must
    /// be contiguous.
    fields: Vec<Tag<'a>>,
}

/// The fields of a span that are translated together.
#[derive(Default)]
struct Sent<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent: &'a [u8],
    state: &'a [u8],
    name: &'a [u8],
    kind: u64,
    start: u64,
    end: u64,
    status: u64,
    description: &'a [u8],
    /// The references of its links, or `None` where an id has the wrong length.
    links: Option<Vec<Reference>>,
}

impl<'a> Decoder<'a, '_> {
    fn resource_spans(&mut self, bytes: &'a [u8]) -> Result<(), ErrorText> {
        // The resource may follow its spans.
        let mut resource = None;
        each(bytes, |number, value| {
            if number == 1 {
                resource = Some(message(value, "Resource")?);
            }
            Ok(())
        })?;
        self.resource = resource.unwrap_or_default();
        self.process()?;
        each(bytes, |number, value| match number {
            2 => self.scope_spans(message(value, "ScopeSpans")?),
            INSTRUMENTATION_LIBRARY_SPANS => {
                self.scope_spans(message(value, "InstrumentationLibrarySpans")?)
            }
            _ => Ok(()),
        })
    }

    fn process(&mut self) -> Result<(), ErrorText> {
        let mut attributes = Vec::new();
        each(self.resource, |number, value| match number {
            1 => {
                let bytes = message(value, "Attributes")?;
                attribute(bytes, MAX_DEPTH - 1, &mut self.budget, &mut attributes)
            }
            _ => Ok(()),
        })?;
        let process = if attributes.is_empty() {
            DraftProcess::new(NO_RESOURCE.as_bytes().into(), 0..0)
        } else {
            let mut service = None;
            let first = self.batch.tags.len();
            for tag in attributes {
                match &*tag.key {
                    // A name that is not a string counts as empty. The text of a list or a map was
                    // made here, that of a string is where it was received.
                    SERVICE_NAME => drop(service.get_or_insert(match tag.value {
                        TagValue::String(name @ Bytes::Borrowed(_)) => name,
                        _ => Bytes::default(),
                    })),
                    _ => self.batch.tags.push(tag),
                }
            }
            DraftProcess::new(service.unwrap_or_default(), first..self.batch.tags.len())
        };
        self.batch.processes.push(process);
        Ok(())
    }

    fn scope_spans(&mut self, bytes: &'a [u8]) -> Result<(), ErrorText> {
        // The scope may follow its spans.
        let mut scope = None;
        each(bytes, |number, value| {
            if number == 1 {
                scope = Some(message(value, "Scope")?);
            }
            Ok(())
        })?;
        self.scope(scope.unwrap_or_default())?;
        each(bytes, |number, value| match number {
            2 => self.span(message(value, "Spans")?),
            _ => Ok(()),
        })
    }

    fn scope(&mut self, bytes: &'a [u8]) -> Result<(), ErrorText> {
        let (mut name, mut version) = (&b""[..], &b""[..]);
        each(bytes, |number, value| {
            match number {
                1 => name = message(value, "Name")?,
                2 => version = message(value, "Version")?,
                3 => self.unused(message(value, "Attributes")?, MAX_DEPTH - 1)?,
                _ => {}
            }
            Ok(())
        })?;
        self.library = [name, version];
        Ok(())
    }

    fn span(&mut self, bytes: &'a [u8]) -> Result<(), ErrorText> {
        self.take(size_of::<Draft<'_>>())?;
        let mut sent = Sent { links: Some(Vec::new()), ..Sent::default() };
        let (first_tag, first_log) = (self.batch.tags.len(), self.batch.logs.len());
        let [name, version] = self.library;
        push_text(&mut self.batch.tags, "otel.library.name", name);
        push_text(&mut self.batch.tags, "otel.library.version", version);
        each(bytes, |number, value| self.span_field(number, value, &mut sent))?;
        if self.translate(&sent, first_tag, first_log).is_none() {
            self.batch.tags.truncate(first_tag);
            self.batch.logs.truncate(first_log);
            self.fields.clear();
            self.refused += 1;
        }
        if self.batch.len() < self.most {
            return Ok(());
        }
        (self.take)(std::mem::take(&mut self.batch));
        self.budget = MAX_DECODED;
        self.process()
    }

    fn span_field(
        &mut self,
        number: u32,
        value: WireValue<'a>,
        sent: &mut Sent<'a>,
    ) -> Result<(), ErrorText> {
        match number {
            1 => sent.trace_id = message(value, "TraceId")?,
            2 => sent.span_id = message(value, "SpanId")?,
            3 => sent.state = message(value, "TraceState")?,
            4 => sent.parent = message(value, "ParentSpanId")?,
            5 => sent.name = message(value, "Name")?,
            6 => sent.kind = varint(value, "Kind")?,
            7 => sent.start = fixed(value, "StartTimeUnixNano")?,
            8 => sent.end = fixed(value, "EndTimeUnixNano")?,
            9 => {
                let bytes = message(value, "Attributes")?;
                attribute(bytes, MAX_DEPTH - 1, &mut self.budget, &mut self.batch.tags)?;
            }
            11 => self.event(message(value, "Events")?)?,
            13 => self.link(message(value, "Links")?, &mut sent.links)?,
            15 => each(message(value, "Status")?, |number, value| {
                match number {
                    2 => sent.description = message(value, "Message")?,
                    3 => sent.status = varint(value, "Code")?,
                    _ => {}
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    }

    /// Adds the span to the batch, unless its ids are invalid. Its attributes and events are there
    /// already, from these positions on.
    fn translate(&mut self, sent: &Sent<'a>, first_tag: usize, first_log: usize) -> Option<()> {
        let trace_id = pair(sent.trace_id).filter(|id| !id.is_zero())?;
        let span_id = eight(sent.span_id).map(SpanId).filter(|id| id.0 != 0)?;
        let references = self.references(sent, trace_id)?;
        push_kind(&mut self.batch.tags, sent.kind);
        push_status(&mut self.batch.tags, sent.status, sent.description);
        push_text(&mut self.batch.tags, "w3c.tracestate", sent.state);
        let format = self.batch.format_tag(FORMAT);
        self.place_fields(first_log);
        let duration = sent.end.checked_sub(sent.start);
        let first_warning = self.batch.warnings.len();
        if duration.is_none() {
            self.batch.warnings.push(NEGATIVE_DURATION.as_bytes().into());
        }
        let duration = duration.unwrap_or_default();
        self.batch.spans.push(Draft {
            trace_id,
            span_id,
            operation: sent.name.into(),
            references,
            flags: 0, // OTLP has them since 2023, Jaeger does not show them
            start: sent.start / 1_000,
            duration: duration / 1_000,
            nanos: Nanos {
                start: (sent.start % 1_000) as u16,
                duration: (duration % 1_000) as u16,
            },
            tags: first_tag..format.end,
            logs: first_log..self.batch.logs.len(),
            process: self.batch.processes.len() - 1,
            warnings: first_warning..self.batch.warnings.len(),
        });
        Some(())
    }

    /// The parent, then the links; `None` where an id has the wrong length.
    fn references(&mut self, sent: &Sent<'_>, trace_id: TraceId) -> Option<Part> {
        let parent = SpanId(eight(sent.parent)?);
        let links = sent.links.as_ref()?;
        let list = &mut self.batch.references;
        let first = list.len();
        if parent.0 != 0 {
            list.push(Reference { kind: RefKind::ChildOf, trace_id, span_id: parent });
        }
        list.extend_from_slice(links);
        Some(first..list.len())
    }

    /// Appends the fields of the logs from `first_log` on to the tags.
    fn place_fields(&mut self, first_log: usize) {
        let behind = self.batch.tags.len();
        self.batch.tags.append(&mut self.fields);
        for log in &mut self.batch.logs[first_log..] {
            log.fields = log.fields.start + behind..log.fields.end + behind;
        }
    }

    fn event(&mut self, bytes: &'a [u8]) -> Result<(), ErrorText> {
        self.take(size_of::<DraftLog>())?;
        let (mut time, mut name) = (0, &b""[..]);
        let first = self.fields.len();
        each(bytes, |number, value| {
            match number {
                1 => time = fixed(value, "TimeUnixNano")?,
                2 => name = message(value, "Name")?,
                3 => {
                    let bytes = message(value, "Attributes")?;
                    attribute(bytes, MAX_DEPTH - 2, &mut self.budget, &mut self.fields)?;
                }
                _ => {}
            }
            Ok(())
        })?;
        if !self.fields[first..].iter().any(|field| *field.key == *b"event") {
            push_text(&mut self.fields, "event", name);
            self.fields[first..].rotate_right(usize::from(!name.is_empty()));
        }
        let fields = first..self.fields.len();
        self.batch.logs.push(DraftLog { timestamp: time / 1_000, fields });
        Ok(())
    }

    fn link(
        &mut self,
        bytes: &'a [u8],
        links: &mut Option<Vec<Reference>>,
    ) -> Result<(), ErrorText> {
        self.take(size_of::<Reference>())?;
        let (mut trace, mut span) = (&b""[..], &b""[..]);
        each(bytes, |number, value| {
            match number {
                1 => trace = message(value, "TraceId")?,
                2 => span = message(value, "SpanId")?,
                4 => self.unused(message(value, "Attributes")?, MAX_DEPTH - 2)?,
                _ => {}
            }
            Ok(())
        })?;
        match (pair(trace), eight(span)) {
            (Some(trace_id), Some(span)) => links.iter_mut().for_each(|links| {
                links.push(Reference {
                    kind: RefKind::FollowsFrom,
                    trace_id,
                    span_id: SpanId(span),
                });
            }),
            _ => *links = None,
        }
        Ok(())
    }

    /// Checks an attribute that Jaeger has no place for.
    fn unused(&mut self, bytes: &'a [u8], depth: u32) -> Result<(), ErrorText> {
        attribute(bytes, depth, &mut self.budget, &mut Vec::new())
    }

    fn take(&mut self, bytes: usize) -> Result<(), ErrorText> {
        spend(&mut self.budget, bytes)
    }
}

/// Reads an attribute whose value may nest `depth` levels deep.
fn attribute<'a>(
    bytes: &'a [u8],
    depth: u32,
    budget: &mut usize,
    out: &mut Vec<Tag<'a>>,
) -> Result<(), ErrorText> {
    spend(budget, size_of::<Tag<'_>>())?;
    let (mut key, mut any) = (&b""[..], Any::Text(b""));
    each(bytes, |number, field| {
        match number {
            1 => key = message(field, "Key")?,
            2 => any = any_value(message(field, "Value")?)?,
            _ => {}
        }
        Ok(())
    })?;
    match any {
        Any::Text(text) => push_tag(out, key, text),
        Any::Bool(value) => push_tag(out, key, value),
        Any::Int(value) => push_tag(out, key, value),
        Any::Double(value) => push_tag(out, key, value),
        Any::Bytes(bytes) => push_tag(out, key, TagValue::Binary(bytes.into())),
        Any::Nests(bytes) => {
            let text = nested(bytes, depth - 1, budget)?;
            push_tag(out, key, TagValue::String(text.into()));
        }
    }
    Ok(())
}

/// An `AnyValue`, still where it was received.
#[derive(Clone, Copy)]
enum Any<'a> {
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// A list or a map: all of its bytes.
    Nests(&'a [u8]),
}

#[inline]
fn any_value(bytes: &[u8]) -> Result<Any<'_>, ErrorText> {
    let mut found = Any::Text(b"");
    let mut nests = false;
    each(bytes, |number, value| {
        match number {
            1 => found = Any::Text(message(value, "StringValue")?),
            2 => found = Any::Bool(varint(value, "BoolValue")? != 0),
            3 => found = Any::Int(varint(value, "IntValue")? as i64),
            4 => found = Any::Double(f64::from_bits(fixed(value, "DoubleValue")?)),
            7 => found = Any::Bytes(message(value, "BytesValue")?),
            5 | 6 => nests = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok(if nests { Any::Nests(bytes) } else { found })
}

fn push_kind(tags: &mut Vec<Tag<'_>>, kind: u64) {
    let kind = match kind {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => return,
    };
    tags.push(Tag::text("span.kind", kind));
}

fn push_status<'a>(tags: &mut Vec<Tag<'a>>, code: u64, description: &'a [u8]) {
    match code {
        1 => tags.push(Tag::text("otel.status_code", "OK")),
        2 => {
            tags.push(Tag::text("otel.status_code", "ERROR"));
            tags.push(Tag { key: b"error"[..].into(), value: TagValue::Bool(true) });
        }
        _ => {}
    }
    push_text(tags, "otel.status_description", description);
}

/// Adds a tag unless its text is empty.
fn push_text<'a>(tags: &mut Vec<Tag<'a>>, key: &'static str, text: &'a [u8]) {
    if !text.is_empty() {
        push_tag(tags, key.as_bytes(), text);
    }
}

/// 16 bytes, or none for zero.
fn pair(bytes: &[u8]) -> Option<TraceId> {
    match bytes.len() {
        0 => Some(TraceId::default()),
        16 => Some(TraceId { high: eight(&bytes[..8])?, low: eight(&bytes[8..])? }),
        _ => None,
    }
}

/// 8 bytes, or none for zero.
fn eight(bytes: &[u8]) -> Option<u64> {
    match bytes.len() {
        0 => Some(0),
        8 => bytes.try_into().ok().map(u64::from_be_bytes),
        _ => None,
    }
}

/// Calls `read` for each field of a message.
#[inline]
pub(super) fn each<'a>(
    bytes: &'a [u8],
    mut read: impl FnMut(u32, WireValue<'a>) -> Result<(), ErrorText>,
) -> Result<(), ErrorText> {
    let mut fields = Fields::of(bytes);
    while let Some((number, value)) = fields.next().map_err(|error| error.to_string())? {
        read(number, value)?;
    }
    Ok(())
}

/// The text, bytes or message in a field.
#[inline]
pub(super) fn message<'a>(value: WireValue<'a>, field: &str) -> Result<&'a [u8], ErrorText> {
    value.bytes().map_err(|_| wrong_type(value, field))
}

pub(super) fn varint(value: WireValue<'_>, field: &str) -> Result<u64, ErrorText> {
    value.varint().map_err(|_| wrong_type(value, field))
}

pub(super) fn fixed(value: WireValue<'_>, field: &str) -> Result<u64, ErrorText> {
    value.double().map(f64::to_bits).map_err(|_| wrong_type(value, field))
}

#[cold]
fn wrong_type(value: WireValue<'_>, field: &str) -> ErrorText {
    format!("the field {field} has the wrong wire type {}", value.wire_type()).into()
}
