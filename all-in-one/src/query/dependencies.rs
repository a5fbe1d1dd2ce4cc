//! `/api/dependencies`: which service calls which, counted over the stored traces.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::adjust::{MOST, Outlines, dedupe};
use super::answer::{Answer, DependencyJson};
use super::api::{Api, ok};
use super::errors::ApiError;
use super::params;
use super::stream::AnswerWriter;
use crate::go_format::numbers::parse_int;
use crate::model::{Span, SpanId, Text, TraceId};
use crate::server::form::Form;
use crate::store::Store;

/// The default lookback: a day, in milliseconds.
const DEFAULT_LOOKBACK: i64 = 24 * 3600 * 1_000;

/// The number of calls by caller and called service.
pub(super) type Calls = BTreeMap<(Text, Text), u64>;

/// Counts the calls between services in traces that have a span between `endTs - lookback` and
/// `endTs`, both in milliseconds.
pub(super) fn dependencies(
    api: &Api,
    form: &Form,
    out: &mut AnswerWriter<'_>,
) -> Result<(), ApiError> {
    let end = params::time(form, "endTs", 1_000_000, params::now)?;
    let lookback = match form.get("lookback") {
        "" => DEFAULT_LOOKBACK,
        text => parse_int(text, 64).map_err(|why| ApiError::parameter("lookback", why))?,
    };
    // Go computes in nanoseconds, without a check for overflow.
    let start = end.saturating_sub(lookback.wrapping_mul(1_000_000).div_euclid(1_000));
    let calls = calls(&api.store, start, end);
    let service = form.get("service");
    let asked =
        |parent: &str, child: &str| service.is_empty() || service == parent || service == child;
    let json: Vec<_> = calls
        .iter()
        .filter(|((parent, child), _)| asked(parent, child))
        .map(|((parent, child), calls)| DependencyJson { parent, child, calls: *calls })
        .collect();
    ok(form, out, &Answer::of(json))
}

/// Counts the calls in traces that have a span strictly between two times, in microseconds.
pub(super) fn calls(store: &Store, start: i64, end: i64) -> Calls {
    let mut calls = Calls::new();
    let between = |span: &Span| i64::try_from(span.start).is_ok_and(|at| start < at && at < end);
    for id in store.between(start.into(), end.into()) {
        if let Some(callers) = Callers::of(store, id, between) {
            callers.count(&mut calls);
        }
    }
    calls
}

/// The spans of a trace, and the service of each.
#[derive(Default)]
struct Callers {
    spans: Outlines,
    services: Vec<Text>,
}

impl Callers {
    /// The spans of a trace, if one of them `is_meant`. Of a very long trace they are the first
    /// ones.
    fn of(store: &Store, id: TraceId, is_meant: impl Fn(&Span) -> bool) -> Option<Self> {
        let (mut callers, mut names, mut any) = (Self::default(), HashSet::new(), false);
        let mut reading = store.begin(id)?;
        loop {
            let spans = store.read_on(&mut reading)?;
            if spans.is_empty() || callers.services.len() >= MOST {
                return any.then_some(callers);
            }
            any = any || spans.iter().any(&is_meant);
            callers.spans.add(&spans);
            callers.services.extend(spans.iter().map(|span| shared(&mut names, span)));
        }
    }

    fn count(self, calls: &mut Calls) {
        let mut spans = self.spans.into_vec();
        dedupe(&mut spans);
        let mut services: HashMap<SpanId, &Text> = HashMap::new();
        for (span, service) in spans.iter().zip(&self.services) {
            services.entry(span.span_id()).or_insert(service);
        }
        for (span, child) in spans.iter().zip(&self.services) {
            let parent = services.get(&span.parent()).filter(|parent| **parent != child);
            if let Some(parent) = parent {
                *calls.entry(((*parent).clone(), child.clone())).or_default() += 1;
            }
        }
    }
}

/// The name of a span's service, kept in memory only once.
fn shared(names: &mut HashSet<Text>, span: &Span) -> Text {
    let name = &span.process.service;
    if let Some(known) = names.get(name) {
        return known.clone();
    }
    names.insert(name.clone());
    name.clone()
}
