//! A door: an open port with counters. Here is what all of them have, and how one of TCP is opened.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;
use tracing::debug;

use super::connections::{ConnectionSize, Listener};
use super::context::Context;
use super::cors;
use super::counters::{Counters, DoorStats};
#[cfg(feature = "_grpc")]
use super::grpc;
use super::http;
use crate::config::Config;
use crate::error::{BindError, StartError};
use crate::port::Port;

/// Serves a door's port until the signal to stop. Called within the runtime of the all-in-one.
pub(crate) type Serve =
    Box<dyn FnOnce() -> Result<Pin<Box<dyn Future<Output = ()> + Send>>, StartError> + Send>;

/// A door whose port is bound, but not served yet.
pub(crate) struct Opened {
    pub(crate) door: Door,
    pub(crate) serve: Serve,
}

/// An open port for spans or questions of clients, with its counters.
#[derive(Clone)]
pub struct Door {
    /// The port.
    pub port: Port,
    /// Where it listens.
    pub address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
}

impl Door {
    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> DoorStats {
        self.counters.snapshot()
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = if self.port.is_udp() { "udp" } else { "tcp" };
        write!(f, "{} on {}/{transport}", self.port.name(), self.address)
    }
}

/// Opens a port for HTTP, unless the settings keep it closed. Any Host header is
/// accepted: nothing that is stored can be read here.
pub(crate) fn http(
    port: Port,
    config: &Config,
    context: &Context,
    router: impl FnOnce(&Arc<Counters>) -> Router,
) -> Result<Option<Opened>, BindError> {
    let limited = |counters: &_| {
        let router = router(counters);
        http::limit_head(match config.cors(port) {
            Some(cors) => cors::allow(router, cors.clone()),
            None => router,
        })
    };
    open(port, config, context, limited, http::CONNECTION_SIZE, http::serve)
}

/// Opens a port for gRPC, unless the settings keep it closed.
#[cfg(feature = "_grpc")]
pub(crate) fn grpc(
    port: Port,
    config: &Config,
    context: &Context,
    router: impl FnOnce(&Arc<Counters>) -> Router,
) -> Result<Option<Opened>, BindError> {
    open(port, config, context, router, grpc::CONNECTION_SIZE, grpc::serve)
}

fn open<F: Future<Output = ()> + Send + 'static>(
    port: Port,
    config: &Config,
    context: &Context,
    router: impl FnOnce(&Arc<Counters>) -> Router,
    size: ConnectionSize,
    serve: impl FnOnce(Listener, Router, watch::Receiver<bool>) -> F + Send + 'static,
) -> Result<Option<Opened>, BindError> {
    let Some(Bound { sockets, address }) = bind(config, port, tcp)? else { return Ok(None) };
    let counters = Counters::of(port.name());
    let router = router(&counters);
    let (stop, connections) = (context.stop.clone(), context.connections.clone());
    let tls = context.tls(port);
    let of_door = Arc::clone(&counters);
    let serve = move || {
        let listener = Listener::new(sockets, size, connections, &of_door);
        let listener = listener.map_err(StartError::Runtime)?.with_tls(tls);
        Ok(Box::pin(serve(listener, router, stop)) as _)
    };
    let door = Door { port, address, counters };
    Ok(Some(Opened { door, serve: Box::new(serve) }))
}

/// The sockets of a port.
#[derive(Debug)]
pub(crate) struct Bound<S> {
    /// One, or two for both loopback addresses.
    pub(crate) sockets: Vec<S>,
    /// Where the first one listens; the other has the same port.
    pub(crate) address: SocketAddr,
}

/// Binds the addresses of a port by `bind`; returns `None` if the settings keep the port closed.
///
/// # Errors
/// If an address cannot be resolved or bound.
pub(crate) fn bind<S>(
    config: &Config,
    port: Port,
    bind: impl Fn(SocketAddr) -> io::Result<(S, SocketAddr)>,
) -> Result<Option<Bound<S>>, BindError> {
    let Some(listen) = config.resolve(port)? else { return Ok(None) };
    let error = |address: SocketAddr| {
        move |source| BindError { port, address: address.to_string(), source }
    };
    let (first, address) = bind(listen.first).map_err(error(listen.first))?;
    let mut sockets = vec![first];
    if let Some(also) = listen.also {
        let also = SocketAddr::from((also, address.port()));
        match bind(also) {
            Ok((second, _)) => sockets.push(second),
            // Spans sent to this address would reach another program. If the system chose the port,
            // nobody sends to it under a name.
            Err(why) if why.kind() == ErrorKind::AddrInUse && listen.first.port() != 0 => {
                return Err(error(also)(why));
            }
            // The machine has no IPv6, or does not let us use it.
            Err(why) => debug!("only {address} is open, not {also}: {why}"),
        }
    }
    Ok(Some(Bound { sockets, address }))
}

/// Binds a TCP port for a Tokio server.
pub(crate) fn tcp(address: SocketAddr) -> io::Result<(net::TcpListener, SocketAddr)> {
    let listener = net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Binds as a machine would whose IPv6 fails in this way; port 0 becomes 9.
    fn open(port: u16, failure: Option<ErrorKind>) -> Result<Vec<SocketAddr>, BindError> {
        let config = Config::default().listen(Port::Query, port);
        let bound = bind(&config, Port::Query, |mut address| match failure {
            Some(failure) if address.is_ipv6() => Err(failure.into()),
            _ => {
                address.set_port(if address.port() == 0 { 9 } else { address.port() });
                Ok((address, address))
            }
        })?;
        Ok(bound.expect("the port is open").sockets)
    }

    #[test]
    fn both_loopback_addresses_have_one_number() {
        let [v4, v6] = ["127.0.0.1:9", "[::1]:9"].map(|text| text.parse().expect("an address"));
        for port in [0, 9] {
            assert_eq!(open(port, None).expect("both"), [v4, v6]);
            for failure in [ErrorKind::AddrNotAvailable, ErrorKind::Unsupported] {
                assert_eq!(open(port, Some(failure)).expect("one is enough"), [v4]);
            }
        }
        assert_eq!(open(0, Some(ErrorKind::AddrInUse)).expect("one is enough"), [v4]);
        let error = open(9, Some(ErrorKind::AddrInUse)).expect_err("another program has it");
        assert_eq!(error.address, "[::1]:9");
    }
}
