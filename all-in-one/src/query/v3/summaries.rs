//! `/api/v3/trace-summaries`: what a list of traces shows.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write as _};

use serde::Serialize;

use super::super::adjust::{MOST, Version, View};
use super::super::api::Api;
use super::super::errors::ApiError;
use super::super::stream::AnswerWriter;
use super::super::trace::TraceWriter;
use super::sent::sent;
use crate::model::{SpanId, Text, TraceId};
use crate::otlp_json::trace_id;

/// Writes the summaries of traces, counted after the adjustments.
pub(super) fn write(
    api: &Api,
    ids: &[TraceId],
    out: &mut AnswerWriter<'_>,
) -> Result<(), ApiError> {
    out.write_all(br#"{"summaries":["#)?;
    let mut before = "";
    for id in ids {
        // A trace that is evicted meanwhile is left out.
        let Some(trace) = TraceWriter::begin_as(api, *id, false, Version::V3) else { continue };
        let Ok(counts) = Counts::of(trace) else { continue };
        out.write_all(before.as_bytes())?;
        before = ",";
        serde_json::to_writer(&mut *out, &counts.summary(*id))?;
    }
    Ok(out.write_all(b"]}")?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    trace_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    root_service_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    root_operation_name: &'a str,
    min_start_time_unix_nano: String,
    max_end_time_unix_nano: String,
    span_count: usize,
    #[serde(skip_serializing_if = "is_zero")]
    error_span_count: usize,
    #[serde(skip_serializing_if = "is_zero")]
    orphan_span_count: usize,
    services: Vec<ServiceSummary<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceSummary<'a> {
    name: &'a str,
    span_count: usize,
    #[serde(skip_serializing_if = "is_zero")]
    error_span_count: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What is counted while a trace is read.
struct Counts {
    /// Start, service and operation of the earliest span without a parent.
    root: Option<(u64, Text, Text)>,
    start: u64,
    end: u64,
    /// The numbers of spans and of errors, by service.
    services: BTreeMap<Text, (usize, usize)>,
    /// The ids and parents of the first spans, to find those without their parent.
    ids: HashSet<SpanId>,
    parents: Vec<SpanId>,
}

impl Counts {
    fn of(mut trace: TraceWriter<'_>) -> io::Result<Self> {
        let mut counts = Counts {
            root: None,
            start: u64::MAX,
            end: 0,
            services: BTreeMap::new(),
            ids: HashSet::new(),
            parents: Vec::new(),
        };
        trace.each(|views| {
            views.iter().for_each(|view| counts.add(view));
            Ok(true)
        })?;
        Ok(counts)
    }

    fn add(&mut self, view: &View) {
        let (start, parent) = (view.start_nanos(), view.parent());
        self.start = self.start.min(start);
        self.end = self.end.max(view.end_nanos().max(start.saturating_add(1)));
        let service = &view.process.service;
        if parent.0 == 0 && self.root.as_ref().is_none_or(|(earliest, ..)| start < *earliest) {
            self.root = Some((start, service.clone(), view.operation.clone()));
        }
        if self.ids.len() < MOST {
            self.ids.insert(view.span_id);
            self.parents.extend(Some(parent).filter(|parent| parent.0 != 0));
        }
        let (spans, errors) = self.services.entry(service.clone()).or_default();
        *spans += 1;
        *errors += usize::from(sent(&view.tags).status.code == 2);
    }

    fn summary(&self, id: TraceId) -> Summary<'_> {
        let services: Vec<_> = self
            .services
            .iter()
            .map(|(name, (spans, errors))| ServiceSummary {
                name,
                span_count: *spans,
                error_span_count: *errors,
            })
            .collect();
        let root = self.root.as_ref();
        // Of a very long trace not all ids are known.
        let is_whole = self.ids.len() < MOST;
        let orphans = self.parents.iter().filter(|parent| !self.ids.contains(parent)).count();
        Summary {
            trace_id: trace_id(id),
            root_service_name: root.map_or("", |(_, service, _)| service),
            root_operation_name: root.map_or("", |(_, _, operation)| operation),
            min_start_time_unix_nano: self.start.to_string(),
            max_end_time_unix_nano: self.end.to_string(),
            span_count: services.iter().map(|service| service.span_count).sum(),
            error_span_count: services.iter().map(|service| service.error_span_count).sum(),
            orphan_span_count: if is_whole { orphans } else { 0 },
            services,
        }
    }
}
