//! Settings. Each has the name of the flag that Jaeger 1.35 has for it: errors name it so.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;

/// The name of [`Config::agent_compact`].
pub const AGENT_COMPACT: &str = "processor.jaeger-compact.server-host-port";
/// The name of [`Config::agent_binary`].
pub const AGENT_BINARY: &str = "processor.jaeger-binary.server-host-port";
/// The name of [`Config::agent_zipkin`].
pub const AGENT_ZIPKIN: &str = "processor.zipkin-compact.server-host-port";
/// The name of [`Config::sampling`].
pub const SAMPLING: &str = "http-server.host-port";
/// The name of [`Config::collector`].
pub const COLLECTOR: &str = "collector.http-server.host-port";
/// The name of [`Config::collector_grpc`].
pub const COLLECTOR_GRPC: &str = "collector.grpc-server.host-port";
/// The name of [`Config::otlp_grpc`].
pub const OTLP_GRPC: &str = "collector.otlp.grpc.host-port";
/// The name of [`Config::otlp_http`].
pub const OTLP_HTTP: &str = "collector.otlp.http.host-port";
/// The name of [`Config::zipkin`].
pub const ZIPKIN: &str = "collector.zipkin.host-port";
/// The name of [`Config::query`].
pub const QUERY: &str = "query.http-server.host-port";
/// The name of [`Config::query_grpc`].
pub const QUERY_GRPC: &str = "query.grpc-server.host-port";
/// The name of [`Config::admin`].
pub const ADMIN: &str = "admin.http.host-port";
/// The name of [`Config::base_path`].
pub const BASE_PATH: &str = "query.base-path";

/// What an all-in-one listens on, and how much it holds.
///
/// An address without a host, such as `:16686`, uses [`Config::listen_host`]. Port 0 lets the
/// system choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where each address without a host listens; `0.0.0.0` lets other machines connect.
    pub listen_host: String,
    /// UDP address for spans in Thrift's compact protocol.
    pub agent_compact: HostPort,
    /// UDP address for spans in Thrift's binary protocol.
    pub agent_binary: HostPort,
    /// UDP address for spans in zipkin.thrift, the format of clients of 2016: they are counted,
    /// not stored.
    pub agent_zipkin: HostPort,
    /// HTTP address where clients of the agent ask for their sampling strategy.
    pub sampling: HostPort,
    /// HTTP address for spans in Thrift's binary protocol.
    pub collector: HostPort,
    /// gRPC address for spans in Jaeger's protocol buffers.
    pub collector_grpc: HostPort,
    /// Whether the two OTLP ports are open.
    pub otlp: bool,
    /// gRPC address for spans in OTLP.
    pub otlp_grpc: HostPort,
    /// HTTP address for spans in OTLP.
    pub otlp_http: HostPort,
    /// HTTP address for spans in Zipkin's JSON v2; `None` keeps that port closed.
    pub zipkin: Option<HostPort>,
    /// HTTP address of the web pages and the query API.
    pub query: HostPort,
    /// gRPC address of the query API, which answers UNIMPLEMENTED.
    pub query_grpc: HostPort,
    /// HTTP address of the health check and of `/metrics` for Prometheus.
    pub admin: HostPort,
    /// Path under which the web pages and the query API are served, such as `/jaeger`.
    pub base_path: String,
    /// The largest clock skew that is corrected in a trace; zero corrects none and says so.
    pub max_clock_skew: Duration,
    /// How many traces are kept; the oldest is evicted for a new one. 0 is no limit.
    pub max_traces: usize,
    /// How many bytes of memory the stored spans and their indexes may take.
    pub max_bytes: usize,
}

impl Default for Config {
    /// The defaults of the program, whatever the environment says.
    fn default() -> Self {
        Config {
            listen_host: "127.0.0.1".to_owned(),
            agent_compact: HostPort::any(6831),
            agent_binary: HostPort::any(6832),
            agent_zipkin: HostPort::any(5775),
            sampling: HostPort::any(5778),
            collector: HostPort::any(14268),
            collector_grpc: HostPort::any(14250),
            otlp: true,
            otlp_grpc: HostPort::any(4317),
            otlp_http: HostPort::any(4318),
            zipkin: None,
            query: HostPort::any(16686),
            query_grpc: HostPort::any(16685),
            admin: HostPort::any(14269),
            base_path: "/".to_owned(),
            max_clock_skew: Duration::ZERO,
            max_traces: 100_000,
            max_bytes: 256 << 20,
        }
    }
}

impl Config {
    /// On loopback, with every port chosen by the system: what a test wants.
    pub fn ephemeral() -> Self {
        Config {
            agent_compact: HostPort::any(0),
            agent_binary: HostPort::any(0),
            agent_zipkin: HostPort::any(0),
            sampling: HostPort::any(0),
            collector: HostPort::any(0),
            collector_grpc: HostPort::any(0),
            otlp_grpc: HostPort::any(0),
            otlp_http: HostPort::any(0),
            zipkin: Some(HostPort::any(0)),
            query: HostPort::any(0),
            query_grpc: HostPort::any(0),
            admin: HostPort::any(0),
            ..Config::default()
        }
    }

    /// The base path without a slash at its end: empty for the root.
    pub(crate) fn base(&self) -> Result<String, Error> {
        let base = base_path(&self.base_path).map_err(|reason| Error::Setting {
            setting: BASE_PATH,
            value: self.base_path.clone(),
            reason,
        })?;
        Ok(if base == "/" { String::new() } else { base })
    }

    /// Where the query API is to be asked.
    pub(crate) fn query_address(&self) -> Result<SocketAddr, Error> {
        Ok(reachable(self.resolve(&self.query, QUERY)?))
    }

    pub(crate) fn resolve(
        &self,
        address: &HostPort,
        setting: &'static str,
    ) -> Result<SocketAddr, Error> {
        let host = address.host.as_deref().unwrap_or(&self.listen_host);
        let error =
            |source| Error::Bind { setting, address: format!("{host}:{}", address.port), source };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let mut found = (bare, address.port).to_socket_addrs().map_err(error)?;
        found.next().ok_or_else(|| error(std::io::ErrorKind::AddrNotAvailable.into()))
    }
}

/// A port, and perhaps the host or address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address; `None` is the listen host.
    pub host: Option<String>,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl HostPort {
    /// This port of the listen host.
    pub fn any(port: u16) -> Self {
        HostPort { host: None, port }
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "it must have the form HOST:PORT or :PORT";
        let (host, port) = text.rsplit_once(':').ok_or(form)?;
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(format!("{form}, an IPv6 address in brackets"));
        }
        let port = port.parse().map_err(|_| "a port must be a number from 0 to 65535")?;
        let host = Some(host.to_owned()).filter(|host| !host.is_empty());
        Ok(HostPort { host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host.as_deref().unwrap_or(""), self.port)
    }
}

/// Checks a base path; `/` is the root.
///
/// # Errors
/// Where it does not begin with a slash, ends with one, or holds other characters than letters,
/// digits and `-._~`; the text says so.
pub fn base_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if text.is_empty() || text == "/" {
        return Ok("/".to_owned());
    }
    if !text.starts_with('/') || text.ends_with('/') || text.contains("//") {
        return Err("it must begin with a slash and not end with one, such as /jaeger".to_owned());
    }
    if !text.chars().all(plain) {
        return Err("it may contain only letters, digits and -._~ between slashes".to_owned());
    }
    Ok(text.to_owned())
}

/// An address that one can connect to: the unspecified one is replaced by loopback.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_go_without_a_host() {
        let query = ":1".parse().expect("an address");
        let config = Config { listen_host: "::1".to_owned(), query, ..Config::default() };
        let address = config.resolve(&config.query, QUERY).expect("an address");
        assert_eq!(address.to_string(), "[::1]:1");
        let host: HostPort = "[::1]:2".parse().expect("an address");
        let address = config.resolve(&host, QUERY).expect("an address");
        assert_eq!(address.to_string(), "[::1]:2");
    }
}
