//! Settings.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{BindError, StartError};
use crate::port::Port;

/// What an all-in-one listens on, and how much it holds.
///
/// [`Config::ephemeral`] is for tests, [`Config::default`] has the ports of Jaeger. Each setting has
/// a method that returns the changed settings.
///
/// ```
/// use jaeger_all_in_one::{AllInOne, Config, Port};
///
/// let config = Config::ephemeral().max_traces(1_000).close(Port::Zipkin);
/// let jaeger = AllInOne::start_with(config)?;
/// assert_eq!(jaeger.address(Port::Zipkin), None);
/// # Ok::<(), jaeger_all_in_one::StartError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where each address without a host listens: `localhost` is both loopback addresses, 127.0.0.1
    /// and ::1; `0.0.0.0` lets other machines connect.
    pub listen_host: String,
    /// Path under which the web pages and the query API are served, such as `/jaeger`.
    pub base_path: String,
    /// The largest clock skew that is corrected in a trace; zero corrects none and says so.
    pub max_clock_skew: Duration,
    /// How many traces are kept; the oldest is evicted for a new one. 0 is no limit.
    pub max_traces: usize,
    /// How many bytes of memory the stored spans and their indexes may take.
    pub max_bytes: usize,
    /// Names besides `localhost` under which a browser may ask the query and the admin port while they
    /// are on loopback, as through a proxy that keeps the Host header. `*.example.com` is every name
    /// below that one, `*` is any.
    pub allowed_hosts: Vec<String>,
    /// Web pages that may send OTLP over HTTP; pages on this machine always may.
    pub otlp_http_cors: Cors,
    /// Web pages that may send in Zipkin's formats; all, by default, as in Jaeger.
    pub zipkin_cors: Cors,
    /// File of settings for the web pages: a JSON object (`.json`), or JavaScript with a function
    /// `UIConfig` (`.js`). It is read again for each page.
    pub ui_config: Option<PathBuf>,
    /// Folder with another build of Jaeger UI, in place of the embedded one: index.html and static/.
    pub static_files: Option<PathBuf>,
    /// Headers that every answer of the query port has, each as `Name: value`.
    pub additional_headers: Vec<String>,
    /// File of sampling strategies, in Jaeger's JSON; without one, clients are told to sample every
    /// trace.
    pub strategies_file: Option<PathBuf>,
    /// How often that file is read again; zero reads it once.
    pub strategies_reload_interval: Duration,
    /// By port.
    addresses: [Option<HostPort>; Port::ALL.len()],
    /// By port.
    #[cfg(feature = "tls")]
    tls: [Option<Tls>; Port::ALL.len()],
}

impl Default for Config {
    /// The defaults of the program, whatever the environment says: on loopback, with the ports of
    /// Jaeger, and [`Port::Zipkin`] closed.
    fn default() -> Self {
        Config {
            listen_host: LOCALHOST.to_owned(),
            base_path: "/".to_owned(),
            max_clock_skew: Duration::ZERO,
            max_traces: 100_000,
            max_bytes: 256 << 20,
            allowed_hosts: Vec::new(),
            otlp_http_cors: Cors { local: true, ..Cors::new([""; 0], ["*"]) },
            zipkin_cors: Cors::new(["*"], ["content-type"]),
            ui_config: None,
            static_files: None,
            additional_headers: Vec::new(),
            strategies_file: None,
            strategies_reload_interval: Duration::ZERO,
            addresses: Port::ALL.map(|port| Some(HostPort::any(port.number()))),
            #[cfg(feature = "tls")]
            tls: Default::default(),
        }
        .close(Port::Zipkin)
    }
}

impl Config {
    /// On loopback, with every port chosen by the system: what a test wants.
    pub fn ephemeral() -> Self {
        Port::ALL.into_iter().fold(Config::default(), |config, port| config.listen(port, 0))
    }

    /// Where a port listens; `None` if it is closed.
    pub fn address(&self, port: Port) -> Option<&HostPort> {
        self.addresses[port as usize].as_ref()
    }

    /// Opens a port at an address: a number, or a host and a number. Port 0 lets the system choose.
    #[must_use]
    pub fn listen(mut self, port: Port, address: impl Into<HostPort>) -> Self {
        self.addresses[port as usize] = Some(address.into());
        self
    }

    /// Keeps a port closed.
    #[must_use]
    pub fn close(mut self, port: Port) -> Self {
        self.addresses[port as usize] = None;
        self
    }

    /// Sets [`Config::listen_host`].
    #[must_use]
    pub fn listen_host(mut self, host: impl Into<String>) -> Self {
        self.listen_host = host.into();
        self
    }

    /// Sets [`Config::base_path`].
    #[must_use]
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = path.into();
        self
    }

    /// Sets [`Config::max_clock_skew`].
    #[must_use]
    pub fn max_clock_skew(mut self, skew: Duration) -> Self {
        self.max_clock_skew = skew;
        self
    }

    /// Sets [`Config::max_traces`].
    #[must_use]
    pub fn max_traces(mut self, traces: usize) -> Self {
        self.max_traces = traces;
        self
    }

    /// Sets [`Config::max_bytes`].
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets [`Config::allowed_hosts`].
    #[must_use]
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`Config::otlp_http_cors`]; pages on this machine still may.
    #[must_use]
    pub fn otlp_http_cors(mut self, cors: Cors) -> Self {
        self.otlp_http_cors = Cors { local: true, ..cors };
        self
    }

    /// Sets [`Config::zipkin_cors`].
    #[must_use]
    pub fn zipkin_cors(mut self, cors: Cors) -> Self {
        self.zipkin_cors = cors;
        self
    }

    /// Sets [`Config::ui_config`].
    #[must_use]
    pub fn ui_config(mut self, file: impl Into<PathBuf>) -> Self {
        self.ui_config = Some(file.into());
        self
    }

    /// Sets [`Config::static_files`].
    #[must_use]
    pub fn static_files(mut self, folder: impl Into<PathBuf>) -> Self {
        self.static_files = Some(folder.into());
        self
    }

    /// Sets [`Config::additional_headers`].
    #[must_use]
    pub fn additional_headers(
        mut self,
        headers: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.additional_headers = headers.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`Config::strategies_file`].
    #[must_use]
    pub fn strategies_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.strategies_file = Some(file.into());
        self
    }

    /// Sets [`Config::strategies_reload_interval`].
    #[must_use]
    pub fn strategies_reload_interval(mut self, interval: Duration) -> Self {
        self.strategies_reload_interval = interval;
        self
    }

    /// Serves a port by TLS. Ports without flags for it in Jaeger, as [`Port::tls_flags`] says, stay
    /// as they are.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, port: Port, tls: Tls) -> Self {
        self.tls[port as usize] = Some(tls).filter(|_| port.tls_flags().is_some());
        self
    }

    /// The TLS of a port, unless it is closed or has none.
    #[cfg(feature = "tls")]
    pub(crate) fn tls_of(&self, port: Port) -> Option<&Tls> {
        self.address(port).and(self.tls[port as usize].as_ref())
    }

    /// How URLs of a port begin.
    pub(crate) fn scheme(&self, port: Port) -> &'static str {
        #[cfg(feature = "tls")]
        if self.tls_of(port).is_some() {
            return "https";
        }
        let _ = port;
        "http"
    }

    /// Whether the query API answers HTTP and gRPC on one port, that of HTTP: where the settings name
    /// one number for both, as in Jaeger.
    pub(crate) fn has_one_query_port(&self) -> bool {
        let number = |port| self.address(port).map(|address| address.port);
        number(Port::Query).is_some_and(|port| port != 0 && Some(port) == number(Port::QueryGrpc))
    }

    /// # Errors
    /// If the query API has one port and TLS: Jaeger refuses that too.
    pub(crate) fn check_query_ports(&self) -> Result<(), StartError> {
        let has_tls = [Port::Query, Port::QueryGrpc].map(|port| self.scheme(port) == "https");
        if !self.has_one_query_port() || has_tls == [false; 2] {
            return Ok(());
        }
        let value = self.address(Port::QueryGrpc).map(HostPort::to_string).unwrap_or_default();
        let reason = format!("with TLS it needs another port than --{}", Port::Query.flag());
        Err(StartError::Tls { flag: Port::QueryGrpc.flag().to_owned(), value, reason })
    }

    /// Which web pages may send to a port; `None` if none may.
    pub(crate) fn cors(&self, port: Port) -> Option<&Cors> {
        match port {
            Port::OtlpHttp => Some(&self.otlp_http_cors),
            Port::Zipkin => Some(&self.zipkin_cors),
            _ => None,
        }
    }

    /// The base path without a slash at its end: empty for the root.
    pub(crate) fn base(&self) -> Result<String, StartError> {
        let base = base_path(&self.base_path)
            .map_err(|reason| StartError::BasePath { value: self.base_path.clone(), reason })?;
        Ok(if base == "/" { String::new() } else { base })
    }

    /// The host of a port; `None` if it is closed.
    fn host(&self, port: Port) -> Option<&str> {
        self.address(port).map(|address| address.host.as_deref().unwrap_or(&self.listen_host))
    }

    /// The names under which a port may be asked while it is on loopback.
    pub(crate) fn host_names(&self, port: Port) -> Vec<String> {
        let own = self.host(port).map(str::to_owned);
        self.allowed_hosts.iter().cloned().chain(own).collect()
    }

    /// Where a port is to listen; `None` if it is closed.
    pub(crate) fn resolve(&self, port: Port) -> Result<Option<Listen>, BindError> {
        let (Some(address), Some(host)) = (self.address(port), self.host(port)) else {
            return Ok(None);
        };
        if host.eq_ignore_ascii_case(LOCALHOST) {
            let first = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port));
            return Ok(Some(Listen { first, also: Some(Ipv6Addr::LOCALHOST) }));
        }
        let error =
            |source| BindError { port, address: format!("{host}:{}", address.port), source };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let mut found = (bare, address.port).to_socket_addrs().map_err(error)?;
        let first = found.next();
        let first = first.ok_or_else(|| error(std::io::ErrorKind::AddrNotAvailable.into()))?;
        Ok(Some(Listen { first, also: None }))
    }
}

/// The name of both loopback addresses.
const LOCALHOST: &str = "localhost";

/// Where a port is to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) first: SocketAddr,
    /// The other loopback address, with the same port, on machines that have it.
    pub(crate) also: Option<Ipv6Addr>,
}

/// TLS of a port, with Jaeger's names. The files are read again when they change.
///
/// ```no_run
/// use jaeger_all_in_one::{AllInOne, Config, Port, Tls};
///
/// let config = Config::ephemeral().tls(Port::OtlpGrpc, Tls::new("cert.pem", "key.pem"));
/// let jaeger = AllInOne::start_with(config)?;
/// assert!(jaeger.otlp_grpc_endpoint()?.starts_with("https://"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "tls")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// File of the server's certificate and those between it and the CA's, in PEM.
    pub cert: PathBuf,
    /// File of its private key, in PEM.
    pub key: PathBuf,
    /// File of the CA's certificates, in PEM: then clients must show a certificate of that CA.
    pub client_ca: Option<PathBuf>,
    /// The lowest version of TLS: `1.2`, if it is empty, or `1.3`.
    pub min_version: String,
    /// The highest version of TLS: `1.2`, or `1.3`, if it is empty.
    pub max_version: String,
    /// Go's names of the cipher suites for TLS 1.2; if there are none, all that are supported.
    pub cipher_suites: Vec<String>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// With this certificate and key; every client may connect.
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Tls {
            cert: cert.into(),
            key: key.into(),
            client_ca: None,
            min_version: String::new(),
            max_version: String::new(),
            cipher_suites: Vec::new(),
        }
    }

    /// Sets [`Tls::client_ca`].
    #[must_use]
    pub fn client_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(file.into());
        self
    }
}

/// Web pages of other origins that may send spans to a port, by POST.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cors {
    /// Origins such as `https://shop.example`; `*` in one is any part of it, and alone every origin.
    pub origins: Vec<String>,
    /// Names of the headers that their requests may have; `*` is any.
    pub headers: Vec<String>,
    /// Pages on this machine too: `localhost`, names below it, and loopback addresses.
    pub(crate) local: bool,
}

impl Cors {
    /// Pages of these origins may send requests with these headers.
    pub fn new(
        origins: impl IntoIterator<Item = impl Into<String>>,
        headers: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let (origins, headers) = (origins.into_iter(), headers.into_iter());
        Cors {
            origins: origins.map(Into::into).collect(),
            headers: headers.map(Into::into).collect(),
            local: false,
        }
    }
}

/// A port, and perhaps the host or address to listen on. It is made from a number, from a
/// [`SocketAddr`], or from text.
///
/// ```
/// use jaeger_all_in_one::HostPort;
///
/// assert_eq!(":4318".parse(), Ok(HostPort::from(4318)));
/// assert_eq!("[::1]:4318".parse::<HostPort>()?.host.as_deref(), Some("[::1]"));
/// # Ok::<(), String>(())
/// ```
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

impl From<u16> for HostPort {
    fn from(port: u16) -> Self {
        HostPort::any(port)
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        HostPort { host: Some(host), port: address.port() }
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
        let config = Config::default().listen_host("::1").listen(Port::Query, 1);
        let resolve = |config: &Config| {
            let listen = config.resolve(Port::Query).expect("an address").expect("open");
            (listen.first.to_string(), listen.also)
        };
        assert_eq!(resolve(&config), ("[::1]:1".to_owned(), None));
        let host: HostPort = "[::1]:2".parse().expect("an address");
        let config = config.listen(Port::Query, host.clone());
        assert_eq!(resolve(&config), ("[::1]:2".to_owned(), None));
        assert_eq!(HostPort::from(SocketAddr::from((Ipv6Addr::LOCALHOST, 2))), host);
        let both = ("127.0.0.1:3".to_owned(), Some(Ipv6Addr::LOCALHOST));
        for host in ["localhost:3", "LOCALHOST:3"] {
            let host: HostPort = host.parse().expect("an address");
            assert_eq!(resolve(&config.clone().listen(Port::Query, host)), both);
        }
        assert_eq!(resolve(&Config::default().listen(Port::Query, 3)), both);
    }

    #[test]
    fn each_port_has_its_own_place() {
        for (place, port) in Port::ALL.into_iter().enumerate() {
            assert_eq!(port as usize, place, "{port}");
        }
    }
}
