//! Requests in JSON, converted to protobuf span by span.
//!
//! A part that cannot be read costs no other part: it is left out, and the answer names it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::json;
use crate::protobuf::message::Message;
use crate::receive::faults::Faults;
use crate::receive::json::{Key, read};
use crate::receive::mend::mended;

/// Converts an `ExportTraceServiceRequest` to protobuf. That takes no more memory than the text,
/// and what it becomes is bounded where protobuf is decoded. What is left out is in `faults`.
///
/// # Errors
/// Where the text is not JSON or not a request, or all that it holds is left out.
pub(super) fn to_protobuf(
    request: impl AsRef<[u8]>,
    faults: &mut Faults,
) -> Result<Vec<u8>, String> {
    let as_sent = std::str::from_utf8(request.as_ref()).ok();
    if let Some(Ok(message)) = as_sent.map(|text| convert(text, faults)) {
        return Ok(message);
    }
    let text = mended(request.as_ref())?;
    drop(request);
    *faults = Faults::default();
    convert(&text, faults)
}

fn convert(text: &str, faults: &mut Faults) -> Result<Vec<u8>, String> {
    let mut out = Message::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut spans = 0;
    let request =
        Level { kind: Kind::Request, number: 0, out: &mut out, faults, spans: &mut spans };
    let read = request.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| error.to_string())?;
    match faults.first() {
        Some(why) if spans == 0 => Err(why.to_owned()),
        _ => Ok(out.into_bytes()),
    }
}

/// What a value of the request is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Request,
    ResourceSpansList,
    ResourceSpans,
    ScopeSpansList,
    ScopeSpans,
    SpanList,
}

/// Reads a value of the request into a message: the fields of an object, or the items of a list as
/// the field `number`.
struct Level<'l> {
    kind: Kind,
    number: u32,
    out: &'l mut Message,
    faults: &'l mut Faults,
    /// Counts the spans that are converted.
    spans: &'l mut u64,
}

impl Level<'_> {
    /// Reads a field of an object.
    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        entries: &mut A,
    ) -> Result<(), A::Error> {
        let (kind, number) = match (self.kind, name) {
            (Kind::Request, "resourceSpans" | "resource_spans") => (Kind::ResourceSpansList, 1),
            (
                Kind::ResourceSpans,
                "scopeSpans"
                | "scope_spans"
                // Their names until 2022.
                | "instrumentationLibrarySpans"
                | "instrumentation_library_spans",
            ) => (Kind::ScopeSpansList, 2),
            (Kind::ScopeSpans, "spans") => (Kind::SpanList, 2),
            (Kind::ResourceSpans, "resource") => {
                let value = entries.next_value::<&RawValue>()?;
                self.resource(value.get());
                return Ok(());
            }
            (Kind::ScopeSpans, "scope" | "instrumentationLibrary" | "instrumentation_library") => {
                let value = entries.next_value::<&RawValue>()?;
                self.scope(value.get());
                return Ok(());
            }
            _ => return entries.next_value::<IgnoredAny>().map(drop),
        };
        let Level { out, faults, spans, .. } = self;
        entries.next_value_seed(Level { kind, number, out, faults, spans })
    }

    fn resource(&mut self, text: &str) {
        let converted = read(text, |value| {
            let mut found = Vec::new();
            let message = json::resource(value, &mut |why| found.push(why));
            message.map(|message| (message, found))
        });
        match converted {
            Ok((message, found)) => {
                self.out.message(1, &message);
                found.into_iter().for_each(|why| self.faults.note(why));
            }
            Err(why) => self.faults.note(format!("a resource: {why}")),
        }
    }

    fn scope(&mut self, text: &str) {
        match read(text, json::scope) {
            Ok(scope) => self.out.message(1, &scope),
            Err(why) => self.faults.note(format!("a scope: {why}")),
        }
    }

    fn span(&mut self, text: &str) {
        match read(text, json::span) {
            Ok(span) => {
                self.out.message(self.number, &span);
                *self.spans += 1;
            }
            Err(why) => self.faults.refuse_span(text, &why),
        }
    }

    /// The kind of a list's items; those of a list of spans are read each for itself.
    fn items(&self) -> Option<Kind> {
        match self.kind {
            Kind::ResourceSpansList => Some(Kind::ResourceSpans),
            Kind::ScopeSpansList => Some(Kind::ScopeSpans),
            _ => None,
        }
    }

    fn is_list(&self) -> bool {
        matches!(self.kind, Kind::ResourceSpansList | Kind::ScopeSpansList | Kind::SpanList)
    }

    /// Something else stands where an object or a list should.
    fn other<E: Error>(self, found: &str) -> Result<(), E> {
        let wanted = if self.is_list() { "an array" } else { "an object" };
        let why = format!("expected {wanted}, found {found}");
        if self.kind == Kind::Request {
            return Err(E::custom(why));
        }
        self.faults.refuse(why);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        if self.is_list() {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.other("an object");
        }
        while let Some(name) = entries.next_key_seed(Key)? {
            self.field(&name, &mut entries)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        if !self.is_list() {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return self.other("an array");
        }
        let Some(kind) = self.items() else {
            while let Some(span) = items.next_element::<&RawValue>()? {
                self.span(span.get());
            }
            return Ok(());
        };
        loop {
            let mut inner = Message::default();
            let Level { faults, spans, .. } = &mut self;
            let item = Level { kind, number: 0, out: &mut inner, faults, spans };
            if items.next_element_seed(item)?.is_none() {
                return Ok(());
            }
            self.out.message(self.number, &inner);
        }
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.other("a boolean")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.other("an integer")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.other("an integer")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.other("a number")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.other("a string")
    }
}
