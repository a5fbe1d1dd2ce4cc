//! HTTP between the services, with the header `traceparent` as in exercises 09 and 10.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;
use tokio::net::TcpListener;

/// Serves on a port that the system chooses; returns the URL.
pub async fn serve(app: Router) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}

/// Begins to answer a request: makes a server span in the trace of the caller.
pub fn answer(tracer: &SdkTracer, headers: &HeaderMap, path: &str) -> Context {
    let caller = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    child(tracer, &caller, format!("POST {path}"), SpanKind::Server)
}

/// Sends a request, and waits for the answer as long as `patience` allows. The client span gets an
/// error where no answer comes, or one that is not a success.
pub async fn post(
    tracer: &SdkTracer,
    parent: &Context,
    server: &str,
    path: &str,
    patience: Duration,
) -> Result<(), String> {
    let context = child(tracer, parent, format!("POST {path}"), SpanKind::Client);
    let mut headers = HeaderMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(&mut headers));
    let request = reqwest::Client::new().post(format!("{server}{path}")).headers(headers);
    let response = request.timeout(patience).send().await;
    match response.and_then(|response| response.error_for_status()) {
        Ok(_) => Ok(()),
        Err(error) => {
            let reason = match error.status() {
                _ if error.is_timeout() => format!("no answer within {patience:?}"),
                Some(status) => format!("status {status}"),
                None => error.to_string(),
            };
            context.span().set_status(Status::error(reason.clone()));
            Err(reason)
        }
    }
}

/// Sends a query to a database, and waits for its answer.
pub async fn query(tracer: &SdkTracer, parent: &Context, name: &'static str, sql: &'static str) {
    let context = child(tracer, parent, name, SpanKind::Client);
    context.span().set_attribute(KeyValue::new("db.query.text", sql));
    // The database reads the one row that is asked for, or all 25,000.
    let time = if sql.to_uppercase().contains("WHERE") { 1 } else { 500 };
    tokio::time::sleep(Duration::from_millis(time)).await;
}

fn child(
    tracer: &SdkTracer,
    parent: &Context,
    name: impl Into<Cow<'static, str>>,
    kind: SpanKind,
) -> Context {
    let span = tracer.span_builder(name).with_kind(kind).start_with_context(tracer, parent);
    parent.with_span(span)
}
