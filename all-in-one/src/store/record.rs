//! A span as it is stored: a sequence of bytes, in which repeated text is a number.
//!
//! Integers are varints as in protocol buffers, signed ones zigzag. Ids are eight bytes,
//! little-endian. A start counts from the base of the trace, because a trace is short.
//!
//! ```text
//! span:  process operation id:8 flags << 1 | nanos, start - base, duration, [nanos nanos] tags logs
//!        references warnings
//! lists: count, then the items
//! tag:   key:text type:1 value, or key:text (symbol + 6):1 for text whose symbol is small
//! log:   timestamp - start, tags
//! reference: kind << 1 | other trace, the other trace's id:16, id:8
//! text:  symbol << 1, or length << 1 | 1 and the bytes
//! ```

use crate::model::{
    Batch, Bytes, Draft, Nanos, RefKind, Reference, SpanId, Tag, TagValue, TraceId,
};

use super::search_keys::{self, KeyHasher};
use super::symbols::Symbols;

const STRING: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT64: u8 = 3;
const FLOAT64: u8 = 4;
const BINARY: u8 = 5;
/// From here on, the type stands for text that is a symbol: most text is one of the first symbols.
const SYMBOL: u8 = 6;

/// Writes records.
pub(super) struct Writer<'s> {
    pub(super) out: &'s mut Vec<u8>,
    /// The span's search keys.
    pub(super) found_by: &'s mut Vec<u64>,
    pub(super) hasher: &'s KeyHasher,
    /// The table of repeated text; without it all text is written inline.
    pub(super) symbols: Option<&'s mut Symbols>,
    /// The hash of the service's name.
    pub(super) service: u64,
}

impl Writer<'_> {
    /// Writes a span of a trace with this base.
    pub(super) fn span(
        &mut self,
        draft: &Draft<'_>,
        batch: &Batch<'_>,
        base: u64,
        (process, operation): (u32, u32),
    ) {
        self.varint(process.into());
        self.varint(operation.into());
        self.eight(draft.span_id.0);
        let has_nanos = draft.nanos != Nanos::default();
        self.varint(u64::from(draft.flags) << 1 | u64::from(has_nanos));
        self.zigzag(draft.start.wrapping_sub(base) as i64);
        self.varint(draft.duration);
        if has_nanos {
            self.varint(draft.nanos.start.into());
            self.varint(draft.nanos.duration.into());
        }
        self.tags(&batch.tags[draft.tags.clone()]);
        let logs = &batch.logs[draft.logs.clone()];
        self.varint(logs.len() as u64);
        for log in logs {
            self.zigzag(log.timestamp.wrapping_sub(draft.start) as i64);
            self.tags(&batch.tags[log.fields.clone()]);
        }
        let references = &batch.references[draft.references.clone()];
        self.varint(references.len() as u64);
        for reference in references {
            self.reference(reference, draft.trace_id);
        }
        let warnings = &batch.warnings[draft.warnings.clone()];
        self.varint(warnings.len() as u64);
        for warning in warnings {
            self.text(warning);
        }
    }

    pub(super) fn tags(&mut self, tags: &[Tag<'_>]) {
        self.varint(tags.len() as u64);
        for tag in tags {
            let key = self.text(&tag.key);
            let text = self.value(&tag.value);
            let value = self.hasher.value(&tag.value, text);
            self.found_by.push(search_keys::tag(self.service, key, value));
        }
    }

    /// Writes a value; returns the hash of its text.
    fn value(&mut self, value: &TagValue<'_>) -> u64 {
        match value {
            TagValue::String(text) => return self.typed_text(text, Some(STRING)),
            TagValue::Bool(value) => self.out.push(if *value { TRUE } else { FALSE }),
            TagValue::Int64(value) => {
                self.out.push(INT64);
                self.zigzag(*value);
            }
            TagValue::Float64(value) => {
                self.out.push(FLOAT64);
                self.eight(value.to_bits());
            }
            TagValue::Binary(bytes) => {
                self.out.push(BINARY);
                self.varint(bytes.len() as u64);
                self.out.extend_from_slice(bytes);
            }
        }
        0
    }

    fn reference(&mut self, reference: &Reference, own: TraceId) {
        let kind = match reference.kind {
            RefKind::ChildOf => 0,
            RefKind::FollowsFrom => 1,
            RefKind::Other(number) => u64::from(number as u32),
        };
        let elsewhere = reference.trace_id != own;
        self.varint(kind << 1 | u64::from(elsewhere));
        if elsewhere {
            self.eight(reference.trace_id.high);
            self.eight(reference.trace_id.low);
        }
        self.eight(reference.span_id.0);
    }

    /// Writes text; returns its hash.
    pub(super) fn text(&mut self, bytes: &[u8]) -> u64 {
        self.typed_text(bytes, None)
    }

    /// Writes text after its type, if it has one; returns its hash.
    fn typed_text(&mut self, bytes: &[u8], of_type: Option<u8>) -> u64 {
        let (symbol, hash) = match &mut self.symbols {
            Some(symbols) => symbols.hold_next(bytes, self.hasher),
            None => (None, self.hasher.hash(bytes)),
        };
        if of_type.is_some()
            && let Some(small) = symbol.and_then(small)
        {
            self.out.push(small);
            return hash;
        }
        self.out.extend(of_type);
        if let Some(symbol) = symbol {
            self.varint(u64::from(symbol) << 1);
            return hash;
        }
        let valid = valid(bytes);
        self.varint((valid.len() as u64) << 1 | 1);
        self.out.extend_from_slice(&valid);
        if matches!(valid, Bytes::Borrowed(_)) { hash } else { self.hasher.hash(&valid) }
    }

    pub(super) fn varint(&mut self, value: u64) {
        varint(self.out, value);
    }

    fn zigzag(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63) as u64);
    }

    fn eight(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }
}

/// The type that stands for this symbol, if it is small enough.
fn small(symbol: u32) -> Option<u8> {
    u8::try_from(symbol).ok()?.checked_add(SYMBOL)
}

pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The bytes as UTF-8. As in Go, each invalid byte becomes one replacement character.
pub(super) fn valid(bytes: &[u8]) -> Bytes<'_> {
    if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() {
        return bytes.into();
    }
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text.into_bytes().into()
}

/// Reads what a [`Writer`] wrote. Beyond the end it reads zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'r>(pub(super) &'r [u8]);

/// Text in a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum TextRef<'r> {
    Symbol(u32),
    Own(&'r str),
}

/// A tag's value in a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValueRef<'r> {
    String(TextRef<'r>),
    Bool(bool),
    Int64(i64),
    Float64(f64),
    Binary(&'r [u8]),
}

/// The fields of a span at the beginning of a record, and its lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'r> {
    pub(super) process: u32,
    pub(super) operation: u32,
    pub(super) span_id: SpanId,
    pub(super) flags: u32,
    pub(super) start: u64,
    pub(super) duration: u64,
    pub(super) nanos: Nanos,
    pub(super) lists: Input<'r>,
}

impl<'r> Input<'r> {
    /// Reads the beginning of a span of a trace with this base.
    pub(super) fn head(mut self, base: u64) -> Head<'r> {
        let (process, operation) = (self.varint() as u32, self.varint() as u32);
        let span_id = SpanId(self.eight());
        let flags = self.varint();
        let (start, duration) = (base.wrapping_add(self.zigzag() as u64), self.varint());
        let nanos = match flags & 1 {
            0 => Nanos::default(),
            _ => Nanos { start: self.varint() as u16, duration: self.varint() as u16 },
        };
        let flags = (flags >> 1) as u32;
        Head { process, operation, span_id, flags, start, duration, nanos, lists: self }
    }

    pub(super) fn tag(&mut self) -> (TextRef<'r>, ValueRef<'r>) {
        let key = self.text();
        let value = match self.byte() {
            STRING => ValueRef::String(self.text()),
            FALSE => ValueRef::Bool(false),
            TRUE => ValueRef::Bool(true),
            INT64 => ValueRef::Int64(self.zigzag()),
            FLOAT64 => ValueRef::Float64(f64::from_bits(self.eight())),
            BINARY => {
                let length = self.varint() as usize;
                ValueRef::Binary(self.take(length))
            }
            symbol => ValueRef::String(TextRef::Symbol(u32::from(symbol - SYMBOL))),
        };
        (key, value)
    }

    pub(super) fn reference(&mut self, own: TraceId) -> Reference {
        let kind = self.varint();
        let trace_id = match kind & 1 {
            0 => own,
            _ => TraceId { high: self.eight(), low: self.eight() },
        };
        let kind = RefKind::from_number((kind >> 1) as u32 as i32);
        Reference { kind, trace_id, span_id: SpanId(self.eight()) }
    }

    pub(super) fn text(&mut self) -> TextRef<'r> {
        let head = self.varint();
        if head & 1 == 0 {
            return TextRef::Symbol((head >> 1) as u32);
        }
        let bytes = self.take((head >> 1) as usize);
        TextRef::Own(std::str::from_utf8(bytes).unwrap_or_default())
    }

    pub(super) fn varint(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    pub(super) fn zigzag(&mut self) -> i64 {
        let value = self.varint();
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }

    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *byte
    }

    fn eight(&mut self) -> u64 {
        let Some((bytes, rest)) = self.0.split_first_chunk() else {
            return 0;
        };
        self.0 = rest;
        u64::from_le_bytes(*bytes)
    }

    pub(super) fn take(&mut self, length: usize) -> &'r [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

impl TextRef<'_> {
    pub(super) fn is(self, text: &str, symbols: &Symbols) -> bool {
        match self {
            TextRef::Symbol(id) => **symbols.text(id) == *text,
            TextRef::Own(own) => own == text,
        }
    }
}

/// Releases the symbols of a span's record.
pub(super) fn release(mut lists: Input<'_>, own: TraceId, symbols: &mut Symbols) {
    release_tags(&mut lists, symbols);
    for _ in 0..lists.varint() {
        lists.zigzag();
        release_tags(&mut lists, symbols);
    }
    for _ in 0..lists.varint() {
        lists.reference(own);
    }
    for _ in 0..lists.varint() {
        release_text(lists.text(), symbols);
    }
}

fn release_tags(lists: &mut Input<'_>, symbols: &mut Symbols) {
    for _ in 0..lists.varint() {
        let (key, value) = lists.tag();
        release_text(key, symbols);
        if let ValueRef::String(text) = value {
            release_text(text, symbols);
        }
    }
}

fn release_text(text: TextRef<'_>, symbols: &mut Symbols) {
    if let TextRef::Symbol(id) = text {
        symbols.release(id);
    }
}
