//! A door: an open port with counters. Here is what all of them have, and how one of TCP is opened.

use std::fmt;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connections::{ConnectionSize, Listener};
use super::context::Context;
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

/// Opens a port for HTTP, unless the settings keep it closed. On loopback, the Host header must name
/// this machine.
pub(crate) fn http(
    port: Port,
    config: &Config,
    context: &Context,
    router: impl FnOnce(&Arc<Counters>) -> Router,
) -> Result<Option<Opened>, BindError> {
    let local = |address, counters: &_| http::local_only(router(counters), address);
    open(port, config, context, local, http::CONNECTION_SIZE, http::serve)
}

/// Opens a port for gRPC, unless the settings keep it closed.
#[cfg(feature = "_grpc")]
pub(crate) fn grpc(
    port: Port,
    config: &Config,
    context: &Context,
    router: impl FnOnce(&Arc<Counters>) -> Router,
) -> Result<Option<Opened>, BindError> {
    let router = |_, counters: &_| router(counters);
    open(port, config, context, router, grpc::CONNECTION_SIZE, grpc::serve)
}

fn open<F: Future<Output = ()> + Send + 'static>(
    port: Port,
    config: &Config,
    context: &Context,
    router: impl FnOnce(SocketAddr, &Arc<Counters>) -> Router,
    size: ConnectionSize,
    serve: impl FnOnce(Listener, Router, watch::Receiver<bool>) -> F + Send + 'static,
) -> Result<Option<Opened>, BindError> {
    let Some((listener, address)) = bind(config, port, tcp)? else { return Ok(None) };
    let counters = Counters::of(port.name());
    let router = router(address, &counters);
    let (stop, connections) = (context.stop.clone(), context.connections.clone());
    let of_door = Arc::clone(&counters);
    let serve = move || {
        let listener = TcpListener::from_std(listener).map_err(StartError::Runtime)?;
        let listener = Listener::new(listener, size, connections, &of_door);
        Ok(Box::pin(serve(listener, router, stop)) as _)
    };
    let door = Door { port, address, counters };
    Ok(Some(Opened { door, serve: Box::new(serve) }))
}

/// Binds the address of a port by `bind`; returns the socket and its actual address, or `None` if
/// the settings keep the port closed.
///
/// # Errors
/// If the address cannot be resolved or bound.
pub(crate) fn bind<S>(
    config: &Config,
    port: Port,
    bind: impl FnOnce(SocketAddr) -> std::io::Result<(S, SocketAddr)>,
) -> Result<Option<(S, SocketAddr)>, BindError> {
    let Some(address) = config.resolve(port)? else { return Ok(None) };
    let error = |source| BindError { port, address: address.to_string(), source };
    bind(address).map(Some).map_err(error)
}

/// Binds a TCP port for a Tokio server.
pub(crate) fn tcp(address: SocketAddr) -> std::io::Result<(net::TcpListener, SocketAddr)> {
    let listener = net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
