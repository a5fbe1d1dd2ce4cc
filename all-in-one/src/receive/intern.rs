//! Text and processes that repeat are kept once.
//!
//! Clients send the same keys, operation names and processes over and over. The last few
//! thousand short ones wait in a table of fixed size: what hashes to the same slot replaces
//! what was there, so the table never grows, whatever is sent.

use std::hash::BuildHasher;
use std::sync::Arc;

use crate::model::{KeyValue, Process, Text};

/// Longer text seldom repeats. It also bounds what the table itself can hold.
const LONGEST: usize = 64;
const TEXTS: usize = 4096;
const PROCESSES: usize = 256;
/// The two counters and the allocator's own part of a shared allocation.
const SHARED: usize = 32;
/// What the collector does to a service without a name.
const UNNAMED: &str = "empty-service-name";

/// A table of recent text and processes, and a count of the bytes that were newly allocated.
#[derive(Debug)]
pub struct Interner {
    hasher: std::hash::RandomState,
    texts: Box<[Option<Text>]>,
    processes: Box<[Option<Arc<Process>>]>,
    nobody: Arc<Process>,
    allocated: usize,
}

impl Default for Interner {
    fn default() -> Self {
        Interner {
            hasher: std::hash::RandomState::new(),
            texts: vec![None; TEXTS].into(),
            processes: vec![None; PROCESSES].into(),
            nobody: Arc::new(Process { service: UNNAMED.into(), tags: Box::default() }),
            allocated: 0,
        }
    }
}

impl Interner {
    /// The bytes allocated so far: the difference of two calls is what lay between them.
    pub fn allocated(&self) -> usize {
        self.allocated
    }

    /// Adds bytes that the caller allocated itself.
    pub fn charge(&mut self, bytes: usize) {
        self.allocated = self.allocated.wrapping_add(bytes);
    }

    /// The text of these bytes, with U+FFFD for every byte that is no UTF-8.
    pub fn text(&mut self, bytes: &[u8]) -> Text {
        if bytes.len() > LONGEST {
            return self.new_text(bytes);
        }
        let slot = self.hasher.hash_one(bytes) as usize % TEXTS;
        if let Some(known) = self.texts[slot].as_ref().filter(|t| t.as_bytes() == bytes) {
            return Arc::clone(known);
        }
        let text = self.new_text(bytes);
        self.texts[slot] = Some(Arc::clone(&text));
        text
    }

    /// The process with this service and these tags.
    pub fn process(&mut self, service: Text, tags: Vec<KeyValue>) -> Arc<Process> {
        let service = if service.is_empty() { self.text(UNNAMED.as_bytes()) } else { service };
        let process = Process { service, tags: tags.into() };
        let slot = self.hasher.hash_one(&process) as usize % PROCESSES;
        if let Some(known) = self.processes[slot].as_ref().filter(|p| ***p == process) {
            return Arc::clone(known);
        }
        self.charge(SHARED + size_of::<Process>() + size_of_val(&*process.tags));
        let process = Arc::new(process);
        self.processes[slot] = Some(Arc::clone(&process));
        process
    }

    /// A process to stand in until the batch's own is known.
    pub fn nobody(&self) -> Arc<Process> {
        Arc::clone(&self.nobody)
    }

    /// The tag by which Jaeger says how a span came in.
    pub fn format_tag(&mut self, format: &str) -> KeyValue {
        let key = self.text(b"internal.span.format");
        let value = self.text(format.as_bytes());
        KeyValue::text(key, value)
    }

    fn new_text(&mut self, bytes: &[u8]) -> Text {
        self.charge(SHARED + bytes.len());
        match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => replaced(bytes).into(),
        }
    }
}

/// As Go does it: one replacement character for each byte that is wrong.
fn replaced(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_text_is_kept_once_and_charged_once() {
        let mut interner = Interner::default();
        let first = interner.text(b"http.method");
        let after_first = interner.allocated();
        let second = interner.text(b"http.method");
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(interner.allocated(), after_first);
    }

    #[test]
    fn the_table_does_not_grow() {
        let mut interner = Interner::default();
        for number in 0..100_000 {
            interner.text(number.to_string().as_bytes());
        }
        assert_eq!(interner.texts.len(), TEXTS);
    }

    #[test]
    fn each_wrong_byte_is_replaced() {
        let mut interner = Interner::default();
        assert_eq!(&*interner.text(b"\xff\xfeabc\xc3"), "\u{fffd}\u{fffd}abc\u{fffd}");
    }
}
