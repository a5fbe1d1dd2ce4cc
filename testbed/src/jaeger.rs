//! A Jaeger that receives a test's spans and answers its queries: the embedded Jaeger in this
//! process, or the real one if `JAEGER_ALL_IN_ONE` names its binary.

use std::error::Error;
use std::ffi::OsStr;
use std::thread;
use std::time::{Duration, Instant};

use jaeger_all_in_one::{AllInOne, Config, HostPort, Port};
use reqwest::blocking::Client;
use serde_json::Value;

use crate::real::Real;

/// How long spans may take from the agent's port to the query API.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// How often the query API is polled while spans are missing.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A running Jaeger; dropping it stops it.
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
    /// Starts a Jaeger on unused ports.
    ///
    /// # Errors
    ///
    /// If it does not start, or does not answer in time.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        match std::env::var_os("JAEGER_ALL_IN_ONE").filter(|path| !path.is_empty()) {
            Some(path) => Self::start_real(&path),
            None => Self::start_embedded(Config::ephemeral()),
        }
    }

    /// Uses a running Jaeger with this query URL; its other ports are the usual ones on localhost.
    ///
    /// # Errors
    ///
    /// If no HTTP client can be built.
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

    /// Starts the embedded Jaeger with this port for its agent (UDP) and for OTLP over HTTP (TCP).
    ///
    /// # Errors
    ///
    /// If the port is in use.
    pub fn start_on(port: u16) -> Result<Self, Box<dyn Error>> {
        let config = Config::ephemeral();
        let config = config.listen(Port::AgentCompact, port).listen(Port::OtlpHttp, port);
        Self::start_embedded(config)
    }

    fn start_embedded(config: Config) -> Result<Self, Box<dyn Error>> {
        let all_in_one = AllInOne::start_with(config)?;
        let otlp = all_in_one.address(Port::OtlpHttp).ok_or("OTLP is off")?;
        Ok(Self {
            agent_port: all_in_one.agent_addr()?.port(),
            otlp_url: format!("http://{otlp}"),
            otlp_grpc_url: all_in_one.otlp_grpc_endpoint()?,
            query_url: all_in_one.query_url()?,
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

    /// The agent's UDP port for compact Thrift.
    #[must_use]
    pub fn agent_port(&self) -> u16 {
        self.agent_port
    }

    /// The URL of OTLP over HTTP, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn otlp_url(&self) -> &str {
        &self.otlp_url
    }

    /// The URL of OTLP over gRPC.
    #[must_use]
    pub fn otlp_grpc_url(&self) -> &str {
        &self.otlp_grpc_url
    }

    /// The URL of the query API and the web pages.
    #[must_use]
    pub fn query_url(&self) -> &str {
        &self.query_url
    }

    /// Waits until the service's traces have this many spans, and returns them as the query API
    /// does.
    ///
    /// # Errors
    ///
    /// If they do not arrive in time.
    pub fn traces(&self, service: &str, spans: usize) -> Result<Value, Box<dyn Error>> {
        let path = format!("/api/traces?service={service}&limit=10000");
        self.wait_for(|jaeger| {
            let traces = jaeger.get(&path).ok()?;
            (count_spans(&traces) >= spans).then_some(traces)
        })
    }

    /// Waits until the trace has this many spans, and returns it as the query API does.
    ///
    /// # Errors
    ///
    /// If they do not arrive in time.
    pub fn trace(&self, id: &str, spans: usize) -> Result<Value, Box<dyn Error>> {
        let path = format!("/api/traces/{id}");
        self.wait_for(|jaeger| {
            let traces = jaeger.get(&path).ok()?;
            (count_spans(&traces) >= spans).then(|| traces["data"][0].clone())
        })
    }

    /// Waits until the trace has this many spans, and returns it for a comparison with an expected
    /// one, with a link to its page.
    ///
    /// # Errors
    ///
    /// If they do not arrive in time.
    pub fn read(&self, id: &str, spans: usize) -> Result<expect_trace::Trace, Box<dyn Error>> {
        let json = serde_json::json!({ "data": [self.trace(id, spans)?] });
        let mut traces = expect_trace::jaeger::traces(&json.to_string())?;
        let trace = traces.pop().ok_or("the trace has no spans")?;
        Ok(trace.with_link(format!("{}/trace/{id}", self.query_url)))
    }

    /// Waits until the service's traces have this many spans, and returns them, the earliest first.
    ///
    /// # Errors
    ///
    /// If they do not arrive in time.
    pub fn read_all(
        &self,
        service: &str,
        spans: usize,
    ) -> Result<Vec<expect_trace::Trace>, Box<dyn Error>> {
        Ok(expect_trace::jaeger::traces(&self.traces(service, spans)?.to_string())?)
    }

    /// Waits until the trace has this many spans, and returns it as `jaeger-all-in-one tree` prints
    /// it.
    ///
    /// # Errors
    ///
    /// If they do not arrive in time, or the id is invalid.
    pub fn tree(&self, id: &str, spans: usize) -> Result<String, Box<dyn Error>> {
        let query: HostPort = self.query_url.trim_start_matches("http://").parse()?;
        let config = Config::ephemeral().listen(Port::Query, query);
        Ok(jaeger_all_in_one::tree(
            &config,
            id.parse()?,
            spans,
            jaeger_all_in_one::Style::default(),
        )?)
    }

    /// Queries the API and returns its JSON.
    ///
    /// # Errors
    ///
    /// If there is no answer, or it is not JSON.
    pub fn get(&self, path: &str) -> Result<Value, Box<dyn Error>> {
        let answer = self.client.get(format!("{}{path}", self.query_url)).send()?;
        Ok(answer.error_for_status()?.json()?)
    }

    fn wait_for<T>(&self, poll: impl Fn(&Self) -> Option<T>) -> Result<T, Box<dyn Error>> {
        let start = Instant::now();
        while start.elapsed() < ARRIVAL_LIMIT {
            if let Some(value) = poll(self) {
                return Ok(value);
            }
            thread::sleep(POLL_INTERVAL);
        }
        Err(format!("the spans did not arrive within {ARRIVAL_LIMIT:?}").into())
    }
}

/// An HTTP client without a proxy: Jaeger is on this machine.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().tls_backend_preconfigured(httpbin::tls_config()).build()
}

fn count_spans(traces: &Value) -> usize {
    let spans = |trace: &Value| trace["spans"].as_array().map_or(0, Vec::len);
    traces["data"].as_array().map_or(0, |traces| traces.iter().map(spans).sum())
}
