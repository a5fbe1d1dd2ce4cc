//! Why an all-in-one does not start, or a wait does not end.

use std::fmt;
use std::io;
use std::time::Duration;

/// An error of the library.
#[derive(Debug)]
pub enum Error {
    /// An address cannot be listened on.
    Bind {
        /// The flag that sets the address.
        setting: &'static str,
        /// The address as it was given, and resolved where that was possible.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// A setting's value cannot be used.
    Setting {
        /// The flag.
        setting: &'static str,
        /// Its value.
        value: String,
        /// Why not.
        reason: String,
    },
    /// The system gives no threads, or no event queue.
    Runtime(io::Error),
    /// The spans that were waited for did not come in time.
    Timeout {
        /// Whose spans.
        service: String,
        /// How many were waited for.
        wanted: usize,
        /// How many there are.
        found: usize,
        /// How long was waited.
        waited: Duration,
    },
    /// No Jaeger answers where one was asked for.
    NoAnswer {
        /// The address of its web pages.
        url: String,
        /// What came instead.
        source: io::Error,
    },
    /// The all-in-one was stopped meanwhile.
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
                    "port {port} is in use ({address}): stop what holds it, perhaps another Jaeger, or choose another port with --{setting}"
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
