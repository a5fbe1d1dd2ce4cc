//! Runs the binary of the real Jaeger 1.35.

use std::collections::HashMap;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::jaeger;

/// The flag that sets the address of each door (under the embedded Jaeger's name for it) and of the
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

/// What the container has in `/etc/jaeger/sampling_strategies.json`.
const STRATEGIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sampling_strategies.json");

/// How often to start it with other ports if another process takes one of them first.
const ATTEMPTS: usize = 5;

/// How long it may take to open its ports.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How often its health check is polled until then.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A running Jaeger with open ports; dropping it ends it.
pub struct Real {
    child: Child,
    addresses: HashMap<&'static str, SocketAddr>,
}

impl Real {
    /// Starts it on unused ports, without traces of its own, with the sampling strategies of the
    /// container unless `SAMPLING_STRATEGIES_FILE` names others, and with one worker, so that it stores
    /// spans in the order in which they are sent.
    ///
    /// # Errors
    ///
    /// If no port is free, the binary cannot be run, or it is not ready in time.
    pub fn start(binary: &OsStr) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let mut real = Self::spawn(binary)?;
            if real.is_ready()? {
                return Ok(real);
            }
        }
        Err(io::Error::other(format!("the real Jaeger ended during start, {ATTEMPTS} times")))
    }

    fn spawn(binary: &OsStr) -> io::Result<Self> {
        let mut command = Command::new(binary);
        command.env("JAEGER_DISABLED", "true").args([
            "--collector.otlp.enabled=true",
            "--collector.num-workers=1",
            "--processor.jaeger-compact.workers=1",
            // The system's default holds only a handful of large packets.
            "--processor.jaeger-compact.server-socket-buffer-size=8388608",
            "--processor.jaeger-binary.workers=1",
        ]);
        if env::var_os("SAMPLING_STRATEGIES_FILE").is_none() {
            command.env("SAMPLING_STRATEGIES_FILE", STRATEGIES);
        }
        let mut addresses = HashMap::new();
        let mut held = Vec::new(); // all at once, or two doors could get the same port
        for (door, flag) in FLAGS {
            let port = FreePort::find(door.starts_with("udp-"))?;
            let address = port.address()?;
            command.arg(format!("--{flag}={address}"));
            addresses.insert(door, address);
            held.push(port);
        }
        drop(held);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { child, addresses })
    }

    /// Waits until every port is open. Returns false if it ended, because another process took one
    /// of its ports.
    fn is_ready(&mut self) -> io::Result<bool> {
        let client = jaeger::client().map_err(io::Error::other)?;
        // The health check succeeds when all servers have started.
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

    /// The address of a door, or of the query API under the name `query`.
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

/// A port that the system chose, reserved until this is dropped.
enum FreePort {
    Udp(UdpSocket),
    Tcp(TcpListener),
}

impl FreePort {
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
