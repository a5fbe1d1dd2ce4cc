//! A Jaeger for a test to send to and to ask: the embedded one in this process, or the real one
//! where `JAEGER_ALL_IN_ONE` names its binary.

use std::error::Error;
use std::ffi::OsStr;
use std::thread;
use std::time::{Duration, Instant};

use jaeger_all_in_one::{AllInOne, Config, HostPort};
use reqwest::blocking::Client;
use serde_json::Value;

use crate::real::Real;

/// How long spans may take from the agent's port to the query API.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// How often the query API is asked while they have not arrived.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A running Jaeger, gone when it is dropped.
pub struct Jaeger {
    agent_port: u16,
    otlp_url: String,
    otlp_grpc_url: String,
    query_url: String,
    client: Client,
    _server: Server,
}

enum Server {
    Embedded(#[expect(dead_code, reason = "stops when it is dropped")] Box<AllInOne>),
    Real(#[expect(dead_code, reason = "ends when it is dropped")] Real),
    Elsewhere,
}

impl Jaeger {
    /// Starts one on ports that nobody else uses.
    ///
    /// # Errors
    ///
    /// When it does not start, or does not answer in time.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        match std::env::var_os("JAEGER_ALL_IN_ONE").filter(|path| !path.is_empty()) {
            Some(path) => Self::start_real(&path),
            None => Self::start_embedded(Config::ephemeral()),
        }
    }

    /// One that runs already, by the address of its query API; its agent is where it is.
    ///
    /// # Errors
    ///
    /// When there is no HTTP client to be had.
    pub fn at(query_url: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            agent_port: 6831,
            otlp_url: "http://localhost:4318".to_owned(),
            otlp_grpc_url: "http://localhost:4317".to_owned(),
            query_url: query_url.to_owned(),
            client: client()?,
            _server: Server::Elsewhere,
        })
    }

    /// Starts the embedded one with this port for its agent (UDP) and for OTLP over HTTP (TCP).
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub fn start_on(port: u16) -> Result<Self, Box<dyn Error>> {
        let port = HostPort::any(port);
        let (agent_compact, otlp_http) = (port.clone(), port);
        Self::start_embedded(Config { agent_compact, otlp_http, ..Config::ephemeral() })
    }

    fn start_embedded(config: Config) -> Result<Self, Box<dyn Error>> {
        let all_in_one = AllInOne::start_with(config)?;
        let otlp = all_in_one.otlp_http_addr().ok_or("it takes no OTLP")?;
        let otlp_grpc = all_in_one.otlp_grpc_addr().ok_or("it takes no OTLP")?;
        Ok(Self {
            agent_port: all_in_one.agent_addr().port(),
            otlp_url: format!("http://{otlp}"),
            otlp_grpc_url: format!("http://{otlp_grpc}"),
            query_url: all_in_one.query_url(),
            client: client()?,
            _server: Server::Embedded(Box::new(all_in_one)),
        })
    }

    fn start_real(binary: &OsStr) -> Result<Self, Box<dyn Error>> {
        let real = Real::start(binary)?;
        let port = |door| real.address(door).map(|address| address.port()).ok_or("no such door");
        Ok(Self {
            agent_port: port("udp-compact")?,
            otlp_url: format!("http://127.0.0.1:{}", port("otlp-http")?),
            otlp_grpc_url: format!("http://127.0.0.1:{}", port("otlp-grpc")?),
            query_url: format!("http://127.0.0.1:{}", port("query")?),
            client: client()?,
            _server: Server::Real(real),
        })
    }

    /// The UDP port of its agent, for compact Thrift.
    #[must_use]
    pub fn agent_port(&self) -> u16 {
        self.agent_port
    }

    /// Where it takes OTLP over HTTP: the value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn otlp_url(&self) -> &str {
        &self.otlp_url
    }

    /// Where it takes OTLP over gRPC.
    #[must_use]
    pub fn otlp_grpc_url(&self) -> &str {
        &self.otlp_grpc_url
    }

    /// The address of its query API and web pages.
    #[must_use]
    pub fn query_url(&self) -> &str {
        &self.query_url
    }

    /// The service's traces as the query API returns them, once it has this many spans of it.
    ///
    /// # Errors
    ///
    /// When they do not arrive in time.
    pub fn traces(&self, service: &str, spans: usize) -> Result<Value, Box<dyn Error>> {
        let path = format!("/api/traces?service={service}&limit=10000");
        self.until(|jaeger| {
            let traces = jaeger.get(&path).ok()?;
            (count_spans(&traces) >= spans).then_some(traces)
        })
    }

    /// The trace as the query API returns it, once it has this many spans.
    ///
    /// # Errors
    ///
    /// When they do not arrive in time.
    pub fn trace(&self, id: &str, spans: usize) -> Result<Value, Box<dyn Error>> {
        let path = format!("/api/traces/{id}");
        self.until(|jaeger| {
            let traces = jaeger.get(&path).ok()?;
            (count_spans(&traces) >= spans).then(|| traces["data"][0].clone())
        })
    }

    /// The trace as `jaeger-all-in-one tree` prints it, once it has this many spans.
    ///
    /// # Errors
    ///
    /// When they do not arrive in time, or the id is none.
    pub fn tree(&self, id: &str, spans: usize) -> Result<String, Box<dyn Error>> {
        let query = self.query_url.trim_start_matches("http://").parse()?;
        let config = Config { query, ..Config::ephemeral() };
        Ok(jaeger_all_in_one::tree(&config, id.parse()?, spans)?)
    }

    /// The answer of the query API.
    ///
    /// # Errors
    ///
    /// When there is none, or none in JSON.
    pub fn get(&self, path: &str) -> Result<Value, Box<dyn Error>> {
        let answer = self.client.get(format!("{}{path}", self.query_url)).send()?;
        Ok(answer.error_for_status()?.json()?)
    }

    fn until<T>(&self, reached: impl Fn(&Self) -> Option<T>) -> Result<T, Box<dyn Error>> {
        let start = Instant::now();
        while start.elapsed() < ARRIVAL_LIMIT {
            if let Some(value) = reached(self) {
                return Ok(value);
            }
            thread::sleep(POLL_INTERVAL);
        }
        Err(format!("not reached within {ARRIVAL_LIMIT:?}").into())
    }
}

/// Asks without a proxy: Jaeger is on this machine.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().build()
}

fn count_spans(traces: &Value) -> usize {
    let spans = |trace: &Value| trace["spans"].as_array().map_or(0, Vec::len);
    traces["data"].as_array().map_or(0, |traces| traces.iter().map(spans).sum())
}
