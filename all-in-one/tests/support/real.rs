//! The real Jaeger 1.35, to see that it still answers as it was recorded.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};

use super::{Target, request, until};

/// The flag behind each door, and behind the query API.
const FLAGS: [(&str, &str); 12] = [
    ("udp-compact", "processor.jaeger-compact.server-host-port"),
    ("udp-binary", "processor.jaeger-binary.server-host-port"),
    ("udp-zipkin", "processor.zipkin-compact.server-host-port"),
    ("http-sampling", "http-server.host-port"),
    ("http-thrift", "collector.http-server.host-port"),
    ("grpc-jaeger", "collector.grpc-server.host-port"),
    ("otlp-grpc", "collector.otlp.grpc.host-port"),
    ("otlp-http", "collector.otlp.http.host-port"),
    ("zipkin", "collector.zipkin.host-port"),
    ("grpc-query", "query.grpc-server.host-port"),
    ("admin", "admin.http.host-port"),
    ("query", "query.http-server.host-port"),
];

/// A running one, ended with the test.
pub struct Real {
    child: Child,
    addresses: HashMap<&'static str, SocketAddr>,
}

impl Real {
    /// Starts it on ports that nobody else uses, with one worker, so that spans are stored in the
    /// order in which they are sent, and without traces of its own.
    pub fn start(binary: &OsStr) -> Self {
        let mut command = Command::new(binary);
        command.env("JAEGER_DISABLED", "true").args([
            "--collector.otlp.enabled=true",
            "--collector.num-workers=1",
            "--processor.jaeger-compact.workers=1",
            "--processor.jaeger-binary.workers=1",
        ]);
        let mut addresses = HashMap::new();
        let mut held = Vec::new(); // all until it starts, or two doors get the same port
        for (door, flag) in FLAGS {
            let port = Free::find(door.starts_with("udp-"));
            command.arg(format!("--{flag}={}", port.address()));
            addresses.insert(door, port.address());
            held.push(port);
        }
        drop(held);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start");
        let real = Real { child, addresses };
        until("the real Jaeger answers", || {
            std::net::TcpStream::connect(real.query()).is_ok()
                && request(real.query(), "GET", "/api/services", &[]).status == 200
        });
        real
    }
}

impl Target for Real {
    fn address(&self, door: &str) -> SocketAddr {
        *self.addresses.get(door).unwrap_or_else(|| panic!("no door {door}"))
    }

    fn query(&self) -> SocketAddr {
        self.address("query")
    }

    fn received(&self, _: &str) -> Option<u64> {
        None
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that the system chose, held until this is dropped.
enum Free {
    Udp(UdpSocket),
    Tcp(TcpListener),
}

impl Free {
    fn find(udp: bool) -> Self {
        match udp {
            true => Free::Udp(UdpSocket::bind("127.0.0.1:0").expect("a free port")),
            false => Free::Tcp(TcpListener::bind("127.0.0.1:0").expect("a free port")),
        }
    }

    fn address(&self) -> SocketAddr {
        let address = match self {
            Free::Udp(socket) => socket.local_addr(),
            Free::Tcp(listener) => listener.local_addr(),
        };
        address.expect("an address")
    }
}
