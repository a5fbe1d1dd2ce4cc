//! The real Jaeger 1.35, run by its binary.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::jaeger;

/// The flag behind each door, by the names that the all-in-one gives its doors, and behind the
/// query API.
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

/// How often it is started with other ports after somebody else took one in between.
const ATTEMPTS: usize = 5;

/// How long it may take to open its ports.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How often it is asked while it has not opened them.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A running one that has opened its ports, ended when it is dropped.
pub struct Real {
    child: Child,
    addresses: HashMap<&'static str, SocketAddr>,
}

impl Real {
    /// Starts it on ports that nobody else uses, with one worker, so that spans are stored in the
    /// order in which they are sent, and without traces of its own.
    ///
    /// # Errors
    ///
    /// When no port can be had, the binary cannot be run, or it does not get ready in time.
    pub fn start(binary: &OsStr) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let mut real = Self::spawn(binary)?;
            if real.is_ready()? {
                return Ok(real);
            }
        }
        Err(io::Error::other(format!("the real Jaeger ended at its start, {ATTEMPTS} times")))
    }

    fn spawn(binary: &OsStr) -> io::Result<Self> {
        let mut command = Command::new(binary);
        command.env("JAEGER_DISABLED", "true").args([
            "--collector.otlp.enabled=true",
            "--collector.num-workers=1",
            "--processor.jaeger-compact.workers=1",
            // Its own default is the system's, which holds a handful of large packets.
            "--processor.jaeger-compact.server-socket-buffer-size=8388608",
            "--processor.jaeger-binary.workers=1",
        ]);
        let mut addresses = HashMap::new();
        let mut held = Vec::new(); // all until it starts, or two doors get the same port
        for (door, flag) in FLAGS {
            let port = Free::find(door.starts_with("udp-"))?;
            let address = port.address()?;
            command.arg(format!("--{flag}={address}"));
            addresses.insert(door, address);
            held.push(port);
        }
        drop(held);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { child, addresses })
    }

    /// Waits until it has opened every port; false when it ended instead, because another process
    /// was faster at one of them.
    fn is_ready(&mut self) -> io::Result<bool> {
        let client = jaeger::client().map_err(io::Error::other)?;
        // The health check turns good when all of its servers have started.
        let health = format!("http://{}/", self.addresses["admin"]);
        let start = Instant::now();
        while start.elapsed() < START_LIMIT {
            let ready = client.get(&health).send().is_ok_and(|answer| answer.status() == 200);
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            if ready {
                return Ok(true);
            }
            thread::sleep(POLL_INTERVAL);
        }
        Err(io::Error::other(format!("the real Jaeger was not ready within {START_LIMIT:?}")))
    }

    /// Where a door listens, or under the name `query` the query API.
    #[must_use]
    pub fn address(&self, door: &str) -> Option<SocketAddr> {
        self.addresses.get(door).copied()
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
    fn find(udp: bool) -> io::Result<Self> {
        let any = (Ipv4Addr::LOCALHOST, 0);
        Ok(if udp { Self::Udp(UdpSocket::bind(any)?) } else { Self::Tcp(TcpListener::bind(any)?) })
    }

    fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp(listener) => listener.local_addr(),
        }
    }
}
