//! `/api/dependencies`: which service calls which, counted over the stored traces.

use std::collections::{BTreeMap, HashMap};

use axum::response::Response;

use super::adjust::{View, dedupe};
use super::answer::{Answer, DependencyJson};
use super::errors::Refusal;
use super::form::Form;
use super::go::parse_int;
use super::{Api, ok, params};
use crate::model::{SpanId, Text, Trace};

/// How far back to look where the request does not say: a day, in milliseconds.
const DEFAULT_LOOKBACK: i64 = 24 * 3600 * 1_000;

type Calls = BTreeMap<(Text, Text), u64>;

/// The calls between services in traces that have a span between `endTs - lookback` and `endTs`,
/// both in milliseconds.
pub(super) fn dependencies(api: &Api, form: &Form) -> Result<Response, Refusal> {
    let end = params::time(form, "endTs", 1_000_000, params::now)?;
    let lookback = match form.get("lookback") {
        "" => DEFAULT_LOOKBACK,
        text => parse_int(text, 64).map_err(|why| Refusal::parameter("lookback", why))?,
    };
    // Go counts it in nanoseconds, without a check.
    let start = end.saturating_sub(lookback.wrapping_mul(1_000_000).div_euclid(1_000));
    let mut calls = Calls::new();
    api.store.each_between(start, end, |trace| count(trace, &mut calls));
    let service = form.get("service");
    let asked =
        |parent: &str, child: &str| service.is_empty() || service == parent || service == child;
    let json: Vec<_> = calls
        .iter()
        .filter(|((parent, child), _)| asked(parent, child))
        .map(|((parent, child), calls)| DependencyJson { parent, child, calls: *calls })
        .collect();
    ok(form, &Answer::of(json))
}

fn count(trace: &Trace, calls: &mut Calls) {
    let mut views: Vec<_> = trace.spans.iter().map(|span| View::new(span)).collect();
    dedupe(&mut views);
    let mut services: HashMap<SpanId, &Text> = HashMap::new();
    for view in &views {
        services.entry(view.span_id).or_insert(&view.process.service);
    }
    for view in &views {
        let child = &view.process.service;
        if let Some(parent) = services.get(&view.parent()).filter(|parent| **parent != child) {
            *calls.entry(((*parent).clone(), child.clone())).or_default() += 1;
        }
    }
}
