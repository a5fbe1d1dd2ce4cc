//! Splits a file into JSON values.
//!
//! Usually each line is a value. A value may also stand on several lines, as in a pretty-printed
//! file. A line that was cut off, as at the end of a program that was killed, costs no more than
//! itself: it ends where the next line begins like a value that cannot be within it.

use std::io::{self, BufRead, Read as _};

use crate::server::body::MAX_BODY;

/// A JSON value as text, or why it cannot be read.
pub(super) struct Piece {
    /// The number of the line that it begins on, from 1.
    pub(super) line: usize,
    pub(super) text: Result<Vec<u8>, &'static str>,
}

const TOO_LARGE: &str = "a JSON value is larger than 20 MiB; write fewer traces to one value";
const CUT_OFF: &str = "the JSON ends before it is complete";

/// Iterates over the JSON values of a file.
pub(super) struct Pieces<R> {
    file: R,
    /// The number of the last line read.
    line: usize,
    /// A line that was read but belongs to the next value.
    next: Option<Vec<u8>>,
}

impl<R: BufRead> Pieces<R> {
    pub(super) fn new(file: R) -> Self {
        Pieces { file, line: 0, next: None }
    }

    /// The next value, or `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        let mut text = loop {
            match self.line()? {
                None => return Ok(None),
                Some(line) if line.trim_ascii().is_empty() => {}
                Some(line) => break line,
            }
        };
        let line = self.line;
        let mut open = Open::default();
        open.read(&text);
        while open.is_open() && text.len() <= MAX_BODY {
            match self.line()? {
                None => return Ok(Some(Piece { line, text: Err(CUT_OFF) })),
                Some(more) if is_another(&text, &more, &open) => {
                    self.next = Some(more);
                    return Ok(Some(Piece { line, text: Err(CUT_OFF) }));
                }
                Some(more) => {
                    open.read(&more);
                    text.extend_from_slice(&more);
                }
            }
        }
        let text = if text.len() > MAX_BODY { Err(TOO_LARGE) } else { Ok(text) };
        Ok(Some(Piece { line, text }))
    }

    /// The next line with its line end. Of one that is too long only the beginning is kept.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let next = self.next.take();
        if next.is_some() {
            return Ok(next);
        }
        let mut line = Vec::new();
        self.file.by_ref().take(MAX_BODY as u64 + 1).read_until(b'\n', &mut line)?;
        if line.len() > MAX_BODY && !line.ends_with(b"\n") {
            self.file.skip_until(b'\n')?;
        }
        if line.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if self.line == 1 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        Ok(Some(line))
    }
}

/// Whether a line begins another value than the one that is still open.
fn is_another(text: &[u8], line: &[u8], open: &Open) -> bool {
    let begins_a_value = line.starts_with(b"{\"") || line.starts_with(b"[{");
    begins_a_value && (!open.goes_on() || is_request(text) && is_request(line))
}

/// Whether it is a request of OTLP's, or a part of one: these are never within each other.
fn is_request(line: &[u8]) -> bool {
    line.starts_with(b"{\"resource")
}

/// How much of a value is still open at the end of some text.
#[derive(Default)]
struct Open {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The last byte that is not white space.
    last: u8,
}

impl Open {
    fn read(&mut self, text: &[u8]) {
        for byte in text {
            if !byte.is_ascii_whitespace() {
                self.last = *byte;
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_open(&self) -> bool {
        self.depth > 0
    }

    /// Whether a value may follow in the next line.
    fn goes_on(&self) -> bool {
        !self.in_string && matches!(self.last, b'[' | b'{' | b',' | b':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTLP: &str =
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a b","kind":2},{}]}]}]}"#;

    fn pieces(text: &str) -> Vec<(usize, Result<String, &'static str>)> {
        let mut pieces = Pieces::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(piece) = pieces.next().expect("read") {
            let text = piece.text.map(|text| String::from_utf8(text).expect("UTF-8"));
            found.push((piece.line, text.map(|text| text.trim_end().to_owned())));
        }
        found
    }

    #[test]
    fn a_value_is_a_line_or_several() {
        let pretty = "{\n  \"a\": \"}{\\\"\",\n  \"b\": [\n{}\n]\n}";
        let text = format!("\u{feff}{{\"a\":1}}\r\n\n{pretty}\n[{{\"b\":2}}]");
        let found = pieces(&text);
        let texts: Vec<_> = found.iter().map(|(line, text)| (*line, text.as_deref())).collect();
        assert_eq!(texts, [(1, Ok("{\"a\":1}")), (3, Ok(pretty)), (9, Ok("[{\"b\":2}]"))]);
    }

    #[test]
    fn lines_within_a_value_need_no_indentation() {
        let text = "{\"data\":[\n{\"a\":[\n{\"b\":1},\n{\"c\":2}\n]}\n]}\n[{\"d\":3}]";
        let lines: Vec<_> =
            pieces(text).into_iter().map(|(line, text)| (line, text.is_ok())).collect();
        assert_eq!(lines, [(1, true), (7, true)]);
    }

    #[test]
    fn a_line_that_was_cut_off_costs_only_itself() {
        // What is left of fewer bytes is no request: it may go on.
        for cut in 10..OTLP.len() {
            let found = pieces(&format!("{}\n{OTLP}", &OTLP[..cut]));
            let lines: Vec<_> = found.iter().map(|(line, text)| (*line, text.is_ok())).collect();
            assert_eq!(lines, [(1, false), (2, true)], "{cut}");
        }
        let found = pieces("{\"a\":1}\n{\"b\":\"x\n{\"c\":3}\n{\"d\":[\n");
        assert_eq!(found.len(), 4);
        assert_eq!((found[1].0, found[1].1.as_deref()), (2, Err(&CUT_OFF)));
        assert_eq!((found[2].0, found[2].1.as_deref()), (3, Ok("{\"c\":3}")));
        assert_eq!((found[3].0, found[3].1.as_deref()), (4, Err(&CUT_OFF)));
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(MAX_BODY));
        let found = pieces(&format!("{long}{{\"b\":2}}"));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], (1, Err(TOO_LARGE)));
        assert_eq!(found[1], (2, Ok("{\"b\":2}".to_owned())));
    }
}
