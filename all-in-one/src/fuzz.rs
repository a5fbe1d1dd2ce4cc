//! The fuzz targets: every decoder of bytes from the network, and what happens to the spans.
//!
//! A target accepts any bytes and must neither panic, nor hang, nor take much memory. What it
//! decodes is stored and queried, so that the adjusters and the JSON of the query API are covered
//! too. The package `fuzz` runs the targets under libFuzzer; the tests below run them on stable
//! over the recorded packets: whole, cut, and with a bit flipped.

#![expect(clippy::panic, reason = "only a fuzzer and tests call this: they say so by failing")]

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};

use crate::query::api::Api;
use crate::query::router::{ask, router};
use crate::receive::fuzz as receive;
use crate::receive::intake::Intake;
use crate::server::http;
use crate::server::request_line::Escaped;
use crate::store::{Limits, Search, Store};
use crate::ui::WebPages;

/// A target: its name, which is also that of its corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("thrift_compact", thrift_compact),
    ("thrift_binary", thrift_binary),
    ("jaeger_proto", jaeger_proto),
    ("otlp_proto", otlp_proto),
    ("otlp_json", otlp_json),
    ("zipkin_json", zipkin_json),
    ("zipkin_thrift", zipkin_thrift),
    ("zipkin_proto", zipkin_proto),
    ("packed", packed),
    ("upload", upload),
    ("query", query),
    ("request", request),
];

/// A datagram at the compact or the binary door.
pub fn thrift_compact(bytes: &[u8]) {
    show(&receive(receive::DATAGRAM, bytes));
}

/// A body at the collector.
pub fn thrift_binary(bytes: &[u8]) {
    show(&receive(receive::THRIFT_BODY, bytes));
}

/// A `PostSpans` of Jaeger's gRPC.
pub fn jaeger_proto(bytes: &[u8]) {
    show(&receive(receive::JAEGER_MESSAGE, bytes));
}

/// An OTLP request in protobuf.
pub fn otlp_proto(bytes: &[u8]) {
    show(&receive(receive::OTLP_MESSAGE, bytes));
}

/// An OTLP request in JSON.
pub fn otlp_json(bytes: &[u8]) {
    show(&receive(receive::OTLP_JSON, bytes));
}

/// A list of Zipkin's spans in JSON, of both versions.
pub fn zipkin_json(bytes: &[u8]) {
    show(&receive(receive::ZIPKIN_JSON, bytes));
}

/// A list of Zipkin's spans in binary Thrift.
pub fn zipkin_thrift(bytes: &[u8]) {
    show(&receive(receive::ZIPKIN_THRIFT, bytes));
}

/// A list of Zipkin's spans in protobuf.
pub fn zipkin_proto(bytes: &[u8]) {
    show(&receive(receive::ZIPKIN_PROTO, bytes));
}

/// A compressed message of gRPC, and a compressed body.
pub fn packed(bytes: &[u8]) {
    crate::server::fuzz::packed(bytes);
}

/// A file of traces.
pub fn upload(bytes: &[u8]) {
    let store = Arc::new(Store::new(Limits { traces: 1_000, bytes: 16 << 20 }));
    if crate::files::read(&store, bytes).is_ok() {
        show(&Api::new(store, WebPages::new(""), Duration::from_secs(3_600), String::new()));
    }
}

/// A path and query at the query port, as they follow `GET `; or a question over gRPC.
pub fn query(bytes: &[u8]) {
    #[cfg(feature = "query-grpc")]
    SHOP.with(|api| crate::query::grpc::ask(api, bytes));
    if let Ok(target) = std::str::from_utf8(bytes)
        && let Ok(uri) = target.parse()
    {
        SHOP.with(|api| ask(api, &uri));
    }
}

/// The bytes of a connection to the query port.
pub fn request(bytes: &[u8]) {
    let address = SocketAddr::from(([127, 0, 0, 1], 16_686));
    SHOP.with(|api| {
        let router = router(Arc::clone(api), crate::files::read);
        let router = http::guarded(router, address, Vec::new());
        let stream = Escaped::new(Connection(bytes.to_vec().into()));
        RUNTIME.with(|runtime| runtime.block_on(http::serve_one(stream, router)));
    });
}

thread_local! {
    /// A few recorded spans, to be queried.
    static SHOP: Arc<Api> = receive(
        receive::DATAGRAM,
        include_bytes!("../tests/goldens/synth-references/packet-01.bin"),
    );
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("a runtime: {error}"));
}

/// Queries what was stored in every way.
fn show(api: &Arc<Api>) {
    for service in api.store.services() {
        let services = format!("/api/services/{service}/operations");
        for path in ["/api/dependencies?endTs=9223372036854", &services] {
            if let Ok(uri) = path.parse() {
                ask(api, &uri);
            }
        }
        let search =
            Search { service: service.to_string(), latest: i64::MAX, ..Default::default() };
        for trace in api.store.find(&search) {
            for how in ["", "?raw=true", "?prettyPrint=true"] {
                if let Ok(uri) = format!("/api/traces/{}{how}", trace.id).parse() {
                    assert_eq!(ask(api, &uri), 200, "what is stored can be shown");
                }
            }
        }
    }
}

/// The query API over a store that has received these bytes.
fn receive(door: fn(&Intake, &[u8]), bytes: &[u8]) -> Arc<Api> {
    let store = Arc::new(Store::new(Limits { traces: 1_000, bytes: 16 << 20 }));
    door(&receive::intake(&store), bytes);
    Api::new(store, WebPages::new(""), Duration::from_secs(3_600), String::new())
}

/// A client that sends these bytes and discards the answer.
struct Connection(std::collections::VecDeque<u8>);

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (front, _) = self.0.as_slices();
        let length = front.len().min(buffer.remaining());
        buffer.put_slice(&front[..length]);
        self.0.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What a client recorded for each target, and a little of what people type.
    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
        let read = |file: &str| std::fs::read(goldens.join(file)).expect(file);
        let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        match target {
            "thrift_compact" => {
                ["py-jaeger-client-ok", "rust-rustracing-compact", "synth-logs", "zipkin-udp"]
                    .map(|case| read(&format!("{case}/packet-01.bin")))
                    .into()
            }
            "thrift_binary" => vec![
                read("node-otel-jaeger-udp-wrongport/packet-01.bin"),
                read("synth-malformed-http/packet-01.bin"),
            ],
            "jaeger_proto" => vec![read("py-otel-jaeger-proto-grpc/packet-01.bin")],
            "otlp_proto" => vec![read("py-otel-otlp-http/packet-01.bin")],
            "otlp_json" => vec![read("otlp-json/packet-01.bin")],
            "zipkin_json" => {
                vec![read("zipkin-v2-json/packet-01.bin"), read("zipkin-v1-json/packet-01.bin")]
            }
            "zipkin_thrift" => vec![read("zipkin-v1-thrift/packet-01.bin")],
            "zipkin_proto" => vec![read("zipkin-v2-proto/packet-01.bin")],
            "packed" => vec![
                read("py-otel-otlp-http-gzip/packet-01.bin"),
                b"\x28\xb5\x2f\xfd\x00\x58\x29\x00\x00spans".to_vec(),
                b"\xff\x06\x00\x00sNaPpY\x01\x09\x00\x00\xb5\x8b\xa8\xdbspans".to_vec(),
                b"\x05\x10spans".to_vec(),
            ],
            "upload" => texts(&[
                r#"{"data":[{"traceID":"a","spans":[{"traceID":"a","spanID":"b","operationName":"buy","references":[{"refType":"CHILD_OF","traceID":"a","spanID":"c"}],"startTime":1,"duration":1,"processID":"p1","flags":1,"logs":[{"timestamp":2,"fields":[{"key":"f","type":"float64","value":"NaN"}]}],"tags":[{"key":"b","type":"binary","value":"AAE="}],"warnings":["w"]}],"processes":{"p1":{"serviceName":"shop","tags":[]}}}]}"#,
                r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","attributes":[{"key":"@jaeger@span","value":{"stringValue":"{\"flags\":1,\"references\":[{\"kind\":7,\"trace\":\"a\",\"span\":\"b\"}],\"times\":{\"start\":18446744073709551615,\"duration\":1,\"nanos\":[1,2],\"logs\":[7]}}"}}],"events":[{"name":"e"}]}]}]}]}"#,
                r#"[{"traceId":"000000000000000a","id":"000000000000000b"}]"#,
            ]),
            "query" => texts(&[
                "/api/traces?service=a&tags={%22a%22:%22b%22}&start=1&minDuration=1.5ms&limit=3",
                "/api/dependencies?endTs=1700000000000&lookback=86400000",
                "/api/v3/traces?query.startTimeMin=1970-01-01T00:00:00,5Z&query.startTimeMax=2100-02-28T00:00:00-01:00&query.attributes={%22a%22:%22b%22}&query.durationMin=1ms",
                "/api/v3/traces/S_kvNXezTaajzpKdDg5HAQ?rawTraces=1",
            ]),
            "request" => texts(&[
                "GET /api/traces?service=\"a\" HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
                "POST /api/archive/1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ]),
            other => panic!("no corpus for {other}"),
        }
    }

    #[test]
    fn every_target_survives_what_was_recorded_cut_and_with_a_bit_changed() {
        for (name, target) in TARGETS {
            for whole in corpus(name) {
                let step = whole.len() / 150 + 1;
                for at in (0..=whole.len()).step_by(step) {
                    target(&whole[..at]);
                }
                for at in (0..whole.len()).step_by(step) {
                    let mut changed = whole.clone();
                    changed[at] ^= 1 << (at % 8);
                    target(&changed);
                }
            }
        }
    }
}
