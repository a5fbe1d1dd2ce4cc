//! The agent's UDP doors: one Thrift message `emitBatch` or `emitZipkinBatch` per datagram.
//!
//! | port | protocol | who sends it |
//! |---|---|---|
//! | 6831 | compact | most clients |
//! | 6832 | binary | the clients for Node.js |
//! | 5775 | compact | clients of 2016, with zipkin.thrift |
//!
//! Nothing that arrives stops a door. A datagram that cannot be decoded is counted, and the first
//! one is logged.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use socket2::{Domain, Protocol as Transport, SockAddr, Socket, Type};
use tokio::net::UdpSocket;
use tracing::{debug, warn};

use super::{Error, binary::Binary, compact::Compact, jaeger};
use crate::config::Config;
use crate::error::{BindError, StartError};
use crate::model::Batch;
use crate::port::Port;
use crate::receive::by_service::Origin;
use crate::receive::intake::Intake;
use crate::server::counters::{Counters, Reason};
use crate::server::door::{Bound, Door, Opened, bind};

/// The largest datagram that Jaeger's agent accepts, in bytes. UDP carries up to 65,507: what lies
/// between is lost silently in Jaeger, and counted here.
pub const MAX_PACKET: usize = 65_000;

/// The receive buffer that the kernel is asked for, in bytes. It grants less where
/// `net.core.rmem_max` is lower.
const RECEIVE_BUFFER: usize = 8 << 20;

/// How many datagrams are received before other tasks get their turn.
const AT_ONCE: usize = 64;

/// How long waiting datagrams are still received after the signal to stop: a client that keeps
/// sending must not delay the end.
const DRAIN: Duration = Duration::from_millis(500);

/// The value of `internal.span.format` for spans from the agent, which forwards them as protocol
/// buffers.
const FORMAT: &str = "proto";

/// Opens the door for the compact protocol.
pub(crate) fn compact(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    open(config, Port::AgentCompact, decode_compact, intake)
}

/// Opens the door for the binary protocol.
pub(crate) fn binary(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    open(config, Port::AgentBinary, decode_binary, intake)
}

/// Opens the door for zipkin.thrift in the compact protocol. Each port of the agent accepts both
/// Zipkin's and Jaeger's own spans.
pub(crate) fn zipkin(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    open(config, Port::AgentZipkin, decode_compact, intake)
}

type Decode = fn(&[u8]) -> Result<Batch<'_>, Error>;

fn decode_compact(packet: &[u8]) -> Result<Batch<'_>, Error> {
    jaeger::emit_batch(&mut Compact::new(packet), FORMAT)
}

fn decode_binary(packet: &[u8]) -> Result<Batch<'_>, Error> {
    jaeger::emit_batch(&mut Binary::new(packet), FORMAT)
}

fn open(
    config: &Config,
    port: Port,
    decode: Decode,
    intake: &Intake,
) -> Result<Option<Opened>, BindError> {
    let Some(Bound { sockets, address }) = bind(config, port, socket)? else { return Ok(None) };
    let door = Door { port, address, counters: Counters::of(port.name()) };
    let agent = Agent::new(decode, intake, &door.counters);
    let serve = move || {
        let sockets: io::Result<Vec<_>> = sockets.into_iter().map(UdpSocket::from_std).collect();
        let sockets = sockets.map_err(StartError::Runtime)?;
        Ok(Box::pin(async move {
            join_all(sockets.into_iter().map(|socket| agent.serve(socket))).await;
        }) as _)
    };
    Ok(Some(Opened { door, serve: Box::new(serve) }))
}

/// Binds the door's socket.
fn socket(address: SocketAddr) -> io::Result<(std::net::UdpSocket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Transport::UDP))?;
    // A smaller buffer loses more of a burst, but is no reason not to start.
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
        warn!(%error, "the kernel refused a larger receive buffer");
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    debug!(bytes = socket.recv_buffer_size().unwrap_or(0), "UDP receive buffer");
    let socket = std::net::UdpSocket::from(socket);
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}

/// Receives the datagrams of a door, at each of its addresses.
struct Agent {
    intake: Intake,
    counters: Arc<Counters>,
    decode: Decode,
}

impl Agent {
    fn new(decode: Decode, intake: &Intake, counters: &Arc<Counters>) -> Self {
        Agent { intake: intake.clone(), counters: Arc::clone(counters), decode }
    }

    /// Receives until the signal to stop, and then what has already arrived.
    async fn serve(&self, socket: UdpSocket) {
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
            // Lets other tasks run, and the signal to stop be seen.
            tokio::task::yield_now().await;
        }
        // Tokio reads only after a readiness event; the socket itself knows what is left.
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

    /// Receives what has arrived, up to [`AT_ONCE`] datagrams.
    fn drain(&self, socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<()> {
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
            self.counters.refuse(Reason::Empty, "an empty UDP packet");
            return;
        }
        if bytes > MAX_PACKET {
            self.counters.refuse(
                Reason::TooLarge,
                format_args!(
                    "a UDP packet of {bytes} bytes, more than {MAX_PACKET}: send smaller batches"
                ),
            );
            return;
        }
        match (self.decode)(packet) {
            Ok(batch) => self.intake.take(&self.counters, Origin::Proto, batch),
            Err(error) => {
                let why = reason(&error);
                self.counters.refuse(why, format_args!("a UDP packet of {bytes} bytes: {error}"));
            }
        }
    }
}

/// Decodes a packet as each door does, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz(intake: &Intake, packet: &[u8]) {
    for decode in [decode_compact as Decode, decode_binary] {
        Agent::new(decode, intake, &Arc::default()).take(packet);
    }
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::Protocol(_) | Error::Method(_) => Reason::Unsupported,
        _ => Reason::Malformed,
    }
}
