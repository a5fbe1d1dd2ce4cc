//! Zipkin's clients gave a server's span the id of the client's. The web pages need unique ids: the
//! server's span gets a new id, the client's span becomes its parent, and its children follow it.

use std::collections::{HashMap, HashSet};

use super::outline::{CallEnd, Outline};
use crate::model::SpanId;

pub(in crate::query) fn dedupe(trace: &mut [Outline]) {
    let shared = shared_with_client(trace);
    if shared.is_empty() {
        return;
    }
    let mut used: HashSet<SpanId> = trace.iter().map(Outline::span_id).collect();
    let mut renamed = HashMap::new();
    let mut next = 0;
    for span in trace.iter_mut() {
        let old = span.span_id();
        if !shared.contains(&old) || span.kind != CallEnd::Server {
            continue;
        }
        let new = loop {
            next += 1;
            if used.insert(SpanId(next)) {
                break SpanId(next);
            }
        };
        renamed.insert(old, new);
        span.set_parent(old);
        span.set_id(new);
    }
    for span in trace.iter_mut() {
        if let Some(new) = renamed.get(&span.parent()).filter(|new| **new != span.span_id()) {
            span.set_parent(*new);
        }
    }
}

/// The ids of client spans. A server span with one of them shares it.
fn shared_with_client(trace: &[Outline]) -> HashSet<SpanId> {
    let clients = trace.iter().filter(|span| span.kind == CallEnd::Client);
    clients.map(Outline::span_id).collect()
}
