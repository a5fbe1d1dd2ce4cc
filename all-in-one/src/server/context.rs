//! What all doors share.

use tokio::sync::watch;

use super::body::Room;
use super::connections::Connections;

/// Room for connections and for what is being received, and the word to stop.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) room: Room,
    pub(crate) connections: Connections,
}

impl Context {
    pub(crate) fn new(stop: watch::Receiver<bool>) -> Self {
        Context { stop, room: Room::default(), connections: Connections::to_doors() }
    }
}
