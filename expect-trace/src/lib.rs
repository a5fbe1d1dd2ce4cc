#![doc = include_str!("../README.md")]

mod compare;
mod diff;
mod difference;
mod display;
mod expect;
mod expectation;
mod file;
mod hints;
pub mod jaeger;
mod layout;
mod line;
mod matches;
pub mod otlp;
mod parse;
mod read;
pub mod sdk;
mod span;
mod span_ref;
mod text;
mod trace;
mod update;
mod value;
mod written;

pub use difference::Difference;
pub use expect::{ExpectFile, FileError};
pub use expectation::Expectation;
pub use parse::{ParseError, ParseErrorKind};
pub use read::ReadError;
pub use span::{Event, Kind, Link, Span, Status};
pub use span_ref::SpanRef;
pub use trace::{Record, Trace};
pub use value::Value;

/// How many levels an expectation may have, and a printed trace has: matching may then recurse.
const MAX_DEPTH: usize = 128;
