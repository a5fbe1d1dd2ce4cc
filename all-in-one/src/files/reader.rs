//! Reads a JSON value with spans, in any of the known formats, into a store.
//!
//! Spans are decoded some at a time, by the decoders of the doors. A span that cannot be read is
//! reported and counted, and the others are kept.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de;
use serde_json::value::RawValue;

use super::extra;
use super::jaeger::{self, Processes};
use crate::model::Batch;
use crate::receive::json::each;
use crate::receive::mend::as_json;
use crate::receive::{otlp, zipkin};
use crate::server::body::MAX_BODY;
use crate::store::Store;

/// How many spans are decoded at a time.
const AT_ONCE: usize = 256;
/// How many tags a batch of Jaeger's spans may have.
const TAGS_AT_ONCE: usize = 64 << 10;

/// How many bytes of OTLP a value may become: a resource is decoded again for every group of spans,
/// and a large one may have many small groups.
const MOST_REPEATED: usize = 16 * MAX_BODY;

const UNKNOWN: &str = "it is neither OTLP (an object with resourceSpans) nor Jaeger's JSON (an object \
                       with data) nor Zipkin's JSON v2 (an array of spans)";

/// Reads JSON into a store and counts.
pub(crate) struct Reader<'s> {
    store: &'s Store,
    /// Called for each span, or group of spans, that is refused, with the reason.
    report: &'s mut dyn FnMut(&str),
    /// The spans that were read.
    pub(crate) spans: u64,
    /// The spans that were refused.
    pub(crate) refused: u64,
    /// The spans that were dropped because their trace is too large.
    pub(crate) dropped: u64,
    /// How many bytes of OTLP were decoded.
    decoded: usize,
}

/// The fields by which a format is known.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Object<'a> {
    #[serde(borrow, rename = "resourceSpans", alias = "resource_spans", deserialize_with = "some")]
    resource_spans: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "some")]
    result: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "some")]
    data: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "some")]
    spans: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "some")]
    processes: Option<&'a RawValue>,
    /// Of a span of Zipkin's.
    #[serde(borrow, rename = "traceId", deserialize_with = "some")]
    trace_id: Option<&'a RawValue>,
    #[serde(borrow, rename = "resourceLogs", deserialize_with = "some")]
    logs: Option<&'a RawValue>,
    #[serde(borrow, rename = "resourceMetrics", deserialize_with = "some")]
    metrics: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ResourceSpans<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(
        borrow,
        rename = "scopeSpans",
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans",
        alias = "instrumentation_library_spans"
    )]
    scope_spans: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow, alias = "instrumentationLibrary", alias = "instrumentation_library")]
    scope: Option<&'a RawValue>,
    #[serde(borrow)]
    spans: Option<&'a RawValue>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(store: &'s Store, report: &'s mut dyn FnMut(&str)) -> Self {
        Reader { store, report, spans: 0, refused: 0, dropped: 0, decoded: 0 }
    }

    /// Reads a JSON value.
    ///
    /// # Errors
    /// Where the text is not JSON, or of no known format.
    pub(crate) fn read(&mut self, text: &[u8]) -> Result<(), String> {
        let text = as_json(text)?;
        self.value(parse(&text)?, 2)
    }

    /// Reads a value that may contain `depth` levels of others.
    fn value(&mut self, value: &RawValue, depth: usize) -> Result<(), String> {
        match value.get().as_bytes() {
            [b'{', ..] => self.object(value, depth),
            [b'[', ..] if depth > 0 => self.list(value, depth - 1),
            _ => Err(UNKNOWN.to_owned()),
        }
    }

    fn object(&mut self, value: &RawValue, depth: usize) -> Result<(), String> {
        let object: Object<'_> = parse(value.get())?;
        if let Some(list) = object.resource_spans {
            return each(list, &mut |one| self.resource_spans(parse(one.get())?));
        }
        if let (Some(result), true) = (object.result, depth > 0) {
            return self.value(result, depth - 1);
        }
        if let Some(data) = object.data {
            return each(data, &mut |trace| self.jaeger(&parse(trace.get())?));
        }
        if object.spans.is_some() {
            return self.jaeger(&object);
        }
        if object.trace_id.is_some() {
            self.zipkin(&[value.get()]);
            return Ok(());
        }
        match (object.logs, object.metrics) {
            (Some(_), _) => Err("it holds logs; only traces are kept".to_owned()),
            (_, Some(_)) => Err("it holds metrics; only traces are kept".to_owned()),
            _ => Err(UNKNOWN.to_owned()),
        }
    }

    /// Reads an array: of Zipkin's spans, or of other values.
    fn list(&mut self, list: &RawValue, depth: usize) -> Result<(), String> {
        let mut spans = Vec::new();
        each(list, &mut |item| {
            if is_zipkin(item) {
                spans.push(item.get());
            } else {
                self.value(item, depth)?;
            }
            if spans.len() == AT_ONCE {
                self.zipkin(&std::mem::take(&mut spans));
            }
            Ok(())
        })?;
        self.zipkin(&spans);
        Ok(())
    }

    fn zipkin(&mut self, spans: &[&str]) {
        let text = |spans: &[&str]| format!("[{}]", spans.join(","));
        let store = |reader: &mut Self, text: &str| {
            zipkin::read(text.as_bytes(), &mut |batch| reader.take(batch)).map(|()| 0)
        };
        let check = |span: &str| zipkin::read(text(&[span]).as_bytes(), &mut |_| {}).map(|()| 0);
        self.together_or_alone(spans, text, store, check);
    }

    fn resource_spans(&mut self, resource: ResourceSpans<'_>) -> Result<(), String> {
        let Some(list) = resource.scope_spans else { return Ok(()) };
        each(list, &mut |scope| {
            let scope: ScopeSpans<'_> = parse(scope.get())?;
            self.scope_spans(resource.resource, scope)
        })
    }

    fn scope_spans(
        &mut self,
        resource: Option<&RawValue>,
        scope: ScopeSpans<'_>,
    ) -> Result<(), String> {
        let [resource, name] =
            [resource, scope.scope].map(|json| json.map_or("null", RawValue::get));
        let Some(list) = scope.spans else { return Ok(()) };
        // The resource is decoded again for every group of spans, so a group is not smaller.
        let enough = resource.len() + name.len();
        let (mut spans, mut size) = (Vec::new(), 0);
        each(list, &mut |span| {
            size += span.get().len();
            spans.push(span.get());
            if spans.len() >= AT_ONCE && size >= enough {
                self.otlp(resource, name, &std::mem::take(&mut spans));
                size = 0;
            }
            Ok(())
        })?;
        self.otlp(resource, name, &spans);
        Ok(())
    }

    fn otlp(&mut self, resource: &str, scope: &str, spans: &[&str]) {
        self.decoded +=
            resource.len() + scope.len() + spans.iter().map(|it| it.len()).sum::<usize>();
        if self.decoded > MOST_REPEATED {
            let why = "its resources are too large to be repeated for so many scopes";
            return self.refuse(spans.len() as u64, why);
        }
        let request = |resource: &str, scope: &str, spans: &[&str]| {
            let spans = spans.join(",");
            format!(
                r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":[{spans}]}}]}}]}}"#
            )
        };
        let text = |spans: &[&str]| request(resource, scope, spans);
        let store = |reader: &mut Self, text: &str| {
            let (refused, left_out) = otlp::read(text.as_bytes(), &mut |mut batch| {
                extra::restore(&mut batch);
                reader.take(batch);
            })?;
            if let Some(why) = left_out {
                (reader.report)(&why);
            }
            Ok(refused)
        };
        // Without the resource: it may be much larger than a span.
        let check =
            |text: &str| otlp::read(text.as_bytes(), &mut |_| {}).map(|(refused, _)| refused);
        let alone = |span: &str| check(&request("null", "null", &[span]));
        self.together_or_alone(spans, text, store, alone);
    }

    /// Stores spans together. Where that fails, those that `check` refuses are left out.
    fn together_or_alone(
        &mut self,
        spans: &[&str],
        text: impl Fn(&[&str]) -> String,
        store: impl Fn(&mut Self, &str) -> Result<u64, String>,
        check: impl Fn(&str) -> Result<u64, String>,
    ) {
        if spans.is_empty() {
            return;
        }
        let refused = store(self, &text(spans)).or_else(|_| {
            let good: Vec<&str> = spans
                .iter()
                .copied()
                .filter(|span| {
                    let checked = check(span);
                    checked.map_err(|why| self.refuse(1, &why)).is_ok()
                })
                .collect();
            if good.is_empty() {
                Ok(0)
            } else {
                store(self, &text(&good)).map_err(|why| (why, good.len()))
            }
        });
        match refused {
            Ok(0) => {}
            Ok(refused) => self.refuse(refused, INVALID_ID),
            Err((why, spans)) => self.refuse(spans as u64, &why),
        }
    }

    fn jaeger(&mut self, trace: &Object<'_>) -> Result<(), String> {
        let Some(spans) = trace.spans else { return Err(UNKNOWN.to_owned()) };
        let processes = trace.processes.map(RawValue::get).filter(|json| *json != "null");
        let processes: Processes<'_> = processes.map(parse).transpose()?.unwrap_or_default();
        let (mut batch, mut places) = (Batch::default(), BTreeMap::new());
        let mut tags = 0;
        each(spans, &mut |span| {
            if let Err(why) = jaeger::span(span, &processes, &mut places, &mut batch) {
                self.refuse(1, &why);
            }
            tags += batch.spans.last().map_or(0, |span| span.tags.len() + span.logs.len());
            if tags > TAGS_AT_ONCE {
                self.take(std::mem::take(&mut batch));
                places.clear();
                tags = 0;
            }
            Ok(())
        })?;
        self.take(batch);
        Ok(())
    }

    fn take(&mut self, batch: Batch<'_>) {
        self.spans += batch.len() as u64;
        self.dropped += self.store.take(&batch);
        batch.recycle();
    }

    fn refuse(&mut self, spans: u64, why: &str) {
        self.refused += spans;
        (self.report)(why);
    }
}

const INVALID_ID: &str = "an id is zero or has the wrong length";

/// Whether an object has the fields of a span of Zipkin's.
fn is_zipkin(item: &RawValue) -> bool {
    let object = parse::<Object<'_>>(item.get());
    object.is_ok_and(|object| {
        object.trace_id.is_some() && object.spans.is_none() && object.resource_spans.is_none()
    })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A field that is there, even if it is null.
fn some<'de, D: de::Deserializer<'de>>(reader: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(reader).map(Some)
}
