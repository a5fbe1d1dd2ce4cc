//! The doors without their ports, for the fuzzer: bytes in, spans in the store.

use std::sync::Arc;

use tokio::sync::watch;

use super::intake::Intake;
use super::{otlp, protobuf, thrift, zipkin};
use crate::server::context::Context;
use crate::store::Store;

/// An intake that puts spans into this store.
pub(crate) fn intake(store: &Arc<Store>) -> Intake {
    Intake {
        store: Arc::clone(store),
        context: Context::new(watch::channel(false).1),
        strategies: Arc::default(),
        received: Arc::default(),
    }
}

pub(crate) const DATAGRAM: fn(&Intake, &[u8]) = thrift::udp::fuzz;
pub(crate) const THRIFT_BODY: fn(&Intake, &[u8]) = thrift::http::fuzz;
pub(crate) const JAEGER_MESSAGE: fn(&Intake, &[u8]) = protobuf::grpc::fuzz;
pub(crate) const OTLP_MESSAGE: fn(&Intake, &[u8]) = otlp::grpc::fuzz;
pub(crate) const OTLP_JSON: fn(&Intake, &[u8]) = otlp::http::fuzz;
pub(crate) const ZIPKIN_JSON: fn(&Intake, &[u8]) = zipkin::http::fuzz_json;
pub(crate) const ZIPKIN_THRIFT: fn(&Intake, &[u8]) = zipkin::http::fuzz_thrift;
pub(crate) const ZIPKIN_PROTO: fn(&Intake, &[u8]) = zipkin::http::fuzz_proto;
