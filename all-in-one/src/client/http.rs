//! A server that is asked over HTTP. One request per connection, in HTTP/1.0, where the answer ends
//! with the connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::error::ClientError;
use crate::config::{Config, reachable};
use crate::error::{ClosedPort, StartError};
use crate::port::Port;

/// How long a request may take, with its answer.
const LIMIT: Duration = Duration::from_secs(5);

/// The most bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 20;

/// Why a Jaeger with TLS is not asked.
const NO_TLS: &str = "this command does not speak TLS: ask by curl --cacert CA.pem, or ask a port without TLS, such as 14269 for its health";

/// An HTTP server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    address: SocketAddr,
    host: String,
    /// Its URL, without a slash at the end.
    pub(super) url: String,
    /// The path of the URL, without a slash at the end.
    path: String,
}

impl Server {
    /// The query API at the configured address.
    pub(super) fn of(config: &Config) -> Result<Self, ClientError> {
        let resolved =
            config.resolve(Port::Query).map_err(|error| StartError::Bind(vec![error]))?;
        if config.scheme(Port::Query) == "https" {
            let url = resolved.map(|listen| format!("https://{}", reachable(listen.first)));
            let source = io::Error::other(NO_TLS);
            return Err(ClientError::NoAnswer { url: url.unwrap_or_default(), source });
        }
        let closed = || {
            let source = io::Error::other(ClosedPort(Port::Query));
            ClientError::NoAnswer { url: String::new(), source }
        };
        let (address, path) =
            (resolved.map(|listen| reachable(listen.first)).ok_or_else(closed)?, config.base()?);
        let (host, url) = (address.to_string(), format!("http://{address}{path}"));
        Ok(Server { address, host, url, path })
    }

    /// The server with a URL such as `http://jaeger:16686/base`.
    pub(super) fn at(url: &str) -> io::Result<Self> {
        let form = || {
            io::Error::other("the URL must have the form http://HOST:PORT or http://HOST:PORT/PATH")
        };
        let url = url.trim_end_matches('/');
        if url.starts_with("https://") {
            return Err(io::Error::other(NO_TLS));
        }
        let rest = url.strip_prefix("http://").ok_or_else(form)?;
        let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if path.bytes().chain(host.bytes()).any(|byte| byte <= b' ' || byte == 127) {
            return Err(form());
        }
        let has_port = host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
        let named = if has_port { host.to_owned() } else { format!("{host}:80") };
        let address = named.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Server { address, host: host.to_owned(), url: url.to_owned(), path: path.to_owned() })
    }

    /// Gets a path below the URL's: the status code, and the body as text.
    pub(super) fn get(&self, path: &str) -> io::Result<(u16, String)> {
        let begin = Instant::now();
        let mut stream = TcpStream::connect_timeout(&self.address, LIMIT).map_err(in_time)?;
        stream.set_write_timeout(Some(LIMIT))?;
        let (host, base) = (&self.host, &self.path);
        stream
            .write_all(format!("GET {base}{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
        let mut answer = Vec::new();
        let stream = Timed { stream, begin };
        stream.take(MAX_ANSWER + 1).read_to_end(&mut answer).map_err(in_time)?;
        if answer.len() as u64 > MAX_ANSWER {
            return Err(io::Error::other("the answer is larger than 64 MiB"));
        }
        let answer = String::from_utf8_lossy(&answer);
        let parts = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
            let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1))?;
            Some((status.parse().ok()?, body.to_owned()))
        });
        parts.ok_or_else(no_jaeger)
    }
}

/// A connection that is read until the time limit.
struct Timed {
    stream: TcpStream,
    begin: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = LIMIT.checked_sub(self.begin.elapsed()).filter(|left| !left.is_zero());
        self.stream.set_read_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        self.stream.read(buffer)
    }
}

/// Says of an answer that does not come that it does not.
fn in_time(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {LIMIT:?}"))
        }
        _ => error,
    }
}

/// The error for an answer that is not Jaeger's.
pub(super) fn unexpected(status: u16) -> io::Error {
    match status {
        200 | 404 => no_jaeger(),
        _ => io::Error::other(format!("the server there answers with the status {status}")),
    }
}

pub(super) fn no_jaeger() -> io::Error {
    io::Error::other("the server there is not Jaeger")
}

/// Text as a value in a query.
pub(super) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_perhaps_a_port_and_a_path() {
        let server = Server::at("http://127.0.0.1:1/jaeger/").expect("a server");
        assert_eq!((&*server.url, &*server.path), ("http://127.0.0.1:1/jaeger", "/jaeger"));
        assert_eq!(Server::at("http://127.0.0.1").expect("a server").address.port(), 80);
        for url in ["127.0.0.1:1", "https://127.0.0.1:1", "http://127.0.0.1:1/a b", ""] {
            assert!(Server::at(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_value_is_escaped() {
        assert_eq!(escaped("a b&ü"), "a%20b%26%C3%BC");
    }
}
