//! The HTTP JSON API that Jaeger's web pages, Grafana and scripts use.
//!
//! It answers as Jaeger 1.35 does, without `/api/v3`. Paths outside of `/api` belong to the web
//! pages.

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
