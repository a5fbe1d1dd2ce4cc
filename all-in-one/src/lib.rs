//! An embedded Jaeger: what `jaegertracing/all-in-one` does, as a small program and as a library
//! that a test starts in its own process.
//!
//! It receives spans (see [`receive`]), keeps them in bounded memory (see [`store`]), and serves
//! Jaeger's query API and web pages on one port. Another port has the health check, and metrics for
//! Prometheus. Everything listens on loopback by default.
//!
//! ```
//! use std::net::UdpSocket;
//! use std::time::Duration;
//! use jaeger_all_in_one::AllInOne;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let jaeger = AllInOne::start()?;
//!
//! // What a client sends: emitBatch in compact Thrift, here one span of the service "shop".
//! let mut packet = b"\x82\x81\x00\x09emitBatch\x1c\x1c\x18\x04shop\x00".to_vec();
//! packet.extend(b"\x19\x1c\x16\x02\x16\x00\x16\x02\x16\x00\x18\x03buy\x25\x02\x16\x80\xb0\xf7\xf2\xb9\xb9\xb0\x06\x16\x14\x00\x00\x00");
//! UdpSocket::bind("127.0.0.1:0")?.send_to(&packet, jaeger.agent_addr())?;
//!
//! let traces = jaeger.wait_for_spans("shop", 1, Duration::from_secs(5)).await?;
//! let span = traces[0].span("buy").expect("the span");
//! assert_eq!(span.duration, 10);
//!
//! jaeger.shutdown().await;
//! # Ok(()) })
//! # }
//! ```

mod admin;
mod client;
pub mod config;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
#[doc(hidden)]
pub mod go_format;
pub mod model;
mod query;
pub mod receive;
mod server;
pub mod store;
mod ui;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use client::{status, tree};
pub use config::{Config, HostPort};
pub use error::Error;
pub use model::{Span, Trace};
pub use receive::thrift::udp::MAX_PACKET;
pub use server::body::MAX_BODY;
pub use server::bytes_codec::BytesCodec;
pub use server::counters::{DoorStats, Reason};
pub use server::door::Door;
pub use server::grpc::MAX_MESSAGE;

use admin::Admin;
use config::reachable;
use query::api::Api;
use receive::intake::Intake;
use server::connections::{ConnectionBudget, Listener};
use server::context::Context;
use server::counters::Counters;
use server::door::{Opened, bind, tcp};
use server::http;
use server::threads::Threads;
use store::{Limits, Search, Store, Usage};

/// Opens a door if the settings ask for it: binds its port, and returns how to serve it.
type OpenDoor = fn(&Config, &Intake) -> Result<Option<Opened>, Error>;

/// Every door, in the order in which the banner lists them.
const DOORS: &[OpenDoor] = &[
    receive::thrift::udp::compact,
    receive::thrift::udp::binary,
    receive::thrift::udp::zipkin,
    receive::thrift::http::open,
    receive::protobuf::grpc::open,
    |config, intake| admin::agent_http::open(config, &intake.context),
    receive::otlp::grpc::open,
    receive::otlp::http::open,
    receive::zipkin::http::open,
    |config, intake| query::grpc::open(config, &intake.context),
];

/// The names of the query port and the admin port in metrics.
const QUERY: &str = "query";
const ADMIN: &str = "admin";

/// Compiles the code in the manual.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Manual;

/// A running all-in-one. It stops when it is dropped.
///
/// It has its own threads, so it works in sync and async code, and keeps running while a test waits
/// for another process.
#[derive(Debug)]
pub struct AllInOne {
    store: Arc<Store>,
    doors: Vec<Door>,
    query_addr: SocketAddr,
    admin_addr: SocketAddr,
    base_path: String,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    threads: Threads,
}

impl AllInOne {
    /// Starts on loopback, with every port chosen by the system.
    ///
    /// # Errors
    /// Where the system has no free port or refuses threads.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Config::ephemeral())
    }

    /// Starts with these settings.
    ///
    /// # Errors
    /// Where an address cannot be bound; no port stays open then.
    pub fn start_with(config: Config) -> Result<Self, Error> {
        let base_path = config.base()?;
        let store =
            Arc::new(Store::new(Limits { traces: config.max_traces, bytes: config.max_bytes }));
        let (stop, stopped) = watch::channel(false);
        let context = Context::new(stopped.clone());
        let intake = Intake { store: Arc::clone(&store), context };
        // Binds every port before any is served: all of them, or none.
        let mut opened = Vec::new();
        for open in DOORS {
            opened.extend(open(&config, &intake)?);
        }
        let (query_listener, query_addr) = bind(&config, &config.query, config::QUERY, tcp)?;
        let (admin_listener, admin_addr) = bind(&config, &config.admin, config::ADMIN, tcp)?;

        let threads = Threads::start()?;
        let context = threads.enter();
        let mut tasks = Vec::new();
        let mut doors = Vec::new();
        for opened in opened {
            tasks.push(tokio::spawn((opened.serve)()?));
            doors.push(opened.door);
        }
        let pages = ui::WebPages::new(&base_path);
        let api = Api::new(Arc::clone(&store), pages, config.max_clock_skew, base_path.clone());
        let router = http::guarded(query::router::router(api), query_addr);
        // These two have no spans to count, but refused connections.
        let ports = [QUERY, ADMIN].map(Counters::of);
        let listen = |listener, budget, counters| {
            let listener = TcpListener::from_std(listener).map_err(Error::Runtime)?;
            Ok(Listener::new(listener, http::CONNECTION_SIZE, budget, counters))
        };
        let query = listen(query_listener, ConnectionBudget::to_query(), &ports[0])?;
        tasks.push(tokio::spawn(http::serve_questions(query, router, stopped.clone())));
        let admin = listen(admin_listener, ConnectionBudget::to_admin(), &ports[1])?;
        let router = Admin::new(doors.clone(), ports, Arc::clone(&store));
        let router = http::guarded(admin::router(router), admin_addr);
        tasks.push(tokio::spawn(http::serve(admin, router, stopped)));
        drop(context);
        Ok(AllInOne { store, doors, query_addr, admin_addr, base_path, stop, tasks, threads })
    }

    /// The doors that are open.
    pub fn doors(&self) -> &[Door] {
        &self.doors
    }

    /// The open door with this name.
    pub fn door(&self, name: &str) -> Option<&Door> {
        self.doors.iter().find(|door| door.name == name)
    }

    /// The address for UDP packets in compact Thrift (6831 in Jaeger).
    pub fn agent_addr(&self) -> SocketAddr {
        self.address("udp-compact")
    }

    /// The address for UDP packets in binary Thrift (6832 in Jaeger).
    pub fn agent_binary_addr(&self) -> SocketAddr {
        self.address("udp-binary")
    }

    /// The address for UDP packets in zipkin.thrift, which are only counted (5775 in Jaeger).
    pub fn agent_zipkin_addr(&self) -> SocketAddr {
        self.address("udp-zipkin")
    }

    /// The address for binary Thrift over HTTP (14268 in Jaeger).
    pub fn collector_addr(&self) -> SocketAddr {
        self.address("http-thrift")
    }

    /// The address for Jaeger's protocol buffers over gRPC (14250 in Jaeger).
    pub fn collector_grpc_addr(&self) -> SocketAddr {
        self.address("grpc-jaeger")
    }

    /// The address where clients of the agent ask for their sampling strategy, over HTTP (5778 in
    /// Jaeger).
    pub fn sampling_addr(&self) -> SocketAddr {
        self.address("http-sampling")
    }

    /// The address for OTLP over gRPC (4317 in Jaeger), unless OTLP is turned off.
    pub fn otlp_grpc_addr(&self) -> Option<SocketAddr> {
        self.door("otlp-grpc").map(|door| door.address)
    }

    /// The address for OTLP over HTTP (4318 in Jaeger), with the path `/v1/traces`, unless OTLP is
    /// turned off.
    pub fn otlp_http_addr(&self) -> Option<SocketAddr> {
        self.door("otlp-http").map(|door| door.address)
    }

    /// The address for Zipkin's JSON (9411 in Jaeger), with the path `/api/v2/spans`, if that port
    /// is open.
    pub fn zipkin_addr(&self) -> Option<SocketAddr> {
        self.door("zipkin").map(|door| door.address)
    }

    /// The address of the web pages and the query API (16686 in Jaeger).
    pub fn query_addr(&self) -> SocketAddr {
        self.query_addr
    }

    /// The address of the health check and `/metrics` (14269 in Jaeger).
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// The URL of the web pages, such as `http://127.0.0.1:16686`, with the base path and without a
    /// slash at the end.
    pub fn query_url(&self) -> String {
        format!("http://{}{}", reachable(self.query_addr), self.base_path)
    }

    /// The traces that have a span of this service, newest first.
    pub fn traces(&self, service: &str) -> Vec<Trace> {
        self.store.find(&Search {
            service: service.to_owned(),
            latest: i64::MAX,
            ..Search::default()
        })
    }

    /// The store, for queries that [`AllInOne::traces`] does not cover.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The store, to be kept after the all-in-one has stopped.
    pub fn shared_store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// How many traces, spans and bytes are stored, and how many were evicted.
    pub fn usage(&self) -> Usage {
        self.store.usage()
    }

    /// The counts of the door for compact Thrift over UDP.
    pub fn agent_stats(&self) -> DoorStats {
        self.door("udp-compact").map(Door::stats).unwrap_or_default()
    }

    /// Waits until the store has at least `count` spans of a service, and returns its traces. It
    /// checks after every insert, not at intervals, so it returns at once.
    ///
    /// # Errors
    /// [`Error::Timeout`] where they do not arrive in time; it says how many did.
    pub async fn wait_for_spans(
        &self,
        service: &str,
        count: usize,
        timeout: Duration,
    ) -> Result<Vec<Trace>, Error> {
        let (store, name) = (Arc::clone(&self.store), service.to_owned());
        // Runs on our own threads, so that the caller needs no Tokio timer.
        let wait = self.threads.spawn(async move {
            let enough = |store: &Store| store.span_count(&name) >= count;
            tokio::time::timeout(timeout, store.wait_until(enough)).await
        });
        match wait.await {
            Ok(Ok(())) => Ok(self.traces(service)),
            Ok(Err(_)) => Err(Error::Timeout {
                service: service.to_owned(),
                wanted: count,
                found: self.store.span_count(service),
                waited: timeout,
            }),
            Err(_) => Err(Error::Stopped),
        }
    }

    /// The address of a door that is always open.
    fn address(&self, name: &str) -> SocketAddr {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.door(name).map_or(nowhere, |door| door.address)
    }

    /// Stops: stores what has already arrived, lets running requests end, and closes every port.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            // A task that panicked has ended too.
            let _ = task.await;
        }
    }
}

impl Drop for AllInOne {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use query::{adjust, api, stream};
    use receive::otlp::limits::MAX_DEPTH;
    use server::{body, connections, grpc, idle_timeout};

    const MANUAL: &str = include_str!("../README.md");

    /// A number with commas between thousands.
    fn commas(number: usize) -> String {
        let digits = number.to_string();
        let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join(",")
    }

    fn kib(bytes: usize) -> String {
        format!("{} KiB", bytes >> 10)
    }

    fn mib(bytes: usize) -> String {
        format!("{} MiB", bytes >> 20)
    }

    fn seconds(time: Duration) -> String {
        format!("{} s", time.as_secs())
    }

    #[test]
    fn the_manual_has_every_limit_as_it_is() {
        let config = Config::default();
        let size = http::CONNECTION_SIZE;
        let idle = connections::DOORS_KIB as u32 / size.idle;
        let unfinished = connections::DOORS_KIB as u32 / (size.idle + size.buffers);
        assert!((1_450..1_550).contains(&idle) && (245..=256).contains(&unfinished));
        let limits = [
            ("traces", commas(config.max_traces)),
            ("memory for spans and their indexes", mib(config.max_bytes)),
            ("one trace", "half of that memory".to_owned()),
            ("spans of a trace that are adjusted together", commas(adjust::MOST)),
            ("a datagram", commas(MAX_PACKET) + " bytes"),
            ("a request body, after decompression", mib(MAX_BODY)),
            ("all request bodies that are being received", mib((body::READING_KIB as usize) << 10)),
            ("spans decoded from one request at a time", mib(body::MAX_DECODED)),
            ("the head of an HTTP request", kib(http::LARGEST_HEAD)),
            ("the headers of a gRPC call", kib(grpc::LARGEST_HEAD as usize)),
            ("connections to the doors", mib(connections::DOORS_KIB << 10)),
            ("connections to the query port", mib(connections::QUERY_KIB << 10)),
            ("connections to the admin port", mib(connections::ADMIN_KIB << 10)),
            ("gRPC calls at a time on one connection", grpc::STREAMS.to_string()),
            (
                "answers of the query API that are written at a time",
                format!("{}, in parts of {}", api::TURNS, kib(stream::PART)),
            ),
            ("answers of more than one part that are being read", api::LONG_ANSWERS.to_string()),
            ("the time for a head", seconds(http::HEAD_TIMEOUT)),
            ("the time for a body", seconds(body::TIME)),
            ("the time for a gRPC call", seconds(grpc::CALL_TIMEOUT)),
            ("the time without a byte on a connection", seconds(idle_timeout::IDLE_LIMIT)),
            ("a gRPC message", mib(MAX_MESSAGE)),
            // A list is two messages: a value, and the list in it. The attribute is one more.
            ("lists within lists in an OTLP attribute", format!("{} levels", (MAX_DEPTH - 1) / 2)),
        ];
        let (_, table) = MANUAL.split_once("## Limits").expect("the chapter");
        let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), limits.len());
        for (row, (what, limit)) in rows.iter().zip(&limits) {
            let said = row.strip_prefix(&format!("| {what} | {limit}"));
            let ends = said.is_some_and(|rest| rest.starts_with([' ', ',', ':']));
            assert!(ends, "{what}: {limit} is not in {row}");
        }
    }
}
