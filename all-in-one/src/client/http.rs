//! Asks the query API of a Jaeger, this one or the real one. One request per connection, in
//! HTTP/1.0, where the answer ends with the connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long each step of an answer may take.
const LIMIT: Duration = Duration::from_secs(2);

/// The most bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 20;

/// Gets a path: the status code, and the body as text.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let parts = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1))?;
        Some((status.parse().ok()?, body.to_owned()))
    });
    parts.ok_or_else(|| io::Error::other("the server there is not Jaeger"))
}
