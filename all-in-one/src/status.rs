//! `jaeger-all-in-one status`: whether a Jaeger answers, this one or the real one. For scripts,
//! and for health checks in an image that has neither a shell nor curl.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::{self, Config};
use crate::error::Error;
use crate::reachable;

/// How long a Jaeger may take for each step of its answer.
const LIMIT: Duration = Duration::from_secs(2);

/// The bytes of the answer that are read: enough for its head and the start of its body.
const MAX_ANSWER: u64 = 4096;

/// Asks the query API at the configured address, and returns the address of its web pages.
///
/// # Errors
///
/// [`Error::NoAnswer`] when nothing answers there, or something that is no Jaeger.
pub fn status(config: &Config) -> Result<String, Error> {
    let base_path = config.base()?;
    let address = reachable(config.resolve(&config.query, config::QUERY)?);
    let url = format!("http://{address}{base_path}");
    match ask(address, &base_path) {
        Ok(()) => Ok(url),
        Err(source) => Err(Error::NoAnswer { url, source }),
    }
}

fn ask(address: SocketAddr, base_path: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let head = format!("GET {base_path}/api/services HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer)?;
    let ok = answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200");
    if ok && answer.contains("{\"data\":") {
        Ok(())
    } else {
        Err(io::Error::other("something that is no Jaeger answers there"))
    }
}
