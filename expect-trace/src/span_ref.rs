//! Spans in their trace, for assertions by hand.

use std::fmt;
use std::iter;
use std::ops::Deref;

use crate::display::{Head, ServiceAndOperation};
use crate::span::{Event, Span};
use crate::trace::Trace;
use crate::value::Value;

/// A [`Span`] in its [`Trace`]: it knows its parent and children, and has the fields of the span.
///
/// The examples here use the trace of the [front page](crate).
///
/// ```
/// use expect_trace::{Kind, Status};
///
/// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
/// let charge = trace.span("POST /charge").ok_or("the shop charges nothing")?;
/// assert_eq!((charge.kind, charge.status), (Kind::Client, Status::Error));
/// assert_eq!(charge.parent(), trace.span("POST /buy"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct SpanRef<'a> {
    trace: &'a Trace,
    index: usize,
}

impl Trace {
    fn at(&self, index: usize) -> SpanRef<'_> {
        SpanRef { trace: self, index }
    }

    /// All spans, each parent before its children.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// assert_eq!(trace.spans().len(), 4);
    /// assert!(trace.spans().all(|span| span.duration.as_millis() <= 100));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spans(&self) -> impl ExactSizeIterator<Item = SpanRef<'_>> + DoubleEndedIterator {
        (0..self.len()).map(|index| self.at(index))
    }

    /// The spans without a parent in the trace, in order of their start.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let roots: Vec<&str> = trace.roots().map(|root| root.operation()).collect();
    /// assert_eq!(roots, ["POST /buy"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn roots(&self) -> impl ExactSizeIterator<Item = SpanRef<'_>> + DoubleEndedIterator {
        self.root_indexes().iter().map(|&index| self.at(index))
    }

    /// The first span with this operation, in the order of [`Trace::spans`].
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// assert!(trace.span("reserve").is_some());
    /// assert!(trace.span("refund").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn span(&self, operation: &str) -> Option<SpanRef<'_>> {
        self.spans().find(|span| span.operation() == operation)
    }

    /// All spans with this operation.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let services: Vec<&str> = trace.spans_named("POST /charge").map(|span| span.service()).collect();
    /// assert_eq!(services, ["shop", "payments"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spans_named<'a>(&'a self, operation: &'a str) -> impl Iterator<Item = SpanRef<'a>> {
        self.spans().filter(move |span| span.operation() == operation)
    }
}

impl<'a> SpanRef<'a> {
    /// The span itself, for as long as the trace lives.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let span: &expect_trace::Span = trace.span("reserve").ok_or("none")?.get();
    /// assert_eq!(span.service, "shop");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(self) -> &'a Span {
        self.trace.get(self.index)
    }

    /// The name of the service.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// assert!(trace.spans().any(|span| span.service() == "payments"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn service(self) -> &'a str {
        &self.get().service
    }

    /// The name of the operation.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// assert_eq!(trace.spans().next().map(|span| span.operation()), Some("POST /buy"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn operation(self) -> &'a str {
        &self.get().operation
    }

    /// The parent, if the trace has it.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let reserve = trace.span("reserve").ok_or("none")?;
    /// assert_eq!(reserve.parent().map(|parent| parent.operation()), Some("POST /buy"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parent(self) -> Option<Self> {
        self.trace.parent_index(self.index).map(|index| self.trace.at(index))
    }

    /// The children, in order of their start.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let buy = trace.span("POST /buy").ok_or("none")?;
    /// let children: Vec<&str> = buy.children().map(|child| child.operation()).collect();
    /// assert_eq!(children, ["reserve", "POST /charge"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn children(self) -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator {
        self.trace.child_indexes(self.index).iter().map(|&index| self.trace.at(index))
    }

    /// All spans below this one, each parent before its children.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let buy = trace.span("POST /buy").ok_or("none")?;
    /// assert!(buy.descendants().any(|span| span.service() == "payments"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn descendants(self) -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator {
        let end = self.index + self.trace.size(self.index);
        (self.index + 1..end).map(|index| self.trace.at(index))
    }

    /// The way from the root to this span, written as in an expectation.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let reserve = trace.span("reserve").ok_or("none")?;
    /// assert_eq!(reserve.path(), "shop: POST /buy > shop: reserve");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(self) -> String {
        let up = iter::successors(Some(self), |span| span.parent());
        let names = up.map(|span| ServiceAndOperation(span.get()).to_string());
        let mut names: Vec<String> = names.collect();
        names.reverse();
        names.join(" > ")
    }

    /// The first attribute with this key.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let buy = trace.span("POST /buy").ok_or("none")?;
    /// assert_eq!(buy.attribute("http.response.status_code"), Some(&expect_trace::Value::Int(402)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attribute(self, key: &str) -> Option<&'a Value> {
        self.get().attribute(key)
    }

    /// The attribute with this key, if it is a text.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let reserve = trace.span("reserve").ok_or("none")?;
    /// assert_eq!(reserve.text("sku"), Some("A-1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn text(self, key: &str) -> Option<&'a str> {
        match self.attribute(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The attribute with this key, if it is an integer.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let buy = trace.span("POST /buy").ok_or("none")?;
    /// assert_eq!(buy.int("http.response.status_code"), Some(402));
    /// assert_eq!(buy.text("http.response.status_code"), None, "it is not a text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn int(self, key: &str) -> Option<i64> {
        match self.attribute(key)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The attribute with this key, if it is a float.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let buy = trace.span("POST /buy").ok_or("none")?;
    /// assert_eq!(buy.float("price"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn float(self, key: &str) -> Option<f64> {
        match self.attribute(key)? {
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The attribute with this key, if it is a boolean.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let buy = trace.span("POST /buy").ok_or("none")?;
    /// assert_eq!(buy.bool("retry"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bool(self, key: &str) -> Option<bool> {
        match self.attribute(key)? {
            Value::Bool(yes) => Some(*yes),
            _ => None,
        }
    }

    /// The first event with this name.
    ///
    /// ```
    /// # let trace = &expect_trace::otlp::traces(&std::fs::read_to_string("tests/buy.json")?)?[0];
    /// let charge = trace.spans().find(|span| span.service() == "payments").ok_or("none")?;
    /// let exception = charge.event("exception").ok_or("no exception")?;
    /// assert_eq!(exception.attribute("exception.type"), Some(&"CardDeclined".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn event(self, name: &str) -> Option<&'a Event> {
        self.get().events.iter().find(|event| event.name == name)
    }
}

impl Deref for SpanRef<'_> {
    type Target = Span;

    fn deref(&self) -> &Span {
        self.get()
    }
}

/// The same span of the same trace.
impl PartialEq for SpanRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.trace, other.trace) && self.index == other.index
    }
}

impl Eq for SpanRef<'_> {}

/// The line of the span in a printed trace.
impl fmt::Display for SpanRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Head(self.get()).fmt(f)
    }
}

/// The same line, for messages of assertions.
impl fmt::Debug for SpanRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanRef({self})")
    }
}
