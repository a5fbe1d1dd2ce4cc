//! Decodes records into spans.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::cells::Cells;
use super::common::Common;
use super::record::{Input, TextRef, ValueRef};
use super::symbols::Symbols;
use crate::model::{KeyValue, Log, Process, Span, Text, TraceId, Value};

/// Decodes the spans of a trace, which share operation names and processes.
pub(super) struct Reader<'s> {
    cells: &'s Cells,
    symbols: &'s Symbols,
    common: &'s Common,
    operations: HashMap<u32, Text, RandomState>,
    processes: HashMap<u32, Arc<Process>, RandomState>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(cells: &'s Cells, symbols: &'s Symbols, common: &'s Common) -> Self {
        let (operations, processes) = Default::default();
        Reader { cells, symbols, common, operations, processes }
    }

    /// Decodes a span of a trace with this base.
    pub(super) fn span(&mut self, trace_id: TraceId, base: u64, record: Input<'_>) -> Span {
        let head = record.head(base);
        let mut lists = head.lists;
        let tags = self.tags(&mut lists);
        let logs = (0..lists.varint()).map(|_| self.log(&mut lists, head.start)).collect();
        let references = (0..lists.varint()).map(|_| lists.reference(trace_id)).collect();
        let warnings = (0..lists.varint()).map(|_| self.text(lists.text())).collect();
        Span {
            trace_id,
            span_id: head.span_id,
            operation: self.operation(head.operation),
            references,
            flags: head.flags,
            start: head.start,
            duration: head.duration,
            nanos: head.nanos,
            tags,
            logs,
            process: self.process(head.process),
            warnings,
        }
    }

    fn operation(&mut self, id: u32) -> Text {
        let name = || self.common.operation(id, self.cells).name;
        Arc::clone(self.operations.entry(id).or_insert_with(name))
    }

    fn process(&mut self, id: u32) -> Arc<Process> {
        if let Some(known) = self.processes.get(&id) {
            return Arc::clone(known);
        }
        let process = self.common.process(id, self.cells, |service, mut tags| {
            Arc::new(Process { service, tags: self.tags(&mut tags) })
        });
        match self.processes.entry(id) {
            Entry::Vacant(vacant) => Arc::clone(vacant.insert(process)),
            Entry::Occupied(known) => Arc::clone(known.get()),
        }
    }

    fn log(&self, lists: &mut Input<'_>, start: u64) -> Log {
        let timestamp = start.wrapping_add(lists.zigzag() as u64);
        Log { timestamp, fields: self.tags(lists) }
    }

    fn tags(&self, list: &mut Input<'_>) -> Box<[KeyValue]> {
        (0..list.varint())
            .map(|_| {
                let (key, value) = list.tag();
                KeyValue { key: self.text(key), value: self.value(value) }
            })
            .collect()
    }

    fn value(&self, value: ValueRef<'_>) -> Value {
        match value {
            ValueRef::String(text) => Value::String(self.text(text)),
            ValueRef::Bool(value) => Value::Bool(value),
            ValueRef::Int64(value) => Value::Int64(value),
            ValueRef::Float64(value) => Value::Float64(value),
            ValueRef::Binary(bytes) => Value::Binary(bytes.into()),
        }
    }

    fn text(&self, text: TextRef<'_>) -> Text {
        match text {
            TextRef::Symbol(id) => Arc::clone(self.symbols.text(id)),
            TextRef::Own(text) => text.into(),
        }
    }
}
