//! What all doors share.

use tokio::sync::watch;

use super::body::BodyBudget;
use super::connections::ConnectionBudget;

/// The memory budgets of all doors together, and the signal to stop.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) bodies: BodyBudget,
    pub(crate) connections: ConnectionBudget,
}

impl Context {
    pub(crate) fn new(stop: watch::Receiver<bool>) -> Self {
        Context { stop, bodies: BodyBudget::default(), connections: ConnectionBudget::to_doors() }
    }
}
