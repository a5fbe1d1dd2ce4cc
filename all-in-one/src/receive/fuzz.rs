//! The doors without their ports, for the fuzzer: bytes to the store.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Intake, agent, collector, grpc, otlp, zipkin};
use crate::store::Store;

/// What is received goes to this store.
pub(crate) fn intake(store: &Arc<Store>) -> Intake {
    Intake::new(Arc::clone(store), watch::channel(false).1)
}

pub(crate) const DATAGRAM: fn(&Intake, &[u8]) = agent::fuzz;
pub(crate) const THRIFT_BODY: fn(&Intake, &[u8]) = collector::fuzz;
pub(crate) const JAEGER_MESSAGE: fn(&Intake, &[u8]) = grpc::fuzz;
pub(crate) const OTLP_MESSAGE: fn(&Intake, &[u8]) = otlp::fuzz_message;
pub(crate) const OTLP_JSON: fn(&Intake, &[u8]) = otlp::fuzz_json;
pub(crate) const ZIPKIN_JSON: fn(&Intake, &[u8]) = zipkin::fuzz;
