//! The memory that the connections to all doors share, and those to the query port, and those to
//! the admin port: so many may be open as it has room for.
//!
//! What a connection takes is what lies in its buffers, and that is never more than what its
//! client has sent. So each is counted with what it takes when nothing has come, and with what
//! has come, up to what the buffers can hold. One more than there is room for is closed.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tonic::transport::server::Connected;
use tracing::debug;

use super::budget::Held;
use super::counters::{Counters, Reason};
use super::idle_timeout::Patient;
use super::write_through::write_through;

/// What the connections to all doors may take, in KiB.
const DOORS_KIB: usize = 12 << 10;
/// What those may take that ask: whoever floods the doors keeps nobody from traces and metrics.
const QUERY_KIB: usize = 3 << 10;
const ADMIN_KIB: usize = 1 << 10;
/// How long to wait when the system has no connection to give: mostly it has too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// The room for connections that share one, in KiB.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Semaphore>);

/// What a connection of one kind takes, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// When nothing has come.
    pub(crate) idle: u32,
    /// How much more its buffers can hold.
    pub(crate) buffers: u32,
}

/// A port, and what those who come to it take.
#[derive(Debug)]
pub(crate) struct Entrance {
    listener: TcpListener,
    share: Share,
    connections: Connections,
    counters: Arc<Counters>,
}

/// A connection, which takes its share until it is dropped.
#[derive(Debug)]
pub(crate) struct Guest<S> {
    stream: S,
    share: Arc<Place>,
    counters: Arc<Counters>,
}

/// What a connection holds of the room.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Connections,
    buffers: u32,
    _idle: Held,
    more: Mutex<More>,
}

#[derive(Debug, Default)]
struct More {
    /// What has come since the connection last was idle.
    bytes: usize,
    held: Held,
    calls: usize,
}

/// A call under way on a connection. With the last of them nothing is left in the buffers.
#[derive(Debug)]
pub(crate) struct Call(Arc<Place>);

impl Connections {
    fn of(kib: usize) -> Self {
        Connections(Arc::new(Semaphore::new(kib)))
    }

    pub(crate) fn to_doors() -> Self {
        Connections::of(DOORS_KIB)
    }

    pub(crate) fn to_query() -> Self {
        Connections::of(QUERY_KIB)
    }

    pub(crate) fn to_admin() -> Self {
        Connections::of(ADMIN_KIB)
    }

    fn admit(&self, share: Share) -> Option<Arc<Place>> {
        let (connections, buffers) = (self.clone(), share.buffers);
        let mut idle = Held::default();
        if !idle.grow(&self.0, share.idle as usize) {
            return None;
        }
        Some(Arc::new(Place { connections, buffers, _idle: idle, more: Mutex::default() }))
    }
}

impl Entrance {
    pub(crate) fn new(
        listener: TcpListener,
        share: Share,
        connections: Connections,
        counters: &Arc<Counters>,
    ) -> Self {
        Entrance { listener, share, connections, counters: Arc::clone(counters) }
    }

    /// Waits for the next connection that there is room for.
    pub(crate) async fn next(&self) -> Guest<Patient<TcpStream>> {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match self.connections.admit(self.share) {
                    Some(share) => return self.welcome(stream, share),
                    None => self.counters.refuse(Reason::Connections, "too many connections"),
                },
                Err(error) => {
                    let why = format!("cannot accept a connection: {error}");
                    self.counters.refuse(Reason::Connections, why);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn welcome(&self, stream: TcpStream, share: Arc<Place>) -> Guest<Patient<TcpStream>> {
        // An answer is one write: its end is not to wait for the client's word on its beginning.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a connection ended before it began");
        }
        Guest { stream: Patient::new(stream), share, counters: Arc::clone(&self.counters) }
    }
}

impl Place {
    /// Counts what has come; tells whether there is room for it.
    fn came(&self, bytes: usize) -> bool {
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        more.bytes = more.bytes.saturating_add(bytes);
        let needed = more.bytes.div_ceil(1024).min(self.buffers as usize);
        more.held.grow(&self.connections.0, needed)
    }
}

impl Call {
    /// A call begins.
    pub(crate) fn on(connection: &Arc<Place>) -> Self {
        connection.more.lock().unwrap_or_else(PoisonError::into_inner).calls += 1;
        Call(Arc::clone(connection))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut more = self.0.more.lock().unwrap_or_else(PoisonError::into_inner);
        more.calls -= 1;
        if more.calls == 0 {
            *more = More::default();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guest<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if self.share.came(buffer.filled().len() - before) {
            return Poll::Ready(Ok(()));
        }
        self.counters.refuse(Reason::Connections, "too much on too many connections");
        Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()))
    }
}

write_through!(Guest);

/// What a call of gRPC knows of its connection.
impl<S> Connected for Guest<S> {
    type ConnectInfo = Arc<Place>;

    fn connect_info(&self) -> Arc<Place> {
        Arc::clone(&self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share { idle: 8, buffers: 40 };

    fn free(connections: &Connections) -> usize {
        connections.0.available_permits()
    }

    #[test]
    fn a_connection_takes_what_has_come_and_no_more_than_its_buffers() {
        let connections = Connections::to_doors();
        let one = connections.admit(SHARE).expect("room");
        for (bytes, taken) in [(0, 8), (1, 9), (1023, 9), (1, 10), (1 << 30, 48), (usize::MAX, 48)]
        {
            assert!(one.came(bytes));
            assert_eq!(free(&connections), DOORS_KIB - taken, "{bytes}");
        }
        drop(one);
        assert_eq!(free(&connections), DOORS_KIB);
    }

    #[test]
    fn the_last_call_leaves_nothing_in_the_buffers() {
        let connections = Connections::to_doors();
        let one = connections.admit(SHARE).expect("room");
        let calls = [Call::on(&one), Call::on(&one)];
        assert!(one.came(30_000));
        let [first, second] = calls;
        drop(first);
        assert_eq!(free(&connections), DOORS_KIB - 38);
        drop(second);
        assert_eq!(free(&connections), DOORS_KIB - 8);
    }

    #[test]
    fn there_is_an_end_to_the_room() {
        let connections = Connections::to_doors();
        let all: Vec<_> = std::iter::from_fn(|| connections.admit(SHARE)).collect();
        assert_eq!(all.len(), DOORS_KIB / 8);
        assert!(!all[0].came(1), "no room for a byte more");
        drop(all);
        assert!(connections.admit(SHARE).is_some(), "the room is free again");
    }
}
