//! The agent's UDP door: one `emitBatch` message of compact Thrift a datagram, on port 6831.
//!
//! Nothing that arrives stops the door: what cannot be decoded is counted and, the first time
//! and then ever more rarely, logged.

use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol as Transport, SockAddr, Socket, Type as Kind};
use tokio::net::UdpSocket;
use tracing::{debug, warn};

use super::intern::Interner;
use super::thrift::{Error, compact::Compact, jaeger};
use super::{Counters, Door, Intake, Opened, Reason, rarely};
use crate::config::{self, Config};
use crate::error::Error as StartError;

/// The largest datagram that Jaeger's agent takes, in bytes. UDP itself carries up to 65,507:
/// what lies between is lost without a word in Jaeger, and counted here.
pub const MAX_PACKET: usize = 65_000;

/// What is asked of the kernel as room for datagrams that wait, in bytes. It grants less where
/// `net.core.rmem_max` is lower.
const RECEIVE_BUFFER: usize = 8 << 20;

/// How Jaeger's agent, which hands spans on as protocol buffers, marks them.
const FORMAT: &str = "proto";

/// Opens the door for the compact protocol.
pub(crate) fn compact(config: &Config, intake: &Intake) -> Result<Option<Opened>, StartError> {
    let (socket, address) =
        super::bind(config, &config.agent_compact, config::AGENT_COMPACT, bind)?;
    let door = Door {
        name: "udp-compact",
        takes: "spans, Thrift compact",
        udp: true,
        address,
        counters: Arc::default(),
    };
    let agent = Agent {
        intake: intake.clone(),
        counters: Arc::clone(&door.counters),
        interner: Interner::default(),
    };
    let serve = move || {
        let socket = UdpSocket::from_std(socket).map_err(StartError::Runtime)?;
        Ok(Box::pin(agent.serve(socket)) as _)
    };
    Ok(Some(Opened { door, serve: Box::new(serve) }))
}

/// Binds the door's socket.
fn bind(address: SocketAddr) -> std::io::Result<(std::net::UdpSocket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Kind::DGRAM, Some(Transport::UDP))?;
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
    interner: Interner,
}

impl Agent {
    /// Receives until it is told to stop, and then what has already arrived.
    async fn serve(mut self, socket: UdpSocket) {
        let mut stop = self.intake.stop.clone();
        // Room for more than is taken, or a datagram that is too large would look truncated.
        let mut buffer = vec![0; 1 << 16];
        loop {
            let received = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                received = socket.recv(&mut buffer) => received,
            };
            match received {
                Ok(length) => self.receive(&buffer[..length]),
                Err(error) => rarely(self.counters.refused(Reason::Socket), || {
                    warn!(%error, "cannot receive on UDP");
                }),
            }
        }
        // Tokio would only look where it was told of something: the kernel knows better.
        let Ok(socket) = socket.into_std() else {
            return;
        };
        while let Ok(length) = socket.recv(&mut buffer) {
            self.receive(&buffer[..length]);
        }
    }

    fn receive(&mut self, packet: &[u8]) {
        self.take(packet);
        self.counters.received();
    }

    fn take(&mut self, packet: &[u8]) {
        let bytes = packet.len();
        if bytes == 0 {
            self.counters.refused(Reason::Empty);
            return;
        }
        if bytes > MAX_PACKET {
            rarely(self.counters.refused(Reason::TooLarge), || {
                warn!(
                    bytes,
                    "dropped a UDP packet of more than {MAX_PACKET} bytes: let the client send smaller batches"
                );
            });
            return;
        }
        match decode(packet, &mut self.interner) {
            Ok(batch) => self.intake.take(&self.counters, batch.spans, batch.bytes),
            Err(error) => rarely(self.counters.refused(Reason::Malformed), || {
                warn!(bytes, "dropped a UDP packet: {error}");
            }),
        }
    }
}

fn decode(packet: &[u8], interner: &mut Interner) -> Result<jaeger::Batch, Error> {
    jaeger::emit_batch(&mut Compact::new(packet), interner, FORMAT)
}
