//! The HTTP server behind the query port and the HTTP doors, and what holds for every answer.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
#[cfg(any(test, fuzzing))]
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tracing::debug;

use super::connections::{Connection, ConnectionSize, Listener};
use super::idle_timeout::IdleTimeout;
use super::request_line::Escaped;
use super::socket::Socket;
use crate::error::StartError;

/// How long a client may take to send the head of a request.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
pub(crate) const LARGEST_HEAD: usize = 32 << 10;
/// What a connection takes: its buffer holds one head, and part of the next read.
pub(crate) const CONNECTION_SIZE: ConnectionSize =
    ConnectionSize { idle: 8, buffers: (LARGEST_HEAD >> 10) as u32 + 8 };
/// How long requests may continue after the signal to stop.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// A task of one type: what Tokio and hyper do for it is compiled once, not once for each kind of port.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

type Accepted = Connection<IdleTimeout<Socket>>;

/// Serves until `stop`, then lets running requests end.
pub(crate) fn serve(listener: Listener, router: Router, stop: watch::Receiver<bool>) -> Task {
    Box::pin(serve_as(listener, router, stop, Escaped::never))
}

/// Serves a port whose requests have no bodies. Their request lines are accepted as Go accepts
/// them.
pub(crate) fn serve_questions(
    listener: Listener,
    router: Router,
    stop: watch::Receiver<bool>,
) -> Task {
    Box::pin(serve_as(listener, router, stop, Escaped::new))
}

async fn serve_as(
    listener: Listener,
    router: Router,
    mut stop: watch::Receiver<bool>,
    wrap: fn(Accepted) -> Escaped<Accepted>,
) {
    let service = TowerToHyperService::new(router);
    let server = server();
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let connection = server.serve_connection(TokioIo::new(wrap(accepted)), service.clone());
        let connection = connections.watch(connection);
        let task: Task = Box::pin(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended");
            }
        });
        tokio::spawn(task);
    }
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        debug!("requests were still running at the end");
    }
}

fn server() -> http1::Builder {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(LARGEST_HEAD);
    server
}

/// Serves one connection to its end, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(crate) async fn serve_one<S>(stream: S, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    drop(server().serve_connection(TokioIo::new(stream), service).await);
}

/// Adds the limit of a request's head to a router.
pub(crate) fn limit_head(router: Router) -> Router {
    router.layer(middleware::from_fn(check_head))
}

/// Adds to a router what holds for every answer of a port whose answers are worth reading: the check
/// of the Host header, compression, `Vary` and `nosniff`. Bound to loopback, it answers under
/// `names` too.
pub(crate) fn guarded(router: Router, bound: SocketAddr, names: Vec<String>) -> Router {
    let names = bound.ip().is_loopback().then(|| Arc::new(names));
    compressed(router).layer(middleware::from_fn_with_state(names, guard))
}

/// Parses headers such as `Name: value`.
pub(crate) fn headers(lines: &[String]) -> Result<HeaderMap, StartError> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let error =
            |reason: &str| StartError::Header { value: line.clone(), reason: reason.to_owned() };
        let (name, value) =
            line.split_once(':').ok_or_else(|| error("it must have the form \"Name: value\""))?;
        let name: HeaderName =
            name.trim().parse().map_err(|_| error("the name of the header is invalid"))?;
        if FRAMING.contains(&name) {
            return Err(error("the server itself sets this header"));
        }
        let value =
            value.trim().parse().map_err(|_| error("the value of the header is invalid"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// The headers that say where an answer ends, and how it is to be read.
const FRAMING: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
];

/// Adds headers to every answer of a router, in place of those with the same name.
pub(crate) fn with_headers(router: Router, headers: HeaderMap) -> Router {
    if headers.is_empty() {
        return router;
    }
    router.layer(middleware::map_response(move |mut response: Response| {
        for name in headers.keys() {
            response.headers_mut().remove(name);
        }
        for (name, value) in &headers {
            response.headers_mut().append(name, value.clone());
        }
        std::future::ready(response)
    }))
}

async fn check_head(request: Request, next: Next) -> Response {
    if head_size(&request) > LARGEST_HEAD {
        return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response();
    }
    next.run(request).await
}

/// One layer for all: each layer is compiled anew for every part of a router.
async fn guard(
    State(names): State<Option<Arc<Vec<String>>>>,
    request: Request,
    next: Next,
) -> Response {
    if head_size(&request) > LARGEST_HEAD {
        return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response();
    }
    match names.and_then(|names| foreign_host(request.headers(), &names)) {
        Some(refusal) => refusal,
        None => finished(next.run(request).await),
    }
}

/// Protects against DNS rebinding. Only this machine can connect to a loopback address, but so can
/// a foreign web page in a browser here, through a name of its own that resolves to 127.0.0.1. Its
/// requests carry that name as Host, and are refused.
fn foreign_host(headers: &HeaderMap, names: &[String]) -> Option<Response> {
    // HTTP/1.0, which no browser uses, may have none.
    let name = host_name(headers.get(header::HOST)?);
    if name.is_some_and(|name| is_own(name, names)) {
        return None;
    }
    let name: String = name.unwrap_or_default().chars().take(100).collect();
    let why = format!(
        "this server listens on loopback only, and the Host header names another machine, \"{name}\": use localhost, or allow the name with --allowed-hosts or JAEGER_ALLOWED_HOSTS\n"
    );
    Some(text(StatusCode::FORBIDDEN, why))
}

/// The media type of a body in lower case, without its parameters; empty if the header is missing.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let header = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    header.and_then(|kind| kind.split(';').next()).unwrap_or("").trim().to_ascii_lowercase()
}

/// The approximate size of a request's head. hyper reads in chunks, so it lets through slightly
/// more than its limit.
fn head_size(request: &Request) -> usize {
    let line = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let lines = request.headers().iter();
    line + lines.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

/// The name in a Host header, without port, brackets and the dot at its end.
fn host_name(host: &HeaderValue) -> Option<&str> {
    let host = host.to_str().ok()?;
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _port)) => address,
        None => host.split(':').next().unwrap_or(host),
    };
    Some(name.strip_suffix('.').unwrap_or(name))
}

/// Whether a name cannot be one that a foreign page made up: addresses and `localhost` resolve to
/// themselves, whoever asks.
fn is_own(name: &str, allowed: &[String]) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok()
        || !name.is_empty()
            && allowed.iter().any(|allowed| matches(&name, &allowed.to_ascii_lowercase()))
}

/// Whether a name is the allowed one, or below it if that begins with a star.
fn matches(name: &str, allowed: &str) -> bool {
    match allowed.strip_prefix('*') {
        Some(end) => name.len() > end.len() && name.ends_with(end),
        None => name == allowed,
    }
}

/// Compresses the answers of a router for clients that accept it. Browsers do, so it comes with the
/// web pages.
#[cfg(feature = "ui")]
fn compressed(router: Router) -> Router {
    use axum::http::{Extensions, Version};
    use tower_http::CompressionLevel;
    use tower_http::compression::CompressionLayer;

    // Only an answer with a content type is compressed: the others have no body.
    let has_type = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| {
        headers.contains_key(header::CONTENT_TYPE)
    };
    // Fast rather than small: most answers stay on one machine.
    let gzip = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(has_type);
    router.layer(gzip)
}

#[cfg(not(feature = "ui"))]
fn compressed(router: Router) -> Router {
    router
}

/// Adds the headers that every answer has.
fn finished(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Plain text with `nosniff`, so that a browser takes it for nothing else, as Go's `http.Error` sends it.
pub(crate) fn text(status: StatusCode, text: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, text).into_response()
}

/// The answer of Go's router to an unknown path.
pub(crate) fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use axum::body::Body;
    use futures_util::{StreamExt, stream};
    use hyper::service::Service as _;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn half_a_head_is_given_up() {
        for head in ["", "GET / HTTP/1.1\r\nHo"] {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            theirs.write_all(head.as_bytes()).await.expect("send");
            let begin = tokio::time::Instant::now();
            serve_one(ours, Router::new()).await;
            assert_eq!(begin.elapsed(), Duration::from_secs(30), "{head}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_next_request_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("send");
        let begin = tokio::time::Instant::now();
        serve_one(ours, Router::new()).await;
        assert_eq!(begin.elapsed(), Duration::from_secs(30));
    }

    #[test]
    fn only_names_of_this_machine_pass() {
        let allowed = ["jaeger.test", "*.Example.com", ""].map(str::to_owned);
        let passes = |text: &'static str| {
            host_name(&HeaderValue::from_static(text)).is_some_and(|name| is_own(name, &allowed))
        };
        for own in [
            "localhost",
            "LocalHost:16686",
            "localhost.",
            "jaeger.localhost:80",
            "127.0.0.1:1",
            "0.0.0.0:16686",
            "10.0.0.1",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "Jaeger.test:1",
            "a.b.example.com",
        ] {
            assert!(passes(own), "{own}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example:16686",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "evil-example.com",
            "example.com",
            ".example.com",
            "x.jaeger.test",
            ":80",
        ] {
            assert!(!passes(foreign), "{foreign}");
        }
        assert!(is_own("evil.example", &["*".to_owned()]));
        let binary = HeaderValue::from_bytes(b"\xff").expect("a value");
        assert!(host_name(&binary).is_none());
    }

    /// What a client that accepts gzip gets of an answer with this body.
    async fn packed(body: Body) -> Body {
        let (body, bound) =
            (Arc::new(Mutex::new(Some(body))), SocketAddr::from(([127, 0, 0, 1], 80)));
        let answer = move || {
            let body = body.lock().expect("the body").take().expect("one request");
            std::future::ready(([(header::CONTENT_TYPE, "text/plain")], body))
        };
        let router = guarded(Router::new().fallback(answer), bound, Vec::new());
        let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip");
        let request = request.body(Body::empty()).expect("a request");
        let answer = TowerToHyperService::new(router).call(request).await.expect("an answer");
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
        answer.into_body()
    }

    #[tokio::test]
    async fn parts_are_compressed_as_they_come() {
        // Numbers in no order, so that the compressed text is more than one part, too.
        let text: Vec<_> = (0..40_000_u64).map(|n| format!("{},", n * n % 65_537)).collect();
        let parts: Vec<io::Result<String>> = text.chunks(5_000).map(|it| Ok(it.concat())).collect();
        let body = Body::from_stream(stream::iter(parts));
        let mut packed = packed(body).await.into_data_stream();
        let (mut bytes, mut count) = (Vec::new(), 0);
        while let Some(part) = packed.next().await {
            bytes.extend(part.expect("a part"));
            count += 1;
        }
        assert!(count > 2, "{count}");
        let mut plain = String::new();
        io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*bytes), &mut plain)
            .expect("gzip");
        assert!(plain == text.concat());
    }

    #[tokio::test]
    async fn half_an_answer_is_not_ended_as_if_it_were_whole() {
        let parts = [Ok("half"), Err(io::Error::other("the rest is not there"))];
        let body = Body::from_stream(stream::iter(parts));
        assert!(axum::body::to_bytes(packed(body).await, usize::MAX).await.is_err());
    }
}
