//! Traces to answers: the HTTP JSON API that Jaeger's web pages, Grafana and scripts use.
//!
//! As Jaeger 1.35 answers it, `/api/v3` left out. What is not under `/api` is the web pages'.

pub(crate) mod adjust;
mod answer;
pub(crate) mod api;
mod dependencies;
mod errors;
pub(crate) mod grpc;
mod metrics;
mod params;
pub(crate) mod router;
mod services;
mod span_json;
pub(crate) mod stream;
mod trace;
mod traces;
