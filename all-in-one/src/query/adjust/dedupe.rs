//! Zipkin's way was that a server's span shares the id of the client's. The web pages need each
//! id once: the server's span gets a new one, the client's span becomes its parent, and its
//! children move along.

use std::collections::{HashMap, HashSet};

use super::View;
use crate::model::SpanId;

pub(in crate::query) fn dedupe(trace: &mut [View]) {
    let shared = shared_with_client(trace);
    if shared.is_empty() {
        return;
    }
    let mut used: HashSet<SpanId> = trace.iter().map(|view| view.span_id).collect();
    let mut renamed = HashMap::new();
    let mut next = 0;
    for view in trace.iter_mut() {
        let old = view.span_id;
        if !shared.contains(&old) || !view.is_kind("server") {
            continue;
        }
        let new = loop {
            next += 1;
            if used.insert(SpanId(next)) {
                break SpanId(next);
            }
        };
        renamed.insert(old, new);
        view.set_parent(old);
        view.span_id = new;
    }
    for view in trace.iter_mut() {
        if let Some(new) = renamed.get(&view.parent()).filter(|new| **new != view.span_id) {
            view.set_parent(*new);
        }
    }
}

/// The ids of client spans; a server span that has one of them shares it.
fn shared_with_client(trace: &[View]) -> HashSet<SpanId> {
    let clients = trace.iter().filter(|view| view.is_kind("client"));
    clients.map(|view| view.span_id).collect()
}
