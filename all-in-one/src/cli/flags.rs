//! The flags, each with Jaeger's own name and environment variable.

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use clap::Args;
use jaeger_all_in_one::config::base_path;
use jaeger_all_in_one::go_format::{parse_bool, parse_duration};
use jaeger_all_in_one::{Config, Cors, HostPort, Port};
use tracing::Level;

use super::tls::TlsFlags;

/// The flags and environment variables, each with Jaeger's own name.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// File of settings in YAML or JSON; its keys are these flags' names, nested at the dots or not. Flags and variables override it
    // `config_file` reads it before.
    #[arg(long = "config-file", env = "CONFIG_FILE", value_name = "FILE")]
    _config_file: Option<OsString>,

    /// Host for every address that names none: localhost is 127.0.0.1 and ::1; 0.0.0.0 lets other machines connect
    #[arg(
        long = "listen-host",
        env = "JAEGER_LISTEN_HOST",
        value_name = "HOST",
        default_value_t = Config::default().listen_host
    )]
    listen_host: String,

    /// Names, with commas between, under which a browser may ask 16686 and 14269 besides localhost; *.example.com is every name below
    #[arg(long = "allowed-hosts", env = "JAEGER_ALLOWED_HOSTS", value_name = "NAMES", value_parser = host_names)]
    allowed_hosts: Option<HostNames>,

    /// Number to add to every port, for a second instance beside another one
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    port_offset: u16,

    /// Let the system choose every port; the program prints them
    #[arg(long, conflicts_with = "port_offset")]
    any_port: bool,

    /// UDP address for spans in Thrift's compact protocol
    #[arg(long = Port::AgentCompact.flag(), env = "PROCESSOR_JAEGER_COMPACT_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::AgentCompact.number().into())]
    agent_compact: HostPort,

    /// UDP address for spans in Thrift's binary protocol
    #[arg(long = Port::AgentBinary.flag(), env = "PROCESSOR_JAEGER_BINARY_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::AgentBinary.number().into())]
    agent_binary: HostPort,

    /// UDP address for spans in zipkin.thrift, the format of clients of 2016
    #[arg(long = Port::AgentZipkin.flag(), env = "PROCESSOR_ZIPKIN_COMPACT_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::AgentZipkin.number().into())]
    agent_zipkin: HostPort,

    /// HTTP address where clients of the agent ask for their sampling strategy
    #[arg(long = Port::Sampling.flag(), env = "HTTP_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::Sampling.number().into())]
    sampling: HostPort,

    /// HTTP address for spans in Thrift's binary protocol
    #[arg(long = Port::Collector.flag(), env = "COLLECTOR_HTTP_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::Collector.number().into())]
    collector: HostPort,

    /// gRPC address for spans in Jaeger's model.proto, as its agents send them
    #[arg(long = Port::CollectorGrpc.flag(), env = "COLLECTOR_GRPC_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::CollectorGrpc.number().into())]
    collector_grpc: HostPort,

    /// Accept spans in OTLP; false closes both ports, as Jaeger 1.35 does by default
    #[arg(
        long = "collector.otlp.enabled",
        env = "COLLECTOR_OTLP_ENABLED",
        value_name = "BOOL",
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        value_parser = parse_bool
    )]
    otlp: bool,

    /// gRPC address for spans in OTLP
    #[arg(long = Port::OtlpGrpc.flag(), env = "COLLECTOR_OTLP_GRPC_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::OtlpGrpc.number().into(), value_parser = collector_address)]
    otlp_grpc: HostPort,

    /// HTTP address for spans in OTLP
    #[arg(long = Port::OtlpHttp.flag(), env = "COLLECTOR_OTLP_HTTP_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::OtlpHttp.number().into(), value_parser = collector_address)]
    otlp_http: HostPort,

    /// HTTP address for spans in Zipkin's formats, such as :9411; closed by default
    #[arg(long = Port::Zipkin.flag(), env = "COLLECTOR_ZIPKIN_HOST_PORT", value_name = "HOST:PORT", value_parser = collector_address)]
    zipkin: Option<HostPort>,

    /// Origins of web pages that may send OTLP over HTTP, with commas between; pages on this machine always may
    #[arg(
        long = "collector.otlp.http.cors.allowed-origins",
        env = "COLLECTOR_OTLP_HTTP_CORS_ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        default_value = "",
        hide_default_value = true
    )]
    otlp_origins: String,

    /// Headers that these pages may send, with commas between
    #[arg(
        long = "collector.otlp.http.cors.allowed-headers",
        env = "COLLECTOR_OTLP_HTTP_CORS_ALLOWED_HEADERS",
        value_name = "HEADERS",
        default_value = "*"
    )]
    otlp_headers: String,

    /// Origins of web pages that may send in Zipkin's formats, with commas between
    #[arg(
        long = "collector.zipkin.allowed-origins",
        env = "COLLECTOR_ZIPKIN_ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        default_value = "*"
    )]
    zipkin_origins: String,

    /// Headers that these pages may send, with commas between
    #[arg(
        long = "collector.zipkin.allowed-headers",
        env = "COLLECTOR_ZIPKIN_ALLOWED_HEADERS",
        value_name = "HEADERS",
        default_value = "content-type"
    )]
    zipkin_headers: String,

    /// HTTP address of the web pages and the query API
    #[arg(long = Port::Query.flag(), env = "QUERY_HTTP_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::Query.number().into())]
    query: HostPort,

    /// gRPC address of the query API. With the port of HTTP, both are served there
    #[arg(long = Port::QueryGrpc.flag(), env = "QUERY_GRPC_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::QueryGrpc.number().into())]
    query_grpc: HostPort,

    /// HTTP address of the health check and of /metrics for Prometheus
    #[arg(long = Port::Admin.flag(), env = "ADMIN_HTTP_HOST_PORT", value_name = "HOST:PORT", default_value_t = Port::Admin.number().into())]
    admin: HostPort,

    /// Path under which the web pages and the query API are served, such as /jaeger
    #[arg(long = "query.base-path", env = "QUERY_BASE_PATH", value_name = "PATH", default_value_t = Config::default().base_path, value_parser = base_path)]
    base_path: String,

    /// Largest clock skew to correct in a trace; 0s corrects none and adds a warning instead
    #[arg(long = "query.max-clock-skew-adjustment", env = "QUERY_MAX_CLOCK_SKEW_ADJUSTMENT", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    max_clock_skew: Duration,

    /// File of settings for the web pages: a JSON object (.json), or JavaScript with a function UIConfig (.js)
    #[arg(long = "query.ui-config", env = "QUERY_UI_CONFIG", value_name = "FILE")]
    ui_config: Option<OsString>,

    /// Folder with another build of Jaeger UI, in place of the embedded one
    #[arg(long = "query.static-files", env = "QUERY_STATIC_FILES", value_name = "FOLDER")]
    static_files: Option<OsString>,

    /// Header for every answer of the query port, as "Name: value"; may be given several times
    #[arg(
        long = "query.additional-headers",
        env = "QUERY_ADDITIONAL_HEADERS",
        value_name = "HEADER"
    )]
    additional_headers: Vec<String>,

    /// File of sampling strategies, in Jaeger's JSON; without one, clients are told to sample every trace
    #[arg(
        long = "sampling.strategies-file",
        env = "SAMPLING_STRATEGIES_FILE",
        value_name = "FILE"
    )]
    strategies_file: Option<OsString>,

    /// How often to read the file of sampling strategies again; 0s reads it once
    #[arg(long = "sampling.strategies-reload-interval", env = "SAMPLING_STRATEGIES_RELOAD_INTERVAL", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    strategies_reload_interval: Duration,

    /// Lowest level to log: debug, info, warn or error; RUST_LOG gives finer control
    #[arg(long = "log-level", env = "LOG_LEVEL", value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub(super) log_level: Level,

    /// Maximum number of traces to keep; the oldest is evicted first; 0 is no limit
    #[arg(
        long = "memory.max-traces",
        env = "MEMORY_MAX_TRACES",
        value_name = "NUMBER",
        default_value_t = Config::default().max_traces
    )]
    max_traces: usize,

    /// Maximum memory for spans and their indexes, in bytes, or with the unit KiB, MiB or GiB
    #[arg(long = "memory.max-bytes", env = "MEMORY_MAX_BYTES", value_name = "BYTES", default_value = "256MiB", value_parser = bytes)]
    max_bytes: usize,

    #[command(flatten)]
    tls: TlsFlags,
}

impl Flags {
    /// The settings of the library.
    ///
    /// # Errors
    /// Where `--port-offset` leads beyond the last port.
    pub(super) fn config(self) -> Result<Config, Usage> {
        let config = Config::default()
            .listen_host(self.listen_host)
            .allowed_hosts(self.allowed_hosts.unwrap_or_default().0)
            .base_path(self.base_path)
            .max_clock_skew(self.max_clock_skew)
            .max_traces(self.max_traces)
            .max_bytes(self.max_bytes)
            .otlp_http_cors(Cors::new(list(&self.otlp_origins), list(&self.otlp_headers)))
            .zipkin_cors(Cors::new(list(&self.zipkin_origins), list(&self.zipkin_headers)))
            .strategies_reload_interval(self.strategies_reload_interval);
        let given = |headers: Vec<String>| headers.into_iter().filter(|line| !line.is_empty());
        let mut config = config.additional_headers(given(self.additional_headers));
        config.ui_config = self.ui_config.filter(|file| !file.is_empty()).map(Into::into);
        config.static_files = self.static_files.filter(|file| !file.is_empty()).map(Into::into);
        let config = match self.strategies_file.filter(|file| !file.is_empty()) {
            Some(file) => config.strategies_file(file),
            None => config,
        };
        let addresses = [
            (Port::AgentCompact, Some(self.agent_compact)),
            (Port::AgentBinary, Some(self.agent_binary)),
            (Port::AgentZipkin, Some(self.agent_zipkin)),
            (Port::Collector, Some(self.collector)),
            (Port::CollectorGrpc, Some(self.collector_grpc)),
            (Port::Sampling, Some(self.sampling)),
            (Port::OtlpGrpc, Some(self.otlp_grpc).filter(|_| self.otlp)),
            (Port::OtlpHttp, Some(self.otlp_http).filter(|_| self.otlp)),
            (Port::Zipkin, self.zipkin),
            (Port::QueryGrpc, Some(self.query_grpc)),
            (Port::Query, Some(self.query)),
            (Port::Admin, Some(self.admin)),
        ];
        let offset = if self.any_port { None } else { Some(self.port_offset) };
        let config = addresses.into_iter().try_fold(config, |config, (port, address)| {
            let Some(mut address) = address else { return Ok(config.close(port)) };
            address.port = moved(address.port, offset)?;
            Ok(config.listen(port, address))
        })?;
        self.tls.add(config)
    }
}

/// Settings that contradict each other.
#[derive(Debug)]
pub(super) struct Usage(String);

impl Usage {
    pub(super) fn new(text: String) -> Self {
        Usage(text)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A port with the offset added, unless the system chooses it; without an offset it always does.
fn moved(port: u16, offset: Option<u16>) -> Result<u16, Usage> {
    match (port, offset) {
        (0, _) | (_, None) => Ok(0),
        (port, Some(offset)) => port.checked_add(offset).ok_or_else(|| {
            let text = format!(
                "--port-offset cannot be \"{offset}\": {port} + {offset} is more than 65535"
            );
            Usage(text)
        }),
    }
}

/// What stands between commas.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Names of hosts.
#[derive(Clone, Debug, Default)]
struct HostNames(Vec<String>);

fn host_names(text: &str) -> Result<HostNames, String> {
    let is_name = |name: &str| {
        let name = name.strip_prefix("*.").unwrap_or(name);
        name == "*" || name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
    };
    let names = list(text).map(|name| match is_name(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("\"{name}\" is no host name; it goes without a scheme and a port")),
    });
    names.collect::<Result<_, _>>().map(HostNames)
}

/// An address of the collector's: Jaeger accepts a bare port there too.
fn collector_address(text: &str) -> Result<HostPort, String> {
    match text.parse() {
        Ok(port) if !text.starts_with('+') => Ok(HostPort::any(port)),
        _ => text.parse(),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let nanos = parse_duration(text)?;
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| "it must not be negative".to_owned())
}

/// The levels of Jaeger's logger. Its three levels above `error` count as `error`.
fn log_level(text: &str) -> Result<Level, String> {
    match text.to_ascii_lowercase().as_str() {
        "debug" => Ok(Level::DEBUG),
        "info" => Ok(Level::INFO),
        "warn" => Ok(Level::WARN),
        "error" | "dpanic" | "panic" | "fatal" => Ok(Level::ERROR),
        _ => Err("it must be debug, info, warn or error".to_owned()),
    }
}

fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => {
            return Err("it must be a number of bytes, or have the unit KiB, MiB or GiB".to_owned());
        }
    };
    let number: usize = number.parse().map_err(|_| "it must be a number of bytes".to_owned())?;
    match number.checked_mul(1 << shift) {
        Some(0) => Err("it must be more than 0".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("it is too large".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names() {
        let names = host_names("a.test, *.b.test,*,").expect("names");
        assert_eq!(names.0, ["a.test", "*.b.test", "*"]);
        for text in ["http://a.test", "a.test:80", "a b", "**.c", "a.*"] {
            assert!(host_names(text).expect_err(text).contains("is no host name"), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("1000"), Ok(1000));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("1GiB"), Ok(1 << 30));
    }
}
