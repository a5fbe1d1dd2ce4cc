//! Starts the server to be measured, and reads its CPU time and memory.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The flags that set the addresses of the server's ports, and the default ports of Jaeger 2, which has
/// no such flags.
const PORTS: [(&str, u16); 10] = [
    (UDP, 6831),
    ("processor.jaeger-binary.server-host-port", 6832),
    ("http-server.host-port", 5778),
    ("collector.grpc-server.host-port", 14250),
    (THRIFT, 14268),
    (OTLP_GRPC, 4317),
    (OTLP_HTTP, 4318),
    (ADMIN, 13133),
    ("query.grpc-server.host-port", 16685),
    (QUERY, 16686),
];
pub(crate) const UDP: &str = "processor.jaeger-compact.server-host-port";
pub(crate) const THRIFT: &str = "collector.http-server.host-port";
pub(crate) const OTLP_GRPC: &str = "collector.otlp.grpc.host-port";
pub(crate) const OTLP_HTTP: &str = "collector.otlp.http.host-port";
pub(crate) const ADMIN: &str = "admin.http.host-port";
pub(crate) const QUERY: &str = "query.http-server.host-port";
/// A flag of Jaeger 1.35 whose default port is fixed too; Jaeger 2 has no such door.
const ZIPKIN_COMPACT: &str = "processor.zipkin-compact.server-host-port";

/// The columns of the real Jaegers in the table.
pub(crate) const JAEGER_1: &str = "Jaeger 1.35";
pub(crate) const JAEGER_2: &str = "Jaeger 2.13";
/// The loopback address on which Jaeger 2 listens, so that its ports are free.
const JAEGER_2_HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

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
#[derive(Clone)]
pub(crate) struct Program {
    /// Its column in the table.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) arguments: &'static [&'static str],
}

/// What a program's settings look like, and how much can be asked of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Embedded,
    Jaeger1,
    /// Has a configuration instead of flags. Its own one serves.
    Jaeger2,
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
        command.args(self.arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("JAEGER_DISABLED", "true");
        let addresses = if self.kind == Kind::Jaeger2 {
            command.env("JAEGER_LISTEN_HOST", JAEGER_2_HOST.to_string());
            PORTS.map(|(flag, port)| (flag, (JAEGER_2_HOST, port).into())).into()
        } else {
            command.arg("--collector.otlp.enabled=true");
            unused_ports(&mut command)?
        };
        let (started, opened) = (Instant::now(), Duration::default());
        Ok(Server { child: command.spawn()?, addresses, started, opened })
    }
}

/// Sets each flag to an unused port.
fn unused_ports(command: &mut Command) -> io::Result<HashMap<&'static str, SocketAddr>> {
    let (mut addresses, mut held) = (HashMap::new(), Vec::new());
    for flag in PORTS.map(|(flag, _)| flag).into_iter().chain([ZIPKIN_COMPACT]) {
        // Reserved for TCP and UDP until it starts, or two flags could get the same port.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        command.arg(format!("--{flag}={address}"));
        addresses.insert(flag, address);
        held.push((listener, UdpSocket::bind(address)?));
    }
    Ok(addresses)
}

impl Server {
    /// A server that was started elsewhere; [`Server::with_address`] adds its addresses.
    pub(crate) fn from_child(child: Child) -> Self {
        let (addresses, started, opened) = (HashMap::new(), Instant::now(), Duration::default());
        Server { child, addresses, started, opened }
    }

    /// Waits until all TCP ports are open. Returns `None` if it ended.
    fn wait_until_open(mut self) -> Result<Option<Self>, Box<dyn Error>> {
        let tcp = PORTS.into_iter().filter(|(flag, _)| !flag.starts_with("processor."));
        for (flag, _) in tcp {
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

    /// The most that was resident since it started, in bytes.
    pub(crate) fn peak(&self) -> io::Result<u64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes =
            line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok());
        kilobytes.map(|kilobytes| kilobytes << 10).ok_or(io::ErrorKind::InvalidData.into())
    }

    /// A counter on `/metrics`, of the embedded Jaeger only.
    pub(crate) fn counter(&self, name: &str) -> Result<usize, Box<dyn Error>> {
        let url = format!("http://{}/metrics", self.address(ADMIN));
        let metrics = reqwest::blocking::get(url)?.text()?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.ok_or_else(|| format!("/metrics has no {name}"))?.trim().parse()?)
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
