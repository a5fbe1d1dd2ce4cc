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
pub mod grpc;
mod intern;
mod json;
pub mod otlp;
pub mod protobuf;
pub mod thrift;
mod warnings;
pub mod zipkin;

use std::fmt;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

pub use body::MAX_BODY;
pub use counters::{DoorStats, Reason};

pub(crate) use counters::{Counters, rarely};

use crate::admin::sampling;
use crate::config::{Config, HostPort};
use crate::error::Error;
use crate::model::Span;
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

/// Opens a door where the settings ask for it: binds its port, and says how it is served.
pub(crate) type OpenDoor = fn(&Config, &Intake) -> Result<Option<Opened>, Error>;

/// Serves a door's port until it is told to stop. Made on the threads of the all-in-one.
pub(crate) type Serve =
    Box<dyn FnOnce() -> Result<Pin<Box<dyn Future<Output = ()> + Send>>, Error> + Send>;

/// A door whose port is bound and not yet served.
pub(crate) struct Opened {
    pub(crate) door: Door,
    pub(crate) serve: Serve,
}

/// An open door.
#[derive(Clone)]
pub struct Door {
    /// Its name in metrics: lower case with dashes.
    pub name: &'static str,
    /// What it takes, in a few words.
    pub takes: &'static str,
    /// Whether it listens on UDP; else TCP.
    pub udp: bool,
    /// Where it listens.
    pub address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
}

impl Door {
    /// What has come through it so far.
    #[must_use]
    pub fn stats(&self) -> DoorStats {
        self.counters.snapshot()
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = if self.udp { "udp" } else { "tcp" };
        write!(f, "{} on {}/{transport}", self.name, self.address)
    }
}

/// What lies behind every door: the store, and the word to stop.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) store: Arc<Store>,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Intake {
    /// Puts spans that take about `bytes` bytes into the store, and counts them.
    pub(crate) fn take(&self, counters: &Counters, spans: Vec<Span>, bytes: usize) {
        counters.took(spans.len());
        self.store.insert(spans, bytes);
    }
}

/// Binds the address of a setting by `bind`, and returns what was bound with its real address.
///
/// # Errors
/// [`Error::Bind`], which names the setting and the port.
pub(crate) fn bind<S>(
    config: &Config,
    address: &HostPort,
    setting: &'static str,
    bind: impl FnOnce(SocketAddr) -> std::io::Result<(S, SocketAddr)>,
) -> Result<(S, SocketAddr), Error> {
    let address = config.resolve(address, setting)?;
    bind(address).map_err(|source| Error::Bind { setting, address: address.to_string(), source })
}

/// Binds a TCP port for a server of Tokio's.
pub(crate) fn tcp(address: SocketAddr) -> std::io::Result<(net::TcpListener, SocketAddr)> {
    let listener = net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
