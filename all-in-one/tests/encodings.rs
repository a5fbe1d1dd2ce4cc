//! Compressed requests over HTTP and gRPC, and signals other than traces.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::net::SocketAddr;

use axum::http::Request;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use jaeger_all_in_one::{AllInOne, MAX_BODY, MAX_MESSAGE, Port, Reason};
use support::{Open, exchange, packets};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

fn packed(mut writer: impl Write, plain: &[u8]) {
    writer.write_all(plain).expect("compress");
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    packed(GzEncoder::new(&mut out, Compression::fast()), plain);
    out
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    packed(ZlibEncoder::new(&mut out, Compression::fast()), plain);
    out
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    packed(DeflateEncoder::new(&mut out, Compression::fast()), plain);
    out
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
}

fn snappy(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    packed(snap::write::FrameEncoder::new(&mut out), plain);
    out
}

fn snappy_block(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).expect("compress")
}

/// Calls a method with a message in this coding; returns the status and the codings that the server
/// names.
fn call(
    address: SocketAddr,
    method: &str,
    coding: &str,
    message: &[u8],
) -> (Status, Option<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
        let mut channel = endpoint.connect().await.expect("connect");
        let length = u32::try_from(message.len()).expect("a length").to_be_bytes();
        let body = [&[u8::from(!coding.is_empty())][..], &length, message].concat();
        let mut request = Request::post(format!("http://{address}{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if !coding.is_empty() {
            request = request.header("grpc-encoding", coding);
        }
        let body = Body::new(http_body_util::Full::new(bytes::Bytes::from(body)));
        let request = request.body(body).expect("a request");
        let answer = send(&mut channel, request).await;
        let headers = answer.headers().clone();
        let status = match Status::from_header_map(&headers) {
            Some(status) => status,
            None => {
                let body =
                    http_body_util::BodyExt::collect(answer.into_body()).await.expect("a body");
                Status::from_header_map(body.trailers().expect("trailers")).expect("a status")
            }
        };
        let accepted = headers.get("grpc-accept-encoding");
        (status, accepted.map(|codings| codings.to_str().expect("text").to_owned()))
    })
}

async fn send(channel: &mut Channel, request: Request<Body>) -> axum::http::Response<Body> {
    use tonic::client::GrpcService as _;
    std::future::poll_fn(|context| channel.poll_ready(context)).await.expect("ready");
    channel.call(request).await.expect("an answer")
}

#[test]
fn http_takes_every_coding_of_the_collector() {
    let jaeger = AllInOne::start().expect("start");
    let plain = packets("py-otel-otlp-http").remove(0);
    for (coding, body) in [
        ("gzip", gzip(&plain)),
        ("GZip", gzip(&plain)),
        ("deflate", zlib(&plain)),
        ("deflate", deflate(&plain)),
        ("zlib", zlib(&plain)),
        ("zstd", zstd(&plain)),
        ("snappy", snappy(&plain)),
        ("snappy", snappy_block(&plain)),
        ("x-snappy-framed", snappy(&plain)),
        ("identity", plain.clone()),
        ("", plain.clone()),
    ] {
        jaeger.clear();
        let headers = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", coding)];
        let answer = exchange(jaeger.at(Port::OtlpHttp), "POST", "/v1/traces", &headers, &body);
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        assert!(jaeger.usage().spans > 0, "{coding}");
    }
    let body = br#"[{"traceId":"a","id":"b"}]"#;
    for (coding, body) in [("deflate", deflate(body)), ("zlib", zlib(body)), ("zstd", zstd(body))] {
        jaeger.clear();
        let headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)];
        let answer = exchange(jaeger.at(Port::Zipkin), "POST", "/api/v2/spans", &headers, &body);
        assert_eq!((answer.status, jaeger.usage().spans), (202, 1), "{coding}");
    }
}

/// A frame of zstd with a window of this size, as the Collector's exporters begin one, and a block
/// that is not compressed.
fn zstd_of_window(exponent: u8, plain: &[u8]) -> Vec<u8> {
    let block = u32::try_from(plain.len()).expect("a length") << 3 | 1;
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0, (exponent - 10) << 3];
    [&head[..], &block.to_le_bytes()[..3], plain].concat()
}

#[test]
fn the_windows_of_every_level_of_the_collector_are_taken() {
    let jaeger = AllInOne::start().expect("start");
    let plain = packets("py-otel-otlp-http").remove(0);
    // 4, 8, 16 and 32 MiB: levels 1, 3, 6 and 11 of its setting `compression_params`.
    for (exponent, status) in [(22, 200), (23, 200), (24, 200), (25, 200), (26, 413)] {
        let body = zstd_of_window(exponent, &plain);
        let headers = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "zstd")];
        let answer = exchange(jaeger.at(Port::OtlpHttp), "POST", "/v1/traces", &headers, &body);
        assert_eq!(answer.status, status, "2^{exponent}: {}", answer.text());
    }
}

#[test]
fn http_says_and_counts_what_it_cannot_decompress() {
    let jaeger = AllInOne::start().expect("start");
    let refused = |reason| jaeger.door(Port::OtlpHttp).expect("the door").stats().refused(reason);
    let post = |coding, body: &[u8]| {
        let headers = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", coding)];
        exchange(jaeger.at(Port::OtlpHttp), "POST", "/v1/traces", &headers, body)
    };
    let large = vec![0; MAX_BODY + 1];
    for (count, (coding, pack)) in
        [("zstd", zstd as fn(&[u8]) -> Vec<u8>), ("snappy", snappy), ("snappy", snappy_block)]
            .into_iter()
            .enumerate()
    {
        let count = count as u64 + 1;
        assert_eq!(post(coding, b"not compressed").status, 400, "{coding}");
        assert_eq!(refused(Reason::Malformed), count, "{coding}");
        assert_eq!(post(coding, &pack(&large)).status, 413, "{coding}");
        assert_eq!(refused(Reason::TooLarge), count, "{coding}");
    }
    let answer = post("lz4", b"x");
    assert_eq!(answer.status, 415);
    assert!(answer.text().contains("[gzip, deflate, zlib, zstd, snappy, identity]"));
    assert_eq!(refused(Reason::Unsupported), 1);
}

#[test]
fn grpc_takes_every_coding_of_the_collector() {
    let jaeger = AllInOne::start().expect("start");
    let plain = packets("py-otel-otlp-http").remove(0);
    for (coding, message) in [
        ("", plain.clone()),
        ("gzip", gzip(&plain)),
        ("zstd", zstd(&plain)),
        ("snappy", snappy(&plain)),
        ("deflate", zlib(&plain)),
    ] {
        jaeger.clear();
        let (status, _) = call(jaeger.at(Port::OtlpGrpc), TRACES, coding, &message);
        assert_eq!(status.code(), Code::Ok, "{coding}: {}", status.message());
        assert!(jaeger.usage().spans > 0, "{coding}");
    }
    let jaeger_s = packets("py-otel-jaeger-proto-grpc").remove(0);
    let method = "/jaeger.api_v2.CollectorService/PostSpans";
    let (status, _) = call(jaeger.at(Port::CollectorGrpc), method, "zstd", &zstd(&jaeger_s));
    assert_eq!(status.code(), Code::Ok, "{}", status.message());
}

#[test]
fn grpc_says_and_counts_what_it_cannot_decompress() {
    let jaeger = AllInOne::start().expect("start");
    let address = jaeger.at(Port::OtlpGrpc);
    let refused = |reason| jaeger.door(Port::OtlpGrpc).expect("the door").stats().refused(reason);
    let (status, accepted) = call(address, TRACES, "lz4", b"x");
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(accepted.as_deref(), Some("gzip,deflate,zstd,snappy,identity"));
    assert_eq!(refused(Reason::Unsupported), 1);
    for (count, coding) in ["gzip", "zstd", "snappy", "deflate"].into_iter().enumerate() {
        let (status, _) = call(address, TRACES, coding, b"not compressed");
        assert_eq!(status.code(), Code::Internal, "{coding}: {}", status.message());
        assert_eq!(refused(Reason::Malformed), count as u64 + 1, "{coding}");
    }
    let large = vec![0; MAX_MESSAGE + 1];
    for (count, (coding, message)) in [
        ("gzip", gzip(&large)),
        ("zstd", zstd(&large)),
        ("snappy", snappy(&large)),
        ("deflate", zlib(&large)),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, _) = call(address, TRACES, coding, &message);
        assert_eq!(status.code(), Code::ResourceExhausted, "{coding}: {}", status.message());
        assert_eq!(refused(Reason::TooLarge), count as u64 + 1, "{coding}");
    }
    let plain = packets("py-otel-otlp-http").remove(0);
    assert_eq!(call(address, TRACES, "", &plain).0.code(), Code::Ok);
}

/// A request with one resource: the same shape for every signal.
fn other(service: &str) -> Vec<u8> {
    let resource = [&[0x0a, service.len() as u8][..], service.as_bytes()].concat();
    [&[0x0a, resource.len() as u8][..], &resource].concat()
}

#[test]
fn an_sdk_is_told_once_that_only_traces_are_kept() {
    let jaeger = AllInOne::start().expect("start");
    let http = jaeger.at(Port::OtlpHttp);
    let post =
        |path, kind, body: &[u8]| exchange(http, "POST", path, &[("Content-Type", kind)], body);
    let (proto, json) = ("application/x-protobuf", "application/json");
    for path in ["/v1/logs", "/v1/metrics"] {
        let first = post(path, proto, &other("shop"));
        assert_eq!((first.status, first.header("Content-Type")), (404, Some(proto)), "{path}");
        assert!(first.text().contains("only traces"), "{path}: {}", first.text());
        let next = post(path, proto, &other("shop"));
        assert_eq!((next.status, next.body.len()), (200, 0), "{path}");
        assert_eq!(post(path, proto, &other("cart")).status, 404, "another SDK");
    }
    let body = |name: &str| format!(r#"{{"resourceLogs":[{{"resource":{{"a":"{name}"}}}}]}}"#);
    let first = post("/v1/logs", json, body("a").as_bytes());
    assert_eq!((first.status, &first.json()["code"]), (404, &serde_json::json!(12)));
    assert_eq!(post("/v1/logs", json, body("a").as_bytes()).text(), "{}");
    assert_eq!(post("/v1/logs", json, body("b").as_bytes()).status, 404);
    let stats = jaeger.door(Port::OtlpHttp).expect("the door").stats();
    assert_eq!((stats.refused(Reason::Unsupported), stats.packets), (9, 9));

    for service in ["logs.v1.LogsService", "metrics.v1.MetricsService"] {
        let method = format!("/opentelemetry.proto.collector.{service}/Export");
        let address = jaeger.at(Port::OtlpGrpc);
        let (first, _) = call(address, &method, "", &other("shop"));
        assert_eq!(first.code(), Code::Unimplemented, "{service}");
        assert!(first.message().contains("only traces"), "{}", first.message());
        assert_eq!(call(address, &method, "gzip", &gzip(&other("shop"))).0.code(), Code::Ok);
    }
    let stats = jaeger.door(Port::OtlpGrpc).expect("the door").stats();
    assert_eq!((stats.refused(Reason::Unsupported), stats.packets), (4, 4));
    assert_eq!(jaeger.usage().spans, 0);
}
