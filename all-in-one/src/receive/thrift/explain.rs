//! Why Jaeger refuses a body: the text that its collector answers, which names the place.
//!
//! Only a body that was refused comes here. It is read once more, in the order and with the
//! limits of the reader that Go's Thrift compiler makes, up to the same error.
//!
//! Source: jaeger.thrift in <https://github.com/jaegertracing/jaeger-idl>, and what Jaeger 1.35
//! answers.

/// A claim beyond this, in bytes or elements, is refused before anything is read.
const LARGEST_CLAIM: i32 = 100 << 20;
/// How deep a value may nest that nobody asked for.
const SKIP_DEPTH: usize = 64;
/// Text shorter than this goes through the reader's own buffer.
const BUFFER: usize = 64;

/// The numbers of the types in the binary protocol.
mod number {
    pub(super) const STOP: u8 = 0;
    pub(super) const BOOL: u8 = 2;
    pub(super) const I8: u8 = 3;
    pub(super) const DOUBLE: u8 = 4;
    pub(super) const I16: u8 = 6;
    pub(super) const I32: u8 = 8;
    pub(super) const I64: u8 = 10;
    pub(super) const TEXT: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    pub(super) const MAP: u8 = 13;
    pub(super) const SET: u8 = 14;
    pub(super) const LIST: u8 = 15;
}

/// A struct of the interface file.
struct Shape {
    name: &'static str,
    fields: &'static [Field],
}

struct Field {
    id: i16,
    kind: Kind,
    /// The name by which it is missed.
    required: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Kind {
    Plain(u8),
    Bytes,
    Struct(&'static Shape),
    List(&'static Shape),
}

impl Kind {
    fn number(self) -> u8 {
        match self {
            Kind::Plain(number) => number,
            Kind::Bytes => number::TEXT,
            Kind::Struct(_) => number::STRUCT,
            Kind::List(_) => number::LIST,
        }
    }
}

const I64: Kind = Kind::Plain(number::I64);
const I32: Kind = Kind::Plain(number::I32);
const TEXT: Kind = Kind::Plain(number::TEXT);

const fn must(id: i16, name: &'static str, kind: Kind) -> Field {
    Field { id, kind, required: Some(name) }
}

const fn may(id: i16, kind: Kind) -> Field {
    Field { id, kind, required: None }
}

static BATCH: Shape = Shape {
    name: "Batch",
    fields: &[
        must(1, "Process", Kind::Struct(&PROCESS)),
        must(2, "Spans", Kind::List(&SPAN)),
        may(3, I64),
        may(4, Kind::Struct(&CLIENT_STATS)),
    ],
};

static PROCESS: Shape =
    Shape { name: "Process", fields: &[must(1, "ServiceName", TEXT), may(2, Kind::List(&TAG))] };

static CLIENT_STATS: Shape = Shape {
    name: "ClientStats",
    fields: &[
        must(1, "FullQueueDroppedSpans", I64),
        must(2, "TooLargeDroppedSpans", I64),
        must(3, "FailedToEmitSpans", I64),
    ],
};

static SPAN: Shape = Shape {
    name: "Span",
    fields: &[
        must(1, "TraceIdLow", I64),
        must(2, "TraceIdHigh", I64),
        must(3, "SpanId", I64),
        must(4, "ParentSpanId", I64),
        must(5, "OperationName", TEXT),
        may(6, Kind::List(&SPAN_REF)),
        must(7, "Flags", I32),
        must(8, "StartTime", I64),
        must(9, "Duration", I64),
        may(10, Kind::List(&TAG)),
        may(11, Kind::List(&LOG)),
    ],
};

static SPAN_REF: Shape = Shape {
    name: "SpanRef",
    fields: &[
        must(1, "RefType", I32),
        must(2, "TraceIdLow", I64),
        must(3, "TraceIdHigh", I64),
        must(4, "SpanId", I64),
    ],
};

static LOG: Shape = Shape {
    name: "Log",
    fields: &[must(1, "Timestamp", I64), must(2, "Fields", Kind::List(&TAG))],
};

static TAG: Shape = Shape {
    name: "Tag",
    fields: &[
        must(1, "Key", TEXT),
        must(2, "VType", I32),
        may(3, TEXT),
        may(4, Kind::Plain(number::DOUBLE)),
        may(5, Kind::Plain(number::BOOL)),
        may(6, I64),
        may(7, Kind::Bytes),
    ],
};

/// The error with which Jaeger refuses this body; `None` where it would take it.
pub(super) fn explain(body: &[u8]) -> Option<String> {
    Reader { rest: body, buffer: [0; BUFFER] }.shape(&BATCH).err()
}

struct Reader<'a> {
    rest: &'a [u8],
    // It keeps what was read before, and that shows: a field's number that is cut off is
    // completed from it.
    buffer: [u8; BUFFER],
}

impl Reader<'_> {
    fn shape(&mut self, shape: &Shape) -> Result<(), String> {
        let mut seen = 0u16;
        loop {
            let (kind, id, end) = self.field();
            end.map_err(|e| format!("*jaeger.{} field {id} read error: {e}", shape.name))?;
            if kind == number::STOP {
                break;
            }
            match shape.fields.iter().find(|f| f.id == id && f.kind.number() == kind) {
                Some(field) => {
                    self.value(field)?;
                    seen |= 1 << field.id;
                }
                None => self.skip(kind, SKIP_DEPTH)?,
            }
        }
        let missing = shape.fields.iter().filter(|field| seen & 1 << field.id == 0);
        match missing.filter_map(|field| field.required).next() {
            Some(name) => Err(format!("Required field {name} is not set")),
            None => Ok(()),
        }
    }

    fn value(&mut self, field: &Field) -> Result<(), String> {
        match field.kind {
            Kind::Plain(kind) => self.skip(kind, SKIP_DEPTH).map_err(in_field(field.id)),
            Kind::Bytes => self.bytes().map_err(in_field(field.id)),
            Kind::Struct(shape) => self.nested(shape),
            Kind::List(shape) => {
                // What the list says of its elements' type is not looked at.
                let (_, count) =
                    self.list().map_err(|e| format!("error reading list begin: {e}"))?;
                (0..count).try_for_each(|_| self.nested(shape))
            }
        }
    }

    fn nested(&mut self, shape: &Shape) -> Result<(), String> {
        self.shape(shape).map_err(|e| format!("*jaeger.{} error reading struct: {e}", shape.name))
    }

    /// The head of a field. Its number is told even where it could not be read.
    fn field(&mut self) -> (u8, i16, Result<(), String>) {
        let kind = match self.byte() {
            Err(error) => return (number::STOP, 0, Err(error)),
            Ok(number::STOP) => return (number::STOP, 0, Ok(())),
            Ok(kind) => kind,
        };
        let end = self.fill(2);
        (kind, i16::from_be_bytes([self.buffer[0], self.buffer[1]]), end)
    }

    fn list(&mut self) -> Result<(u8, i32), String> {
        Ok((self.byte()?, self.claim()?))
    }

    /// Text of any length. What is cut off reads differently by its length.
    fn text(&mut self) -> Result<(), String> {
        match self.claim()? as usize {
            short @ 0..BUFFER => self.fill(short),
            long => self.pass(long),
        }
    }

    fn bytes(&mut self) -> Result<(), String> {
        let length = self.claim()?;
        self.pass(length as usize)
    }

    /// A length or count: never negative.
    fn claim(&mut self) -> Result<i32, String> {
        self.fill(4)?;
        let [a, b, c, d, ..] = self.buffer;
        match i32::from_be_bytes([a, b, c, d]) {
            size @ ..0 => Err(format!("negative size: {size}")),
            size if size > LARGEST_CLAIM => Err(format!("size exceeded max allowed: {size}")),
            size => Ok(size),
        }
    }

    fn byte(&mut self) -> Result<u8, String> {
        let (byte, rest) = self.rest.split_first().ok_or("EOF")?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Reads into the buffer as much as there is, up to `size` bytes.
    fn fill(&mut self, size: usize) -> Result<(), String> {
        let (read, rest) = self.rest.split_at(size.min(self.rest.len()));
        self.rest = rest;
        self.buffer[..read.len()].copy_from_slice(read);
        match read.len() {
            read if read == size => Ok(()),
            0 => Err("EOF".to_owned()),
            _ => Err("unexpected EOF".to_owned()),
        }
    }

    fn pass(&mut self, size: usize) -> Result<(), String> {
        self.rest = self.rest.get(size..).ok_or("EOF")?;
        Ok(())
    }

    /// Passes over a value. Every element takes a byte at least, so a count costs no more time
    /// than there are bytes.
    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), String> {
        let Some(below) = depth.checked_sub(1) else {
            return Err("Depth limit exceeded".to_owned());
        };
        match kind {
            number::BOOL | number::I8 => self.byte().map(drop),
            number::I16 => self.fill(2),
            number::I32 => self.fill(4),
            number::I64 | number::DOUBLE => self.fill(8),
            number::TEXT => self.text(),
            number::STRUCT => loop {
                let (kind, _, end) = self.field();
                end?;
                if kind == number::STOP {
                    return Ok(());
                }
                self.skip(kind, below)?;
            },
            number::MAP => {
                let (key, value) = (self.byte()?, self.byte()?);
                for _ in 0..self.claim()? {
                    self.skip(key, below)?;
                    self.skip(value, below)?;
                }
                Ok(())
            }
            number::SET | number::LIST => {
                let (element, count) = self.list()?;
                (0..count).try_for_each(|_| self.skip(element, below))
            }
            other => Err(format!("Unknown data type {other}")),
        }
    }
}

fn in_field(id: i16) -> impl Fn(String) -> String {
    move |error| format!("error reading field {id}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(body: &[u8]) -> String {
        explain(body).unwrap_or_else(|| "taken".to_owned())
    }

    #[test]
    fn the_place_is_named_as_jaeger_names_it() {
        for (body, text) in [
            (&b""[..], "*jaeger.Batch field 0 read error: EOF"),
            (b"garbage", "Unknown data type 103"),
            (b"\0", "Required field Process is not set"),
            (
                b"\x0c\0\x01\0",
                "*jaeger.Process error reading struct: Required field ServiceName is not set",
            ),
            (
                b"\x0c\0\x01\x0b\0\x01\0\0\0\x04ab",
                "*jaeger.Process error reading struct: error reading field 1: unexpected EOF",
            ),
            (
                b"\x0c\0\x01\x0b\0\x01\0\0\0\x40ab",
                "*jaeger.Process error reading struct: error reading field 1: EOF",
            ),
            (
                b"\x0c\0\x01\x0b\0\x01\xff\xff\xff\xff",
                "*jaeger.Process error reading struct: error reading field 1: negative size: -1",
            ),
            (
                b"\x0c\0\x01\x0b\0\x01\x7f\xff\xff\xff",
                "*jaeger.Process error reading struct: error reading field 1: size exceeded max allowed: 2147483647",
            ),
            (b"\x0f\0\x02\x0c\0\0", "error reading list begin: unexpected EOF"),
            (
                b"\x0f\0\x02\x0c\0\0\0\x01",
                "*jaeger.Span error reading struct: *jaeger.Span field 0 read error: EOF",
            ),
            (
                b"\x0a\0\x03\0\0\0\0\0\0\0\x07\x0c\x05",
                "*jaeger.Batch field 1280 read error: unexpected EOF",
            ),
        ] {
            assert_eq!(explained(body), text, "{body:?}");
        }
    }

    #[test]
    fn nesting_and_claims_end_soon() {
        let nested = [0x0c, 0, 9].repeat(1 << 20);
        assert_eq!(explained(&nested), "Depth limit exceeded");
        let many = b"\x0f\0\x09\x02\x06\x00\x00\x00";
        assert_eq!(explained(many), "EOF");
    }
}
