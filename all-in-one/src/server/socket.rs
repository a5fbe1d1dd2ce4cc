//! The bytes of an accepted connection, with TLS or without.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::counters::{Counters, Reason};
#[cfg(feature = "tls")]
pub(crate) use super::tls::Acceptor;
#[cfg(feature = "tls")]
use super::tls::Session;

/// TLS of a port. Without the feature there is none.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug)]
pub(crate) enum Acceptor {}

/// The first byte of a client that speaks TLS.
const TLS: u8 = 22;
#[cfg(feature = "tls")]
const _: () = assert!(TLS == super::tls::HANDSHAKE);

/// An accepted connection.
pub(crate) enum Socket {
    /// Without TLS.
    Plain {
        stream: TcpStream,
        /// Until the first byte has been read: where to count a client that speaks TLS.
        unread: Option<Arc<Counters>>,
    },
    /// With TLS.
    #[cfg(feature = "tls")]
    Tls(Box<Session<TcpStream>>),
}

impl Socket {
    pub(super) fn new(stream: TcpStream, tls: Option<&Acceptor>, counters: &Arc<Counters>) -> Self {
        match tls {
            None => Socket::Plain { stream, unread: Some(Arc::clone(counters)) },
            #[cfg(feature = "tls")]
            Some(tls) => Socket::Tls(Box::new(tls.session(stream, counters))),
            #[cfg(not(feature = "tls"))]
            Some(never) => match *never {},
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Socket::Plain { .. } => "plain",
            #[cfg(feature = "tls")]
            Socket::Tls(_) => "TLS",
        })
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain { stream, unread } => {
                let before = buffer.filled().len();
                ready!(Pin::new(stream).poll_read(context, buffer))?;
                if let Some(counters) = unread.take()
                    && buffer.filled().get(before) == Some(&TLS)
                {
                    let why =
                        "a client speaks TLS, but this port has none: its address begins with http";
                    counters.refuse(Reason::Tls, why);
                }
                Poll::Ready(Ok(()))
            }
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

/// Calls a method of the stream.
macro_rules! forward {
    ($socket:expr, $method:ident, $($argument:expr),+) => {
        match $socket.get_mut() {
            Socket::Plain { stream, .. } => Pin::new(stream).$method($($argument),+),
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => Pin::new(stream).$method($($argument),+),
        }
    };
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        forward!(self, poll_write, context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, poll_write_vectored, context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_flush, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_shutdown, context)
    }
}
