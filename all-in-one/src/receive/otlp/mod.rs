//! OpenTelemetry's own protocol, over gRPC (4317) and HTTP (4318).
//!
//! Source: opentelemetry/proto/{collector/trace,trace,common,resource}/v1 in
//! <https://github.com/open-telemetry/opentelemetry-proto>, and <https://opentelemetry.io/docs/specs/otlp/>.
//!
//! A request is decoded, each of its spans becomes one of Jaeger's (`proto`), and the answer says
//! how many were refused. A request in JSON becomes protobuf first (`json_request`, `json`).

mod answer;
mod exporter;
#[cfg(feature = "files")]
mod file;
#[cfg(feature = "otlp-grpc")]
pub(crate) mod grpc;
#[cfg(feature = "otlp-http")]
pub(crate) mod http;
mod json;
mod json_request;
pub(crate) mod limits;
mod nested;
mod others;
mod proto;

#[cfg(feature = "files")]
pub(crate) use file::read;
