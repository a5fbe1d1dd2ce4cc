//! A trace as a tree for the terminal.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::model::{KeyValue, RefKind, Span, SpanId, Trace, Value};

/// The deepest indentation: a trace can be as deep as it has spans.
const DEEPEST: usize = 40;

/// What stands before each line.
const MARGIN: &str = "  ";

/// A span and the numbers of those below it.
struct Node<'a> {
    span: &'a Span,
    children: Vec<usize>,
    /// Whether it names a parent that is not in the trace.
    is_orphan: bool,
}

/// One line for each span, below its parent, in the order of their starts. A span whose parent is
/// missing is a root, and so is one span of each cycle. With `tags`, a line for each tag and log.
pub fn draw(trace: &Trace, tags: bool) -> String {
    let mut spans: Vec<&Span> = trace.spans.iter().map(|span| &**span).collect();
    spans.sort_by_key(|span| span.start);
    let mut numbers = HashMap::new();
    for (number, span) in spans.iter().enumerate() {
        numbers.entry(span.span_id).or_insert(number);
    }
    let mut nodes: Vec<_> =
        spans.iter().map(|span| Node { span, children: Vec::new(), is_orphan: false }).collect();
    let mut roots = Vec::new();
    for (number, span) in spans.iter().enumerate() {
        let named = parent(span);
        match named.and_then(|id| numbers.get(&id)).filter(|parent| **parent != number) {
            Some(parent) => nodes[*parent].children.push(number),
            None => {
                nodes[number].is_orphan = named.is_some_and(|id| !numbers.contains_key(&id));
                roots.push(number);
            }
        }
    }
    let mut drawing =
        Drawing { drawn: vec![false; nodes.len()], nodes, tags, lines: String::new() };
    for root in roots.into_iter().chain(0..spans.len()) {
        drawing.below(root);
    }
    drawing.lines
}

/// The parent: the first reference of the kind child-of in the trace, else the first of any kind.
pub(crate) fn parent(span: &Span) -> Option<SpanId> {
    let own = || span.references.iter().filter(|other| other.trace_id == span.trace_id);
    let child_of = own().find(|reference| reference.kind == RefKind::ChildOf);
    child_of.or_else(|| own().next()).map(|reference| reference.span_id).filter(|id| id.0 != 0)
}

/// Whether the span failed.
pub(crate) fn is_error(span: &Span) -> bool {
    match span.tag("error") {
        Some(Value::Bool(error)) => *error,
        Some(Value::String(text)) => &**text == "true",
        _ => false,
    }
}

struct Drawing<'a> {
    nodes: Vec<Node<'a>>,
    drawn: Vec<bool>,
    tags: bool,
    lines: String,
}

impl Drawing<'_> {
    /// Without recursion: a trace may be deeper than a stack.
    fn below(&mut self, root: usize) {
        let mut pending = vec![(root, 0, String::new(), "")];
        while let Some((number, depth, before, branch)) = pending.pop() {
            if std::mem::replace(&mut self.drawn[number], true) {
                continue;
            }
            let node = &self.nodes[number];
            let _ = writeln!(self.lines, "{MARGIN}{before}{branch}{}", line(node));
            let before = match branch {
                _ if depth > DEEPEST => before,
                "├─ " => before + "│  ",
                "└─ " => before + "   ",
                _ => before,
            };
            // A child that was drawn before, in a cycle, is not drawn again.
            let children = node.children.iter().filter(|child| !self.drawn[**child]);
            let children: Vec<usize> = children.copied().collect();
            if self.tags {
                let trunk = if children.is_empty() { "   " } else { "│  " };
                details(node.span, &format!("{MARGIN}{before}{trunk}"), &mut self.lines);
            }
            for (place, child) in children.iter().enumerate().rev() {
                let branch = if place + 1 == children.len() { "└─ " } else { "├─ " };
                pending.push((*child, depth + 1, before.clone(), branch));
            }
        }
    }
}

fn line(node: &Node<'_>) -> String {
    let span = node.span;
    let mut text = format!(
        "{}: {}  {}",
        printable(span.service()),
        printable(&span.operation),
        milliseconds(span.duration)
    );
    if let Some(kind) = span.kind().and_then(Value::as_str) {
        let _ = write!(text, "  [{}]", printable(kind));
    }
    if is_error(span) {
        text += "  ERROR";
    }
    if node.is_orphan {
        text += "  (parent missing)";
    }
    text
}

/// The tags, then the logs with their times since the span's start.
fn details(span: &Span, before: &str, lines: &mut String) {
    for tag in &span.tags {
        let _ = writeln!(lines, "{before}{}", pair(tag));
    }
    for log in &span.logs {
        let fields: Vec<_> = log.fields.iter().map(pair).collect();
        let after = milliseconds(log.timestamp.saturating_sub(span.start));
        let _ = writeln!(lines, "{before}• {after}  {}", fields.join("  "));
    }
}

fn pair(tag: &KeyValue) -> String {
    let key = printable(&tag.key);
    match &tag.value {
        Value::String(text) => format!("{key} = \"{}\"", printable(text)),
        Value::Bool(value) => format!("{key} = {value}"),
        Value::Int64(value) => format!("{key} = {value}"),
        Value::Float64(value) => format!("{key} = {value:?}"),
        Value::Binary(bytes) => format!("{key} = {} bytes", bytes.len()),
    }
}

/// A duration in microseconds as milliseconds.
pub(crate) fn milliseconds(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1000.0)
}

/// Replaces control characters, and those that turn the direction of a line: clients choose the
/// names, and a terminal would interpret them.
pub fn printable(text: &str) -> String {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Log, Nanos, Process, Reference, TraceId};

    fn trace(spans: &[(u64, u64, &str)]) -> Trace {
        let id = TraceId { high: 0, low: 1 };
        let process = Arc::new(Process { service: "shop".into(), tags: Box::default() });
        let parent =
            |parent| Reference { kind: RefKind::ChildOf, trace_id: id, span_id: SpanId(parent) };
        let spans = spans.iter().enumerate().map(|(number, (own, of, name))| {
            Arc::new(Span {
                trace_id: id,
                span_id: SpanId(*own),
                operation: (*name).into(),
                references: Some(parent(*of)).filter(|_| *of != 0).into_iter().collect(),
                flags: 1,
                start: number as u64,
                duration: 1_500,
                nanos: Nanos::default(),
                tags: [KeyValue::text("span.kind", "client")].into(),
                logs: Box::default(),
                process: Arc::clone(&process),
                warnings: Box::default(),
            })
        });
        Trace { id, spans: spans.collect() }
    }

    #[test]
    fn children_stand_below_their_parents() {
        let spans = [(1, 0, "one"), (2, 1, "two"), (3, 2, "three"), (4, 1, "four"), (5, 9, "five")];
        assert_eq!(
            draw(&trace(&spans), false),
            "  shop: one  1.5 ms  [client]\n  \
             ├─ shop: two  1.5 ms  [client]\n  \
             │  └─ shop: three  1.5 ms  [client]\n  \
             └─ shop: four  1.5 ms  [client]\n  \
             shop: five  1.5 ms  [client]  (parent missing)\n"
        );
    }

    #[test]
    fn tags_and_logs_stand_below_their_span() {
        let mut trace = trace(&[(1, 0, "one"), (2, 1, "two")]);
        let mut first = (*trace.spans[0]).clone();
        let number = KeyValue { key: "n".into(), value: Value::Int64(7) };
        first.logs = [Log { timestamp: 500, fields: [number].into() }].into();
        trace.spans[0] = Arc::new(first);
        assert_eq!(
            draw(&trace, true),
            "  shop: one  1.5 ms  [client]\n  \
             │  span.kind = \"client\"\n  \
             │  • 0.5 ms  n = 7\n  \
             └─ shop: two  1.5 ms  [client]\n        \
             span.kind = \"client\"\n"
        );
    }

    #[test]
    fn every_span_is_drawn_once() {
        for spans in [
            &[(1, 2, "one"), (2, 1, "two")][..], // a circle
            &[(1, 1, "one"), (2, 9, "two")],     // its own parent; an orphan
            &[(1, 0, "one"), (1, 0, "two")],     // one id twice
        ] {
            let drawn = draw(&trace(spans), false);
            for name in ["one", "two"] {
                assert_eq!(drawn.matches(name).count(), 1, "{drawn}");
            }
        }
    }

    #[test]
    fn a_trace_as_deep_as_it_is_long_is_drawn() {
        let spans: Vec<_> = (1..=20_000).map(|number| (number, number - 1, "deep")).collect();
        let drawn = draw(&trace(&spans), true);
        assert_eq!(drawn.lines().count(), 40_000);
        assert!(drawn.lines().all(|line| line.len() < 300));
    }

    #[test]
    fn a_name_does_not_command_the_terminal() {
        let drawn = draw(&trace(&[(1, 0, "\u{1b}[2J\n\u{202e}")]), true);
        assert!(!drawn.contains(['\u{1b}', '\u{202e}']) && drawn.lines().count() == 2);
    }
}
