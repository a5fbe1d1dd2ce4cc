//! What is answered: the part of httpbin.org that the examples and their tests ask for.

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

/// httpbin.org waits no longer, whatever it is asked for.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// `/get`, `/status/{code}` and `/delay/{seconds}`, each traced. Serve it with
/// `into_make_service_with_connect_info::<SocketAddr>()`: the answers name the caller's address.
pub fn app() -> Router {
    Router::new()
        .route("/get", get(describe))
        .route("/status/{code}", any(status))
        .route("/delay/{seconds}", any(delay))
        .layer(HTTPLayer::new())
        .layer(map_request(absolute))
}

/// Puts scheme and host into the request's URI, where HTTP/1.1 leaves them out: the layer that
/// traces takes `url.full` and `url.scheme` from there.
async fn absolute(mut request: Request) -> Request {
    let host = request.headers().get(header::HOST).map(text);
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    if let Some(Ok(uri)) = host.map(|host| format!("http://{host}{path}").parse()) {
        *request.uri_mut() = uri;
    }
    request
}

/// What the request was: its arguments, headers, origin and URL.
async fn describe(
    ConnectInfo(origin): ConnectInfo<SocketAddr>,
    Query(arguments): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let answer = json!({
        "args": grouped(arguments),
        "headers": titled(&headers),
        "origin": origin.ip().to_string(),
        "url": uri.to_string(),
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, format!("{answer:#}\n")).into_response()
}

/// An answer with the status code that was asked for.
async fn status(Path(code): Path<String>) -> Response {
    match code.parse().map(StatusCode::from_u16) {
        // 1xx announces an answer and is none.
        Ok(Ok(status)) if (200..600).contains(&status.as_u16()) => status.into_response(),
        _ => (StatusCode::BAD_REQUEST, "Invalid status code\n").into_response(),
    }
}

/// The same as `/get`, so many seconds later, ten at most.
async fn delay(
    Path(seconds): Path<String>,
    origin: ConnectInfo<SocketAddr>,
    arguments: Query<Vec<(String, String)>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    match seconds.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(delay)) => {
            tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
            describe(origin, arguments, headers, uri).await
        }
        _ => (StatusCode::BAD_REQUEST, "Invalid delay\n").into_response(),
    }
}

/// One argument by its value, one that came more than once by a list of them.
fn grouped(arguments: Vec<(String, String)>) -> Value {
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

/// The headers under the names that httpbin.org shows: `User-Agent`, `Traceparent`. Of a header
/// that came more than once, the values behind each other.
fn titled(headers: &HeaderMap) -> Value {
    let value = |name| headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(",");
    headers.keys().map(|name| (title(name.as_str()), Value::String(value(name)))).collect()
}

fn title(name: &str) -> String {
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
    fn headers_have_the_names_that_httpbin_shows() {
        for (name, titled) in
            [("user-agent", "User-Agent"), ("traceparent", "Traceparent"), ("x--y", "X--Y")]
        {
            assert_eq!(title(name), titled);
        }
    }

    #[test]
    fn an_argument_that_comes_twice_is_a_list() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let arguments = vec![pair("b", "1"), pair("a", "2"), pair("b", "3")];
        assert_eq!(grouped(arguments), json!({"a": "2", "b": ["1", "3"]}));
    }
}
