//! Traces from the spans that an SDK of OpenTelemetry has in memory: a test in one process needs no server.
//!
// The example is tested in `tests/sdk`, where the feature and the SDK are there.
#![cfg_attr(not(doctest), doc = include_str!("sdk.md"))]

use crate::read::Spans;
use crate::trace::Trace;

/// Sorts the spans of an `InMemorySpanExporter` into their traces, the earliest first.
///
/// `service` names the service, because spans do not know their resource: except for those of version
/// 0.23, whose `service.name` is used if somebody set it.
///
/// They read as the same spans do from OTLP and from Jaeger: the description of a status is the attribute
/// `otel.status_description`, and lists are texts in JSON.
pub fn traces<S: SpanData>(spans: &[S], service: &str) -> Vec<Trace> {
    let mut all = Spans::default();
    for span in spans {
        all.push(span.read(service));
    }
    all.into_traces()
}

/// `SpanData` of each version of `opentelemetry_sdk` whose feature is on.
pub trait SpanData: sealed::Read {}

mod sealed {
    pub trait Read {
        #[doc(hidden)]
        fn read(&self, service: &str) -> crate::read::Read;
    }
}

/// All versions have the same fields, in types of their own.
macro_rules! version {
    ($feature:literal, $api:ident, $sdk:ident $(:: $module:ident)*) => {
        version!($feature, $api, $sdk $(:: $module)*, |_| None);
    };
    ($feature:literal, $api:ident, $sdk:ident $(:: $module:ident)*, $service:expr) => {
        #[cfg(feature = $feature)]
        const _: () = {
            use std::time::{SystemTime, UNIX_EPOCH};

            use $api::trace::{Event as SdkEvent, SpanId, SpanKind, Status as SdkStatus};
            use $api::{Array, KeyValue, Value as SdkValue};
            use $sdk $(:: $module)*::SpanData as Data;

            use crate::read::{Read, add_attribute, in_order, name_event};
            use crate::span::{Event, Kind, Span, Status};
            use crate::trace::Record;
            use crate::value::Value;

            impl SpanData for Data {}

            impl sealed::Read for Data {
                fn read(&self, service: &str) -> Read {
                    let service_of: fn(&Data) -> Option<String> = $service;
                    let service = service_of(self).unwrap_or_else(|| service.to_owned());
                    let mut span = Span::new(service, self.name.clone());
                    span.start = nanos(self.start_time);
                    span.duration =
                        self.end_time.duration_since(self.start_time).unwrap_or_default();
                    for (key, value) in attributes(&self.attributes) {
                        add_attribute(&mut span, key, value);
                    }
                    if self.span_kind != SpanKind::Internal {
                        span.kind = kind(&self.span_kind);
                    }
                    match &self.status {
                        SdkStatus::Unset => {}
                        SdkStatus::Ok => span.status = Status::Ok,
                        SdkStatus::Error { description } => {
                            span.status = Status::Error;
                            if !description.is_empty() {
                                let key = "otel.status_description".to_owned();
                                span.attributes.push((key, description.as_ref().into()));
                            }
                        }
                    }
                    span.events = in_order(self.events.iter().map(event).collect());
                    let links = self.links.iter().map(|link| &link.span_context);
                    let context = &self.span_context;
                    let parent = Some(self.parent_span_id).filter(|&id| id != SpanId::INVALID);
                    Read {
                        trace: context.trace_id().to_string(),
                        record: Record {
                            id: context.span_id().to_string(),
                            parent: parent.map(|id| id.to_string()),
                            span,
                        },
                        links: links
                            .map(|link| (link.trace_id().to_string(), link.span_id().to_string()))
                            .collect(),
                    }
                }
            }

            fn kind(kind: &SpanKind) -> Kind {
                match kind {
                    SpanKind::Internal => Kind::Internal,
                    SpanKind::Server => Kind::Server,
                    SpanKind::Client => Kind::Client,
                    SpanKind::Producer => Kind::Producer,
                    SpanKind::Consumer => Kind::Consumer,
                }
            }

            fn nanos(time: SystemTime) -> u64 {
                let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
            }

            fn event(event: &SdkEvent) -> (u64, Event) {
                let mut read = Event::new(event.name.clone());
                read.attributes = attributes(&event.attributes);
                name_event(&mut read);
                (nanos(event.timestamp), read)
            }

            fn attributes(attributes: &[KeyValue]) -> Vec<(String, Value)> {
                let read = |pair: &KeyValue| (pair.key.to_string(), value(&pair.value));
                attributes.iter().map(read).collect()
            }

            #[allow(unreachable_patterns, reason = "some versions may get more variants")]
            fn value(value: &SdkValue) -> Value {
                match value {
                    SdkValue::Bool(yes) => Value::Bool(*yes),
                    SdkValue::I64(number) => Value::Int(*number),
                    SdkValue::F64(number) => Value::Float(*number),
                    SdkValue::String(text) => Value::Text(text.as_str().to_owned()),
                    SdkValue::Array(Array::Bool(list)) => json(list.iter().copied()),
                    SdkValue::Array(Array::I64(list)) => json(list.iter().copied()),
                    SdkValue::Array(Array::F64(list)) => json(list.iter().copied()),
                    SdkValue::Array(Array::String(list)) => json(list.iter().map(|it| it.as_str())),
                    other => Value::Text(other.to_string()),
                }
            }

            fn json<T: Into<serde_json::Value>>(list: impl Iterator<Item = T>) -> Value {
                Value::Text(serde_json::Value::from_iter(list).to_string())
            }
        };
    };
}

version!("opentelemetry_0_23", opentelemetry_0_23, opentelemetry_sdk_0_23::export::trace, |span| {
    let name = span.resource.get(opentelemetry_0_23::Key::from_static_str("service.name"))?;
    Some(name.to_string()).filter(|name| !name.starts_with("unknown_service"))
});
version!("opentelemetry_0_27", opentelemetry_0_27, opentelemetry_sdk_0_27::export::trace);
version!("opentelemetry_0_28", opentelemetry_0_28, opentelemetry_sdk_0_28::trace);
version!("opentelemetry_0_29", opentelemetry_0_29, opentelemetry_sdk_0_29::trace);
version!("opentelemetry_0_30", opentelemetry_0_30, opentelemetry_sdk_0_30::trace);
version!("opentelemetry_0_31", opentelemetry_0_31, opentelemetry_sdk_0_31::trace);
version!("opentelemetry_0_32", opentelemetry_0_32, opentelemetry_sdk_0_32::trace);
version!("opentelemetry_0_33", opentelemetry_0_33, opentelemetry_sdk_0_33::trace);
