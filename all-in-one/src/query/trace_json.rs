//! A trace's views as the JSON of the query API.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::adjust::View;
use super::answer::{LogJson, ProcessJson, ReferenceJson, SpanJson, Tags, TraceJson};
use crate::model::Process;

/// The views of a trace's spans as its JSON; nothing where there are none.
pub(super) fn to_json(views: &[View]) -> Option<TraceJson<'_>> {
    let mut processes = Processes::default();
    let spans = views.iter().map(|view| span_json(view, processes.id(&view.process))).collect();
    Some(TraceJson {
        trace_id: views.first()?.trace_id,
        spans,
        processes: processes.into_json(),
        warnings: None,
    })
}

fn span_json(view: &View, process_id: String) -> SpanJson<'_> {
    SpanJson {
        trace_id: view.trace_id,
        span_id: view.span_id,
        flags: view.flags,
        operation: &view.operation,
        references: view
            .references
            .iter()
            .map(|r| ReferenceJson { kind: r.kind, trace_id: r.trace_id, span_id: r.span_id })
            .collect(),
        start: view.start_micros(),
        duration: view.duration,
        tags: Tags(&view.tags),
        logs: view
            .logs
            .iter()
            .map(|log| LogJson { timestamp: log.micros(), fields: Tags(&log.fields) })
            .collect(),
        process_id,
        warnings: Some(&*view.warnings).filter(|warnings| !warnings.is_empty()),
    }
}

/// The processes of a trace, numbered p1, p2, … in the order of their first span.
#[derive(Default)]
struct Processes<'a> {
    numbers: HashMap<&'a Process, usize>,
    // Most spans share their process, which is then found without a look into it.
    known: HashMap<*const Process, usize>,
}

impl<'a> Processes<'a> {
    fn id(&mut self, process: &'a Arc<Process>) -> String {
        let number = *self.known.entry(Arc::as_ptr(process)).or_insert_with(|| {
            let next = self.numbers.len() + 1;
            *self.numbers.entry(process).or_insert(next)
        });
        format!("p{number}")
    }

    fn into_json(self) -> BTreeMap<String, ProcessJson<'a>> {
        let json = |process: &'a Process| ProcessJson {
            service: &process.service,
            tags: Tags(&process.tags),
        };
        let numbers = self.numbers.into_iter();
        numbers.map(|(process, number)| (format!("p{number}"), json(process))).collect()
    }
}
