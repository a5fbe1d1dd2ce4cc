//! JSON as Go writes it, so that an answer is byte for byte the one Jaeger would give.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Writes `value`, indented by four spaces where `pretty`.
pub(super) fn write(value: &impl Serialize, pretty: bool) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(1024);
    if pretty {
        let layout = Go(PrettyFormatter::with_indent(b"    "));
        value.serialize(&mut Serializer::with_formatter(&mut out, layout))?;
    } else {
        value.serialize(&mut Serializer::with_formatter(&mut out, Go(CompactFormatter)))?;
    }
    Ok(out)
}

/// Writes `value` on one line.
pub(crate) fn compact(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    write(value, false)
}

/// Go's way with characters and numbers; the layout is the inner formatter's.
struct Go<F>(F);

impl<F: Formatter> Formatter for Go<F> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(super::go::json_float(value).as_bytes())
    }

    // Go keeps JSON harmless within HTML and within JavaScript, and escapes what stands for
    // bytes that were no UTF-8.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        mut text: &str,
    ) -> io::Result<()> {
        let special = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{fffd}');
        while let Some(at) = text.find(special) {
            let (before, rest) = text.split_at(at);
            let mut after = rest.chars();
            let code = after.next().map_or(0, u32::from);
            writer.write_all(before.as_bytes())?;
            write!(writer, "\\u{code:04x}")?;
            text = after.as_str();
        }
        writer.write_all(text.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::Backspace => writer.write_all(b"\\u0008"),
            CharEscape::FormFeed => writer.write_all(b"\\u000c"),
            other => self.0.write_char_escape(writer, other),
        }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_go_s() {
        let text = "<b>&\"'\\/</b>\u{0}\u{8}\u{c}\t\n\r\u{7f}\u{2028}\u{2029}é";
        let json = write(&text, false).expect("JSON");
        assert_eq!(
            String::from_utf8(json).expect("UTF-8"),
            "\"\\u003cb\\u003e\\u0026\\\"'\\\\/\\u003c/b\\u003e\\u0000\\u0008\\u000c\\t\\n\\r\u{7f}\\u2028\\u2029é\""
        );
    }

    #[test]
    fn pretty_is_four_spaces() {
        let json = write(&serde_json::json!({"a": [1], "b": []}), true).expect("JSON");
        assert_eq!(
            String::from_utf8(json).expect("UTF-8"),
            "{\n    \"a\": [\n        1\n    ],\n    \"b\": []\n}"
        );
    }
}
