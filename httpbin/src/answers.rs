//! The pages: the part of httpbin.org that the examples and their tests use.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Path, Query, Request};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::map_request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use opentelemetry_instrumentation_tower::HTTPLayer;
use serde_json::{Value, json};

/// The longest delay that httpbin.org grants.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// Serves `/get`, `/status/{code}` and `/delay/{seconds}`, and traces each request. Needs
/// `into_make_service_with_connect_info::<SocketAddr>()`, because answers show the caller's
/// address.
pub fn app() -> Router {
    Router::new()
        .route("/get", get(describe))
        .route("/status/{code}", any(status))
        .route("/delay/{seconds}", any(delay))
        .layer(HTTPLayer::new())
        .layer(map_request(absolute_uri))
}

/// Adds the scheme and host to the request's URI. HTTP/1.1 omits them, and the tracing layer takes
/// `url.full` and `url.scheme` from the URI.
async fn absolute_uri(mut request: Request) -> Request {
    let host = request.headers().get(header::HOST).map(text);
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    if let Some(Ok(uri)) = host.map(|host| format!("http://{host}{path}").parse()) {
        *request.uri_mut() = uri;
    }
    request
}

/// Describes the request: its arguments, headers, origin and URL.
async fn describe(
    ConnectInfo(origin): ConnectInfo<SocketAddr>,
    Query(arguments): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let answer = json!({
        "args": group_by_name(arguments),
        "headers": title_case_names(&headers),
        "origin": origin.ip().to_string(),
        "url": uri.to_string(),
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, format!("{answer:#}\n")).into_response()
}

/// Answers with the requested status code.
async fn status(Path(code): Path<String>) -> Response {
    match code.parse().map(StatusCode::from_u16) {
        // A 1xx status is not a final response.
        Ok(Ok(status)) if (200..600).contains(&status.as_u16()) => status.into_response(),
        _ => (StatusCode::BAD_REQUEST, "Invalid status code\n").into_response(),
    }
}

/// Answers like `/get`, after a delay of at most [`MAX_DELAY`].
async fn delay(
    Path(seconds): Path<String>,
    origin: ConnectInfo<SocketAddr>,
    arguments: Query<Vec<(String, String)>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    match seconds.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(delay)) => {
            tokio::time::sleep(delay.min(MAX_DELAY)).await;
            describe(origin, arguments, headers, uri).await
        }
        _ => (StatusCode::BAD_REQUEST, "Invalid delay\n").into_response(),
    }
}

/// Maps each argument to its value, or to a list of values if it is repeated.
fn group_by_name(arguments: Vec<(String, String)>) -> Value {
    let mut grouped = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in arguments {
        grouped.entry(name).or_default().push(value);
    }
    let value = |mut values: Vec<String>| match values.len() {
        1 => Value::String(values.remove(0)),
        _ => json!(values),
    };
    grouped.into_iter().map(|(name, values)| (name, value(values))).collect()
}

/// Writes header names as httpbin.org does (`User-Agent`, `Traceparent`), and joins the values of a
/// repeated header with commas.
fn title_case_names(headers: &HeaderMap) -> Value {
    let value = |name| headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(",");
    headers.keys().map(|name| (title_case(name.as_str()), Value::String(value(name)))).collect()
}

fn title_case(name: &str) -> String {
    let capitalized = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    };
    name.split('-').map(capitalized).collect::<Vec<_>>().join("-")
}

fn text(value: &header::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_are_in_title_case() {
        for (name, expected) in
            [("user-agent", "User-Agent"), ("traceparent", "Traceparent"), ("x--y", "X--Y")]
        {
            assert_eq!(title_case(name), expected);
        }
    }

    #[test]
    fn a_repeated_argument_is_a_list() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let arguments = vec![pair("b", "1"), pair("a", "2"), pair("b", "3")];
        assert_eq!(group_by_name(arguments), json!({"a": "2", "b": ["1", "3"]}));
    }
}
