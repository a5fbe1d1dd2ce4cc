//! Sends the encoded spans.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use jaeger_all_in_one::BytesCodec;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Request, Status};

/// The number of connections that send at the same time.
pub(crate) const CONNECTIONS: usize = 2;
/// The number of concurrent calls per connection.
const STREAMS: usize = 4;
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Sends `rate` datagrams per second.
pub(crate) fn udp(
    to: SocketAddr,
    packets: &[Vec<u8>],
    rate: f64,
) -> Result<Duration, Box<dyn Error>> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.connect(to)?;
    let begin = Instant::now();
    for (number, packet) in packets.iter().enumerate() {
        let due = Duration::from_secs_f64(number as f64 / rate);
        // A sleep takes about 60 µs too long; datagrams that are late follow without a pause.
        let early = due.saturating_sub(begin.elapsed());
        if early > Duration::from_micros(200) {
            thread::sleep(early);
        }
        socket.send(packet)?;
    }
    Ok(begin.elapsed())
}

/// Sends requests by HTTP. Each connection sends the next request after the answer to the last.
pub(crate) fn http(
    to: SocketAddr,
    path: &str,
    kind: &str,
    bodies: &[Vec<u8>],
) -> Result<Duration, Box<dyn Error>> {
    let requests: Vec<_> = bodies.iter().map(|body| post(to, path, kind, body)).collect();
    let next = AtomicUsize::new(0);
    let begin = Instant::now();
    thread::scope(|scope| {
        let send_all = || -> Result<(), String> {
            let mut connection = Connection::open(to).map_err(|error| error.to_string())?;
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                connection.exchange(request).map_err(|error| error.to_string())?;
            }
            Ok(())
        };
        let all: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(send_all)).collect();
        all.into_iter()
            .try_for_each(|it| it.join().unwrap_or_else(|_| Err("a sender panicked".into())))
    })?;
    Ok(begin.elapsed())
}

/// Sends OTLP requests by HTTP.
pub(crate) fn otlp_http(to: SocketAddr, bodies: &[Vec<u8>]) -> Result<Duration, Box<dyn Error>> {
    http(to, "/v1/traces", "application/x-protobuf", bodies)
}

/// Sends an OTLP request by HTTP each `interval`, on one connection. Returns how long each waited for
/// its answer.
pub(crate) fn otlp_http_paced(
    to: SocketAddr,
    bodies: &[Vec<u8>],
    interval: Duration,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut connection = Connection::open(to)?;
    let send = |body: &Vec<u8>| {
        let request = post(to, "/v1/traces", "application/x-protobuf", body);
        thread::sleep(interval);
        let begin = Instant::now();
        connection.exchange(&request)?;
        Ok(begin.elapsed())
    };
    bodies.iter().map(send).collect()
}

/// A request with this body.
fn post(to: SocketAddr, path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A connection that is opened again when the server closes it: Jaeger 2.13 does so after each answer
/// at 14268.
struct Connection {
    to: SocketAddr,
    stream: TcpStream,
}

impl Connection {
    fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        Ok(Connection { to, stream })
    }

    /// Sends a request and reads its short answer.
    fn exchange(&mut self, request: &[u8]) -> Result<(), Box<dyn Error>> {
        self.stream.write_all(request)?;
        let (mut answer, mut part) = (Vec::new(), [0; 4096]);
        loop {
            let length = self.stream.read(&mut part)?;
            if length == 0 {
                return Err("the connection was closed".into());
            }
            answer.extend_from_slice(&part[..length]);
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            if !head.starts_with("HTTP/1.1 20") {
                return Err(format!("refused: {head}").into());
            }
            let announced = header(head, "content-length").and_then(|length| length.parse().ok());
            if body.len() >= announced.unwrap_or(0) {
                if header(head, "connection") == Some("close") {
                    *self = Connection::open(self.to)?;
                }
                return Ok(());
            }
        }
    }
}

/// The value of a header of an answer.
fn header<'h>(head: &'h str, wanted: &str) -> Option<&'h str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
}

/// Sends requests by gRPC.
pub(crate) fn grpc(to: SocketAddr, messages: &[Vec<u8>]) -> Result<Duration, Box<dyn Error>> {
    let messages: Vec<Bytes> = messages.iter().map(|message| message.clone().into()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let next = AtomicUsize::new(0);
        let begin = Instant::now();
        let mut calls = Vec::new();
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(format!("http://{to}"))?.tcp_nodelay(true);
            let channel = endpoint.connect().await?;
            for _ in 0..STREAMS {
                let (channel, next, messages) = (channel.clone(), &next, &messages);
                calls.push(async move {
                    let mut client = Grpc::new(channel);
                    while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
                        client
                            .ready()
                            .await
                            .map_err(|error| Status::unavailable(error.to_string()))?;
                        let path = PathAndQuery::from_static(EXPORT);
                        client.unary(Request::new(message.clone()), path, BytesCodec).await?;
                    }
                    Ok::<(), Status>(())
                });
            }
        }
        try_join_all(calls).await?;
        Ok(begin.elapsed())
    })
}
