//! `jaeger-all-in-one tree`: prints a trace of this Jaeger or the real one as a tree.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{ClientError, http, query_address};
use crate::config::Config;
use crate::model::TraceId;

/// How long to wait for the spans: exporters keep them for some seconds.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// How often to ask while they have not arrived.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The deepest indentation: a trace can be as deep as it has spans.
const DEEPEST: usize = 40;

/// Asks the query API at the configured address for a trace until it has `wanted` spans, at most
/// ten seconds. Returns the link to the trace's page, and its spans as a tree.
///
/// # Errors
///
/// [`ClientError::NoAnswer`] when nothing answers there, [`ClientError::Timeout`] when the spans do not arrive.
pub fn tree(config: &Config, id: TraceId, wanted: usize) -> Result<String, ClientError> {
    let (base_path, address) = (config.base()?, query_address(config)?);
    let url = format!("http://{address}{base_path}");
    let path = format!("{base_path}/api/traces/{id}");
    let start = Instant::now();
    loop {
        let answer = http::get(address, &path);
        let (_, body) =
            answer.map_err(|source| ClientError::NoAnswer { url: url.clone(), source })?;
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        let found = answer["data"][0]["spans"].as_array().map_or(0, Vec::len);
        if found >= wanted.max(1) {
            return Ok(format!("{url}/trace/{id}\n{}", draw(&answer["data"][0])));
        }
        if start.elapsed() >= ARRIVAL_LIMIT {
            return Err(ClientError::Timeout { id, wanted, found, waited: ARRIVAL_LIMIT });
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// A span as a line of the tree.
struct Node<'a> {
    id: &'a str,
    parent: Option<&'a str>,
    start: u64,
    text: String,
    children: Vec<usize>,
}

/// One line per span, below its parent, in the order of their starts. A span whose parent is
/// missing is a root, and so is one span of each cycle.
fn draw(trace: &Value) -> String {
    let spans = trace["spans"].as_array().map_or(&[][..], Vec::as_slice);
    let mut nodes: Vec<Node> = spans.iter().map(|span| node(span, trace)).collect();
    nodes.sort_by_key(|node| node.start);
    let ids: std::collections::HashMap<&str, usize> =
        nodes.iter().enumerate().rev().map(|(index, node)| (node.id, index)).collect();
    let parents: Vec<Option<usize>> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| ids.get(node.parent?).copied().filter(|parent| *parent != index))
        .collect();
    for (index, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            nodes[*parent].children.push(index);
        }
    }
    let mut lines = String::new();
    let mut drawn = vec![false; nodes.len()];
    let roots = (0..nodes.len()).filter(|index| parents[*index].is_none());
    for root in roots.chain(0..nodes.len()) {
        draw_below(&nodes, root, &mut drawn, &mut lines);
    }
    lines
}

/// Without recursion: a trace may be deeper than a stack.
fn draw_below(nodes: &[Node], root: usize, drawn: &mut [bool], lines: &mut String) {
    let mut pending = vec![(root, 0usize)];
    while let Some((index, depth)) = pending.pop() {
        if std::mem::replace(&mut drawn[index], true) {
            continue;
        }
        let branch = if depth == 0 { "" } else { "└─ " };
        let indent = "   ".repeat(depth.saturating_sub(1).min(DEEPEST));
        let _ = writeln!(lines, "  {indent}{branch}{}", nodes[index].text);
        pending.extend(nodes[index].children.iter().rev().map(|child| (*child, depth + 1)));
    }
}

fn node<'a>(span: &'a Value, trace: &Value) -> Node<'a> {
    let process = &trace["processes"][span["processID"].as_str().unwrap_or_default()];
    let tags = span["tags"].as_array().map_or(&[][..], Vec::as_slice);
    let tag = |key: &str| tags.iter().find(|tag| tag["key"] == key).map(|tag| &tag["value"]);
    let milliseconds = span["duration"].as_f64().unwrap_or_default() / 1000.0;
    let mut text = format!(
        "{}: {}  {milliseconds:.1} ms",
        printable(&process["serviceName"]),
        printable(&span["operationName"]),
    );
    if let Some(kind) = tag("span.kind") {
        let _ = write!(text, "  [{}]", printable(kind));
    }
    if tag("error").is_some_and(|error| error == true || error == "true") {
        text += "  ERROR";
    }
    Node {
        id: span["spanID"].as_str().unwrap_or_default(),
        parent: span["references"][0]["spanID"].as_str(),
        start: span["startTime"].as_u64().unwrap_or_default(),
        text,
        children: Vec::new(),
    }
}

/// Replaces control characters: clients choose the names, and a terminal would interpret them.
fn printable(name: &Value) -> String {
    let name = name.as_str().unwrap_or_default().chars();
    name.map(|c| if c.is_control() { '�' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trace(spans: &[(&str, &str, &str)]) -> Value {
        let spans: Vec<Value> = spans
            .iter()
            .enumerate()
            .map(|(number, (id, parent, name))| {
                let references = match *parent {
                    "" => json!([]),
                    parent => json!([{"refType": "CHILD_OF", "spanID": parent}]),
                };
                json!({"spanID": id, "references": references, "operationName": name,
                    "processID": "p1", "startTime": number, "duration": 1500,
                    "tags": [{"key": "span.kind", "value": "client"}]})
            })
            .collect();
        json!({"spans": spans, "processes": {"p1": {"serviceName": "shop"}}})
    }

    #[test]
    fn children_stand_below_their_parents() {
        let drawn = draw(&trace(&[
            ("a", "", "one"),
            ("b", "a", "two"),
            ("c", "b", "three"),
            ("d", "a", "four"),
        ]));
        assert_eq!(
            drawn,
            "  shop: one  1.5 ms  [client]\n  \
             └─ shop: two  1.5 ms  [client]\n     \
             └─ shop: three  1.5 ms  [client]\n  \
             └─ shop: four  1.5 ms  [client]\n"
        );
    }

    #[test]
    fn every_span_is_drawn_once() {
        for spans in [
            &[("a", "b", "one"), ("b", "a", "two")][..], // a circle
            &[("a", "a", "one"), ("b", "gone", "two")],  // its own parent; an orphan
            &[("a", "", "one"), ("a", "", "two")],       // one id twice
        ] {
            let drawn = draw(&trace(spans));
            for name in ["one", "two"] {
                assert_eq!(drawn.matches(name).count(), 1, "{drawn}");
            }
        }
    }

    #[test]
    fn a_trace_as_deep_as_it_is_long_is_drawn() {
        let ids: Vec<String> = (0..20_000).map(|number| format!("{number:x}")).collect();
        let spans: Vec<_> = ids
            .iter()
            .enumerate()
            .map(|(number, id)| {
                (id.as_str(), if number == 0 { "" } else { &ids[number - 1] }, "deep")
            })
            .collect();
        assert_eq!(draw(&trace(&spans)).lines().count(), 20_000);
    }

    #[test]
    fn a_name_does_not_command_the_terminal() {
        assert!(!draw(&trace(&[("a", "", "\u{1b}[2J\n")])).trim_end().contains(['\u{1b}', '\n']));
    }
}
