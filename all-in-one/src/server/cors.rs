//! Web pages of other origins that send spans (CORS).
//!
//! A browser asks first, with a preflight request, and then lets the page send if the answer allows
//! it. Only ports for spans answer: nothing that is stored can be read there.
//!
//! Source: <https://fetch.spec.whatwg.org/#http-cors-protocol>; the answers are those of Jaeger 1.35
//! on its port for Zipkin.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::config::Cors;

/// Lets pages of these origins send to a router.
pub(crate) fn allow(router: Router, cors: Cors) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::new(cors), answer))
}

async fn answer(State(cors): State<Arc<Cors>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let origin = origin.and_then(|origin| cors.allowed_origin(origin));
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
    if let Some(wanted) = wanted.filter(|_| request.method() == Method::OPTIONS) {
        let origin = origin.filter(|_| wanted == Method::POST.as_str());
        return preflight(origin.zip(cors.allowed_headers(headers)));
    }
    let origin = origin.filter(|_| request.method() == Method::POST);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

/// The answer to a preflight request: the origin and the headers that are allowed, or nothing.
fn preflight(allowed: Option<(HeaderValue, HeaderValue)>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    for name in ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"] {
        headers.append(header::VARY, HeaderValue::from_static(name));
    }
    let Some((origin, names)) = allowed else { return response };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    if !names.is_empty() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    response
}

impl Cors {
    /// What an answer says of an allowed origin; `None` if it is not allowed.
    fn allowed_origin(&self, origin: &str) -> Option<HeaderValue> {
        if self.origins.iter().any(|allowed| allowed == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let lower = origin.to_ascii_lowercase();
        let allowed = self.local && is_local(&lower)
            || self.origins.iter().any(|allowed| matches(&lower, &allowed.to_ascii_lowercase()));
        allowed.then(|| HeaderValue::from_str(origin).ok()).flatten()
    }

    /// The headers that a request asks for, if all of them are allowed.
    fn allowed_headers(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) else {
            return Some(HeaderValue::from_static(""));
        };
        let names = asked.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names = names.map(|name| self.allowed_header(name)).collect::<Option<Vec<_>>>()?;
        HeaderValue::from_str(&names.join(", ")).ok()
    }

    /// A header's name as Go writes it, if it is allowed.
    fn allowed_header(&self, name: &str) -> Option<String> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let allowed = name == header::ORIGIN
            || self.headers.iter().any(|allowed| allowed == "*" || name == allowed.as_str());
        allowed.then(|| {
            let capital = |word: &str| {
                let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
                first.to_ascii_uppercase() + rest
            };
            name.as_str().split('-').map(capital).collect::<Vec<_>>().join("-")
        })
    }
}

/// Whether an origin is a page on this machine.
fn is_local(origin: &str) -> bool {
    let Some((_, address)) = origin.split_once("://") else { return false };
    let host = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => address.split(':').next().unwrap_or(address),
    };
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether an origin is the allowed one, which may have a star for any part of it.
fn matches(origin: &str, allowed: &str) -> bool {
    match allowed.split_once('*') {
        Some((begin, end)) => {
            origin.len() >= begin.len() + end.len()
                && origin.starts_with(begin)
                && origin.ends_with(end)
        }
        None => origin == allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_on_this_machine_are_local() {
        for origin in [
            "http://localhost:3000",
            "https://localhost",
            "http://shop.localhost:80",
            "http://127.0.0.1:1",
            "http://127.1.2.3",
            "http://[::1]:3000",
        ] {
            assert!(is_local(origin), "{origin}");
        }
        for origin in [
            "null",
            "http://evil.example",
            "http://localhost.evil.example",
            "http://notlocalhost",
            "http://10.0.0.1",
            "http://127.0.0.1.evil.example",
            "localhost",
        ] {
            assert!(!is_local(origin), "{origin}");
        }
    }

    #[test]
    fn a_star_is_any_part_of_an_origin() {
        for (origin, allowed, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example:1", "https://a.example", false),
            ("https://a.b.example", "https://*.b.example", true),
            ("https://b.example", "https://*.b.example", false),
            ("http://a:80", "http://a:*", true),
            ("aba", "ab*ba", false),
        ] {
            assert_eq!(matches(origin, allowed), expected, "{origin} {allowed}");
        }
    }
}
