//! The model of a trace, and how spans with ids become a tree.

use std::collections::HashMap;
use std::time::Duration;

use crate::value::Value;

/// A trace: one tree of spans, or several if spans have no parent in it.
///
/// Children are in order of their start. A trace prints as the text that [`Expectation`](crate::Expectation)
/// reads, without ids and times.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Each parent before its children, in one list: a deep trace must not overflow the stack.
    spans: Vec<Span>,
    places: Vec<Place>,
    roots: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
struct Place {
    parent: Option<usize>,
    children: Vec<usize>,
    /// The number of spans in the subtree, this one included.
    size: usize,
}

/// A span.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Span {
    /// The name of the service.
    pub service: String,
    /// The name of the operation; OpenTelemetry calls it the name of the span.
    pub operation: String,
    /// The kind.
    pub kind: Kind,
    /// The status.
    pub status: Status,
    /// The attributes; Jaeger calls them tags.
    pub attributes: Vec<(String, Value)>,
    /// The events, in order of time; Jaeger calls them logs.
    pub events: Vec<Event>,
    /// The links to other spans.
    pub links: Vec<Link>,
    /// The start, in nanoseconds since 1970.
    pub start: u64,
    /// The duration.
    pub duration: Duration,
    /// Whether the span names a parent that is not in the trace.
    pub parent_missing: bool,
}

impl Span {
    /// A span with two names, and nothing else.
    pub fn new(service: impl Into<String>, operation: impl Into<String>) -> Self {
        Self { service: service.into(), operation: operation.into(), ..Self::default() }
    }

    /// The first attribute with this key.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The kind of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Work inside a service. Spans without a kind count as internal.
    #[default]
    Internal,
    /// A request that a service answers.
    Server,
    /// A request to another service.
    Client,
    /// A message that is sent.
    Producer,
    /// A message that is received.
    Consumer,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer];

    /// The name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The status of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nobody set one.
    #[default]
    Unset,
    /// Explicitly successful.
    Ok,
    /// Failed.
    Error,
}

/// An event of a span.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The name.
    pub name: String,
    /// The attributes.
    pub attributes: Vec<(String, Value)>,
}

impl Event {
    /// An event with a name, and nothing else.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), attributes: Vec::new() }
    }
}

/// A link from a span to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Service and operation of the other span, if it was read together with this one.
    pub target: Option<(String, String)>,
}

/// A span as tracing systems store it: with its id and its parent's.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The id of the span.
    pub id: String,
    /// The id of its parent.
    pub parent: Option<String>,
    /// The span itself.
    pub span: Span,
}

impl Trace {
    /// Builds the tree of a trace from its spans.
    ///
    /// A span whose parent is not among them is a root with [`Span::parent_missing`], and so is the
    /// first span of a cycle.
    ///
    /// ```
    /// use expect_trace::{Record, Span, Trace};
    ///
    /// let buy = Record { id: "1".into(), parent: None, span: Span::new("shop", "buy") };
    /// let pay = Record { id: "2".into(), parent: Some("1".into()), span: Span::new("bank", "pay") };
    /// assert_eq!(Trace::from_records(vec![pay, buy]).to_string(), "shop: buy\n└─ bank: pay\n");
    /// ```
    pub fn from_records(mut records: Vec<Record>) -> Self {
        records.sort_by(|a, b| {
            let key = |record: &Record| record.span.start;
            let names = |span: &Span| (span.service.clone(), span.operation.clone());
            key(a).cmp(&key(b)).then_with(|| names(&a.span).cmp(&names(&b.span)))
        });
        let mut by_id = HashMap::new();
        for (index, record) in records.iter().enumerate() {
            by_id.entry(record.id.as_str()).or_insert(index);
        }
        let mut children = vec![Vec::new(); records.len()];
        let mut roots = Vec::new();
        for (index, record) in records.iter().enumerate() {
            match record.parent.as_ref().and_then(|parent| by_id.get(parent.as_str())) {
                Some(&parent) if parent != index => children[parent].push(index),
                _ => roots.push(index),
            }
        }
        let has_parent: Vec<bool> = records.iter().map(|record| record.parent.is_some()).collect();
        let mut sources: Vec<Option<Span>> =
            records.into_iter().map(|record| Some(record.span)).collect();

        let mut trace = Self::default();
        for root in roots {
            trace.take_tree(root, has_parent[root], &children, &mut sources);
        }
        // What no root reaches is a cycle, or below one.
        for root in 0..sources.len() {
            trace.take_tree(root, true, &children, &mut sources);
        }
        trace.roots.sort_by_key(|&root| trace.spans[root].start);
        for index in (0..trace.spans.len()).rev() {
            let size = trace.places[index].size + 1;
            trace.places[index].size = size;
            if let Some(parent) = trace.places[index].parent {
                trace.places[parent].size += size;
            }
        }
        trace
    }

    /// Moves a span and what is below it here, parents first. Spans that were moved before stay where they are.
    fn take_tree(
        &mut self,
        root: usize,
        parent_missing: bool,
        children: &[Vec<usize>],
        sources: &mut [Option<Span>],
    ) {
        let mut stack = vec![(root, None)];
        while let Some((source, parent)) = stack.pop() {
            let Some(mut span) = sources[source].take() else { continue };
            let index = self.spans.len();
            span.parent_missing = parent.is_none() && parent_missing;
            span.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
            for event in &mut span.events {
                event.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
            self.spans.push(span);
            self.places.push(Place { parent, ..Place::default() });
            match parent {
                Some(parent) => self.places[parent].children.push(index),
                None => self.roots.push(index),
            }
            stack.extend(children[source].iter().rev().map(|&child| (child, Some(index))));
        }
    }

    /// All spans, each parent before its children.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The indexes of the roots in [`Trace::spans`].
    pub fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// The indexes of a span's children, in order of their start; nothing for an unknown span.
    pub fn children(&self, span: usize) -> &[usize] {
        self.places.get(span).map_or(&[], |place| &place.children)
    }

    /// The index of a span's parent.
    pub fn parent(&self, span: usize) -> Option<usize> {
        self.places.get(span)?.parent
    }

    /// The number of spans in the subtree of a span, with itself.
    pub(crate) fn size(&self, span: usize) -> usize {
        self.places[span].size
    }
}
