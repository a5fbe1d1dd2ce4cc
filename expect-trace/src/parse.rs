//! Reads an expectation. Here lines become a tree; `line.rs` reads the words of a line.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::MAX_DEPTH;
use crate::expectation::{Expectation, Siblings, SpanPattern};
use crate::line::{Content, Cursor};

/// Where an expectation cannot be read, and what should be there.
///
/// ```
/// let error = "shop: buy [sever]".parse::<expect_trace::Expectation>().unwrap_err();
/// assert_eq!((error.line, error.column), (1, 12));
/// assert!(error.to_string().ends_with("found `sever]`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: ParseErrorKind,
}

/// What is wrong at a place of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Something else should be there.
    Expected {
        /// What should be there.
        expected: &'static str,
        /// The word that is there; empty at the end of the line.
        found: String,
    },
    /// A span starts at a column that fits none of the lines above.
    Indentation,
    /// A tab among the spaces before a span.
    Tab,
    /// An event or link without a span above it.
    NoSpan,
    /// More levels than an expectation may have.
    TooDeep,
    /// A number that is out of range.
    Number,
    /// A second condition on something of which a span has one.
    Twice(&'static str),
    /// A condition that no span can meet together with those before it.
    Contradiction,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason)
    }
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected { expected, found } if found.is_empty() => {
                write!(f, "expected {expected}, found the end of the line")
            }
            Self::Expected { expected, found } => write!(f, "expected {expected}, found `{found}`"),
            Self::Indentation => f.write_str("this indentation matches none of the lines above"),
            Self::Tab => f.write_str("a tab in the indentation; use spaces"),
            Self::NoSpan => f.write_str("an event or link must stand below its span"),
            Self::TooDeep => write!(f, "more than {MAX_DEPTH} levels"),
            Self::Number => f.write_str("number out of range"),
            Self::Twice(what) => write!(f, "a second condition on the {what}; keep one of them"),
            Self::Contradiction => {
                f.write_str("no span can meet this and the conditions before it")
            }
        }
    }
}

impl Error for ParseError {}

impl FromStr for Expectation {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut tree = Tree::default();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let mut cursor = Cursor::new(line, index + 1);
            let column = cursor.skip_indentation()?;
            if let Some(content) = cursor.content()? {
                tree.add(content, column).map_err(|reason| cursor.error_at(column, reason))?;
            }
        }
        Ok(Self { roots: tree.finish() })
    }
}

/// The spans on the way from a root to the line that was read last.
#[derive(Default)]
struct Tree {
    roots: Siblings,
    /// The column at which the roots start.
    root_column: Option<usize>,
    path: Vec<Open>,
    spans: usize,
}

/// A span that may still get children.
struct Open {
    span: SpanPattern,
    column: usize,
    child_column: Option<usize>,
}

impl Tree {
    fn add(&mut self, content: Content, column: usize) -> Result<(), ParseErrorKind> {
        // An event stands below the name of its span, or further to the right.
        let is_detail = matches!(content, Content::Event(_) | Content::Link(_));
        let end = if is_detail { column + 1 } else { column };
        while self.path.last().is_some_and(|open| open.column >= end) {
            self.close();
        }
        match content {
            Content::Event(event) => {
                self.path.last_mut().ok_or(ParseErrorKind::NoSpan)?.span.events.push(event)
            }
            Content::Link(link) => {
                self.path.last_mut().ok_or(ParseErrorKind::NoSpan)?.span.links.push(link)
            }
            Content::Others(line) => {
                self.check_column(column)?;
                self.siblings().others.push(line);
            }
            Content::Span(mut span) => {
                self.check_column(column)?;
                if self.path.len() == MAX_DEPTH {
                    return Err(ParseErrorKind::TooDeep);
                }
                span.id = self.spans;
                self.spans += 1;
                self.path.push(Open { span: *span, column, child_column: None });
            }
        }
        Ok(())
    }

    /// Siblings start at the same column.
    fn check_column(&mut self, column: usize) -> Result<(), ParseErrorKind> {
        let known = match self.path.last_mut() {
            Some(open) => &mut open.child_column,
            None => &mut self.root_column,
        };
        if *known.get_or_insert(column) == column {
            Ok(())
        } else {
            Err(ParseErrorKind::Indentation)
        }
    }

    fn siblings(&mut self) -> &mut Siblings {
        match self.path.last_mut() {
            Some(open) => &mut open.span.below,
            None => &mut self.roots,
        }
    }

    /// Ends the last span: nothing more is below it.
    fn close(&mut self) {
        if let Some(Open { mut span, .. }) = self.path.pop() {
            let below =
                span.below.spans.iter().map(|child| child.size.saturating_mul(child.count.least));
            span.size = below.fold(1, u64::saturating_add);
            self.siblings().spans.push(span);
        }
    }

    fn finish(mut self) -> Siblings {
        while !self.path.is_empty() {
            self.close();
        }
        self.roots
    }
}
