//! What many spans share: services, operations and processes. Each is kept as long as a span refers
//! to it.

use std::ops::Range;

use super::cells::Cells;
use super::filter::Signature;
use super::interner::Interner;
use super::record::{Input, Writer, valid, varint};
use super::search_keys::{self, KeyHasher};
use crate::model::{self, Batch, Bytes, Draft, DraftProcess, Tag, TagValue, Text};

/// An operation of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    /// The spans' operation name.
    pub name: Text,
    /// Their tag `span.kind`, empty where they have none.
    pub kind: Text,
}

#[derive(Debug, Default)]
pub(super) struct Common {
    /// Names of services.
    services: Interner,
    /// Contents: the service's number in four bytes, the kind after its length, the name.
    operations: Interner,
    /// Contents: the service's number in four bytes, the tags with all text inline.
    processes: Interner,
}

/// A process, and its search keys.
#[derive(Debug)]
pub(super) struct HeldProcess {
    pub(super) id: u32,
    pub(super) service: u32,
    /// The hash of its contents, and that of the service's name alone.
    pub(super) hash: u64,
    pub(super) service_hash: u64,
    pub(super) found_by: Vec<u64>,
    pub(super) signature: Signature,
}

impl Common {
    /// The bytes that it takes, not counting cells.
    pub(super) fn size(&self) -> usize {
        self.services.size() + self.operations.size() + self.processes.size()
    }

    /// Refers to a process and its service once more, and adds them if they are new.
    pub(super) fn hold_process(
        &mut self,
        process: &DraftProcess<'_>,
        batch: &Batch<'_>,
        cells: &mut Cells,
        hasher: &KeyHasher,
    ) -> HeldProcess {
        let name = valid(&process.service);
        let service_hash = hasher.hash(&name);
        let service = self.services.hold(cells, service_hash, &name);
        let (mut content, mut found_by) = (service.to_le_bytes().to_vec(), Vec::new());
        found_by.push(search_keys::service(service_hash));
        let (out, found) = (&mut content, &mut found_by);
        Writer { out, found_by: found, hasher, symbols: None, service: service_hash }
            .tags(&batch.tags[process.tags.clone()]);
        let hash = hasher.hash(&content);
        let id = self.processes.hold(cells, hash, &content);
        let signature = Signature::of(&found_by);
        HeldProcess { id, service, hash, service_hash, found_by, signature }
    }

    pub(super) fn release_process(&mut self, process: &HeldProcess, cells: &mut Cells) {
        self.processes.release(cells, process.id);
        self.services.release(cells, process.service);
    }

    /// Refers once more to a span's operation, its process and its service. Returns the operation's
    /// number and search key. Overwrites `content`.
    pub(super) fn hold_span(
        &mut self,
        process: &HeldProcess,
        draft: &Draft<'_>,
        batch: &Batch<'_>,
        cells: &mut Cells,
        hasher: &KeyHasher,
        content: &mut Vec<u8>,
    ) -> (u32, u64) {
        self.services.hold_again(process.service);
        self.processes.hold_again(process.id);
        let kind = kind(&batch.tags[draft.tags.clone()]);
        let name = valid(&draft.operation);
        content.clear();
        content.extend(process.service.to_le_bytes());
        varint(content, kind.len() as u64);
        content.extend_from_slice(&kind);
        content.extend_from_slice(&name);
        let id = self.operations.hold(cells, hasher.hash(content), content);
        (id, search_keys::operation(process.service_hash, hasher.hash(&name)))
    }

    /// Releases what a span refers to.
    pub(super) fn release_span(&mut self, process: u32, operation: u32, cells: &mut Cells) {
        let service = first_number(&self.operations.read(cells, operation));
        self.operations.release(cells, operation);
        self.processes.release(cells, process);
        self.services.release(cells, service);
    }

    /// The number of a service that has spans.
    pub(super) fn service(&self, name: &str, cells: &Cells, hasher: &KeyHasher) -> Option<u32> {
        self.services.find(cells, hasher.hash(name.as_bytes()), name.as_bytes())
    }

    pub(super) fn span_count(&self, service: u32) -> usize {
        self.services.holders(service)
    }

    /// Adds the names of the services with these numbers; returns whether there are no more.
    pub(super) fn service_names(
        &self,
        numbers: Range<u32>,
        cells: &Cells,
        names: &mut Vec<Text>,
    ) -> bool {
        let is_last = numbers.end >= self.services.end();
        let held = self.services.held(numbers);
        names.extend(held.map(|id| Text::from(self.services.text(cells, id))));
        is_last
    }

    /// Adds the operations of a service among those with these numbers; returns whether there are
    /// no more.
    pub(super) fn operations(
        &self,
        service: u32,
        numbers: Range<u32>,
        cells: &Cells,
        found: &mut Vec<Operation>,
    ) -> bool {
        let is_last = numbers.end >= self.operations.end();
        let held = self.operations.held(numbers).map(|id| self.operations.read(cells, id));
        let own = held.filter(|content| first_number(content) == service);
        for content in own {
            let (kind, name) = kind_and_name(&content);
            // Few kinds, many operations: less memory to take and give back.
            let known = found.last().map(|operation| &operation.kind).filter(|it| ***it == *kind);
            let kind = known.map_or_else(|| kind.into(), Text::clone);
            found.push(Operation { name: name.into(), kind });
        }
        is_last
    }

    /// The operation with this number.
    pub(super) fn operation(&self, id: u32, cells: &Cells) -> Operation {
        operation(&self.operations.read(cells, id))
    }

    /// The name of the service of the operation with this number.
    pub(super) fn service_of(&self, operation: u32, cells: &Cells) -> String {
        self.services.text(cells, first_number(&self.operations.read(cells, operation)))
    }

    /// Whether the operation with this number belongs to this service and has this name.
    pub(super) fn is_operation(&self, id: u32, service: u32, name: &str, cells: &Cells) -> bool {
        let content = self.operations.read(cells, id);
        first_number(&content) == service && *operation(&content).name == *name
    }

    /// Reads the process with this number: its service's name, and its tags.
    pub(super) fn process<T>(
        &self,
        id: u32,
        cells: &Cells,
        read: impl FnOnce(Text, Input<'_>) -> T,
    ) -> T {
        let content = self.processes.read(cells, id);
        let service = self.services.text(cells, first_number(&content));
        read(service.into(), Input(content.get(4..).unwrap_or_default()))
    }
}

fn first_number(content: &[u8]) -> u32 {
    content.first_chunk().copied().map(u32::from_le_bytes).unwrap_or_default()
}

fn operation(content: &[u8]) -> Operation {
    let (kind, name) = kind_and_name(content);
    Operation { kind: kind.into(), name: name.into() }
}

fn kind_and_name(content: &[u8]) -> (&str, &str) {
    let mut input = Input(content.get(4..).unwrap_or_default());
    let length = input.varint() as usize;
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    (text(input.take(length)), text(input.0))
}

/// The text of the tag `span.kind`.
fn kind<'t>(tags: &'t [Tag<'_>]) -> Bytes<'t> {
    let tag = tags.iter().find(|tag| *tag.key == *b"span.kind");
    let other = match tag.map(|tag| &tag.value) {
        None => return Bytes::default(),
        Some(TagValue::String(text)) => return valid(text),
        Some(TagValue::Bool(value)) => model::Value::Bool(*value),
        Some(TagValue::Int64(value)) => model::Value::Int64(*value),
        Some(TagValue::Float64(value)) => model::Value::Float64(*value),
        Some(TagValue::Binary(bytes)) => model::Value::Binary(bytes.to_vec().into()),
    };
    other.to_search_text().into_bytes().into()
}
