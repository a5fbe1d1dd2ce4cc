//! A door: a port with a name and counters. Here is what all of them have, and how one on a TCP
//! port is opened.

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
use super::{grpc, http};
use crate::config::{Config, HostPort};
use crate::error::Error;

/// Serves a door's port until the signal to stop. Called within the runtime of the all-in-one.
pub(crate) type Serve =
    Box<dyn FnOnce() -> Result<Pin<Box<dyn Future<Output = ()> + Send>>, Error> + Send>;

/// A door whose port is bound, but not served yet.
pub(crate) struct Opened {
    pub(crate) door: Door,
    pub(crate) serve: Serve,
}

/// An open door.
#[derive(Clone)]
pub struct Door {
    /// Its name in metrics, in lower case with dashes.
    pub name: &'static str,
    /// What it accepts, in a few words.
    pub takes: &'static str,
    /// Whether it listens on UDP; otherwise TCP.
    pub udp: bool,
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
        let transport = if self.udp { "udp" } else { "tcp" };
        write!(f, "{} on {}/{transport}", self.name, self.address)
    }
}

/// The description of a door on a TCP port.
pub(crate) struct TcpDoor<'a> {
    pub(crate) name: &'static str,
    pub(crate) takes: &'static str,
    /// The flag that sets its address.
    pub(crate) setting: &'static str,
    /// The address from the settings.
    pub(crate) address: &'a HostPort,
}

impl TcpDoor<'_> {
    /// Opens it for HTTP. On loopback, the Host header must name this machine.
    pub(crate) fn http(
        self,
        config: &Config,
        context: &Context,
        router: impl FnOnce(&Arc<Counters>) -> Router,
    ) -> Result<Option<Opened>, Error> {
        let local = |address, counters: &_| http::local_only(router(counters), address);
        self.open(config, context, local, http::CONNECTION_SIZE, http::serve)
    }

    /// Opens it for gRPC.
    pub(crate) fn grpc(
        self,
        config: &Config,
        context: &Context,
        router: impl FnOnce(&Arc<Counters>) -> Router,
    ) -> Result<Option<Opened>, Error> {
        self.open(
            config,
            context,
            |_, counters| router(counters),
            grpc::CONNECTION_SIZE,
            grpc::serve,
        )
    }

    fn open<F: Future<Output = ()> + Send + 'static>(
        self,
        config: &Config,
        context: &Context,
        router: impl FnOnce(SocketAddr, &Arc<Counters>) -> Router,
        size: ConnectionSize,
        serve: impl FnOnce(Listener, Router, watch::Receiver<bool>) -> F + Send + 'static,
    ) -> Result<Option<Opened>, Error> {
        let (listener, address) = bind(config, self.address, self.setting, tcp)?;
        let counters = Counters::of(self.name);
        let router = router(address, &counters);
        let (stop, connections) = (context.stop.clone(), context.connections.clone());
        let of_door = Arc::clone(&counters);
        let serve = move || {
            let listener = TcpListener::from_std(listener).map_err(Error::Runtime)?;
            let listener = Listener::new(listener, size, connections, &of_door);
            Ok(Box::pin(serve(listener, router, stop)) as _)
        };
        let door = Door { name: self.name, takes: self.takes, udp: false, address, counters };
        Ok(Some(Opened { door, serve: Box::new(serve) }))
    }
}

/// Binds the address of a setting by `bind`; returns the socket and its actual address.
///
/// # Errors
/// [`Error::Bind`], which names the setting and the port.
pub(crate) fn bind<S>(
    config: &Config,
    address: &HostPort,
    setting: &'static str,
    bind: impl FnOnce(SocketAddr) -> std::io::Result<(S, SocketAddr)>,
) -> Result<(S, SocketAddr), Error> {
    let address = config.resolve(address, setting)?;
    bind(address).map_err(|source| Error::Bind { setting, address: address.to_string(), source })
}

/// Binds a TCP port for a Tokio server.
pub(crate) fn tcp(address: SocketAddr) -> std::io::Result<(net::TcpListener, SocketAddr)> {
    let listener = net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
