//! The doors: each turns what its port receives into spans of the model.
//!
//! | door | port | format |
//! |---|---|---|
//! | [`agent`] | 6831, 6832, 5775/udp | Thrift, compact and binary protocol |
//! | [`collector`] | 14268 | Thrift, binary protocol, by HTTP |
//! | [`grpc`] | 14250 | Jaeger's protocol buffers, by gRPC |
//! | [`otlp`] | 4317, gRPC | OTLP |
//! | [`otlp`] | 4318, HTTP | OTLP, protobuf and JSON |
//! | [`zipkin`] | 9411, HTTP | Zipkin v2, JSON |
//!
//! A new door is a file with a function that opens it, and a line in the table of doors.

pub mod agent;
mod body;
pub mod collector;
mod counters;
mod door;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod grpc;
mod json;
pub mod otlp;
pub mod protobuf;
pub mod thrift;
mod warnings;
pub mod zipkin;

use std::sync::Arc;

use tokio::sync::watch;

pub use body::MAX_BODY;
pub use counters::{DoorStats, Reason};
pub use door::Door;

pub(crate) use body::{Held, Room};
pub(crate) use counters::Counters;
pub(crate) use door::{OpenDoor, Opened, TcpDoor, bind, tcp};

use crate::admin::sampling;
use crate::connections::Connections;
use crate::model::Batch;
use crate::query::grpc as query_grpc;
use crate::store::Store;

/// Every door, in the order in which the banner lists them.
pub(crate) const DOORS: &[OpenDoor] = &[
    agent::compact,
    agent::binary,
    agent::zipkin,
    collector::open,
    grpc::open,
    sampling::open,
    otlp::grpc,
    otlp::http,
    zipkin::http,
    query_grpc::open,
];

/// What lies behind every door: the store, room for connections and for what is being received,
/// and the word to stop.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) store: Arc<Store>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) room: Room,
    pub(crate) connections: Connections,
}

impl Intake {
    pub(crate) fn new(store: Arc<Store>, stop: watch::Receiver<bool>) -> Self {
        Intake { store, stop, room: Room::default(), connections: Connections::to_doors() }
    }

    /// Puts the spans of a batch into the store, and counts them.
    pub(crate) fn take(&self, counters: &Counters, batch: Batch<'_>) {
        counters.took(batch.len());
        let dropped = self.store.take(&batch);
        batch.recycle();
        if dropped > 0 {
            let why = "spans, since their trace takes half of the memory already";
            counters.refuse_many(Reason::TraceTooLarge, dropped, why);
        }
    }
}
