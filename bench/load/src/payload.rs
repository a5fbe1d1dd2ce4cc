//! Encodes the spans in each format, before any measurement starts.
//!
//! A trace has ten spans, and a batch has one service. A span has a log and six tags or attributes:
//! one is unique to the span, one has a thousand values. It takes 280 to 320 bytes in OTLP and in
//! compact Thrift.

use std::ops::Range;
use std::time::{SystemTime, SystemTimeError, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as OtlpSpan};
use prost::Message as _;
use thrift_codec::data::{Data, Field, List, Struct};
use thrift_codec::message::Message;
use thrift_codec::{BinaryEncode, CompactEncode};

/// Spans per trace.
pub(crate) const SPANS_PER_TRACE: usize = 10;
/// How many services there are.
pub(crate) const SERVICES: usize = 10;
/// The number of values of the tag `user`: about one in a hundred traces of a service has each.
pub(crate) const USERS: u64 = 1_000;

/// The age of the traces in microseconds: one hour. Searches look back two days.
const TRACE_AGE: u64 = 3_600_000_000;

/// The upper 64 bits of all trace ids.
pub(crate) const TRACE_ID_HIGH: u64 = 1 << 62;

const OPERATIONS: [&str; 8] = [
    "GET /",
    "GET /api/users/{id}",
    "POST /api/orders",
    "SELECT orders",
    "redis GET",
    "render",
    "queue.publish",
    "price.compute",
];

/// A span before it is encoded.
struct Span {
    trace: (u64, u64),
    id: u64,
    parent: u64,
    operation: &'static str,
    /// In microseconds.
    start: u64,
    duration: u64,
    url: String,
    user: String,
    /// Half of the spans are of the server. The same half has the tag `sampled`=true.
    is_server: bool,
    status: i64,
}

/// Generates the spans of a range of traces.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// The start of the first trace, in microseconds since the Unix epoch.
    start: u64,
    shape: Shape,
}

/// How the spans are spread over services and traces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Ten services in turn.
    Services,
    OneService,
    /// All spans have the same trace id.
    OneTrace,
}

impl Load {
    /// Traces that started an hour ago.
    pub(crate) fn now(shape: Shape) -> Result<Self, SystemTimeError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
        Ok(Self { start: now - TRACE_AGE, shape })
    }

    /// The spans of these traces in requests of `spans` spans each.
    pub(crate) fn requests(
        self,
        traces: Range<usize>,
        spans: usize,
        encode: fn(Load, usize, usize) -> Vec<u8>,
    ) -> Vec<Vec<u8>> {
        let (each, end) = (spans / SPANS_PER_TRACE, traces.end);
        traces.step_by(each).map(|first| encode(self, first, each.min(end - first))).collect()
    }

    /// The service of the batch that starts with this trace.
    fn service(self, first: usize, traces: usize) -> String {
        let service = match self.shape {
            Shape::Services => first / traces % SERVICES,
            Shape::OneService | Shape::OneTrace => 0,
        };
        format!("load-{service}")
    }

    fn spans(self, first: usize, traces: usize) -> impl Iterator<Item = Span> {
        (first..first + traces)
            .flat_map(move |trace| (0..SPANS_PER_TRACE).map(move |n| self.span(trace, n)))
    }

    fn span(self, trace: usize, number: usize) -> Span {
        let (high, low) = ids(trace);
        let random = splitmix64(low ^ number as u64);
        let id = |number: usize| splitmix64(low.wrapping_add(number as u64 + 1)) | 1;
        Span {
            trace: if self.shape == Shape::OneTrace { ids(usize::MAX) } else { (high, low) },
            id: id(number),
            parent: if number == 0 { 0 } else { id((number - 1) / 2) },
            operation: OPERATIONS[random as usize % OPERATIONS.len()],
            start: self.start + trace as u64 * 100 + number as u64 * 30,
            duration: 100 + (random >> 8) % 100_000,
            url: format!("http://10.0.0.{}:8080/api/v1/items/{}", random & 0xff, random >> 40),
            user: format!("user-{}", random % USERS),
            is_server: random & 1 == 0,
            status: if random.is_multiple_of(50) { 500 } else { 200 },
        }
    }

    /// A datagram for the agent, in compact Thrift.
    pub(crate) fn compact(self, first: usize, traces: usize) -> Vec<u8> {
        let arguments = Struct::new(vec![Field::new(1, self.batch(first, traces))]);
        let mut packet = Vec::new();
        // Writing to memory cannot fail.
        let _ = Message::oneway("emitBatch", 1, arguments).compact_encode(&mut packet);
        packet
    }

    /// A body for the collector, in binary Thrift.
    pub(crate) fn binary(self, first: usize, traces: usize) -> Vec<u8> {
        let mut body = Vec::new();
        let _ = self.batch(first, traces).binary_encode(&mut body);
        body
    }

    fn batch(self, first: usize, traces: usize) -> Struct {
        let tags = [("hostname", "load-host"), ("ip", "10.1.2.3"), ("jaeger.version", "load-1")];
        let tags = tags.map(|(key, value)| thrift_text(key, value));
        let process = Struct::new(vec![
            Field::new(1, self.service(first, traces)),
            Field::new(2, structs(tags)),
        ]);
        let spans = self.spans(first, traces).map(|span| thrift_span(&span));
        Struct::new(vec![Field::new(1, process), Field::new(2, structs(spans))])
    }

    /// A request in OTLP.
    pub(crate) fn otlp(self, first: usize, traces: usize) -> Vec<u8> {
        let service = self.service(first, traces);
        let resource =
            [("service.name", &*service), ("host.name", "load-host"), ("ip", "10.1.2.3")];
        let resource =
            resource.map(|(key, value)| attribute(key, Any::StringValue(value.to_owned())));
        let scope = InstrumentationScope {
            name: "load".to_owned(),
            version: "1.0".to_owned(),
            ..InstrumentationScope::default()
        };
        let spans = self.spans(first, traces).map(otlp_span).collect();
        let scope_spans = ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() };
        let resource = Resource { attributes: resource.into(), ..Resource::default() };
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(resource),
                scope_spans: vec![scope_spans],
                ..ResourceSpans::default()
            }],
        }
        .encode_to_vec()
    }
}

fn ids(trace: usize) -> (u64, u64) {
    (TRACE_ID_HIGH, splitmix64(trace as u64) | 1)
}

/// The hexadecimal id of a trace with these upper 64 bits.
pub(crate) fn trace_id(trace: usize, high: u64) -> String {
    let (_, low) = ids(trace);
    format!("{high:016x}{low:016x}")
}

/// The upper 64 bits of trace ids in compact Thrift. They take ten bytes in every round, so a
/// packet can be sent again with new trace ids written over the old ones.
pub(crate) fn compact_high(round: u64) -> [u8; 10] {
    let mut rest = (TRACE_ID_HIGH + round) << 1; // zigzag
    std::array::from_fn(|index| {
        let byte = rest as u8 & 0x7f;
        rest >>= 7;
        if index < 9 { byte | 0x80 } else { byte }
    })
}

/// Pseudorandom numbers, the same in every run (Steele, Lea, Flood: Fast Splittable Pseudorandom
/// Number Generators, 2014).
pub(crate) fn splitmix64(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn thrift_span(span: &Span) -> Struct {
    let kind = if span.is_server { "server" } else { "client" };
    let mut tags = [
        ("span.kind", kind),
        ("http.method", "GET"),
        ("http.url", &*span.url),
        ("user", &*span.user),
    ]
    .map(|(key, value)| thrift_text(key, value))
    .to_vec();
    tags.push(thrift_tag("http.status_code", 3, Field::new(6, span.status)));
    tags.push(thrift_tag("sampled", 2, Field::new(5, span.is_server)));
    let fields = [("event", "request"), ("message", "something happened here")];
    let log = Struct::new(vec![
        Field::new(1, span.start as i64 + 10),
        Field::new(2, structs(fields.map(|(key, value)| thrift_text(key, value)))),
    ]);
    Struct::new(vec![
        Field::new(1, span.trace.1 as i64),
        Field::new(2, span.trace.0 as i64),
        Field::new(3, span.id as i64),
        Field::new(4, span.parent as i64),
        Field::new(5, span.operation),
        Field::new(7, 1i32),
        Field::new(8, span.start as i64),
        Field::new(9, span.duration as i64),
        Field::new(10, structs(tags)),
        Field::new(11, structs([log])),
    ])
}

fn thrift_text(key: &str, value: &str) -> Struct {
    thrift_tag(key, 0, Field::new(3, value))
}

fn thrift_tag(key: &str, kind: i32, value: Field) -> Struct {
    Struct::new(vec![Field::new(1, key), Field::new(2, kind), value])
}

fn structs(items: impl IntoIterator<Item = Struct>) -> Data {
    List::from(items.into_iter().collect::<Vec<_>>()).into()
}

fn otlp_span(span: Span) -> OtlpSpan {
    let text = |text: &str| Any::StringValue(text.to_owned());
    let kind = if span.is_server { SpanKind::Server } else { SpanKind::Client };
    let parent = if span.parent == 0 { Vec::new() } else { span.parent.to_be_bytes().to_vec() };
    let event = Event {
        time_unix_nano: (span.start + 10) * 1_000,
        name: "request".to_owned(),
        attributes: vec![attribute("message", text("something happened here"))],
        ..Event::default()
    };
    OtlpSpan {
        trace_id: [span.trace.0.to_be_bytes(), span.trace.1.to_be_bytes()].concat(),
        span_id: span.id.to_be_bytes().to_vec(),
        parent_span_id: parent,
        name: span.operation.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: span.start * 1_000,
        end_time_unix_nano: (span.start + span.duration) * 1_000,
        attributes: vec![
            attribute("http.method", text("GET")),
            attribute("http.url", Any::StringValue(span.url)),
            attribute("user", Any::StringValue(span.user)),
            attribute("http.status_code", Any::IntValue(span.status)),
            attribute("sampled", Any::BoolValue(span.is_server)),
        ],
        events: vec![event],
        ..OtlpSpan::default()
    }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}
