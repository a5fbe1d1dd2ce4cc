//! Spans of Zipkin v2, which become spans of the old model.
//!
//! A kind becomes two annotations with Zipkin's old short names, or one for a message (`ms` message
//! send, `mr` message receive); the other side of a call becomes the address `sa`, `ca` or `ma`.

use std::rc::Rc;

use super::span::{Annotation, BinaryAnnotation, CoreSpan, Endpoint, ValueType};
use crate::model::Bytes;

/// What a span of version 2 has beside what `core` has already. The annotations and tags in `core`
/// have no hosts.
#[derive(Debug, Default)]
pub(in crate::receive) struct SpanV2<'a> {
    pub(in crate::receive) core: CoreSpan<'a>,
    pub(in crate::receive) kind: Option<Kind>,
    pub(in crate::receive) local: Option<Endpoint<'a>>,
    pub(in crate::receive) remote: Option<Endpoint<'a>>,
}

/// The role of a span in a call or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::receive) enum Kind {
    Client,
    Server,
    Producer,
    Consumer,
}

impl<'a> SpanV2<'a> {
    /// The span in the old model.
    pub(in crate::receive) fn into_core(self) -> CoreSpan<'a> {
        let SpanV2 { mut core, kind, local, remote } = self;
        let local = local.map(Rc::new);
        let (start, duration) = (core.timestamp.unwrap_or(0), core.duration.unwrap_or(0));
        (core.timestamp, core.duration) = (Some(start), Some(duration));
        core.annotations.extend(of_kind(kind, start, start.saturating_add(duration)));
        core.annotations.iter_mut().for_each(|annotation| annotation.host = local.clone());
        core.binary.iter_mut().for_each(|tag| tag.host = local.clone());
        if let (Some(kind), Some(remote)) = (kind, remote) {
            core.binary.push(address(kind, remote));
        }
        if local.is_some() && core.binary.is_empty() && core.annotations.is_empty() {
            // The service must be named somewhere.
            let tag = BinaryAnnotation::text("lc", Bytes::default());
            core.binary.push(BinaryAnnotation { host: local, ..tag });
        }
        core
    }
}

/// The annotations that stand for a kind.
fn of_kind<'a>(kind: Option<Kind>, start: i64, end: i64) -> Vec<Annotation<'a>> {
    let at =
        |timestamp, value: &'static [u8]| Annotation { timestamp, value: value.into(), host: None };
    match kind {
        Some(Kind::Client) => vec![at(start, b"cs"), at(end, b"cr")],
        Some(Kind::Server) => vec![at(start, b"sr"), at(end, b"ss")],
        Some(Kind::Producer) => vec![at(start, b"ms")],
        Some(Kind::Consumer) => vec![at(start, b"mr")],
        None => Vec::new(),
    }
}

/// The address of the other side.
fn address(kind: Kind, remote: Endpoint<'_>) -> BinaryAnnotation<'_> {
    let key = match kind {
        Kind::Client => "sa",
        Kind::Server => "ca",
        Kind::Producer | Kind::Consumer => "ma",
    };
    let host = Some(Rc::new(remote));
    BinaryAnnotation {
        kind: ValueType::BOOL,
        host,
        ..BinaryAnnotation::text(key, Bytes::default())
    }
}
