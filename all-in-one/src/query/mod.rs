//! The query API that Jaeger's web pages, Grafana and scripts use.
//!
//! It answers as Jaeger 1.35 does, and below `/api/v3` as Jaeger 2.x. Paths outside of `/api` belong to the web
//! pages.
//!
//! | part | what it is |
//! |---|---|
//! | `api`, `router` | the service on the port, and which path is answered by what |
//! | `params`, `traces` | the search: its parameters, and its answer |
//! | `trace`, `span_json`, `adjust` | a trace as JSON, with clock skew and shared ids adjusted |
//! | `transform` | traces from a file, shown without being stored |
//! | `v3`, `distinct` | the API of Jaeger 2.x, in OTLP |
//! | `services`, `dependencies`, `monitor` | the other answers; `monitor` is `/api/metrics` |
//! | `answer`, `errors`, `stream` | envelopes, errors, and answers that are written while they are read |
//! | `asked` | counts for `/metrics` |
//! | `own_trace` | the span of a request that asks for one |
//! | `grpc` | the gRPC query API, of Jaeger 1.35 and of Jaeger 2.x |

#[cfg(not(feature = "query"))]
mod absent;
pub(crate) mod adjust;
mod answer;
pub(crate) mod api;
pub(crate) mod asked;
#[cfg(feature = "query")]
mod dependencies;
mod distinct;
mod errors;
#[cfg(feature = "query-grpc")]
pub(crate) mod grpc;
#[cfg(feature = "query")]
mod monitor;
mod own_trace;
mod params;
pub(crate) mod router;
mod services;
mod span_json;
pub(crate) mod stream;
mod trace;
mod traces;
#[cfg(feature = "query")]
pub(crate) mod transform;
#[cfg(feature = "query")]
mod v3;

#[cfg(not(feature = "query"))]
use absent::{dependencies, monitor, v3};
pub(crate) use traces::json;
