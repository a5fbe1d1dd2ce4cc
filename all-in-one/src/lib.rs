//! An embedded Jaeger: what `jaegertracing/all-in-one` does, as a small program and as a library
//! that a test starts in its own process.
//!
//! It receives spans in every format of Jaeger's and OpenTelemetry's, keeps them in bounded memory,
//! and serves Jaeger's query API and web pages. In a test, every port is chosen by the system and
//! listens on loopback.
//!
//! ```
//! use jaeger_all_in_one::AllInOne;
//! use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
//! use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
//! use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # // This workspace builds reqwest without a provider for TLS.
//! # let _ = rustls::crypto::ring::default_provider().install_default();
//! let jaeger = AllInOne::start()?;
//!
//! // The program's own set-up, with the endpoint of this Jaeger.
//! let exporter = SpanExporter::builder()
//!     .with_http()
//!     .with_protocol(Protocol::HttpBinary)
//!     .with_endpoint(jaeger.otlp_http_endpoint()?)
//!     .build()?;
//! let provider = SdkTracerProvider::builder()
//!     .with_batch_exporter(exporter)
//!     .with_resource(Resource::builder().with_service_name("shop").build())
//!     .build();
//!
//! let tracer = provider.tracer("shop");
//! let id = tracer.in_span("POST /buy", |context| {
//!     tracer.in_span("reserve", |_| {});
//!     context.span().span_context().trace_id()
//! });
//! provider.force_flush()?;
//!
//! let trace = jaeger.wait_for_trace(id.to_bytes()).blocking()?;
//! assert_eq!(trace.to_string(), "shop: POST /buy\n└─ shop: reserve\n");
//! # Ok(()) }
//! ```
//!
//! [`AllInOne::wait_for_trace`] and its siblings wait in tests with and without a runtime. The
//! [`Trace`] that they return prints as a tree, and [`expect_trace`] compares it with an expected
//! one.

// What the doors and the query API share is used in part where some of them are turned off.
#![cfg_attr(not(all(feature = "doors", feature = "query")), allow(dead_code, unused_imports))]

mod admin;
mod all_in_one;
#[cfg(feature = "cli")]
mod client;
#[doc(hidden)]
pub mod config;
mod draw;
mod error;
#[cfg(feature = "files")]
#[doc(hidden)]
pub mod expectations;
#[cfg(feature = "files")]
#[doc(hidden)]
pub mod files;
#[cfg(all(feature = "doors", any(test, fuzzing)))]
#[doc(hidden)]
pub mod fuzz;
#[doc(hidden)]
pub mod go_format;
#[doc(hidden)]
pub mod model;
#[cfg(feature = "files")]
mod otlp_json;
mod port;
mod protobuf;
mod query;
mod receive;
mod server;
#[doc(hidden)]
pub mod store;
mod ui;
mod wait;

pub use expect_trace;
pub use expect_trace::Trace;

pub use all_in_one::AllInOne;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub use client::{ClientError, Source, Style, newest, status, tree};
#[cfg(feature = "tls")]
pub use config::Tls;
pub use config::{Config, Cors, HostPort};
#[doc(hidden)]
pub use draw::{draw, printable};
pub use error::{BindError, ClosedPort, StartError};
#[cfg(feature = "files")]
pub use files::{LoadError, Loaded, Saved};
pub use model::{InvalidId, TraceId};
pub use port::Port;
#[cfg(feature = "jaeger")]
#[doc(hidden)]
pub use receive::thrift::udp::MAX_PACKET;
#[doc(hidden)]
pub use server::body::MAX_BODY;
#[cfg(feature = "_grpc")]
#[doc(hidden)]
pub use server::bytes_codec::BytesCodec;
pub use server::counters::{DoorStats, Reason};
pub use server::door::Door;
#[cfg(feature = "_grpc")]
#[doc(hidden)]
pub use server::grpc::MAX_MESSAGE;
pub use store::Usage;
#[doc(hidden)]
pub use wait::nearest;
pub use wait::{Wait, WaitError};

/// Compiles the code in the manual.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Manual;

#[cfg(all(test, feature = "doors", feature = "tls", feature = "query-grpc"))]
mod tests {
    use std::time::Duration;

    use server::http;

    use super::*;
    use query::{adjust, api, stream};
    use receive::otlp::limits::MAX_DEPTH;
    use server::{body, connections, grpc, grpc_stream, idle_timeout, tls};

    const MANUAL: &str = include_str!("../README.md");

    /// A number with commas between thousands.
    fn commas(number: usize) -> String {
        let digits = number.to_string();
        let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join(",")
    }

    fn kib(bytes: usize) -> String {
        format!("{} KiB", bytes >> 10)
    }

    fn mib(bytes: usize) -> String {
        format!("{} MiB", bytes >> 20)
    }

    fn seconds(time: Duration) -> String {
        format!("{} s", time.as_secs())
    }

    #[test]
    fn the_manual_has_every_limit_as_it_is() {
        let config = Config::default();
        let size = http::CONNECTION_SIZE;
        let idle = connections::DOORS_KIB as u32 / size.idle;
        let unfinished = connections::DOORS_KIB as u32 / (size.idle + size.buffers);
        assert!((1_450..1_550).contains(&idle) && (245..=256).contains(&unfinished));
        let tls = connections::DOORS_KIB as u32 / (size.idle + tls::CONNECTION_KIB);
        assert!((245..=256).contains(&tls));
        let limits = [
            ("traces", commas(config.max_traces)),
            ("memory for spans and their indexes", mib(config.max_bytes)),
            ("one trace", "half of that memory".to_owned()),
            ("spans of a trace that are adjusted together", commas(adjust::MOST)),
            ("a datagram", commas(MAX_PACKET) + " bytes"),
            ("a request body, after decompression", mib(MAX_BODY)),
            ("all request bodies that are being received", mib((body::READING_KIB as usize) << 10)),
            ("spans decoded from one request at a time", mib(body::MAX_DECODED)),
            ("a file of sampling strategies", mib(receive::strategy::file::LARGEST_FILE)),
            ("the head of an HTTP request", kib(http::LARGEST_HEAD)),
            ("the headers of a gRPC call", kib(grpc::LARGEST_HEAD as usize)),
            ("connections to the doors", mib(connections::DOORS_KIB << 10)),
            ("connections to the query port", mib(connections::QUERY_KIB << 10)),
            ("connections to the gRPC query port", mib(connections::QUERY_GRPC_KIB << 10)),
            ("connections to the admin port", mib(connections::ADMIN_KIB << 10)),
            ("gRPC calls at a time on one connection", grpc::STREAMS.to_string()),
            (
                "answers of the query API that are written at a time",
                format!("{}, in parts of {}", api::TURNS, kib(stream::PART)),
            ),
            ("answers of more than one part that are being read", api::LONG_ANSWERS.to_string()),
            ("answers over gRPC that are being read", query::grpc::ANSWERS.to_string()),
            ("a question over gRPC", kib(grpc_stream::LARGEST_QUESTION)),
            ("a file of certificates or of a key", mib(tls::LARGEST_FILE as usize)),
            ("the time for a TLS handshake", seconds(tls::HANDSHAKE_TIMEOUT)),
            ("the time for a head", seconds(http::HEAD_TIMEOUT)),
            ("the time for a body", seconds(body::TIME)),
            ("the time for a gRPC call", seconds(grpc::CALL_TIMEOUT)),
            ("the time without a byte on a connection", seconds(idle_timeout::IDLE_LIMIT)),
            ("a gRPC message", mib(MAX_MESSAGE)),
            // A list is two messages: a value, and the list in it. The attribute is one more.
            ("lists within lists in an OTLP attribute", format!("{} levels", (MAX_DEPTH - 1) / 2)),
        ];
        let (_, table) = MANUAL.split_once("## Limits").expect("the chapter");
        let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), limits.len());
        for (row, (what, limit)) in rows.iter().zip(&limits) {
            let said = row.strip_prefix(&format!("| {what} | {limit}"));
            let ends = said.is_some_and(|rest| rest.starts_with([' ', ',', ':']));
            assert!(ends, "{what}: {limit} is not in {row}");
        }
    }
}
