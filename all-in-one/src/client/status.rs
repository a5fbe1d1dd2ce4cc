//! `jaeger-all-in-one status`: whether a Jaeger answers, this one or the real one. For scripts, and
//! for health checks in an image without a shell or curl.

use std::io;
use std::net::SocketAddr;

use super::{ClientError, http, query_address};
use crate::config::Config;

/// Asks the query API at the configured address, and returns the address of its web pages.
///
/// # Errors
///
/// [`ClientError::NoAnswer`] when nothing answers there, or a server that is not Jaeger.
pub fn status(config: &Config) -> Result<String, ClientError> {
    let (base_path, address) = (config.base()?, query_address(config)?);
    let url = format!("http://{address}{base_path}");
    match ask(address, &base_path) {
        Ok(()) => Ok(url),
        Err(source) => Err(ClientError::NoAnswer { url, source }),
    }
}

fn ask(address: SocketAddr, base_path: &str) -> io::Result<()> {
    match http::get(address, &format!("{base_path}/api/services"))? {
        (200, body) if body.contains("{\"data\":") => Ok(()),
        _ => Err(io::Error::other("the server there is not Jaeger")),
    }
}
