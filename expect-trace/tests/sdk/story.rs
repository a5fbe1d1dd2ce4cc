/// Records a trace with all that a span can have: attributes of each type, an event, a link, a
/// description of an error. Times are fixed, so that each version records the same.
///
/// It is a macro because each version of `opentelemetry` has types of its own. The provider must have
/// the service `shop`.
macro_rules! record_story {
    ($opentelemetry:ident, $provider:expr) => {{
        use std::time::{Duration, UNIX_EPOCH};

        use $opentelemetry::trace::{Link, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
        use $opentelemetry::{Array, Context, KeyValue, Value};

        let tracer = $provider.tracer("story");
        let at = |millis: u64| UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + millis);
        let start = |builder: SpanBuilder, from, parent: &Context| {
            parent.with_span(tracer.build_with_context(builder.with_start_time(at(from)), parent))
        };

        let order = start(tracer.span_builder("order"), 0, &Context::new());
        order.span().end_with_timestamp(at(1));

        let list = |array| Value::Array(array);
        let buy = tracer.span_builder("POST /buy").with_kind(SpanKind::Server).with_attributes([
            KeyValue::new("sku", "A-1"),
            KeyValue::new("quantity", 2_i64),
            KeyValue::new("price", 19.5),
            KeyValue::new("gift", true),
            KeyValue::new("tags", list(Array::String(vec!["new".into(), "\"quoted\"".into()]))),
            KeyValue::new("sizes", list(Array::I64(vec![1, 2]))),
            KeyValue::new("flags", list(Array::Bool(vec![true, false]))),
        ]);
        let link = Link::with_context(order.span().span_context().clone());
        let buy = start(buy.with_links(vec![link]), 10, &Context::new());

        let send = start(tracer.span_builder("mail").with_kind(SpanKind::Producer), 15, &buy);
        let receive = start(tracer.span_builder("mail").with_kind(SpanKind::Consumer), 16, &send);
        receive.span().end_with_timestamp(at(17));
        send.span().set_status(Status::Ok);
        send.span().end_with_timestamp(at(18));

        let charge = start(tracer.span_builder("charge").with_kind(SpanKind::Client), 20, &buy);
        charge.span().add_event_with_timestamp("retry", at(30), vec![KeyValue::new("attempt", 2_i64)]);
        charge.span().add_event_with_timestamp("declined", at(25), vec![KeyValue::new("code", "51")]);
        charge.span().set_status(Status::error("card declined"));
        charge.span().end_with_timestamp(at(40));
        buy.span().end_with_timestamp(at(50));
    }};
}

/// The second trace of the story; the first is the span `order`.
const STORY: &str = r#"
shop: POST /buy [server] flags="[true,false]" gift=true price=19.5 quantity=2 sizes="[1,2]" sku="A-1" tags="[\"new\",\"\\\"quoted\\\"\"]"
→ shop: order
├─ shop: mail [producer] ok
│  └─ shop: mail [consumer]
└─ shop: charge [client] error otel.status_description="card declined"
   • declined code="51"
   • retry attempt=2
"#;
