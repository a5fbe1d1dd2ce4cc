//! The doors for spans: each decodes what its port receives into spans of the model.
//!
//! | folder | port | format |
//! |---|---|---|
//! | [`thrift`] | 6831, 6832, 5775/udp | Thrift, compact and binary protocol |
//! | [`thrift`] | 14268 | Thrift, binary protocol, over HTTP |
//! | [`protobuf`] | 14250 | Jaeger's protocol buffers, over gRPC |
//! | [`otlp`] | 4317 | OTLP over gRPC |
//! | [`otlp`] | 4318 | OTLP over HTTP, protobuf and JSON |
//! | [`zipkin`] | 9411 | Zipkin v2 over HTTP, JSON |
//!
//! A new door is a function that opens it, and a line in the table of doors in `lib.rs`.

#[cfg(all(feature = "doors", any(test, fuzzing)))]
pub(crate) mod fuzz;
pub(crate) mod intake;
mod json;
pub(crate) mod otlp;
pub(crate) mod protobuf;
pub(crate) mod strategy;
#[cfg(feature = "jaeger")]
pub(crate) mod thrift;
mod warnings;
pub(crate) mod zipkin;
