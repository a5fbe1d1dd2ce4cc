//! A running all-in-one: opens the ports and puts the parts together.

use std::io::{self, Write as _};
use std::net::SocketAddr;
#[cfg(feature = "files")]
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use expect_trace::Trace;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::{Admin, Measured};
use crate::config::{Config, reachable};
use crate::error::{BindError, ClosedPort, StartError};
#[cfg(feature = "files")]
use crate::files::{self, LoadError, Loaded, Saved};
use crate::model::TraceId;
use crate::port::Port;
use crate::query::api::Api;
use crate::receive::intake::Intake;
#[cfg(feature = "_sampling")]
use crate::receive::strategy::Strategies;
use crate::server::connections::{ConnectionBudget, Listener};
use crate::server::context::Context;
use crate::server::counters::Counters;
use crate::server::door::{Bound, Door, Opened, bind, tcp};
use crate::server::http;
#[cfg(feature = "tls")]
use crate::server::reload::Reload;
use crate::server::threads::Threads;
#[cfg(feature = "tls")]
use crate::server::tls::{Acceptor, Files};
#[cfg(feature = "query-grpc")]
use crate::server::{grpc, grpc_stream, one_port};
use crate::store::{Limits, Store, Usage};
use crate::{admin, query, receive, ui};

/// Opens a door, unless the settings keep it closed: binds its port, and returns how to serve it.
type OpenDoor = fn(&Config, &Intake) -> Result<Option<Opened>, BindError>;

/// Every door, in the order in which the banner lists them.
const DOORS: &[OpenDoor] = &[
    #[cfg(feature = "jaeger")]
    receive::thrift::udp::compact,
    #[cfg(feature = "jaeger")]
    receive::thrift::udp::binary,
    #[cfg(feature = "jaeger")]
    receive::thrift::udp::zipkin,
    #[cfg(feature = "jaeger")]
    receive::thrift::http::open,
    #[cfg(feature = "jaeger-grpc")]
    receive::protobuf::grpc::open,
    #[cfg(feature = "jaeger")]
    admin::agent_http::open,
    #[cfg(feature = "otlp-grpc")]
    receive::otlp::grpc::open,
    #[cfg(feature = "otlp-http")]
    receive::otlp::http::open,
    #[cfg(feature = "zipkin")]
    receive::zipkin::http::open,
];

/// The variable with the seconds for which the Jaeger of a failed test stays open.
const KEEP_OPEN: &str = "KEEP_JAEGER";
const HOW_TO_KEEP_OPEN: &str = "with KEEP_JAEGER=60 the page below stays open for 60 s";

fn seconds_to_keep_open() -> Option<u64> {
    std::env::var(KEEP_OPEN).ok()?.parse().ok()
}

/// A running all-in-one. It stops when it is dropped.
///
/// It has its own threads, so it works in sync and async code, and keeps running while a test waits
/// for another process.
///
/// With `KEEP_JAEGER=60` in the environment, one that is dropped by a failing test stays open for 60
/// seconds, to look at the traces on its pages.
#[derive(Debug)]
pub struct AllInOne {
    store: Arc<Store>,
    api: Arc<Api>,
    doors: Vec<Door>,
    query: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    /// By port.
    https: [bool; Port::ALL.len()],
    base_path: String,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    pub(crate) threads: Threads,
}

impl AllInOne {
    /// Starts on loopback, with every port chosen by the system.
    ///
    /// ```
    /// let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.query_url()?.starts_with("http://127.0.0.1:"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the system has no free port or refuses threads.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(Config::ephemeral())
    }

    /// Starts with these settings.
    ///
    /// ```
    /// use jaeger_all_in_one::{AllInOne, Config};
    ///
    /// let jaeger = AllInOne::start_with(Config::ephemeral().base_path("/jaeger"))?;
    /// assert!(jaeger.query_url()?.ends_with("/jaeger"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If an address cannot be bound; no port stays open then.
    pub fn start_with(config: Config) -> Result<Self, StartError> {
        let limits = Limits { traces: config.max_traces, bytes: config.max_bytes };
        Self::start_on(Arc::new(Store::new(limits)), config)
    }

    /// The same on a store that may have traces already. Its limits count, not those of the settings.
    #[doc(hidden)]
    pub fn start_on(store: Arc<Store>, config: Config) -> Result<Self, StartError> {
        // hyper panics where it would write a date before 1970.
        if SystemTime::now() < SystemTime::UNIX_EPOCH {
            return Err(StartError::Clock);
        }
        let base_path = config.base()?;
        config.check_query_ports()?;
        let pages = ui::WebPages::load(&base_path, &config)?;
        let headers = http::headers(&config.additional_headers)?;
        let (stop, stopped) = watch::channel(false);
        let context = Context::new(stopped.clone());
        #[cfg(feature = "tls")]
        let (context, certificates) = load_tls(context, &config)?;
        #[cfg(feature = "_sampling")]
        let (strategies, reload) = Strategies::load(&config)?;
        let intake = Intake {
            store: Arc::clone(&store),
            context,
            #[cfg(feature = "_sampling")]
            strategies,
            received: Arc::default(),
        };
        let ports = Ports::bind(&config, &intake)?;

        let threads = Threads::start()?;
        let context = threads.enter();
        let mut tasks = Vec::new();
        let mut doors = Vec::new();
        for opened in ports.doors {
            tasks.push(tokio::spawn((opened.serve)()?));
            doors.push(opened.door);
        }
        #[cfg(feature = "_sampling")]
        if let Some(reload) = reload {
            tasks.push(tokio::spawn(reload.run(stopped.clone())));
        }
        #[cfg(feature = "tls")]
        for reload in certificates {
            tasks.push(tokio::spawn(reload.run(stopped.clone())));
        }
        let api = Api::new(Arc::clone(&store), pages, config.max_clock_skew, base_path.clone());
        // These two have no spans to count, but refused connections.
        let counters = [Port::Query, Port::Admin].map(|port| Counters::of(port.name()));
        let listen = |port, sockets, budget, counters| {
            let listener = Listener::new(sockets, http::CONNECTION_SIZE, budget, counters);
            let listener = listener.map_err(StartError::Runtime)?;
            Ok::<_, StartError>(listener.with_tls(intake.context.tls(port)))
        };
        let query = ports.query.as_ref().map(|bound| bound.address);
        #[cfg(feature = "query-grpc")]
        if let Some(Bound { sockets, address }) = ports.query_grpc {
            let door = grpc_door(address);
            let router = query::grpc::router(&api, &door.counters);
            let tls = intake.context.tls(Port::QueryGrpc);
            let listener = grpc_listener(sockets, &door.counters, tls)?;
            tasks.push(tokio::spawn(grpc::serve(listener, router, stopped.clone())));
            doors.push(door);
        }
        if let Some(Bound { sockets, address }) = ports.query {
            #[cfg(feature = "query")]
            let router = query::router::router(Arc::clone(&api), files::read);
            #[cfg(not(feature = "query"))]
            let router = query::router::router(Arc::clone(&api));
            let router = http::guarded(router, address, config.host_names(Port::Query));
            let router = http::with_headers(router, headers);
            match config.has_one_query_port() {
                #[cfg(feature = "query-grpc")]
                true => {
                    let door = grpc_door(address);
                    let calls = query::grpc::router(&api, &door.counters);
                    let tls = intake.context.tls(Port::Query);
                    let listener = grpc_listener(sockets, &counters[0], tls)?;
                    let serve = one_port::serve(listener, router, calls, stopped.clone());
                    tasks.push(tokio::spawn(serve));
                    doors.push(door);
                }
                _ => {
                    let budget = ConnectionBudget::to_query();
                    let listener = listen(Port::Query, sockets, budget, &counters[0])?;
                    let serve = http::serve_questions(listener, router, stopped.clone());
                    tasks.push(tokio::spawn(serve));
                }
            }
        }
        let admin = ports.admin.as_ref().map(|bound| bound.address);
        if let Some(Bound { sockets, address }) = ports.admin {
            let listener =
                listen(Port::Admin, sockets, ConnectionBudget::to_admin(), &counters[1])?;
            let measured = Measured {
                doors: doors.clone(),
                ports: counters,
                store: Arc::clone(&store),
                received: intake.received,
                api: Arc::clone(&api),
            };
            let router = admin::router(Admin::new(measured));
            let router = http::guarded(router, address, config.host_names(Port::Admin));
            tasks.push(tokio::spawn(http::serve(listener, router, stopped)));
        }
        drop(context);
        let https = Port::ALL.map(|port| config.scheme(port) == "https");
        Ok(AllInOne { store, api, doors, query, admin, https, base_path, stop, tasks, threads })
    }

    /// The doors that are open: the ports for spans and for questions of clients, with their counts.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let ports: Vec<_> = jaeger.doors().iter().map(|door| door.port).collect();
    /// assert!(ports.contains(&jaeger_all_in_one::Port::OtlpHttp));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn doors(&self) -> &[Door] {
        &self.doors
    }

    /// The open door of a port. The query and the admin port are no doors.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let door = jaeger.door(jaeger_all_in_one::Port::OtlpHttp).ok_or("it is closed")?;
    /// assert_eq!(door.stats().spans, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn door(&self, port: Port) -> Option<&Door> {
        self.doors.iter().find(|door| door.port == port)
    }

    /// The address of a port, unless it is closed. A port on both loopback addresses, as by default, has
    /// the same number on ::1.
    ///
    /// ```
    /// use jaeger_all_in_one::{AllInOne, Port};
    ///
    /// let jaeger = AllInOne::start()?;
    /// assert!(jaeger.address(Port::Admin).is_some_and(|address| address.ip().is_loopback()));
    /// # Ok::<(), jaeger_all_in_one::StartError>(())
    /// ```
    pub fn address(&self, port: Port) -> Option<SocketAddr> {
        match port {
            Port::Query => self.query,
            Port::Admin => self.admin,
            _ => self.door(port).map(|door| door.address),
        }
    }

    /// How URLs of a port begin: `https`, if it has TLS, or `http`.
    pub fn scheme(&self, port: Port) -> &'static str {
        if self.https[port as usize] { "https" } else { "http" }
    }

    /// The URL of a port, without a path.
    fn url(&self, port: Port) -> Result<String, ClosedPort> {
        Ok(format!("{}://{}", self.scheme(port), self.reachable(port)?))
    }

    /// The address to connect to.
    fn reachable(&self, port: Port) -> Result<SocketAddr, ClosedPort> {
        self.address(port).map(reachable).ok_or(ClosedPort(port))
    }

    /// The address to which clients of the agent send UDP packets in compact Thrift.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"a packet", jaeger.agent_addr()?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the port is closed.
    pub fn agent_addr(&self) -> Result<SocketAddr, ClosedPort> {
        self.reachable(Port::AgentCompact)
    }

    /// The URL for spans in OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`: what
    /// `with_endpoint` of an exporter takes. For the variable `OTEL_EXPORTER_OTLP_ENDPOINT`, which has no
    /// path, see [`AllInOne::variables`].
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.otlp_http_endpoint()?.ends_with("/v1/traces"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the port is closed.
    pub fn otlp_http_endpoint(&self) -> Result<String, ClosedPort> {
        Ok(format!("{}/v1/traces", self.url(Port::OtlpHttp)?))
    }

    /// The URL for spans in OTLP over gRPC, such as `http://127.0.0.1:4317`.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.otlp_grpc_endpoint()?.starts_with("http://127.0.0.1:"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the port is closed.
    pub fn otlp_grpc_endpoint(&self) -> Result<String, ClosedPort> {
        self.url(Port::OtlpGrpc)
    }

    /// The URL for spans of Jaeger clients in binary Thrift, such as
    /// `http://127.0.0.1:14268/api/traces`.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.collector_endpoint()?.ends_with("/api/traces"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the port is closed.
    pub fn collector_endpoint(&self) -> Result<String, ClosedPort> {
        Ok(format!("{}/api/traces", self.url(Port::Collector)?))
    }

    /// The URL for spans in Zipkin's JSON, such as `http://127.0.0.1:9411/api/v2/spans`.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.zipkin_endpoint()?.ends_with("/api/v2/spans"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the port is closed.
    pub fn zipkin_endpoint(&self) -> Result<String, ClosedPort> {
        Ok(format!("{}/api/v2/spans", self.url(Port::Zipkin)?))
    }

    /// The URL of the web pages, such as `http://127.0.0.1:16686`, with the base path and without a
    /// slash at the end.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.query_url()?.starts_with("http://127.0.0.1:"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the port is closed.
    pub fn query_url(&self) -> Result<String, ClosedPort> {
        Ok(format!("{}{}", self.url(Port::Query)?, self.base_path))
    }

    /// The URL of a trace's page.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.trace_url(0x1f00_u128)?.ends_with("/trace/0000000000001f00"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the query port is closed.
    pub fn trace_url(&self, id: impl Into<TraceId>) -> Result<String, ClosedPort> {
        Ok(format!("{}/trace/{}", self.query_url()?, id.into()))
    }

    /// The environment variables that lead the clients of another process here: of OpenTelemetry
    /// (OTLP over HTTP, Jaeger, Zipkin) and of the Jaeger clients. Those of closed ports are left out.
    ///
    /// ```no_run
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// std::process::Command::new("./payments").envs(jaeger.variables()).spawn()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let agent = self.agent_addr().ok();
        let host = agent.map(|agent| agent.ip().to_string());
        let port = agent.map(|agent| agent.port().to_string());
        let otlp = self.url(Port::OtlpHttp).ok();
        let collector = self.collector_endpoint().ok();
        let sampling = self.reachable(Port::Sampling).ok();
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.clone()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", otlp.map(|_| "http/protobuf".to_owned())),
            ("OTEL_EXPORTER_JAEGER_AGENT_HOST", host.clone()),
            ("OTEL_EXPORTER_JAEGER_AGENT_PORT", port.clone()),
            ("OTEL_EXPORTER_JAEGER_ENDPOINT", collector.clone()),
            ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", self.zipkin_endpoint().ok()),
            ("JAEGER_AGENT_HOST", host),
            ("JAEGER_AGENT_PORT", port),
            ("JAEGER_ENDPOINT", collector),
            (
                "JAEGER_SAMPLING_ENDPOINT",
                sampling.map(|address| format!("http://{address}/sampling")),
            ),
        ];
        variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// A trace as it is now: what has arrived of it.
    ///
    /// ```
    /// let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.trace(0x1f00_u128).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trace(&self, id: impl Into<TraceId>) -> Option<Trace> {
        self.read(&[id.into()]).into_iter().next()
    }

    /// All traces as they are now, the earliest first.
    ///
    /// ```
    /// let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert!(jaeger.traces().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn traces(&self) -> Vec<Trace> {
        self.read(&self.store.ids())
    }

    /// The same without links to their pages.
    #[doc(hidden)]
    pub fn traces_without_links(&self) -> Vec<Trace> {
        self.read_without_links(&self.store.ids())
    }

    /// The traces as the query API answers them, each with a link to its page.
    fn read(&self, ids: &[TraceId]) -> Vec<Trace> {
        let traces = self.read_without_links(ids);
        traces.into_iter().map(|trace| self.linked(trace)).collect()
    }

    fn read_without_links(&self, ids: &[TraceId]) -> Vec<Trace> {
        let json = query::json(&self.api, ids);
        // What the query API writes can be read.
        expect_trace::jaeger::traces(&json).unwrap_or_default()
    }

    fn linked(&self, trace: Trace) -> Trace {
        let id = trace.id().and_then(|id| id.parse::<TraceId>().ok());
        let Some(Ok(url)) = id.map(|id| self.trace_url(id)) else { return trace };
        match seconds_to_keep_open() {
            _ if !cfg!(feature = "ui") => trace,
            Some(_) => trace.with_link(url),
            None => trace.with_link(url).with_note(HOW_TO_KEEP_OPEN),
        }
    }

    /// Adds the traces of a file: OTLP in JSON (a request, or a line for each, as the OpenTelemetry
    /// Collector's file exporter writes), Jaeger's JSON (as its page saves), or Zipkin's JSON of version
    /// 2. A JSON value may have 20 MiB, the file any size.
    ///
    /// A span or a line that cannot be read is logged and counted, and the rest of the file is loaded.
    ///
    /// It needs the feature `files`, as does [`AllInOne::save`].
    ///
    /// ```
    /// # let file = std::env::temp_dir().join(format!("doc-load-{}.json", std::process::id()));
    /// std::fs::write(&file, r#"[{"traceId": "00000000000000aa", "id": "00000000000000bb", "name": "buy"}]"#)?;
    /// let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert_eq!(jaeger.load(&file)?.spans, 1);
    /// assert!(jaeger.trace(0xaa_u128).is_some());
    /// # std::fs::remove_file(file)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, or nothing in it.
    #[cfg(feature = "files")]
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Loaded, LoadError> {
        files::load(&self.store, path.as_ref())
    }

    /// Writes all traces to a file as OTLP in JSON, the oldest first. A line has one trace; a trace of
    /// more than some hundred spans takes several lines. The file appears as a whole or not at all.
    ///
    /// ```
    /// # let file = std::env::temp_dir().join(format!("doc-save-{}.jsonl", std::process::id()));
    /// let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert_eq!(jaeger.save(&file)?.traces, 0);
    /// # std::fs::remove_file(file)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written.
    #[cfg(feature = "files")]
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<Saved> {
        files::save(&self.store, path.as_ref())
    }

    /// Removes all traces, for a test that uses the Jaeger of another. Spans of theirs that arrive
    /// later are stored again.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// jaeger.clear();
    /// assert_eq!(jaeger.usage().traces, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clear(&self) {
        self.store.clear();
    }

    /// How many traces, spans and bytes are stored, and how many were evicted.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// assert_eq!(jaeger.usage().spans, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn usage(&self) -> Usage {
        self.store.usage()
    }

    /// The store, which may be kept after the all-in-one has stopped.
    #[doc(hidden)]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Keeps the pages open after a failure, for as many seconds as the variable `KEEP_JAEGER` says.
    /// A panic that drops it keeps them open as well.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let failed = false;
    /// if failed {
    ///     jaeger.keep_open();
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keep_open(&self) {
        let (Some(seconds), Ok(url)) = (seconds_to_keep_open(), self.query_url()) else { return };
        // Written to the terminal itself: the captured output of a test comes only at its end.
        let _ = writeln!(
            std::io::stderr(),
            "\nthe traces of what failed are on {url} for {seconds} s ({KEEP_OPEN}), ctrl-c ends it"
        );
        std::thread::sleep(Duration::from_secs(seconds));
    }

    /// Stops: stores what has already arrived, lets running requests end, and closes every port.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async move {
    /// jaeger.shutdown().await;
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        if std::thread::panicking() {
            self.keep_open();
        }
        self.stop.send_replace(true);
    }
}

/// Reads the certificates of every port.
#[cfg(feature = "tls")]
fn load_tls(
    context: Context,
    config: &Config,
) -> Result<(Context, Vec<Reload<Files>>), StartError> {
    let mut acceptors = Vec::new();
    let mut reloads = Vec::new();
    for port in Port::ALL {
        if let Some((acceptor, reload)) = Acceptor::load(config, port)? {
            acceptors.push((port, acceptor));
            reloads.push(reload);
        }
    }
    Ok((context.with_tls(acceptors), reloads))
}

/// The door of the gRPC query API.
#[cfg(feature = "query-grpc")]
fn grpc_door(address: SocketAddr) -> Door {
    Door { port: Port::QueryGrpc, address, counters: Counters::of(Port::QueryGrpc.name()) }
}

/// Listens for calls to the query API.
#[cfg(feature = "query-grpc")]
fn grpc_listener(
    sockets: Vec<std::net::TcpListener>,
    counters: &Arc<Counters>,
    tls: Option<crate::server::socket::Acceptor>,
) -> Result<Listener, StartError> {
    let (size, budget) = (grpc_stream::CONNECTION_SIZE, ConnectionBudget::to_query_grpc());
    let listener = Listener::new(sockets, size, budget, counters).map_err(StartError::Runtime)?;
    Ok(listener.with_tls(tls))
}

/// The bound ports: all that the settings ask for.
struct Ports {
    doors: Vec<Opened>,
    /// `None` if it is that of the web pages too.
    #[cfg(feature = "query-grpc")]
    query_grpc: Option<Bound<std::net::TcpListener>>,
    query: Option<Bound<std::net::TcpListener>>,
    admin: Option<Bound<std::net::TcpListener>>,
}

impl Ports {
    /// Binds every port before any is served, so that all of them are open, or none.
    ///
    /// # Errors
    /// Every port that cannot be bound.
    fn bind(config: &Config, intake: &Intake) -> Result<Self, StartError> {
        let mut errors = Vec::new();
        let mut doors = Vec::new();
        for open in DOORS {
            match open(config, intake) {
                Ok(door) => doors.extend(door),
                Err(error) => errors.push(error),
            }
        }
        let mut listener = |port| {
            bind(config, port, tcp).unwrap_or_else(|error| {
                errors.push(error);
                None
            })
        };
        #[cfg(feature = "query-grpc")]
        let query_grpc = match config.has_one_query_port() {
            true => None,
            false => listener(Port::QueryGrpc),
        };
        let (query, admin) = (listener(Port::Query), listener(Port::Admin));
        if errors.is_empty() {
            Ok(Ports {
                doors,
                #[cfg(feature = "query-grpc")]
                query_grpc,
                query,
                admin,
            })
        } else {
            Err(StartError::Bind(errors))
        }
    }
}
