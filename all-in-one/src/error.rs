//! The library's errors.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why an all-in-one did not start, or a wait did not end.
#[derive(Debug)]
pub enum Error {
    /// An address cannot be listened on.
    Bind {
        /// The name of the setting, which is that of its flag.
        setting: &'static str,
        /// The address as given, or resolved where that was possible.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// The value of a setting is invalid.
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// Why not.
        reason: String,
    },
    /// The system refused threads or an event queue.
    Runtime(io::Error),
    /// The awaited spans did not arrive in time.
    Timeout {
        /// Whose spans: a service or a trace.
        service: String,
        /// How many were awaited.
        wanted: usize,
        /// How many there were.
        found: usize,
        /// How long the wait was.
        waited: Duration,
    },
    /// No Jaeger answered.
    NoAnswer {
        /// The address of its web pages.
        url: String,
        /// The error, or what answered instead.
        source: io::Error,
    },
    /// The all-in-one was stopped during the wait.
    Stopped,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Bind { setting, address, source }
                if source.kind() == io::ErrorKind::AddrInUse =>
            {
                let port = address.rsplit(':').next().unwrap_or(address);
                write!(
                    f,
                    "port {port} is in use ({address}): stop the program that uses it, perhaps another Jaeger, or choose another port with --{setting}"
                )
            }
            Error::Bind { setting, address, source } => {
                write!(f, "cannot listen on {address} (--{setting}): {source}")
            }
            Error::Setting { setting, value, reason } => {
                write!(f, "--{setting} cannot be \"{value}\": {reason}")
            }
            Error::Runtime(source) => write!(f, "cannot start: {source}"),
            Error::Timeout { service, wanted, found, waited } => write!(
                f,
                "{found} of {wanted} spans of the service {service} arrived within {waited:?}"
            ),
            Error::NoAnswer { url, source } => write!(f, "no Jaeger answers on {url}: {source}"),
            Error::Stopped => f.write_str("the all-in-one was stopped"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Bind { source, .. }
            | Error::Runtime(source)
            | Error::NoAnswer { source, .. } => Some(source),
            _ => None,
        }
    }
}
