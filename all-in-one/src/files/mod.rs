//! Files of traces: filling a store from them, and writing them.
//!
//! | part | what it is |
//! |---|---|
//! | `pieces` | a file as a sequence of JSON values, each with its line |
//! | `reader` | a JSON value of any known format, read into a store |
//! | `jaeger` | Jaeger's JSON, as `/api/traces` answers |
//! | `extra` | what a span has and OTLP has no place for |
//! | `otlp` | a span as OTLP in JSON |
//! | `load`, `save`, `upload` | whole files |
//!
//! The formats are found by their content: OTLP in JSON (`resourceSpans`: a request, or a line for
//! each, as the OpenTelemetry Collector's file exporter writes; also an answer of `/api/v3/traces`),
//! Jaeger's JSON (`data`: an answer of `/api/traces`, or what the page saves), and Zipkin's JSON of
//! version 2 (an array of spans).

mod extra;
mod jaeger;
mod load;
mod otlp;
mod pieces;
mod reader;
mod save;
mod upload;

pub use load::{LoadError, Loaded, load};
pub use save::{Saved, check_save, save};
pub(crate) use upload::read;
