//! An answer of traces that is written while it is read: however many there are, only one of them
//! and a part of the text are in memory at a time.

use std::sync::Arc;
use std::{io, vec};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::{StreamExt, stream};
use serde_json::Result;
use tokio::sync::OwnedSemaphorePermit;

use super::Api;
use super::adjust::{self, View};
use super::answer::{Answer, Problem};
use super::errors::Refusal;
use super::json::{self, Style};
use super::trace_json::to_json;
use crate::model::{Trace, TraceId};

/// About the bytes of a part. Most answers are one.
const PART: usize = 256 << 10;

/// Traces stand in an object's list.
const DEPTH: usize = 2;

/// What is still to be written.
pub(super) struct Parts {
    api: Arc<Api>,
    ids: vec::IntoIter<TraceId>,
    raw: bool,
    style: Style,
    /// What stands before a trace: the answer's beginning, or what lies between two traces.
    before: [Vec<u8>; 2],
    /// What stands at the end: the whole answer where there was no trace, or its end.
    after: [Vec<u8>; 2],
    /// Whether a trace was written.
    begun: bool,
    done: bool,
    /// Among the answers of several parts.
    place: Option<OwnedSemaphorePermit>,
}

impl Parts {
    /// The answer with these traces and these errors.
    pub(super) fn new(
        api: &Arc<Api>,
        ids: Vec<TraceId>,
        errors: Vec<Problem>,
        raw: bool,
        style: Style,
    ) -> Result<Self> {
        let errors = Some(errors).filter(|errors| !errors.is_empty());
        let mut answer = Answer { errors, ..Answer::of(vec![0; 2]) };
        let [beginning, between, end] = around(&json::write(&answer, style)?);
        answer.data = Some(Vec::new());
        let none = json::write(&answer, style)?;
        Ok(Parts {
            api: Arc::clone(api),
            ids: ids.into_iter(),
            raw,
            style,
            before: [beginning, between],
            after: [none, end],
            begun: false,
            done: false,
            place: None,
        })
    }

    /// The whole answer where it is one part, else a body that writes part after part.
    ///
    /// # Errors
    ///
    /// When the first part cannot be written, or too many such answers are being read.
    pub(super) fn into_body(mut self) -> std::result::Result<Body, Refusal> {
        let first = self.next().map_err(Refusal::internal)?;
        if self.done {
            return Ok(first.into());
        }
        let place = Arc::clone(&self.api.long_answers).try_acquire_owned();
        self.place = Some(place.map_err(|_| too_many())?);
        let rest = stream::try_unfold(self, |parts| async {
            let api = Arc::clone(&parts.api);
            let made = api.work(move || parts.step()).await;
            made.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        });
        Ok(Body::from_stream(stream::iter([Ok(first.into())]).chain(rest)))
    }

    fn step(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if self.done {
            return Ok(None);
        }
        Ok(Some((self.next()?.into(), self)))
    }

    fn next(&mut self) -> Result<Vec<u8>> {
        let mut part = Vec::with_capacity(1024);
        while part.len() < PART && !self.done {
            match self.ids.next() {
                // One that was pushed out since it was found is not there any more.
                Some(id) => self.write(self.api.store.trace(id), &mut part)?,
                None => {
                    part.append(&mut self.after[usize::from(self.begun)]);
                    self.done = true;
                }
            }
        }
        Ok(part)
    }

    fn write(&mut self, trace: Option<Trace>, part: &mut Vec<u8>) -> Result<()> {
        let spans = trace.iter().flat_map(|trace| &trace.spans);
        let mut views: Vec<_> = spans.map(|span| View::new(span)).collect();
        if !self.raw {
            adjust::adjust(&mut views, self.api.max_clock_skew);
        }
        if let Some(json) = to_json(&views) {
            part.extend(&self.before[usize::from(self.begun)]);
            self.begun = true;
            json::append(part, &json, self.style, DEPTH)?;
        }
        Ok(())
    }
}

fn too_many() -> Refusal {
    let why = "too many large answers are being read: try again, or ask for fewer traces";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
}

/// What stands around two zeros.
fn around(list: &[u8]) -> [Vec<u8>; 3] {
    let mut parts = list.splitn(3, |byte| *byte == b'0').map(<[u8]>::to_vec);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{KeyValue, Nanos, Process, Span, SpanId};
    use crate::store::{Limits, Store};
    use crate::ui::Pages;

    /// So many traces of one span, and their ids.
    fn filled(traces: u64) -> (Arc<Api>, Vec<TraceId>) {
        let store = Store::new(Limits { traces: 0, bytes: 1 << 30 });
        let ids: Vec<_> = (1..=traces).map(|low| TraceId { high: 0, low }).collect();
        for id in &ids {
            store.insert(&[span(*id)]);
        }
        let api = Api::new(Arc::new(store), Pages::new(""), Duration::ZERO, String::new());
        (api, ids)
    }

    fn span(trace_id: TraceId) -> Span {
        Span {
            trace_id,
            span_id: SpanId(trace_id.low),
            operation: "buy".into(),
            references: Box::default(),
            flags: 1,
            start: 1_000_000 + trace_id.low,
            duration: 100,
            nanos: Nanos::default(),
            tags: [KeyValue::text("user", "ada")].into(),
            logs: Box::default(),
            process: Arc::new(Process { service: "shop".into(), tags: Box::default() }),
            warnings: Box::default(),
        }
    }

    fn written_at_once(api: &Api, ids: &[TraceId], style: Style) -> Vec<u8> {
        let traces: Vec<_> = ids.iter().filter_map(|id| api.store.trace(*id)).collect();
        let views: Vec<Vec<_>> = traces
            .iter()
            .map(|trace| trace.spans.iter().map(|span| View::new(span)).collect())
            .collect();
        let data: Vec<_> = views.iter().filter_map(|views| to_json(views)).collect();
        json::write(&Answer::of(data), style).expect("JSON")
    }

    #[test]
    fn parts_are_together_what_is_written_at_once() {
        for pretty in [false, true] {
            let style = Style { pretty, for_javascript: false };
            for (traces, several) in [(0, false), (1, false), (2, false), (5_000, true)] {
                let (api, ids) = filled(traces);
                let mut parts =
                    Parts::new(&api, ids.clone(), Vec::new(), true, style).expect("parts");
                let (mut together, mut count) = (Vec::new(), 0);
                while !parts.done {
                    let part = parts.next().expect("a part");
                    assert!(part.len() < PART + 1024, "{}", part.len());
                    together.extend(part);
                    count += 1;
                }
                assert!(together == written_at_once(&api, &ids, style), "{traces}, {pretty}");
                assert_eq!(count > 1, several, "{traces}");
            }
        }
    }

    #[test]
    fn a_trace_that_went_meanwhile_is_left_out() {
        let (api, mut ids) = filled(2);
        ids.insert(1, TraceId { high: 7, low: 7 });
        let mut parts =
            Parts::new(&api, ids.clone(), Vec::new(), true, Style::default()).expect("parts");
        assert_eq!(parts.next().expect("a part"), written_at_once(&api, &ids, Style::default()));
    }
}
