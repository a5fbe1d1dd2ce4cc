//! The errors of asking a Jaeger.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::error::StartError;
use crate::model::TraceId;

/// Why a Jaeger was asked in vain.
#[derive(Debug)]
pub enum ClientError {
    /// The settings do not say where it is.
    Settings(StartError),
    /// No Jaeger answered.
    NoAnswer {
        /// The address of its web pages.
        url: String,
        /// The error, or what answered instead.
        source: io::Error,
    },
    /// The awaited spans did not arrive in time.
    Timeout {
        /// The trace.
        id: TraceId,
        /// How many were awaited.
        wanted: usize,
        /// How many there were.
        found: usize,
        /// How long the wait was.
        waited: Duration,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Settings(error) => error.fmt(f),
            ClientError::NoAnswer { url, source } => {
                write!(f, "no Jaeger answers on {url}: {source}")
            }
            ClientError::Timeout { id, wanted, found, waited } => {
                write!(f, "{found} of {wanted} spans of the trace {id} arrived within {waited:?}")
            }
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientError::Settings(error) => Some(error),
            ClientError::NoAnswer { source, .. } => Some(source),
            ClientError::Timeout { .. } => None,
        }
    }
}

impl From<StartError> for ClientError {
    fn from(error: StartError) -> Self {
        ClientError::Settings(error)
    }
}
