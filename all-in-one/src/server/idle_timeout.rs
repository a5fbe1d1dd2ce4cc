//! Closes idle connections.
//!
//! hyper has timeouts for the requests that it waits for, but none for a client that does not read
//! its answer, and tonic has none for a client that connects and sends nothing. Here one rule holds
//! for all: no read or write waits for the client longer than [`IDLE_LIMIT`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
#[cfg(feature = "_grpc")]
use tonic::transport::server::Connected;

/// How long a connection may be idle. A live gRPC client answers a ping every minute.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(120);

/// A connection that fails when a read or a write waits too long.
#[derive(Debug)]
pub(crate) struct IdleTimeout<S> {
    stream: S,
    reading: Deadline,
    writing: Deadline,
}

/// The deadline of a read or write that is waiting.
#[derive(Debug)]
struct Deadline {
    timer: Pin<Box<Sleep>>,
    waits: bool,
}

impl<S> IdleTimeout<S> {
    pub(crate) fn new(stream: S) -> Self {
        IdleTimeout { stream, reading: Deadline::new(), writing: Deadline::new() }
    }
}

impl Deadline {
    fn new() -> Self {
        Deadline { timer: Box::pin(sleep(IDLE_LIMIT)), waits: false }
    }

    /// Passes on the result of an operation, or an error once it has waited too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.waits = false;
            return polled;
        }
        if !self.waits {
            self.timer.as_mut().reset(Instant::now() + IDLE_LIMIT);
            self.waits = true;
        }
        match self.timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.reading.watch(context, polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.writing.watch(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.writing.watch(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.writing.watch(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.writing.watch(context, polled)
    }
}

#[cfg(feature = "_grpc")]
impl<S: Connected> Connected for IdleTimeout<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> S::ConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_stands_still_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut ours = IdleTimeout::new(ours);
        let begin = Instant::now();
        let error = ours.read_u8().await.expect_err("nothing came");
        assert_eq!(
            (error.kind(), begin.elapsed()),
            (io::ErrorKind::TimedOut, Duration::from_secs(120))
        );
        let begin = Instant::now();
        let error = ours.write_all(&[0; 100]).await.expect_err("nobody reads");
        assert_eq!(
            (error.kind(), begin.elapsed()),
            (io::ErrorKind::TimedOut, Duration::from_secs(120))
        );
        theirs.write_u8(7).await.expect("write");
        assert_eq!(ours.read_u8().await.expect("a byte"), 7, "what moves goes on");
    }
}
