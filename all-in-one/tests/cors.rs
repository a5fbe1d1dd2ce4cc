//! Web pages of other origins that send spans.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use jaeger_all_in_one::{AllInOne, Config, Cors, Port};
use support::{Answer, Open, exchange, request};

const SPANS: &[u8] =
    br#"[{"traceId": "00000000000000aa", "id": "00000000000000bb", "name": "buy"}]"#;

/// Asks as a browser does before a page of `origin` sends.
fn preflight(jaeger: &AllInOne, port: Port, origin: &str, headers: &str) -> Answer {
    let path = if port == Port::Zipkin { "/api/v2/spans" } else { "/v1/traces" };
    let all = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", headers),
    ];
    let all = if headers.is_empty() { &all[..2] } else { &all[..] };
    request(jaeger.at(port), "OPTIONS", path, all)
}

/// The allowed origin and headers.
fn allowed(answer: &Answer) -> (Option<&str>, Option<&str>) {
    assert_eq!(answer.status, 204);
    let [origin, headers] = ["Access-Control-Allow-Origin", "Access-Control-Allow-Headers"];
    (answer.header(origin), answer.header(headers))
}

#[test]
fn a_page_on_this_machine_sends_otlp() {
    let jaeger = AllInOne::start().expect("start");
    for origin in ["http://localhost:3000", "http://127.0.0.1:8080", "http://shop.localhost"] {
        let answer = preflight(&jaeger, Port::OtlpHttp, origin, "content-type,x-tenant");
        assert_eq!(allowed(&answer), (Some(origin), Some("Content-Type, X-Tenant")));
        assert_eq!(answer.header("Access-Control-Allow-Methods"), Some("POST"));
        let headers = [("Origin", origin), ("Content-Type", "application/json")];
        let answer = exchange(jaeger.at(Port::OtlpHttp), "POST", "/v1/traces", &headers, b"{}");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(origin));
    }
    for origin in ["http://evil.example", "http://localhost.evil.example", "null"] {
        let answer = preflight(&jaeger, Port::OtlpHttp, origin, "content-type");
        assert_eq!(allowed(&answer), (None, None), "{origin}");
    }
}

/// The answers are those of Jaeger 1.35.
#[test]
fn every_page_sends_to_zipkin_s_port() {
    let jaeger = AllInOne::start().expect("start");
    let origin = "http://shop.example";
    for (headers, expected) in [
        ("content-type", (Some("*"), Some("Content-Type"))),
        ("", (Some("*"), None)),
        ("x-foo", (None, None)),
        ("content-type, b3", (None, None)),
    ] {
        let answer = preflight(&jaeger, Port::Zipkin, origin, headers);
        assert_eq!(allowed(&answer), expected, "{headers}");
    }
    let headers = [("Origin", origin), ("Content-Type", "application/json")];
    let answer = exchange(jaeger.at(Port::Zipkin), "POST", "/api/v2/spans", &headers, SPANS);
    assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (202, Some("*")));
    assert_eq!(answer.header("Vary"), Some("Origin"));
    let other = [("Origin", origin), ("Access-Control-Request-Method", "GET")];
    let answer = request(jaeger.at(Port::Zipkin), "OPTIONS", "/api/v2/spans", &other);
    assert_eq!(allowed(&answer), (None, None));
}

#[test]
fn further_origins_and_headers_are_settings() {
    let config = Config::ephemeral()
        .otlp_http_cors(Cors::new(["https://*.shop.example"], ["content-type"]))
        .zipkin_cors(Cors::new(["https://one.example"], ["*"]));
    let jaeger = AllInOne::start_with(config).expect("start");
    for (port, origin, headers, is_allowed) in [
        (Port::OtlpHttp, "https://a.shop.example", "content-type", true),
        (Port::OtlpHttp, "https://a.shop.example", "x-foo", false),
        (Port::OtlpHttp, "http://localhost:1", "content-type", true),
        (Port::OtlpHttp, "https://shop.example", "content-type", false),
        (Port::Zipkin, "https://one.example", "x-foo", true),
        (Port::Zipkin, "http://localhost:1", "content-type", false),
    ] {
        let answer = preflight(&jaeger, port, origin, headers);
        let expected = is_allowed.then_some(origin);
        assert_eq!(allowed(&answer).0, expected, "{port}: {origin} {headers}");
    }
}

#[test]
fn no_page_elsewhere_asks_for_traces() {
    let jaeger = AllInOne::start().expect("start");
    let ports = [Port::Query, Port::Admin, Port::Collector, Port::Sampling];
    for origin in ["http://localhost:3000", "http://evil.example"] {
        for port in ports {
            let answer = preflight(&jaeger, port, origin, "");
            assert_eq!(answer.header("Access-Control-Allow-Origin"), None, "{port}");
        }
    }
}
