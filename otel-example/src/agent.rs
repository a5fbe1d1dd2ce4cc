//! The Jaeger agent: its address, the exporter that sends to it, and whether it is there at all.

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::Config;

use crate::exporter::Exporter;
use crate::link::Link;
use crate::settings;

/// How long the look-up of a name may take.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(3);

/// How long a machine elsewhere may take to answer that nothing listens there. One's own answers
/// before `send` returns.
const REFUSAL_LIMIT: Duration = Duration::from_millis(20);

/// A packet without spans, which an agent reads and forgets: the message `emitBatch` of
/// agent.thrift in compact Thrift, whose batch has a process named `-` and an empty list.
const EMPTY_BATCH: &[u8] = b"\x82\x81\x00\x09emitBatch\x1c\x1c\x18\x01-\x00\x19\x0c\x00\x00";

/// The agent, if its name was found.
pub(crate) struct Agent {
    name: settings::Agent,
    address: Option<SocketAddr>,
}

impl Agent {
    /// Looks the agent up. Call it while the program has one thread: the exporter reads the two
    /// variables itself, they win over what its builder is told, and it takes neither an empty
    /// one nor an IPv6 address nor, of a name with two addresses, the one that is listened on.
    /// So the environment gets what was found.
    pub(crate) fn look_up(agent: &settings::Agent) -> Self {
        let name = agent.clone();
        let address = match look_up(name.clone()) {
            Ok(address) => Some(address),
            Err(error) => {
                warn(&format!(
                    "Cannot find the agent {name} ({SETTINGS}): {error}; no span is sent"
                ));
                None
            }
        };
        if let Some(address) = address {
            let host = match address {
                SocketAddr::V4(address) => address.ip().to_string(),
                SocketAddr::V6(address) => format!("[{}]", address.ip()),
            };
            #[expect(unsafe_code, reason = "sound while no other thread runs; see above")]
            unsafe {
                std::env::set_var("OTEL_EXPORTER_JAEGER_AGENT_HOST", host);
                std::env::set_var("OTEL_EXPORTER_JAEGER_AGENT_PORT", address.port().to_string());
            }
        }
        Self { name, address }
    }

    /// The exporter that sends to the agent, in datagrams as large as an agent reads. It takes
    /// the service's name from the resource.
    #[expect(deprecated, reason = "the step after it is OTLP; this program shows the one before")]
    pub(crate) fn exporter(&self, resource: &Resource, link: &Link) -> Option<Exporter> {
        self.address?;
        // The asynchronous exporter hands tokio a blocking socket, which tokio refuses by now.
        let exporter = opentelemetry_jaeger::new_agent_pipeline()
            .with_trace_config(Config::default().with_resource(resource.clone()))
            .with_auto_split_batch(true)
            .build_sync_agent_exporter();
        match exporter {
            Ok(exporter) => Some(Exporter::new(exporter, link)),
            Err(error) => {
                warn(&format!("No span is sent: {error}"));
                None
            }
        }
    }

    /// Whether the agent took the spans. UDP itself does not say when nothing listens, so this
    /// sends one more packet and waits for the refusal. Warns where it comes.
    pub(crate) fn listens(&self) -> bool {
        let Some(address) = self.address else { return false };
        let refused =
            matches!(probe(address), Err(error) if error.kind() == ErrorKind::ConnectionRefused);
        if refused {
            let name = &self.name;
            warn(&format!(
                "Nothing listens on UDP {name} ({SETTINGS}): spans are lost. `make jaeger` starts one; \
                 in a container, localhost is the container itself"
            ));
        }
        !refused
    }
}

const SETTINGS: &str = "OTEL_EXPORTER_JAEGER_AGENT_HOST, OTEL_EXPORTER_JAEGER_AGENT_PORT";

/// The agent's address. Where a name has addresses of both kinds, an agent is sure to
/// listen on the IPv4 one. In a thread, since the system's look-up knows no time limit.
fn look_up(agent: settings::Agent) -> io::Result<SocketAddr> {
    let (sender, receiver) = channel();
    let look_up = thread::Builder::new().spawn(move || {
        let address = (agent.host.as_str(), agent.port).to_socket_addrs().and_then(|addresses| {
            addresses.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| ErrorKind::NotFound.into())
        });
        let _ = sender.send(address);
    })?;
    let address = receiver.recv_timeout(LOOK_UP_LIMIT).map_err(|_| ErrorKind::TimedOut)?;
    let _ = look_up.join();
    address
}

/// Sends a packet that an agent forgets, and returns the error that came back for it, if any.
fn probe(agent: SocketAddr) -> io::Result<()> {
    let any: SocketAddr = match agent {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(agent)?;
    socket.send(EMPTY_BATCH)?;
    match agent.ip().is_loopback() {
        true => socket.set_nonblocking(true)?,
        false => socket.set_read_timeout(Some(REFUSAL_LIMIT))?,
    }
    socket.recv(&mut [0]).map(|_| ())
}

/// Unlike `eprintln!`, does not panic when nobody reads it any more.
pub(crate) fn warn(message: &str) {
    let _ = writeln!(io::stderr(), "WARNING:opentelemetry:{message}");
}
