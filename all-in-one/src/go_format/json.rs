//! JSON as Go writes it, so that an answer equals Jaeger's byte for byte.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// The largest integer that JavaScript can hold exactly: 2^53 - 1.
const LARGEST_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Indented by four spaces.
    pub(crate) pretty: bool,
    /// Integers that JavaScript would round are strings, as in Jaeger since 1.76.
    pub(crate) for_javascript: bool,
}

/// A placeholder for something that is written later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark;

impl Serialize for Mark {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("\u{1}")
    }
}

/// A placeholder's JSON. No other text around one contains this character.
const MARK: &str = r#""\u0001""#;

/// The JSON of `value`, split at its placeholders.
pub(crate) fn around<const PIECES: usize>(
    value: &impl Serialize,
    style: Style,
    depth: usize,
) -> serde_json::Result<[Vec<u8>; PIECES]> {
    let mut json = Vec::with_capacity(256);
    append(&mut json, value, style, depth)?;
    let json = String::from_utf8_lossy(&json);
    let mut pieces = json.split(MARK).map(|piece| piece.as_bytes().to_vec());
    Ok(std::array::from_fn(|_| pieces.next().unwrap_or_default()))
}

/// Writes `value` as Go does.
pub(crate) fn write(value: &impl Serialize, style: Style) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(1024);
    append(&mut out, value, style, 0)?;
    Ok(out)
}

/// Writes `value` as it looks `depth` levels deep in other JSON.
pub(crate) fn append(
    out: &mut impl Write,
    value: &(impl Serialize + ?Sized),
    style: Style,
    depth: usize,
) -> serde_json::Result<()> {
    let for_javascript = style.for_javascript;
    if !style.pretty {
        let layout = Go { layout: CompactFormatter, for_javascript };
        return value.serialize(&mut Serializer::with_formatter(out, layout));
    }
    let mut layout = PrettyFormatter::with_indent(b"    ");
    for _ in 0..depth {
        layout.begin_object(&mut io::sink()).map_err(serde_json::Error::io)?;
    }
    value.serialize(&mut Serializer::with_formatter(out, Go { layout, for_javascript }))
}

/// Writes `value` on one line.
pub(crate) fn compact(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    write(value, Style::default())
}

/// Go's characters and numbers; the inner formatter does the layout.
struct Go<F> {
    layout: F,
    for_javascript: bool,
}

impl<F: Formatter> Formatter for Go<F> {
    // Only the values of tags are signed; times and counts are not.
    fn write_i64<W: ?Sized + Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        if self.for_javascript && value.unsigned_abs() > LARGEST_SAFE_INTEGER {
            return write!(writer, "\"{value}\"");
        }
        self.layout.write_i64(writer, value)
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(super::numbers::json_float(value).as_bytes())
    }

    // Go escapes what could do harm in HTML or JavaScript, and the replacement character.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        mut text: &str,
    ) -> io::Result<()> {
        if !may_need_escape(text) {
            return writer.write_all(text.as_bytes());
        }
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
            other => self.layout.write_char_escape(writer, other),
        }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.layout.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.layout.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_object_value(writer)
    }
}

/// Whether the text may contain a character that Go escapes. It looks at every byte and branches on
/// none: looking at characters took a third of a search's time.
fn may_need_escape(text: &str) -> bool {
    text.bytes().fold(false, |any, byte| any | SPECIAL[usize::from(byte)])
}

/// Whether a character that Go escapes begins with this byte. Most text is short, so a table is faster
/// than comparisons that the compiler makes for sixteen bytes at a time.
static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    // The last two begin the characters beyond ASCII.
    let bytes = [b'<', b'>', b'&', 0xe2, 0xef];
    let mut n = 0;
    while n < bytes.len() {
        special[bytes[n] as usize] = true;
        n += 1;
    }
    special
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_go_s() {
        let text = "<b>&\"'\\/</b>\u{0}\u{8}\u{c}\t\n\r\u{7f}\u{2028}\u{2029}é";
        let json = write(&text, Style::default()).expect("JSON");
        assert_eq!(
            String::from_utf8(json).expect("UTF-8"),
            "\"\\u003cb\\u003e\\u0026\\\"'\\\\/\\u003c/b\\u003e\\u0000\\u0008\\u000c\\t\\n\\r\u{7f}\\u2028\\u2029é\""
        );
    }

    #[test]
    fn what_javascript_cannot_hold_is_text_for_it_and_a_number_for_others() {
        for (value, for_others, for_javascript) in [
            (9_007_199_254_740_991, "9007199254740991", "9007199254740991"),
            (9_007_199_254_740_992, "9007199254740992", "\"9007199254740992\""),
            (i64::MIN, "-9223372036854775808", "\"-9223372036854775808\""),
        ] {
            for (style, json) in [
                (Style::default(), for_others),
                (Style { for_javascript: true, ..Style::default() }, for_javascript),
            ] {
                assert_eq!(write(&value, style).expect("JSON"), json.as_bytes(), "{style:?}");
            }
        }
    }

    #[test]
    fn pretty_is_four_spaces() {
        let json = write(
            &serde_json::json!({"a": [1], "b": []}),
            Style { pretty: true, ..Style::default() },
        )
        .expect("JSON");
        assert_eq!(
            String::from_utf8(json).expect("UTF-8"),
            "{\n    \"a\": [\n        1\n    ],\n    \"b\": []\n}"
        );
    }
}
