//! The model of a span.

use std::time::Duration;

use crate::value::Value;

/// A span.
///
/// ```
/// use expect_trace::{Event, Kind, Span, Status};
///
/// let mut buy = Span::new("shop", "POST /buy");
/// buy.kind = Kind::Server;
/// buy.status = Status::Error;
/// buy.attributes.push(("sku".into(), "A-1".into()));
/// buy.events.push(Event::new("declined"));
/// ```
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
    ///
    /// ```
    /// let span = expect_trace::Span::new("shop", "POST /buy");
    /// assert_eq!((&*span.service, &*span.operation), ("shop", "POST /buy"));
    /// ```
    pub fn new(service: impl Into<String>, operation: impl Into<String>) -> Self {
        Self { service: service.into(), operation: operation.into(), ..Self::default() }
    }

    /// The first attribute with this key.
    ///
    /// ```
    /// let mut span = expect_trace::Span::new("shop", "reserve");
    /// span.attributes.push(("sku".into(), "A-1".into()));
    /// assert_eq!(span.attribute("sku"), Some(&"A-1".into()));
    /// ```
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        find(&self.attributes, key)
    }

    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The kind of a span.
///
/// ```
/// assert_eq!(expect_trace::Span::new("shop", "buy").kind, expect_trace::Kind::Internal);
/// ```
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
    ///
    /// ```
    /// assert_eq!(expect_trace::Kind::Server.name(), "server");
    /// ```
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
///
/// ```
/// assert_eq!(expect_trace::Span::new("shop", "buy").status, expect_trace::Status::Unset);
/// ```
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

/// An event of a span. It prints as in an expectation.
///
/// ```
/// let mut event = expect_trace::Event::new("retry");
/// event.attributes.push(("attempt".into(), 2.into()));
/// assert_eq!(event.to_string(), "retry attempt=2");
/// ```
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
    ///
    /// ```
    /// assert_eq!(expect_trace::Event::new("retry").name, "retry");
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), attributes: Vec::new() }
    }

    /// The first attribute with this key.
    ///
    /// ```
    /// assert_eq!(expect_trace::Event::new("retry").attribute("n"), None);
    /// ```
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        find(&self.attributes, key)
    }
}

fn find<'a>(attributes: &'a [(String, Value)], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// A link from a span to another. It prints as in an expectation.
///
/// ```
/// let mut link = expect_trace::Link::default();
/// assert_eq!(link.to_string(), "(elsewhere)");
/// link.target = Some(("shop".into(), "order".into()));
/// assert_eq!(link.to_string(), "shop: order");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Service and operation of the other span, if it was read together with this one.
    pub target: Option<(String, String)>,
}
