//! Memory budgets for open connections: one for all doors, one for the query port, one for the
//! admin port. A connection over budget is closed.
//!
//! Most of a connection's memory is its buffers, and they never hold more than the client has
//! sent. So a connection is counted with its idle size, plus the bytes received, up to the
//! capacity of its buffers.

use std::io;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
#[cfg(feature = "_grpc")]
use tonic::transport::server::Connected;
use tracing::debug;

use super::budget::Reservation;
use super::counters::{Counters, Reason};
use super::idle_timeout::IdleTimeout;
use super::socket::{Acceptor, Socket};
#[cfg(feature = "tls")]
use super::tls::CONNECTION_KIB;
use super::write_through::write_through;

/// The budget of the connections to all doors, in KiB.
pub(crate) const DOORS_KIB: usize = 12 << 10;
/// The budget of the connections to the query port, in KiB. It is separate, so that a flood at the
/// doors does not keep anyone from the traces.
pub(crate) const QUERY_KIB: usize = 3 << 10;
/// The budget of the connections to the port of the gRPC query API, in KiB. A connection may hold
/// sixteen questions.
#[cfg(feature = "query-grpc")]
pub(crate) const QUERY_GRPC_KIB: usize = 6 << 10;
/// The budget of the connections to the admin port, in KiB; separate, so that metrics can be read.
pub(crate) const ADMIN_KIB: usize = 1 << 10;
/// How long to wait after `accept` fails, mostly because too many files are open.
const PAUSE: Duration = Duration::from_millis(50);

/// A memory budget that connections share, in KiB.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionBudget(Arc<Semaphore>);

/// The memory that a connection of one kind takes, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionSize {
    /// Before anything has been received.
    pub(crate) idle: u32,
    /// The capacity of its buffers.
    pub(crate) buffers: u32,
}

/// A listening port on one or two addresses, with the size of its connections and their budget.
#[derive(Debug)]
pub(crate) struct Listener {
    first: TcpListener,
    /// The other loopback address.
    second: Option<TcpListener>,
    size: ConnectionSize,
    budget: ConnectionBudget,
    counters: Arc<Counters>,
    tls: Option<Acceptor>,
}

/// An open connection. It holds its part of the budget until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    memory: Arc<ConnectionMemory>,
    counters: Arc<Counters>,
}

/// The part of the budget that a connection holds.
#[derive(Debug)]
pub(crate) struct ConnectionMemory {
    budget: ConnectionBudget,
    buffers: u32,
    _idle: Reservation,
    buffered: Mutex<Buffered>,
    closed: AtomicBool,
    reader: AtomicWaker,
}

#[derive(Debug, Default)]
struct Buffered {
    /// The bytes received since the connection was last idle.
    bytes: usize,
    reserved: Reservation,
    calls: usize,
}

/// A gRPC call in progress. When the last one on a connection ends, its buffers are empty.
#[derive(Debug)]
pub(crate) struct Call(Arc<ConnectionMemory>);

impl ConnectionBudget {
    fn of(kib: usize) -> Self {
        ConnectionBudget(Arc::new(Semaphore::new(kib)))
    }

    pub(crate) fn to_doors() -> Self {
        ConnectionBudget::of(DOORS_KIB)
    }

    pub(crate) fn to_query() -> Self {
        ConnectionBudget::of(QUERY_KIB)
    }

    #[cfg(feature = "query-grpc")]
    pub(crate) fn to_query_grpc() -> Self {
        ConnectionBudget::of(QUERY_GRPC_KIB)
    }

    pub(crate) fn to_admin() -> Self {
        ConnectionBudget::of(ADMIN_KIB)
    }

    pub(super) fn admit(&self, size: ConnectionSize) -> Option<Arc<ConnectionMemory>> {
        let (budget, buffers) = (self.clone(), size.buffers);
        let mut idle = Reservation::default();
        if !idle.grow(&self.0, size.idle as usize) {
            return None;
        }
        Some(Arc::new(ConnectionMemory {
            budget,
            buffers,
            _idle: idle,
            buffered: Mutex::default(),
            closed: AtomicBool::new(false),
            reader: AtomicWaker::new(),
        }))
    }
}

impl Listener {
    /// For the sockets of one port, at least one. Must be called within a runtime.
    ///
    /// # Errors
    /// If the system refuses to watch them.
    pub(crate) fn new(
        sockets: Vec<net::TcpListener>,
        size: ConnectionSize,
        budget: ConnectionBudget,
        counters: &Arc<Counters>,
    ) -> io::Result<Self> {
        let mut sockets = sockets.into_iter().map(TcpListener::from_std);
        let first = sockets.next().ok_or(io::ErrorKind::AddrNotAvailable)??;
        let second = sockets.next().transpose()?;
        let counters = Arc::clone(counters);
        Ok(Listener { first, second, size, budget, counters, tls: None })
    }

    /// The same with TLS, if there is any.
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "there is none"))]
    pub(crate) fn with_tls(mut self, tls: Option<Acceptor>) -> Self {
        #[cfg(feature = "tls")]
        if tls.is_some() {
            self.size.idle += CONNECTION_KIB;
        }
        Listener { tls, ..self }
    }

    /// Waits for the next connection that fits into the budget.
    pub(crate) async fn accept(&self) -> Connection<IdleTimeout<Socket>> {
        loop {
            match self.accept_any().await {
                Ok((stream, _)) => match self.budget.admit(self.size) {
                    Some(memory) => return self.open(stream, memory),
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

    async fn accept_any(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.second {
            None => self.first.accept().await,
            Some(second) => tokio::select! {
                accepted = self.first.accept() => accepted,
                accepted = second.accept() => accepted,
            },
        }
    }

    fn open(
        &self,
        stream: TcpStream,
        memory: Arc<ConnectionMemory>,
    ) -> Connection<IdleTimeout<Socket>> {
        // Disable Nagle: otherwise the last segment of an answer waits for an ACK.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot disable Nagle");
        }
        Connection {
            stream: IdleTimeout::new(Socket::new(stream, self.tls.as_ref(), &self.counters)),
            memory,
            counters: Arc::clone(&self.counters),
        }
    }
}

impl ConnectionMemory {
    /// Closes the connection, whatever it is doing.
    #[cfg(feature = "query-grpc")]
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.reader.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Counts received bytes; returns whether they fit into the budget.
    fn received(&self, bytes: usize) -> bool {
        let mut buffered = self.buffered.lock().unwrap_or_else(PoisonError::into_inner);
        buffered.bytes = buffered.bytes.saturating_add(bytes);
        let needed = buffered.bytes.div_ceil(1024).min(self.buffers as usize);
        buffered.reserved.grow(&self.budget.0, needed)
    }
}

impl Call {
    /// Counts a call that begins.
    pub(crate) fn on(connection: &Arc<ConnectionMemory>) -> Self {
        connection.buffered.lock().unwrap_or_else(PoisonError::into_inner).calls += 1;
        Call(Arc::clone(connection))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut buffered = self.0.buffered.lock().unwrap_or_else(PoisonError::into_inner);
        buffered.calls -= 1;
        if buffered.calls == 0 {
            *buffered = Buffered::default();
        }
    }
}

#[cfg(feature = "query-grpc")]
impl<S> Connection<S> {
    pub(super) fn memory(&self) -> Arc<ConnectionMemory> {
        Arc::clone(&self.memory)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.memory.reader.register(context.waker());
        if self.memory.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if self.memory.received(buffer.filled().len() - before) {
            return Poll::Ready(Ok(()));
        }
        self.counters.refuse(Reason::Connections, "a connection whose buffers are over budget");
        Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()))
    }
}

write_through!(Connection);

/// Lets a gRPC call find the memory of its connection.
#[cfg(feature = "_grpc")]
impl<S> Connected for Connection<S> {
    type ConnectInfo = Arc<ConnectionMemory>;

    fn connect_info(&self) -> Arc<ConnectionMemory> {
        Arc::clone(&self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: ConnectionSize = ConnectionSize { idle: 8, buffers: 40 };

    fn free(budget: &ConnectionBudget) -> usize {
        budget.0.available_permits()
    }

    #[test]
    fn a_connection_takes_what_has_come_and_no_more_than_its_buffers() {
        let budget = ConnectionBudget::to_doors();
        let one = budget.admit(SIZE).expect("within the budget");
        for (bytes, taken) in [(0, 8), (1, 9), (1023, 9), (1, 10), (1 << 30, 48), (usize::MAX, 48)]
        {
            assert!(one.received(bytes));
            assert_eq!(free(&budget), DOORS_KIB - taken, "{bytes}");
        }
        drop(one);
        assert_eq!(free(&budget), DOORS_KIB);
    }

    #[test]
    fn the_last_call_leaves_nothing_in_the_buffers() {
        let budget = ConnectionBudget::to_doors();
        let one = budget.admit(SIZE).expect("within the budget");
        let calls = [Call::on(&one), Call::on(&one)];
        assert!(one.received(30_000));
        let [first, second] = calls;
        drop(first);
        assert_eq!(free(&budget), DOORS_KIB - 38);
        drop(second);
        assert_eq!(free(&budget), DOORS_KIB - 8);
    }

    #[test]
    fn there_is_an_end_to_the_room() {
        let budget = ConnectionBudget::to_doors();
        let all: Vec<_> = std::iter::from_fn(|| budget.admit(SIZE)).collect();
        assert_eq!(all.len(), DOORS_KIB / 8);
        assert!(!all[0].received(1), "a byte more is over budget");
        drop(all);
        assert!(budget.admit(SIZE).is_some(), "the budget is free again");
    }
}
