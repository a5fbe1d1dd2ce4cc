//! What all doors share.

use std::sync::Arc;

use tokio::sync::watch;

use super::body::BodyBudget;
use super::connections::ConnectionBudget;
use super::socket::Acceptor;
use crate::port::Port;

/// The memory budgets of all doors together, the TLS of the ports, and the signal to stop.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) bodies: BodyBudget,
    pub(crate) connections: ConnectionBudget,
    tls: Arc<[(Port, Acceptor)]>,
}

impl Context {
    pub(crate) fn new(stop: watch::Receiver<bool>) -> Self {
        Context {
            stop,
            bodies: BodyBudget::default(),
            connections: ConnectionBudget::to_doors(),
            tls: Arc::default(),
        }
    }

    /// The same with TLS on these ports.
    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(self, tls: Vec<(Port, Acceptor)>) -> Self {
        Context { tls: tls.into(), ..self }
    }

    /// The TLS of a port, if it has any.
    pub(crate) fn tls(&self, port: Port) -> Option<Acceptor> {
        self.tls.iter().find(|(of, _)| *of == port).map(|(_, tls)| tls.clone())
    }
}
