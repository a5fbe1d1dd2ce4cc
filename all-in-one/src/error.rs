//! The library's errors.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::port::Port;

/// Why an all-in-one did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Addresses cannot be listened on: every one that was tried, and no port stays open.
    Bind(Vec<BindError>),
    /// The base path is invalid.
    BasePath {
        /// The path.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of sampling strategies cannot be used.
    Strategies {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, with line and column where it is about its content.
        reason: String,
    },
    /// A file or folder of the web pages cannot be used.
    File {
        /// The flag that sets it, without dashes.
        flag: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting of a port's TLS cannot be used.
    Tls {
        /// The flag, without dashes.
        flag: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A further header is invalid.
    Header {
        /// The header as given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The system's clock is before 1970: HTTP's dates cannot be written.
    Clock,
    /// The system refused threads or an event queue.
    Runtime(io::Error),
}

/// Why an address cannot be listened on.
#[derive(Debug)]
#[non_exhaustive]
pub struct BindError {
    /// The port.
    pub port: Port,
    /// The address as given, or resolved where that was possible.
    pub address: String,
    /// The system's error.
    pub source: io::Error,
}

impl BindError {
    fn is_in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

#[cfg(feature = "ui")]
impl StartError {
    pub(crate) fn file(flag: &'static str, file: &std::path::Path, reason: String) -> Self {
        StartError::File { flag, file: file.to_owned(), reason }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind(errors) => bind(errors, f),
            StartError::Clock => f.write_str("the system's clock is before 1970: set it"),
            StartError::BasePath { value, reason } => {
                write!(f, "--query.base-path cannot be \"{value}\": {reason}")
            }
            StartError::Strategies { file, reason } => {
                write!(f, "--sampling.strategies-file cannot be \"{}\": {reason}", file.display())
            }
            StartError::File { flag, file, reason } => {
                write!(f, "--{flag} cannot be \"{}\": {reason}", file.display())
            }
            StartError::Tls { flag, value, reason } => {
                write!(f, "--{flag} cannot be \"{value}\": {reason}")
            }
            StartError::Header { value, reason } => {
                write!(f, "--query.additional-headers cannot be \"{value}\": {reason}")
            }
            StartError::Runtime(source) => write!(f, "cannot start: {source}"),
        }
    }
}

/// One line, unless several ports are concerned.
fn bind(errors: &[BindError], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let [error] = errors {
        return write!(f, "{error}");
    }
    if let Some(other) = errors.iter().find(|error| !error.is_in_use()) {
        return write!(f, "{other}");
    }
    let count = errors.len();
    write!(
        f,
        "{count} ports are in use: stop the program that uses them, perhaps another Jaeger, or choose other ports, all at once with --port-offset or --any-port:"
    )?;
    for error in errors {
        write!(f, "\n  {} (--{})", error.address, error.port.flag())?;
    }
    Ok(())
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::Bind(errors) => errors.first().map(|error| &error.source as _),
            StartError::Runtime(source) => Some(source),
            StartError::Clock
            | StartError::BasePath { .. }
            | StartError::Strategies { .. }
            | StartError::File { .. }
            | StartError::Tls { .. }
            | StartError::Header { .. } => None,
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, flag) = (&self.address, self.port.flag());
        if self.is_in_use() {
            let number = address.rsplit(':').next().unwrap_or(address);
            return write!(
                f,
                "port {number} is in use ({address}): stop the program that uses it, perhaps another Jaeger, or choose another port with --{flag}"
            );
        }
        write!(f, "cannot listen on {address} (--{flag}): {}", self.source)
    }
}

impl Error for BindError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The settings keep this port closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedPort(pub Port);

impl fmt::Display for ClosedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.0;
        match port.missing_feature() {
            Some(feature) => write!(
                f,
                "the port for {port} is closed: turn on the feature `{feature}` of jaeger-all-in-one"
            ),
            None => write!(f, "the port for {port} is closed: open it with Config::listen"),
        }
    }
}

impl Error for ClosedPort {}
