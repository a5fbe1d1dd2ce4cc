//! The agent's UDP doors: one `emitBatch` message of Thrift a datagram.
//!
//! | port | protocol | who sends it |
//! |---|---|---|
//! | 6831 | compact | most clients |
//! | 6832 | binary | the clients for Node.js |
//! | 5775 | compact | clients of 2016, with spans of Zipkin's: no longer understood, but counted |
//!
//! Nothing that arrives stops a door: what cannot be decoded is counted and, the first time,
//! logged.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol as Transport, SockAddr, Socket, Type};
use tokio::net::UdpSocket;
use tracing::{debug, warn};

use super::{Error, binary::Binary, compact::Compact, jaeger};
use crate::config::{self, Config, HostPort};
use crate::error::Error as StartError;
use crate::model::Batch;
use crate::receive::intake::Intake;
use crate::server::counters::{Counters, Reason};
use crate::server::door::{Door, Opened, bind};

/// The largest datagram that Jaeger's agent takes, in bytes. UDP itself carries up to 65,507:
/// what lies between is lost without a word in Jaeger, and counted here.
pub const MAX_PACKET: usize = 65_000;

/// What is asked of the kernel as room for datagrams that wait, in bytes. It grants less where
/// `net.core.rmem_max` is lower.
const RECEIVE_BUFFER: usize = 8 << 20;

/// How many datagrams are received before the thread looks at anything else.
const AT_ONCE: usize = 64;

/// How long what has arrived is taken after the door was told to stop: who keeps sending must not
/// keep it open.
const DRAIN: Duration = Duration::from_millis(500);

/// How Jaeger's agent, which hands spans on as protocol buffers, marks them.
const FORMAT: &str = "proto";

/// Opens the door for the compact protocol.
pub(crate) fn compact(config: &Config, intake: &Intake) -> Result<Option<Opened>, StartError> {
    open(config, &config.agent_compact, config::AGENT_COMPACT, COMPACT, intake)
}

/// Opens the door for the binary protocol.
pub(crate) fn binary(config: &Config, intake: &Intake) -> Result<Option<Opened>, StartError> {
    open(config, &config.agent_binary, config::AGENT_BINARY, BINARY, intake)
}

/// Opens the door for Zipkin's spans in the compact protocol. Like every door of the agent it
/// takes Jaeger's own spans too.
pub(crate) fn zipkin(config: &Config, intake: &Intake) -> Result<Option<Opened>, StartError> {
    open(config, &config.agent_zipkin, config::AGENT_ZIPKIN, ZIPKIN, intake)
}

/// What tells the doors apart.
struct UdpDoor {
    name: &'static str,
    takes: &'static str,
    decode: Decode,
}

const COMPACT: UdpDoor =
    UdpDoor { name: "udp-compact", takes: "spans, Thrift compact", decode: decode_compact };
const BINARY: UdpDoor =
    UdpDoor { name: "udp-binary", takes: "spans, Thrift binary", decode: decode_binary };
const ZIPKIN: UdpDoor =
    UdpDoor { name: "udp-zipkin", takes: "retired: zipkin.thrift", decode: decode_compact };

type Decode = fn(&[u8]) -> Result<Batch<'_>, Error>;

fn decode_compact(packet: &[u8]) -> Result<Batch<'_>, Error> {
    jaeger::emit_batch(&mut Compact::new(packet), FORMAT)
}

fn decode_binary(packet: &[u8]) -> Result<Batch<'_>, Error> {
    jaeger::emit_batch(&mut Binary::new(packet), FORMAT)
}

fn open(
    config: &Config,
    address: &HostPort,
    setting: &'static str,
    kind: UdpDoor,
    intake: &Intake,
) -> Result<Option<Opened>, StartError> {
    let (socket, address) = bind(config, address, setting, socket)?;
    let door = Door {
        name: kind.name,
        takes: kind.takes,
        udp: true,
        address,
        counters: Counters::of(kind.name),
    };
    let agent = Agent::new(kind, intake, &door.counters);
    let serve = move || {
        let socket = UdpSocket::from_std(socket).map_err(StartError::Runtime)?;
        Ok(Box::pin(agent.serve(socket)) as _)
    };
    Ok(Some(Opened { door, serve: Box::new(serve) }))
}

/// Binds the door's socket.
fn socket(address: SocketAddr) -> std::io::Result<(std::net::UdpSocket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Transport::UDP))?;
    // A smaller buffer loses more in a burst, but is no reason not to start.
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
        warn!(%error, "the kernel refuses a larger receive buffer");
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    debug!(bytes = socket.recv_buffer_size().unwrap_or(0), "UDP receive buffer");
    let socket = std::net::UdpSocket::from(socket);
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}

/// What a datagram goes through.
struct Agent {
    intake: Intake,
    counters: Arc<Counters>,
    decode: Decode,
}

impl Agent {
    fn new(kind: UdpDoor, intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Agent { intake, counters, decode: kind.decode }
    }

    /// Receives until it is told to stop, and then what has already arrived.
    async fn serve(self, socket: UdpSocket) {
        let mut stop = self.intake.context.stop.clone();
        // Larger than any datagram that is accepted: a larger one must not look truncated.
        let mut buffer = vec![0; 1 << 16];
        loop {
            let readable = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                readable = socket.readable() => readable,
            };
            if let Err(error) = readable.and_then(|()| self.drain(&socket, &mut buffer)) {
                self.counters.refuse(Reason::Socket, error);
            }
            // Others on this thread have their turn, and a stop is seen.
            tokio::task::yield_now().await;
        }
        // Tokio would only look where it was told of something: the kernel knows better.
        let Ok(socket) = socket.into_std() else {
            return;
        };
        let end = Instant::now() + DRAIN;
        while Instant::now() < end
            && let Ok(length) = socket.recv(&mut buffer)
        {
            self.receive(&buffer[..length]);
        }
    }

    /// Receives what has arrived, up to a number of datagrams.
    fn drain(&self, socket: &UdpSocket, buffer: &mut [u8]) -> std::io::Result<()> {
        for _ in 0..AT_ONCE {
            match socket.try_recv(buffer) {
                Ok(length) => self.receive(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&self, packet: &[u8]) {
        self.take(packet);
        self.counters.received();
    }

    fn take(&self, packet: &[u8]) {
        let bytes = packet.len();
        if bytes == 0 {
            self.counters.refuse(Reason::Empty, "a UDP packet without a byte");
            return;
        }
        if bytes > MAX_PACKET {
            self.counters.refuse(
                Reason::TooLarge,
                format_args!(
                    "a UDP packet of {bytes} bytes, of which {MAX_PACKET} would be read: let the client send smaller batches"
                ),
            );
            return;
        }
        match (self.decode)(packet) {
            Ok(batch) => self.intake.take(&self.counters, batch),
            Err(error) => {
                let why = reason(&error);
                self.counters.refuse(why, format_args!("a UDP packet of {bytes} bytes: {error}"));
            }
        }
    }
}

/// What each door does with a packet, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz(intake: &Intake, packet: &[u8]) {
    for kind in [COMPACT, BINARY] {
        Agent::new(kind, intake, &Arc::default()).take(packet);
    }
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::Protocol(_) | Error::Method(_) | Error::ZipkinBatch => Reason::Unsupported,
        _ => Reason::Malformed,
    }
}
