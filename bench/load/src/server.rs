//! Starts the server to be measured, and reads its CPU time and memory.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The flags that set the addresses of the server's ports.
const FLAGS: [&str; 11] = [
    UDP,
    "processor.jaeger-binary.server-host-port",
    "processor.zipkin-compact.server-host-port",
    "http-server.host-port",
    "collector.grpc-server.host-port",
    THRIFT,
    OTLP_GRPC,
    OTLP_HTTP,
    ADMIN,
    "query.grpc-server.host-port",
    QUERY,
];
pub(crate) const UDP: &str = "processor.jaeger-compact.server-host-port";
pub(crate) const THRIFT: &str = "collector.http-server.host-port";
pub(crate) const OTLP_GRPC: &str = "collector.otlp.grpc.host-port";
pub(crate) const OTLP_HTTP: &str = "collector.otlp.http.host-port";
pub(crate) const ADMIN: &str = "admin.http.host-port";
pub(crate) const QUERY: &str = "query.http-server.host-port";

/// How often to start a server with other ports if another program takes one of them first.
const ATTEMPTS: usize = 5;
/// How long a server may take to open its ports.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to process what it has received.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// The kernel's unit of CPU time: a hundredth of a second.
const TICK: Duration = Duration::from_millis(10);
/// The kernel's unit of memory, in bytes.
const PAGE: u64 = 4096;

/// A program to measure.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) arguments: &'static [&'static str],
}

/// A running server; dropping it ends it.
pub(crate) struct Server {
    child: Child,
    addresses: HashMap<&'static str, SocketAddr>,
    started: Instant,
    /// From its start until every TCP port accepts connections.
    pub(crate) opened: Duration,
}

impl Program {
    /// Starts it on unused ports and waits until all of them are open.
    pub(crate) fn start(&self) -> Result<Server, Box<dyn Error>> {
        for _ in 0..ATTEMPTS {
            if let Some(server) = self.spawn()?.wait_until_open()? {
                return Ok(server);
            }
        }
        Err(format!("{} ends right after its start", self.name).into())
    }

    fn spawn(&self) -> Result<Server, Box<dyn Error>> {
        let mut command = Command::new(&self.path);
        command.args(self.arguments).arg("--collector.otlp.enabled=true");
        let (mut addresses, mut held) = (HashMap::new(), Vec::new());
        for flag in FLAGS {
            // Reserved for TCP and UDP until it starts, or two flags could get the same port.
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            command.arg(format!("--{flag}={address}"));
            addresses.insert(flag, address);
            held.push((listener, UdpSocket::bind(address)?));
        }
        drop(held);
        command.env("JAEGER_DISABLED", "true").stdout(Stdio::null()).stderr(Stdio::null());
        let (started, opened) = (Instant::now(), Duration::default());
        Ok(Server { child: command.spawn()?, addresses, started, opened })
    }
}

impl Server {
    /// A server that was started elsewhere; [`Server::with_address`] adds its addresses.
    pub(crate) fn from_child(child: Child) -> Self {
        let (addresses, started, opened) = (HashMap::new(), Instant::now(), Duration::default());
        Server { child, addresses, started, opened }
    }

    /// Waits until all TCP ports are open. Returns `None` if it ended.
    fn wait_until_open(mut self) -> Result<Option<Self>, Box<dyn Error>> {
        for flag in FLAGS.into_iter().filter(|flag| !flag.starts_with("processor.")) {
            while TcpStream::connect(self.address(flag)).is_err() {
                if self.child.try_wait()?.is_some() {
                    return Ok(None);
                }
                if self.started.elapsed() > START_LIMIT {
                    return Err(format!("the port of --{flag} does not open").into());
                }
                sleep(Duration::from_micros(200));
            }
        }
        self.opened = self.started.elapsed();
        Ok(Some(self))
    }

    /// Adds the address that a flag would set.
    pub(crate) fn with_address(mut self, flag: &'static str, address: SocketAddr) -> Self {
        self.addresses.insert(flag, address);
        self
    }

    pub(crate) fn address(&self, flag: &str) -> SocketAddr {
        self.addresses[flag]
    }

    /// Its CPU time so far, user and kernel.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let stat = self.proc("stat")?;
        // The program's name, in parentheses, may contain any character.
        let fields: Vec<&str> =
            stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<u32>().ok());
        let (user, kernel) = ticks(11).zip(ticks(12)).ok_or(io::ErrorKind::InvalidData)?;
        Ok(TICK * (user + kernel))
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let pages = self.proc("statm")?;
        let pages = pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.map(|pages| pages * PAGE).ok_or(io::ErrorKind::InvalidData.into())
    }

    fn proc(&self, file: &str) -> io::Result<String> {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))
    }

    /// Waits until it has used almost no CPU time for half a second.
    pub(crate) fn wait_until_idle(&self) -> io::Result<()> {
        let (begin, mut quiet, mut cpu) = (Instant::now(), 0, self.cpu()?);
        while quiet < 5 && begin.elapsed() < IDLE_LIMIT {
            sleep(Duration::from_millis(100));
            let now = self.cpu()?;
            quiet = if now - cpu <= TICK { quiet + 1 } else { 0 };
            cpu = now;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
