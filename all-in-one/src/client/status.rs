//! `jaeger-all-in-one status`: whether a Jaeger answers, this one or the real one. For scripts, and
//! for health checks in an image without a shell or curl.

use super::api;
use super::error::ClientError;
use super::http::Server;
use crate::config::Config;

/// Asks the query API at the configured address, and returns the address of its web pages.
///
/// # Errors
///
/// [`ClientError::NoAnswer`] when nothing answers there, or a server that is not Jaeger.
pub fn status(config: &Config) -> Result<String, ClientError> {
    let server = Server::of(config)?;
    match api::services(&server) {
        Ok(_) => Ok(server.url),
        Err(source) => Err(ClientError::NoAnswer { url: server.url, source }),
    }
}
