//! The model of an expectation, and how it prints.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::span::{Kind, Status};
use crate::text::{Key, Operation, Service, escape};
use crate::value::Value;

/// What a trace should look like. [The grammar](crate#the-grammar) is on the front page.
///
/// ```
/// use expect_trace::Expectation;
///
/// let expected: Expectation = "shop: buy [server]\n  bank: pay ?\n".parse()?;
/// assert_eq!(expected.to_string(), "shop: buy [server]\n└─ bank: pay ?\n");
/// # Ok::<(), expect_trace::ParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    pub(crate) roots: Siblings,
}

/// The spans below one parent, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Siblings {
    pub(crate) spans: Vec<SpanPattern>,
    /// The lines with `…`: if there are any, others may stand between them.
    pub(crate) others: Vec<usize>,
}

impl Siblings {
    pub(crate) fn is_open(&self) -> bool {
        !self.others.is_empty()
    }
}

/// The numbers of lines here and below are indexes, from 0.
#[derive(Clone, Debug)]
pub(crate) struct SpanPattern {
    /// A number that no other span of the expectation has.
    pub(crate) id: usize,
    pub(crate) line: usize,
    pub(crate) service: Pattern,
    pub(crate) operation: Pattern,
    pub(crate) kind: Option<Kind>,
    pub(crate) status: Option<StatusPattern>,
    pub(crate) parent_missing: bool,
    pub(crate) attributes: Vec<(String, Requirement)>,
    pub(crate) events: Vec<EventPattern>,
    pub(crate) links: Vec<LinkPattern>,
    pub(crate) count: Count,
    pub(crate) shorter: Option<Duration>,
    pub(crate) longer: Option<Duration>,
    pub(crate) timing: Option<Timing>,
    pub(crate) below: Siblings,
    /// The number of spans that the subtree has at least, with this one.
    pub(crate) size: u64,
}

/// A text, or the pieces of a text between wildcards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    Is(String),
    Like(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum StatusPattern {
    Is(Status),
    NotError,
}

/// How many spans in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count {
    pub(crate) least: u64,
    pub(crate) most: Option<u64>,
}

impl Count {
    pub(crate) const ONE: Self = Self { least: 1, most: Some(1) };
    pub(crate) const OPTIONAL: Self = Self { least: 0, most: Some(1) };

    pub(crate) fn exactly(spans: u64) -> Self {
        Self { least: spans, most: Some(spans) }
    }

    /// Reads `3`, `2..`, `..4` or `2..4`.
    pub(crate) fn read(word: &str) -> Option<Self> {
        let (least, most) = word.split_once("..").unwrap_or((word, word));
        let number = |text: &str| text.parse::<u64>().ok();
        match (number(least), number(most)) {
            (Some(least), Some(most)) if least <= most => Some(Self { least, most: Some(most) }),
            (None, Some(most)) if least.is_empty() => Some(Self { least: 0, most: Some(most) }),
            (Some(least), None) if most.is_empty() => Some(Self { least, most: None }),
            _ => None,
        }
    }

    /// A count that allows this number of spans too; an exact one stays exact.
    pub(crate) fn with(self, spans: u64) -> Self {
        if self.most == Some(self.least) {
            return Self::exactly(spans);
        }
        Self { least: self.least.min(spans), most: self.most.map(|most| most.max(spans)) }
    }
}

/// In relation to the sibling before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timing {
    Overlaps,
    After,
}

/// What an attribute should be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Requirement {
    Is(Value),
    Like(Pattern),
    Present,
    Absent,
}

#[derive(Clone, Debug)]
pub(crate) struct EventPattern {
    pub(crate) line: usize,
    pub(crate) name: Pattern,
    pub(crate) attributes: Vec<(String, Requirement)>,
}

#[derive(Clone, Debug)]
pub(crate) struct LinkPattern {
    pub(crate) line: usize,
    /// Service and operation of the other span; nothing for one outside of what was read.
    pub(crate) target: Option<(Pattern, Pattern)>,
}

impl SpanPattern {
    /// Whether the names are texts, not pieces between wildcards.
    pub(crate) fn is_literal(&self) -> bool {
        matches!((&self.service, &self.operation), (Pattern::Is(_), Pattern::Is(_)))
    }

    /// Whether the pattern stands for several spans.
    pub(crate) fn is_repeated(&self) -> bool {
        self.count.most != Some(1)
    }

    /// A pattern that requires two names, and nothing else.
    pub(crate) fn new(service: Pattern, operation: Pattern) -> Self {
        Self {
            id: 0,
            line: 0,
            service,
            operation,
            kind: None,
            status: None,
            parent_missing: false,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            count: Count::ONE,
            shorter: None,
            longer: None,
            timing: None,
            below: Siblings::default(),
            size: 1,
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for root in &self.roots.spans {
            print_span(root, "", "", f)?;
        }
        if self.roots.is_open() { writeln!(f, "…") } else { Ok(()) }
    }
}

/// Recurses as deep as the parser lets an expectation be.
fn print_span(
    span: &SpanPattern,
    before: &str,
    below: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    writeln!(f, "{before}{span}{}", span.count)?;
    let children = &span.below;
    for event in &span.events {
        writeln!(f, "{below}• {event}")?;
    }
    for link in &span.links {
        writeln!(f, "{below}→ {link}")?;
    }
    for (place, child) in children.spans.iter().enumerate() {
        if place + 1 == children.spans.len() && !children.is_open() {
            print_span(child, &format!("{below}└─ "), &format!("{below}   "), f)?;
        } else {
            print_span(child, &format!("{below}├─ "), &format!("{below}│  "), f)?;
        }
    }
    if children.is_open() { writeln!(f, "{below}└─ …") } else { Ok(()) }
}

/// Prints the line of the span itself, without its count.
impl fmt::Display for SpanPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_names(&self.service, &self.operation, f)?;
        if let Some(kind) = self.kind {
            write!(f, " [{}]", kind.name())?;
        }
        match self.status {
            None | Some(StatusPattern::Is(Status::Unset)) => {}
            Some(StatusPattern::Is(Status::Ok)) => f.write_str(" ok")?,
            Some(StatusPattern::Is(Status::Error)) => f.write_str(" error")?,
            Some(StatusPattern::NotError) => f.write_str(" !error")?,
        }
        if self.parent_missing {
            f.write_str(" (parent missing)")?;
        }
        write_attributes(&self.attributes, f)?;
        if let Some(bound) = self.shorter {
            write!(f, " < {bound:?}")?;
        }
        if let Some(bound) = self.longer {
            write!(f, " > {bound:?}")?;
        }
        match self.timing {
            None => Ok(()),
            Some(Timing::Overlaps) => f.write_str(" overlaps"),
            Some(Timing::After) => f.write_str(" after"),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (1, Some(1)) => Ok(()),
            (0, Some(1)) => f.write_str(" ?"),
            (least, None) => write!(f, " × {least}.."),
            (least, Some(most)) if least == most => write!(f, " × {least}"),
            (0, Some(most)) => write!(f, " × ..{most}"),
            (least, Some(most)) => write!(f, " × {least}..{most}"),
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_operation(&self.name, f)?;
        write_attributes(&self.attributes, f)
    }
}

impl fmt::Display for LinkPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some((service, operation)) => write_names(service, operation, f),
            None => f.write_str("(elsewhere)"),
        }
    }
}

/// Prints a text as it is, and pieces as `~"a*b"`.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = match self {
            Self::Is(text) => return f.write_str(text),
            Self::Like(pieces) => pieces,
        };
        f.write_str("~\"")?;
        for (place, piece) in pieces.iter().enumerate() {
            if place > 0 {
                f.write_str("*")?;
            }
            for (place, part) in piece.split('*').enumerate() {
                if place > 0 {
                    f.write_str("\\*")?;
                }
                escape(part, f)?;
            }
        }
        f.write_str("\"")
    }
}

fn write_names(service: &Pattern, operation: &Pattern, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match service {
        Pattern::Is(text) => Service(text).fmt(f)?,
        like @ Pattern::Like(_) => like.fmt(f)?,
    }
    f.write_str(": ")?;
    write_operation(operation, f)
}

fn write_operation(name: &Pattern, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match name {
        Pattern::Is(text) => Operation(text).fmt(f),
        like @ Pattern::Like(_) => like.fmt(f),
    }
}

fn write_attributes(
    attributes: &[(String, Requirement)],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    attributes.iter().try_for_each(|(key, requirement)| match requirement {
        Requirement::Is(value) => write!(f, " {}={value}", Key(key)),
        Requirement::Like(pattern) => write!(f, " {}{pattern}", Key(key)),
        Requirement::Present => write!(f, " {}=*", Key(key)),
        Requirement::Absent => write!(f, " !{}", Key(key)),
    })
}
