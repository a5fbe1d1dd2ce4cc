//! Logs, metrics and profiles: nothing but traces is kept.
//!
//! Many programs send all signals to one endpoint. An SDK logs an export that failed, and would do so
//! every few seconds. So the first request of each gets an error that says what happens here, and
//! those after it an answer that they were received. All are counted.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protobuf::wire::{Fields, WireValue};

/// Of how many SDKs it is known that they were told.
const MOST: usize = 1_000;

/// A signal other than traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Logs,
    Metrics,
    Profiles,
}

impl Signal {
    /// The signal that is sent to a path of HTTP.
    #[cfg(feature = "otlp-http")]
    pub(super) fn of_path(path: &str) -> Option<Self> {
        match path {
            "/v1/logs" => Some(Signal::Logs),
            "/v1/metrics" => Some(Signal::Metrics),
            "/v1development/profiles" => Some(Signal::Profiles),
            _ => None,
        }
    }

    /// The signal that is sent to a method of gRPC.
    #[cfg(feature = "otlp-grpc")]
    pub(super) fn of_method(path: &str) -> Option<Self> {
        match path.strip_prefix("/opentelemetry.proto.collector.")? {
            "logs.v1.LogsService/Export" => Some(Signal::Logs),
            "metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
            "profiles.v1development.ProfilesService/Export" => Some(Signal::Profiles),
            _ => None,
        }
    }

    /// What the SDK is told, and the log.
    pub(super) fn why(self) -> &'static str {
        match self {
            Signal::Logs => {
                "logs are not kept here, only traces: OTEL_LOGS_EXPORTER=none stops sending them"
            }
            Signal::Metrics => {
                "metrics are not kept here, only traces: OTEL_METRICS_EXPORTER=none stops sending them"
            }
            Signal::Profiles => "profiles are not kept here, only traces",
        }
    }
}

/// The SDKs that were told.
#[derive(Debug, Default)]
pub(super) struct Told {
    by: RandomState,
    known: Mutex<HashSet<u64>>,
}

impl Told {
    /// Whether this is the first request of an SDK, by its name and the resource in its request.
    pub(super) fn is_first(&self, signal: Signal, headers: &HeaderMap, body: &[u8]) -> bool {
        let agent = headers.get(header::USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
        let sdk = self.by.hash_one((signal as u8, agent, resource(body)));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(sdk)
    }
}

/// The bytes of the first resource, in protobuf or JSON; empty if there is none.
fn resource(body: &[u8]) -> &[u8] {
    let message = |bytes| match Fields::of(bytes).next() {
        Ok(Some((1, WireValue::Bytes(inner)))) => Some(inner),
        _ => None,
    };
    message(body).and_then(message).or_else(|| in_json(body)).unwrap_or_default()
}

fn in_json(body: &[u8]) -> Option<&[u8]> {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(
            borrow,
            alias = "resourceLogs",
            alias = "resourceMetrics",
            alias = "resourceProfiles"
        )]
        of_resources: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct OfResource<'a> {
        #[serde(borrow)]
        resource: &'a RawValue,
    }
    let request: Request<'_> = serde_json::from_slice(body).ok()?;
    let list: Vec<&RawValue> = serde_json::from_str(request.of_resources.get()).ok()?;
    let first: OfResource<'_> = serde_json::from_str(list.first()?.get()).ok()?;
    Some(first.resource.get().as_bytes())
}
