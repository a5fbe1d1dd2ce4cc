//! The span of a request that asks for one by the header `jaeger-debug-id`, as Jaeger's clients do.
//!
//! Jaeger 1.35 traces each request to its query API. This one would then show its own traces among
//! those of the programs, and in tests, so it does it where it is asked to. The span is found by
//! `service=jaeger-query&tag=jaeger-debug-id:…`, as Jaeger's documentation of debug ids says:
//! <https://www.jaegertracing.io/docs/1.35/client-features/#debug-traces-forced-sampling>.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::model::{Batch, Draft, DraftProcess, Nanos, SpanId, Tag, TagValue, TraceId, append};
use crate::store::Store;

const HEADER: &str = "jaeger-debug-id";
/// The longest id, in bytes, that is kept; more is cut off.
const LONGEST_ID: usize = 256;
/// The flags "sampled" and "debug" of Jaeger's clients.
const DEBUG: u32 = 0b11;

/// Answers a request, and puts its span into the store if it has the header.
pub(super) async fn traced(
    State(store): State<Arc<Store>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(id) = request.headers().get(HEADER) else { return next.run(request).await };
    let id = id.as_bytes()[..id.len().min(LONGEST_ID)].to_vec();
    let (method, uri) = (request.method().to_string(), request.uri().clone());
    let started = (SystemTime::now(), Instant::now());
    let answer = next.run(request).await;

    let tags = [
        Tag { key: HEADER.as_bytes().into(), value: TagValue::String(id.into()) },
        Tag::text("span.kind", "server"),
        Tag::text("http.method", &method),
        Tag { key: "http.url".as_bytes().into(), value: text(uri.to_string()) },
        Tag::text("component", "net/http"),
        Tag { key: "http.status_code".as_bytes().into(), value: number(answer.status()) },
    ];
    store.take(&batch(uri.path(), started, tags));
    answer
}

fn text(text: String) -> TagValue<'static> {
    TagValue::String(text.into_bytes().into())
}

fn number(status: StatusCode) -> TagValue<'static> {
    TagValue::Int64(i64::from(status.as_u16()))
}

/// One span of a new trace.
fn batch<'a, const TAGS: usize>(
    operation: &'a str,
    (start, began): (SystemTime, Instant),
    tags: [Tag<'a>; TAGS],
) -> Batch<'a> {
    // Each RandomState has other keys.
    let low = RandomState::new().hash_one(operation).max(1);
    let micros = |micros: u128| u64::try_from(micros).unwrap_or(u64::MAX);
    let mut batch = Batch::default();
    batch.processes.push(DraftProcess::new("jaeger-query".as_bytes().into(), 0..0));
    let tags = append(&mut batch.tags, tags);
    batch.spans.push(Draft {
        trace_id: TraceId { high: 0, low },
        span_id: SpanId(low),
        operation: operation.as_bytes().into(),
        references: 0..0,
        flags: DEBUG,
        start: micros(start.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()),
        duration: micros(began.elapsed().as_micros()),
        nanos: Nanos::default(),
        tags,
        logs: 0..0,
        process: 0,
        warnings: 0..0,
    });
    batch
}
