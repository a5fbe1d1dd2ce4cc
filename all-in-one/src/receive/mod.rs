//! The doors for spans: each decodes what its port receives into spans of the model.
//!
//! | folder | port | format |
//! |---|---|---|
//! | [`thrift`] | 6831, 6832, 5775/udp | Thrift, compact and binary protocol; Zipkin's Thrift too |
//! | [`thrift`] | 14268 | Thrift, binary protocol, over HTTP |
//! | [`protobuf`] | 14250 | Jaeger's protocol buffers, over gRPC |
//! | [`otlp`] | 4317 | OTLP over gRPC |
//! | [`otlp`] | 4318 | OTLP over HTTP, protobuf and JSON |
//! | [`zipkin`] | 9411 | Zipkin over HTTP: v2 JSON and protobuf, v1 JSON and Thrift |
//!
//! A new door is a function that opens it, and a line in the table of doors in `lib.rs`.

pub(crate) mod by_service;
mod faults;
#[cfg(all(feature = "doors", any(test, fuzzing)))]
pub(crate) mod fuzz;
pub(crate) mod intake;
pub(crate) mod json;
mod lenient;
pub(crate) mod mend;
pub(crate) mod otlp;
#[cfg(feature = "jaeger-grpc")]
pub(crate) mod protobuf;
#[cfg(feature = "_sampling")]
pub(crate) mod strategy;
#[cfg(any(feature = "jaeger", feature = "zipkin"))]
pub(crate) mod thrift;
mod warnings;
#[cfg(any(feature = "zipkin", feature = "files"))]
pub(crate) mod zipkin;
#[cfg(any(feature = "jaeger", feature = "zipkin", feature = "files"))]
mod zipkin_core;
