//! The fields of OTLP that a span has among its tags.

use crate::model::{KeyValue, Value};
use crate::otlp_json::{Scope, Sent, Status, is_text, kind};

/// The fields of a span. One that came as OTLP is taken apart as it was put together, another one
/// is translated as the OpenTelemetry Collector does.
pub(super) fn sent(tags: &[KeyValue]) -> Sent<'_> {
    Sent::of(tags).unwrap_or_else(|| translated(tags))
}

fn translated(tags: &[KeyValue]) -> Sent<'_> {
    let mut sent = Sent {
        scope: Scope::default(),
        attributes: Vec::new(),
        kind: 0,
        status: Status::default(),
        trace_state: "",
    };
    for tag in tags {
        match (&*tag.key, &tag.value) {
            ("span.kind", _) if sent.kind == 0 && kind(tag) > 0 => sent.kind = kind(tag),
            ("error", Value::Bool(true)) => sent.status.code = 2,
            _ if is_text(tag, "error", "true") => sent.status.code = 2,
            _ if is_text(tag, "otel.status_code", "ERROR") => sent.status.code = 2,
            _ if is_text(tag, "otel.status_code", "OK") => {
                sent.status.code = sent.status.code.max(1);
            }
            ("otel.status_description", Value::String(text)) => sent.status.message = text,
            ("w3c.tracestate", Value::String(text)) => sent.trace_state = text,
            ("otel.library.name" | "otel.scope.name", Value::String(text)) => {
                sent.scope.name = text;
            }
            ("otel.library.version" | "otel.scope.version", Value::String(text)) => {
                sent.scope.version = text;
            }
            ("internal.span.format", _) => {}
            _ => sent.attributes.push(tag),
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_other_formats_become_fields() {
        let tags = [
            KeyValue::text("http.url", "/"),
            KeyValue::text("span.kind", "server"),
            KeyValue { key: "error".into(), value: Value::Bool(true) },
            KeyValue::text("otel.status_description", "no"),
            KeyValue::text("otel.library.name", "axum"),
            KeyValue::text("span.kind", "robot"),
            KeyValue::text("internal.span.format", "jaeger"),
        ];
        let sent = sent(&tags);
        let keys: Vec<_> = sent.attributes.iter().map(|tag| &*tag.key).collect();
        assert_eq!(keys, ["http.url", "span.kind"]);
        assert_eq!((sent.kind, sent.status.code, sent.status.message), (2, 2, "no"));
        assert_eq!(sent.scope.name, "axum");
    }
}
