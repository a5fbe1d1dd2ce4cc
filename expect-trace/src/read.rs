//! What the readers of all formats share.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

use crate::span::Link;
use crate::trace::{Record, Trace};

/// Why spans cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is not JSON, or has another shape.
    Json(serde_json::Error),
    /// A number is out of range, or is none.
    Number(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Number(text) => write!(f, "not a number in range: {text}"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Number(_) => None,
        }
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// Spans as they are read, of all traces.
#[derive(Default)]
pub(crate) struct Spans {
    spans: Vec<Read>,
}

/// A span, and the ids that it names.
pub(crate) struct Read {
    pub(crate) trace: String,
    pub(crate) record: Record,
    /// The trace and span ids of its links.
    pub(crate) links: Vec<(String, String)>,
}

impl Spans {
    pub(crate) fn push(&mut self, span: Read) {
        self.spans.push(span);
    }

    /// Resolves the links, and sorts the spans into their traces, the earliest first.
    pub(crate) fn into_traces(mut self) -> Vec<Trace> {
        let mut targets = HashMap::new();
        for read in &self.spans {
            let span = &read.record.span;
            let key = (read.trace.clone(), read.record.id.clone());
            targets.entry(key).or_insert_with(|| (span.service.clone(), span.operation.clone()));
        }
        for read in &mut self.spans {
            let links =
                read.links.drain(..).map(|link| Link { target: targets.get(&link).cloned() });
            read.record.span.links.extend(links);
        }
        let mut traces: HashMap<String, Vec<Record>> = HashMap::new();
        for read in self.spans {
            traces.entry(read.trace).or_default().push(read.record);
        }
        let start = |records: &[Record]| records.iter().map(|record| record.span.start).min();
        let mut traces: Vec<(String, Vec<Record>)> = traces.into_iter().collect();
        traces.sort_by(|(a_id, a), (b_id, b)| start(a).cmp(&start(b)).then_with(|| a_id.cmp(b_id)));
        traces.into_iter().map(|(id, records)| Trace::from_records(records).with_id(id)).collect()
    }
}
