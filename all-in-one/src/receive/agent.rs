//! The agent's UDP door: one `emitBatch` message of compact Thrift a datagram, on port 6831.
//!
//! Nothing that arrives stops the door: what cannot be decoded is counted and, the first time
//! and then ever more rarely, logged.

use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol as Transport, SockAddr, Socket, Type as Kind};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tracing::{debug, warn};

use super::intern::Interner;
use super::thrift::{Error, compact::Compact, jaeger};
use super::{Counters, count};
use crate::store::Store;

/// The largest datagram that Jaeger's agent takes, in bytes. UDP itself carries up to 65,507:
/// what lies between is lost without a word in Jaeger, and counted here.
pub const MAX_PACKET: usize = 65_000;

/// What is asked of the kernel as room for datagrams that wait, in bytes. It grants less where
/// `net.core.rmem_max` is lower.
const RECEIVE_BUFFER: usize = 8 << 20;

/// How Jaeger's agent, which hands spans on as protocol buffers, marks them.
const FORMAT: &str = "proto";

/// Opens the door's socket.
pub fn bind(address: SocketAddr) -> std::io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Kind::DGRAM, Some(Transport::UDP))?;
    // A smaller buffer loses more in a burst, but is no reason not to start.
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
        warn!(%error, "the kernel refuses a larger receive buffer");
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    debug!(bytes = socket.recv_buffer_size().unwrap_or(0), "UDP receive buffer");
    Ok(socket.into())
}

/// Receives until `stop` says so, and then what has already arrived.
pub async fn serve(
    socket: UdpSocket,
    store: Arc<Store>,
    counters: Arc<Counters>,
    mut stop: watch::Receiver<bool>,
) {
    let mut interner = Interner::default();
    // Room for more than is taken, or a datagram that is too large would look truncated.
    let mut buffer = vec![0; 1 << 16];
    loop {
        let received = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            received = socket.recv(&mut buffer) => received,
        };
        match received {
            Ok(length) => receive(&buffer[..length], &mut interner, &store, &counters),
            Err(error) => {
                rarely(count(&counters.read_errors, 1), || warn!(%error, "cannot receive on UDP"));
            }
        }
    }
    // Tokio would only look where it was told of something: the kernel knows better.
    let Ok(socket) = socket.into_std() else {
        return;
    };
    while let Ok(length) = socket.recv(&mut buffer) {
        receive(&buffer[..length], &mut interner, &store, &counters);
    }
}

fn receive(packet: &[u8], interner: &mut Interner, store: &Store, counters: &Counters) {
    take(packet, interner, store, counters);
    // Last, so that whoever sees the count sees what became of the packet too.
    count(&counters.packets, 1);
}

fn take(packet: &[u8], interner: &mut Interner, store: &Store, counters: &Counters) {
    if packet.is_empty() {
        count(&counters.empty, 1);
        return;
    }
    if packet.len() > MAX_PACKET {
        rarely(count(&counters.too_large, 1), || {
            warn!(
                bytes = packet.len(),
                "dropped a UDP packet of more than {MAX_PACKET} bytes: let the client send smaller batches"
            );
        });
        return;
    }
    match decode(packet, interner) {
        Ok(batch) => {
            count(&counters.spans, batch.spans.len() as u64);
            store.insert(batch.spans, batch.bytes);
        }
        Err(error) => rarely(count(&counters.malformed, 1), || {
            warn!(bytes = packet.len(), "dropped a UDP packet: {error}");
        }),
    }
}

fn decode(packet: &[u8], interner: &mut Interner) -> Result<jaeger::Batch, Error> {
    jaeger::emit_batch(&mut Compact::new(packet), interner, FORMAT)
}

/// Calls `log` for the first, second, fourth, eighth… time, so that a flood of bad packets does
/// not become a flood of lines.
fn rarely(nth: u64, log: impl FnOnce()) {
    if nth.is_power_of_two() {
        log();
    }
}
