//! Settings: Jaeger's own names, as flags and as environment variables.

use std::ffi::OsString;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, CommandFactory, FromArgMatches, Parser};
use tracing::Level;

use crate::error::Error;
use crate::query::{parse_bool, parse_duration};
use crate::unsupported;

pub(crate) const AGENT_COMPACT: &str = "processor.jaeger-compact.server-host-port";
pub(crate) const AGENT_BINARY: &str = "processor.jaeger-binary.server-host-port";
pub(crate) const AGENT_ZIPKIN: &str = "processor.zipkin-compact.server-host-port";
pub(crate) const SAMPLING: &str = "http-server.host-port";
pub(crate) const COLLECTOR: &str = "collector.http-server.host-port";
pub(crate) const COLLECTOR_GRPC: &str = "collector.grpc-server.host-port";
pub(crate) const OTLP_GRPC: &str = "collector.otlp.grpc.host-port";
pub(crate) const OTLP_HTTP: &str = "collector.otlp.http.host-port";
pub(crate) const ZIPKIN: &str = "collector.zipkin.host-port";
pub(crate) const QUERY: &str = "query.http-server.host-port";
pub(crate) const QUERY_GRPC: &str = "query.grpc-server.host-port";
pub(crate) const ADMIN: &str = "admin.http.host-port";
const BASE_PATH: &str = "query.base-path";

/// What `--version` says; `-V` says the first line.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nanswers as Jaeger 1.35",
    "\nweb pages: Jaeger UI 2.14.1, copyright The Jaeger Authors, Apache License 2.0 (/static/LICENSE.txt)",
);

/// What an all-in-one listens on, and how much it holds.
///
/// An address without a host, such as `:16686`, is one of the listen host. Port 0 lets the
/// system choose.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "jaeger-all-in-one",
    version,
    long_version = LONG_VERSION,
    about = "Jaeger's all-in-one: receives spans, keeps them in memory, shows them in Jaeger's web pages.",
    override_usage = "jaeger-all-in-one [OPTIONS]\n       jaeger-all-in-one status [OPTIONS]           (exit code 0 where a Jaeger answers)\n       jaeger-all-in-one tree ID [SPANS] [OPTIONS]  (prints a trace, once it has so many spans)"
)]
pub struct Config {
    /// Where each address without a host listens; 0.0.0.0 lets other machines in
    #[arg(
        long = "listen-host",
        env = "JAEGER_LISTEN_HOST",
        value_name = "HOST",
        default_value = "127.0.0.1"
    )]
    pub listen_host: String,

    /// UDP address for spans in Thrift's compact protocol
    #[arg(long = AGENT_COMPACT, env = "PROCESSOR_JAEGER_COMPACT_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value = ":6831")]
    pub agent_compact: HostPort,

    /// UDP address for spans in Thrift's binary protocol
    #[arg(long = AGENT_BINARY, env = "PROCESSOR_JAEGER_BINARY_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value = ":6832")]
    pub agent_binary: HostPort,

    /// UDP address for spans of clients of 2016, whose format is only counted
    #[arg(long = AGENT_ZIPKIN, env = "PROCESSOR_ZIPKIN_COMPACT_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value = ":5775")]
    pub agent_zipkin: HostPort,

    /// HTTP address where clients of the agent ask how to sample
    #[arg(long = SAMPLING, env = "HTTP_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value = ":5778")]
    pub sampling: HostPort,

    /// HTTP address for spans in Thrift's binary protocol
    #[arg(long = COLLECTOR, env = "COLLECTOR_HTTP_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value = ":14268")]
    pub collector: HostPort,

    /// gRPC address for spans as Jaeger's agents and model.proto carry them
    #[arg(long = COLLECTOR_GRPC, env = "COLLECTOR_GRPC_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value = ":14250")]
    pub collector_grpc: HostPort,
    /// Whether spans are taken by OTLP; false turns it off (Jaeger 1.35 has it off unless asked)
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
    pub otlp: bool,

    /// gRPC address for spans in OTLP
    #[arg(long = OTLP_GRPC, env = "COLLECTOR_OTLP_GRPC_HOST_PORT", value_name = "HOST:PORT", default_value = ":4317", value_parser = collector_address)]
    pub otlp_grpc: HostPort,

    /// HTTP address for spans in OTLP
    #[arg(long = OTLP_HTTP, env = "COLLECTOR_OTLP_HTTP_HOST_PORT", value_name = "HOST:PORT", default_value = ":4318", value_parser = collector_address)]
    pub otlp_http: HostPort,

    /// HTTP address for spans in Zipkin's JSON v2, such as :9411; none are taken without it
    #[arg(long = ZIPKIN, env = "COLLECTOR_ZIPKIN_HOST_PORT", value_name = "HOST:PORT", value_parser = collector_address)]
    pub zipkin: Option<HostPort>,

    /// HTTP address of the web pages and the query API
    #[arg(long = QUERY, env = "QUERY_HTTP_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value = ":16686")]
    pub query: HostPort,

    /// gRPC address where callers learn that the query API is the HTTP one
    #[arg(long = QUERY_GRPC, env = "QUERY_GRPC_SERVER_HOST_PORT", value_name = "HOST:PORT", default_value = ":16685")]
    pub query_grpc: HostPort,

    /// HTTP address of the health check and of /metrics for Prometheus
    #[arg(long = ADMIN, env = "ADMIN_HTTP_HOST_PORT", value_name = "HOST:PORT", default_value = ":14269")]
    pub admin: HostPort,

    /// Path below which the web pages and the query API lie, such as /jaeger
    #[arg(long = BASE_PATH, env = "QUERY_BASE_PATH", value_name = "PATH", default_value = "/", value_parser = base_path)]
    pub base_path: String,

    /// How far a span's times may be moved to fit its parent's; 0s moves none and says so
    #[arg(long = "query.max-clock-skew-adjustment", env = "QUERY_MAX_CLOCK_SKEW_ADJUSTMENT", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub max_clock_skew: Duration,

    /// The least important lines that are logged: debug, info, warn or error; RUST_LOG says more
    #[arg(long = "log-level", env = "LOG_LEVEL", value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub log_level: Level,

    /// How many traces are kept; the oldest makes room for the next; 0 is no limit
    #[arg(
        long = "memory.max-traces",
        env = "MEMORY_MAX_TRACES",
        value_name = "NUMBER",
        default_value_t = 100_000
    )]
    pub max_traces: usize,

    /// How many bytes of memory spans take, with what finds them; KiB, MiB and GiB are understood
    #[arg(long = "memory.max-bytes", env = "MEMORY_MAX_BYTES", value_name = "BYTES", default_value = "256MiB", value_parser = bytes)]
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
            log_level: Level::INFO,
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

    /// From a program's arguments (the first is its name) and its environment. An environment
    /// variable that is empty counts as unset; of a flag that comes twice the last counts.
    pub fn from_args(
        args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, Rejected> {
        let command = Config::command().args_override_self(true).mut_args(ignore_empty);
        let matches = command.try_get_matches_from(args.into_iter().map(two_dashes))?;
        Ok(Config::from_arg_matches(&matches)?)
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
        let form = "it has the form HOST:PORT or :PORT";
        let (host, port) = text.rsplit_once(':').ok_or(form)?;
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(format!("{form}, an IPv6 address in brackets"));
        }
        let port = port.parse().map_err(|_| "a port is a number from 0 to 65535")?;
        let host = Some(host.to_owned()).filter(|host| !host.is_empty());
        Ok(HostPort { host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host.as_deref().unwrap_or(""), self.port)
    }
}

/// Why arguments were not taken, or what was asked for instead of a start (`--help`).
#[derive(Debug)]
pub struct Rejected(clap::Error);

impl Rejected {
    /// Prints it where it belongs and gives the exit code: 0 for `--help` and `--version`, else 2.
    pub fn print(&self) -> u8 {
        if self.0.exit_code() == 0 {
            let _ = self.0.print();
            return 0;
        }
        eprintln!("{self}");
        2
    }
}

impl From<clap::Error> for Rejected {
    fn from(error: clap::Error) -> Self {
        Rejected(error)
    }
}

impl fmt::Display for Rejected {
    /// One line that names the setting and the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = |kind| self.0.get(kind).map(ToString::to_string);
        let bad_value =
            matches!(self.0.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation);
        if let (true, Some(arg), Some(value)) =
            (bad_value, context(ContextKind::InvalidArg), context(ContextKind::InvalidValue))
        {
            let flag = arg.split_whitespace().next().unwrap_or_default();
            let reason = std::error::Error::source(&self.0).map(ToString::to_string);
            let reason = reason.unwrap_or_else(|| "it cannot be used".to_owned());
            return write!(f, "error: {flag}{} cannot be \"{value}\": {reason}", variable(flag));
        }
        let flag = context(ContextKind::InvalidArg).unwrap_or_default();
        if let Some(why) = unsupported::why(flag.trim_start_matches('-')) {
            return write!(f, "error: {flag}, a flag of Jaeger's, is not supported here: {why}");
        }
        let text = self.0.to_string();
        f.write_str(text.lines().next().unwrap_or("error: bad arguments"))
    }
}

impl std::error::Error for Rejected {}

/// The environment variable of a flag, in brackets.
fn variable(flag: &str) -> String {
    let command = Config::command();
    let arg = command.get_arguments().find(|arg| arg.get_long() == flag.strip_prefix("--"));
    let name = arg.and_then(Arg::get_env);
    name.map(|name| format!(" ({})", name.to_string_lossy())).unwrap_or_default()
}

/// Jaeger's scripts of all ages write `-name=value` too.
fn two_dashes(argument: impl Into<OsString>) -> OsString {
    let argument = argument.into();
    let name = argument.to_str().and_then(|text| text.strip_prefix('-')).unwrap_or_default();
    let long = name.len() > 2 && name.starts_with(|c: char| c.is_ascii_lowercase());
    if long { format!("--{name}").into() } else { argument }
}

fn ignore_empty(arg: Arg) -> Arg {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|v| v.is_empty());
    if arg.get_env().is_some_and(is_empty) { arg.env(None::<&'static str>) } else { arg }
}

/// An address of the collector's: Jaeger takes a bare port too.
fn collector_address(text: &str) -> Result<HostPort, String> {
    match text.parse() {
        Ok(port) if !text.starts_with('+') => Ok(HostPort::any(port)),
        _ => text.parse(),
    }
}

fn base_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if text.is_empty() || text == "/" {
        return Ok("/".to_owned());
    }
    if !text.starts_with('/') || text.ends_with('/') || text.contains("//") {
        return Err("it begins but does not end with a slash, such as /jaeger".to_owned());
    }
    if !text.chars().all(plain) {
        return Err("it consists of letters, digits and -._~ between slashes".to_owned());
    }
    Ok(text.to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let nanos = parse_duration(text)?;
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| "it is negative".to_owned())
}

/// The levels of Jaeger's logger; those above an error are none here.
fn log_level(text: &str) -> Result<Level, String> {
    match text.to_ascii_lowercase().as_str() {
        "debug" => Ok(Level::DEBUG),
        "info" => Ok(Level::INFO),
        "warn" => Ok(Level::WARN),
        "error" | "dpanic" | "panic" | "fatal" => Ok(Level::ERROR),
        _ => Err("it is debug, info, warn or error".to_owned()),
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
        _ => return Err("it is a number, perhaps with KiB, MiB or GiB".to_owned()),
    };
    let number: usize = number.parse().map_err(|_| "it is a number of bytes".to_owned())?;
    match number.checked_mul(1 << shift) {
        Some(0) => Err("it must be more than nothing".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("it is too large".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Config, Rejected> {
        Config::from_args(std::iter::once(&"jaeger-all-in-one").chain(args))
    }

    #[test]
    fn the_command_is_consistent() {
        Config::command().debug_assert();
    }

    #[test]
    fn defaults_are_the_same_in_both_places() {
        let parsed = parse(&[]).expect("no arguments");
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn a_bad_value_is_one_line_that_names_setting_and_value() {
        for (flag, value) in [
            ("--query.http-server.host-port", ":abc"),
            ("--query.http-server.host-port", ":70000"),
            ("--processor.jaeger-compact.server-host-port", "6831"),
            ("--processor.jaeger-compact.server-host-port", "::1:6831"),
            ("--collector.otlp.enabled", "maybe"),
            ("--collector.zipkin.host-port", "zipkin"),
            ("--memory.max-traces", "many"),
            ("--memory.max-traces", "-1"),
            ("--memory.max-bytes", "0"),
            ("--memory.max-bytes", "12XB"),
            ("--query.base-path", "jaeger"),
            ("--query.base-path", "/a\"b"),
            ("--query.max-clock-skew-adjustment", "5"),
            ("--log-level", "loud"),
        ] {
            let line = parse(&[&format!("{flag}={value}")]).expect_err(value).to_string();
            assert!(line.contains(flag), "{line}");
            assert!(line.contains(value), "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn flags_are_written_in_every_way_that_scripts_do() {
        for args in [
            &["--memory.max-traces=7"][..],
            &["--memory.max-traces", "7"],
            &["-memory.max-traces=7"],
            &["-memory.max-traces", "7"],
            &["--memory.max-traces=1", "--memory.max-traces=7"],
        ] {
            assert_eq!(parse(args).expect("flags").max_traces, 7, "{args:?}");
        }
    }

    #[test]
    fn a_flag_that_only_jaeger_knows_is_named() {
        for args in [
            &["--collector.queue-size=5"][..],
            &["--config-file", "jaeger.yaml"],
            &["-query.http.tls.enabled"],
        ] {
            let line = parse(args).expect_err("not supported").to_string();
            let flag = args[0].trim_start_matches('-').split('=').next().expect("a flag");
            assert!(line.contains(flag) && line.contains("is not supported here: "), "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
        let line = parse(&["--no-such-flag"]).expect_err("unknown").to_string();
        assert!(!line.contains("Jaeger"), "{line}");
    }

    #[test]
    fn an_address_may_go_without_a_host() {
        let config =
            parse(&["--listen-host=::1", "--query.http-server.host-port=:1"]).expect("flags");
        let address = config.resolve(&config.query, QUERY).expect("an address");
        assert_eq!(address.to_string(), "[::1]:1");
        let host: HostPort = "[::1]:2".parse().expect("an address");
        let address = config.resolve(&host, QUERY).expect("an address");
        assert_eq!(address.to_string(), "[::1]:2");
    }

    #[test]
    fn otlp_is_on_unless_turned_off_and_zipkin_off_unless_turned_on() {
        let config = parse(&[]).expect("flags");
        assert_eq!((config.otlp, config.zipkin), (true, None));
        for (flag, on) in [
            ("--collector.otlp.enabled", true),
            ("--collector.otlp.enabled=1", true),
            ("--collector.otlp.enabled=false", false),
            ("--collector.otlp.enabled=F", false),
        ] {
            assert_eq!(parse(&[flag]).expect(flag).otlp, on, "{flag}");
        }
        for address in [":9411", "9411"] {
            let flag = format!("--collector.zipkin.host-port={address}");
            assert_eq!(parse(&[&flag]).expect(address).zipkin, Some(HostPort::any(9411)));
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("1000"), Ok(1000));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("1GiB"), Ok(1 << 30));
    }
}
