//! A trace, and how spans with ids become its tree.

use std::collections::HashMap;

use crate::span::Span;

/// A trace: one tree of spans, or several if spans have no parent in it.
///
/// Children are in order of their start. A trace prints as the text that [`Expectation`](crate::Expectation)
/// reads, without ids and times.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    id: Option<String>,
    link: Option<String>,
    notes: Vec<String>,
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

/// A span as tracing systems store it: with its id and its parent's.
///
/// ```
/// use expect_trace::{Record, Span};
///
/// let span = Span::new("bank", "pay");
/// let record = Record { id: "2".into(), parent: Some("1".into()), span };
/// ```
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

    /// The id of the trace, if the source has one: in hex, with as many digits as the source writes.
    ///
    /// ```
    /// let json = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0a", "spanId": "01", "name": "buy"}]}]}]}"#;
    /// let traces = expect_trace::otlp::traces(json)?;
    /// assert_eq!(traces[0].id(), Some("0a"));
    /// # Ok::<(), expect_trace::ReadError>(())
    /// ```
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Sets the id, for traces from [`Trace::from_records`].
    ///
    /// ```
    /// use expect_trace::Trace;
    ///
    /// assert_eq!(Trace::default().with_id("0a").id(), Some("0a"));
    /// ```
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The address of a page that shows the trace.
    ///
    /// ```
    /// assert_eq!(expect_trace::Trace::default().link(), None);
    /// ```
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Sets the address of a page that shows the trace: a failure ends with it.
    ///
    /// ```
    /// use expect_trace::{Expectation, Trace};
    ///
    /// let trace = Trace::default().with_link("http://localhost:16686/trace/0a");
    /// let difference = "shop: buy".parse::<Expectation>()?.check(&trace).unwrap_err();
    /// assert!(difference.to_string().ends_with("\nsee it: http://localhost:16686/trace/0a\n"));
    /// # Ok::<(), expect_trace::ParseError>(())
    /// ```
    #[must_use]
    pub fn with_link(mut self, url: impl Into<String>) -> Self {
        self.link = Some(url.into());
        self
    }

    /// What else the reader of a failure should know, such as which other traces arrived.
    ///
    /// ```
    /// assert!(expect_trace::Trace::default().notes().is_empty());
    /// ```
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Adds something that the reader of a failure should know: the failure ends with it.
    ///
    /// ```
    /// use expect_trace::{Expectation, Trace};
    ///
    /// let trace = Trace::default().with_note("another trace arrived");
    /// let difference = "shop: buy".parse::<Expectation>()?.check(&trace).unwrap_err();
    /// assert!(difference.to_string().ends_with("\nnote: another trace arrived\n"));
    /// # Ok::<(), expect_trace::ParseError>(())
    /// ```
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn get(&self, index: usize) -> &Span {
        &self.spans[index]
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The indexes of the roots.
    pub(crate) fn root_indexes(&self) -> &[usize] {
        &self.roots
    }

    /// The indexes of a span's children, in order of their start.
    pub(crate) fn child_indexes(&self, span: usize) -> &[usize] {
        &self.places[span].children
    }

    pub(crate) fn parent_index(&self, span: usize) -> Option<usize> {
        self.places[span].parent
    }

    /// The number of spans in the subtree of a span, with itself. They follow it in the list.
    pub(crate) fn size(&self, span: usize) -> usize {
        self.places[span].size
    }
}
