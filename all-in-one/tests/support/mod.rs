//! Shared by several tests: an HTTP client that sends a path exactly as given, packets, and waiting
//! without sleeping.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part of it")]

pub mod grpc;
#[cfg(unix)]
pub mod program;
mod real;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jaeger_all_in_one::model::Trace;
use jaeger_all_in_one::store::Search;
use jaeger_all_in_one::{AllInOne, DoorStats, Port};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What these tests ask of an all-in-one whose ports are all open.
pub trait Open {
    /// The address of a port.
    fn at(&self, port: Port) -> SocketAddr;
    /// The traces of a service as they are stored, newest first.
    fn stored(&self, service: &str) -> Vec<Trace>;
    /// The counts of the door for compact Thrift.
    fn agent_stats(&self) -> DoorStats;
}

impl Open for AllInOne {
    fn at(&self, port: Port) -> SocketAddr {
        self.address(port).unwrap_or_else(|| panic!("{port} is closed"))
    }

    fn stored(&self, service: &str) -> Vec<Trace> {
        self.store().find(&Search::of(service))
    }

    fn agent_stats(&self) -> DoorStats {
        self.door(Port::AgentCompact).expect("the door").stats()
    }
}

/// A target for recorded packets: the all-in-one here, or the real Jaeger.
pub trait Target {
    /// The address of a door.
    fn address(&self, door: &str) -> SocketAddr;
    /// The address of the query API.
    fn query(&self) -> SocketAddr;
    /// How many packets a door has dealt with, if that can be known.
    fn received(&self, door: &str) -> Option<u64>;
}

impl Target for AllInOne {
    fn address(&self, door: &str) -> SocketAddr {
        self.at(named(door))
    }

    fn query(&self) -> SocketAddr {
        self.at(Port::Query)
    }

    fn received(&self, door: &str) -> Option<u64> {
        Some(self.door(named(door))?.stats().packets)
    }
}

/// The port with this name in metrics.
pub fn named(door: &str) -> Port {
    let found = Port::ALL.into_iter().find(|port| port.name() == door);
    found.unwrap_or_else(|| panic!("no door {door}"))
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

pub fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, &[])
}

/// Sends a request without a body.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    exchange(address, method, path, headers, b"")
}

/// Sends a request on its own connection. Adds a Host header if none is given.
pub fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        head += "Host: localhost\r\n";
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    let answer = send_raw(address, &[head.as_bytes(), body].concat());
    assert!(!answer.is_empty(), "{method} {path} was not answered");
    parse(&answer)
}

/// Sends bytes on their own connection, and returns what arrives until it is closed.
pub fn send_raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    // A server that refuses a request need not read all of it, and may reset the connection after
    // its answer. The real Jaeger does so when the body arrives after the answer to the head.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn parse(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let mut answer = Answer {
        status: status.and_then(|s| s.parse().ok()).expect("a status"),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: answer[end + 4..].to_vec(),
    };
    if answer.header("Transfer-Encoding") == Some("chunked") {
        answer.body = joined(&answer.body);
    }
    answer
}

/// Joins a chunked body, where each chunk follows its length in hexadecimal. The real Jaeger sends
/// such bodies.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunks.windows(2).position(|w| w == b"\r\n") {
        let length = String::from_utf8_lossy(&chunks[..end]);
        let length = usize::from_str_radix(&length, 16).expect("a chunk's length");
        body.extend_from_slice(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[end + 2 + length + 2..];
    }
    body
}

pub fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// The lines of a recorded JSON file; none if there is no such file.
pub fn lines(case: &str, file: &str) -> Vec<serde_json::Value> {
    let path = goldens().join(case).join(file);
    let text = match std::fs::read_to_string(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.unwrap_or_else(|e| panic!("{}: {e}", path.display())),
    };
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The packets of a recorded case, in the order sent.
pub fn packets(case: &str) -> Vec<Vec<u8>> {
    let folder = goldens().join(case);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "bin"))
        .collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a packet")).collect()
}

/// Sends packets and waits until each was received: UDP itself would lose some of many.
pub struct UdpSender<'a> {
    socket: UdpSocket,
    jaeger: &'a AllInOne,
    sent: u64,
}

impl<'a> UdpSender<'a> {
    pub fn new(jaeger: &'a AllInOne) -> Self {
        UdpSender {
            socket: UdpSocket::bind("127.0.0.1:0").expect("a socket"),
            jaeger,
            sent: jaeger.agent_stats().packets,
        }
    }

    pub fn send(&mut self, packet: &[u8]) {
        self.send_without_waiting(packet);
        // Few enough for the smallest receive buffer.
        if self.sent.is_multiple_of(32) {
            self.wait();
        }
    }

    pub fn send_and_wait(&mut self, packet: &[u8]) {
        self.send_without_waiting(packet);
        self.wait();
    }

    fn send_without_waiting(&mut self, packet: &[u8]) {
        self.socket.send_to(packet, self.jaeger.at(Port::AgentCompact)).expect("send");
        self.sent += 1;
    }

    pub fn wait(&self) {
        until("every packet was taken", || self.jaeger.agent_stats().packets >= self.sent);
    }
}

/// Checks again and again until `done`, yielding the processor in between.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}

/// A packet of compact Thrift: `emitBatch` with spans of one service.
pub struct Packet {
    service: Vec<u8>,
    spans: Vec<Vec<u8>>,
}

impl Packet {
    pub fn of(service: &str) -> Self {
        Packet { service: service.into(), spans: Vec::new() }
    }

    /// Adds a span without a parent; `start` is in microseconds.
    pub fn span(self, trace: u64, id: u64, operation: &str, start: u64) -> Self {
        self.child(trace, id, 0, operation, start as i64, 10)
    }

    /// Adds a span below another; `start` and `duration` are in microseconds.
    pub fn child(
        mut self,
        trace: u64,
        id: u64,
        parent: u64,
        operation: &str,
        start: i64,
        duration: i64,
    ) -> Self {
        let mut span = Vec::new();
        for number in [trace, 0, id, parent] {
            span.push(0x16);
            varint(&mut span, zigzag(number as i64));
        }
        span.push(0x18);
        bytes(&mut span, operation.as_bytes());
        span.extend([0x25, 2]);
        for number in [start, duration] {
            span.push(0x16);
            varint(&mut span, zigzag(number));
        }
        span.push(0);
        self.spans.push(span);
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let mut packet = b"\x82\x81\x00\x09emitBatch\x1c\x1c\x18".to_vec();
        bytes(&mut packet, &self.service);
        packet.extend([0, 0x19]);
        match self.spans.len() {
            short @ 0..15 => packet.push((short as u8) << 4 | 0x0c),
            long => {
                packet.push(0xfc);
                varint(&mut packet, long as u64);
            }
        }
        for span in &self.spans {
            packet.extend(span);
        }
        packet.extend([0, 0]);
        packet
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
