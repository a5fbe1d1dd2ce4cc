//! Reads one line of an expectation.

use std::collections::HashMap;
use std::time::Duration;

use crate::expectation::{
    Count, EventPattern, LinkPattern, Pattern, Requirement, SpanPattern, StatusPattern, Timing,
};
use crate::parse::{ParseError, ParseErrorKind};
use crate::span::{Kind, Status};
use crate::text::{is_bullet, starts_condition};
use crate::value::Value;

const CONDITION: &str = "a condition such as key=\"text\", key=402, key=*, !key, [server] or error \
                         (quote a name that contains this word)";

const EVENT_CONDITION: &str = "a condition on an attribute such as key=\"text\", key=402, key=* or !key \
                               (quote a name that contains this word)";

/// What a line says.
pub(crate) enum Content {
    Span(Box<SpanPattern>),
    Event(EventPattern),
    Link(LinkPattern),
    /// The line itself.
    Others(usize),
}

/// A place in a line.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

/// The keys of the attributes in a line, and whether each must be absent.
///
/// That two values are required is no contradiction: a span of Jaeger may have a key twice.
#[derive(Default)]
struct Keys(HashMap<String, bool>);

impl Keys {
    /// Adds a key, and returns whether it must be both absent and there.
    fn contradict(&mut self, key: &str, absent: bool) -> bool {
        *self.0.entry(key.to_owned()).or_insert(absent) != absent
    }
}

type Result<T> = std::result::Result<T, ParseError>;

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, line: usize) -> Self {
        Self { text, at: 0, line }
    }

    /// What is left of the line.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips a text if it is next.
    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// What is next, up to a space.
    fn word(&self) -> &'a str {
        self.rest().split(char::is_whitespace).next().unwrap_or_default()
    }

    pub(crate) fn error_at(&self, column: usize, reason: ParseErrorKind) -> ParseError {
        ParseError { line: self.line, column: column + 1, reason }
    }

    fn error(&self, reason: ParseErrorKind) -> ParseError {
        self.error_from(self.at, reason)
    }

    /// An error in what starts at this byte.
    fn error_from(&self, start: usize, reason: ParseErrorKind) -> ParseError {
        self.error_at(self.text[..start].chars().count(), reason)
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T> {
        Err(self.error(ParseErrorKind::Expected { expected, found: self.word().to_owned() }))
    }

    /// Skips spaces and the lines of the tree, and returns the column behind them.
    pub(crate) fn skip_indentation(&mut self) -> Result<usize> {
        let mut column = 0;
        for c in self.text.chars() {
            match c {
                ' ' | '│' | '├' | '└' | '─' => {}
                '\t' if !self.text.trim().is_empty() => return Err(self.error(ParseErrorKind::Tab)),
                _ => break,
            }
            self.at += c.len_utf8();
            column += 1;
        }
        Ok(column)
    }

    /// Reads the line behind its indentation; nothing if it is empty or a comment.
    pub(crate) fn content(&mut self) -> Result<Option<Content>> {
        if self.is_end() {
            return Ok(None);
        }
        let content = if self.eat("• ") || self.eat("* ") {
            Content::Event(self.event()?)
        } else if self.eat("→") || self.eat("->") {
            Content::Link(self.link()?)
        } else if self.eat("…") || self.eat("...") {
            Content::Others(self.line - 1)
        } else {
            Content::Span(Box::new(self.span()?))
        };
        if self.is_end() { Ok(Some(content)) } else { self.expected("the end of the line") }
    }

    /// Whether only spaces and a comment are left.
    fn is_end(&mut self) -> bool {
        self.skip_spaces();
        self.rest().is_empty() || self.rest().starts_with('#')
    }

    fn span(&mut self) -> Result<SpanPattern> {
        let (service, operation) = self.names()?;
        let mut span = SpanPattern::new(service, operation);
        span.line = self.line - 1;
        let (mut seen, mut keys) = (Vec::new(), Keys::default());
        while !self.is_end() {
            let start = self.at;
            if let Some(what) = self.condition(&mut span, &mut keys)? {
                if seen.contains(&what) {
                    return Err(self.error_from(start, ParseErrorKind::Twice(what)));
                }
                seen.push(what);
            }
            if span.longer.zip(span.shorter).is_some_and(|(longer, shorter)| longer >= shorter) {
                return Err(self.error_from(start, ParseErrorKind::Contradiction));
            }
            if !self.word().is_empty() {
                return self.expected("a space between conditions");
            }
        }
        Ok(span)
    }

    /// Reads a condition, and returns what it is about if there can be only one.
    fn condition(
        &mut self,
        span: &mut SpanPattern,
        keys: &mut Keys,
    ) -> Result<Option<&'static str>> {
        if let Some(what) = self.word_condition(span) {
            return Ok(Some(what));
        }
        if self.eat("[") {
            span.kind = Some(self.kind()?);
            return Ok(Some("kind"));
        }
        if self.eat("×") || self.word() == "x" && self.eat("x") {
            span.count = self.count()?;
            return Ok(Some("count"));
        }
        if self.eat("<") {
            span.shorter = Some(self.duration()?);
            return Ok(Some("longest duration"));
        }
        if self.eat(">") {
            span.longer = Some(self.duration()?);
            return Ok(Some("shortest duration"));
        }
        if self.eat("(parent missing)") {
            span.parent_missing = true;
        } else {
            span.attributes.push(self.attribute(keys, CONDITION)?);
        }
        Ok(None)
    }

    /// Reads a condition that is one word, and returns what it is about.
    fn word_condition(&mut self, span: &mut SpanPattern) -> Option<&'static str> {
        let word = self.word();
        let what = match word {
            "error" | "ok" | "!error" => "status",
            "overlaps" | "after" => "time",
            "?" => "count",
            _ => return None,
        };
        match word {
            "error" => span.status = Some(StatusPattern::Is(Status::Error)),
            "ok" => span.status = Some(StatusPattern::Is(Status::Ok)),
            "!error" => span.status = Some(StatusPattern::NotError),
            "overlaps" => span.timing = Some(Timing::Overlaps),
            "after" => span.timing = Some(Timing::After),
            _ => span.count = Count::OPTIONAL,
        }
        self.at += word.len();
        Some(what)
    }

    /// Reads `server]`, behind the `[`.
    fn kind(&mut self) -> Result<Kind> {
        let kind = self.rest().split_once(']').and_then(|(name, _)| Kind::from_name(name));
        let Some(kind) = kind else {
            return self.expected("a kind (internal, server, client, producer, consumer) and `]`");
        };
        self.at += kind.name().len() + 1;
        Ok(kind)
    }

    fn event(&mut self) -> Result<EventPattern> {
        let mut event = EventPattern {
            line: self.line - 1,
            name: self.name(
                "the name of an event",
                "the name of an event (quote it if it contains this word)",
            )?,
            attributes: Vec::new(),
        };
        let mut keys = Keys::default();
        while !self.is_end() {
            event.attributes.push(self.attribute(&mut keys, EVENT_CONDITION)?);
            if !self.word().is_empty() {
                return self.expected("a space between conditions");
            }
        }
        Ok(event)
    }

    fn link(&mut self) -> Result<LinkPattern> {
        self.skip_spaces();
        let target = if self.eat("(elsewhere)") { None } else { Some(self.names()?) };
        Ok(LinkPattern { line: self.line - 1, target })
    }

    /// Reads `service: operation`.
    fn names(&mut self) -> Result<(Pattern, Pattern)> {
        if is_bullet(self.rest()) {
            return self.expected(
                "`service: operation` without a sign before it (quote a service that starts so)",
            );
        }
        let service = match self.quoted_name()? {
            Some(service) => service,
            None => {
                let rest = self.rest();
                let is_colon = |&(at, _): &(usize, &str)| {
                    rest[at + 1..].chars().next().is_none_or(char::is_whitespace)
                };
                match rest.match_indices(':').find(is_colon) {
                    Some((end, _)) if end > 0 && !rest[..end].contains('"') => {
                        self.at += end;
                        Pattern::Is(rest[..end].to_owned())
                    }
                    _ => return self.expected("`service: operation`"),
                }
            }
        };
        if !self.eat(":") {
            return self.expected("`:` after the service");
        }
        let operation = self.name(
            "the name of an operation",
            "the name of an operation (quote it if it contains this word)",
        )?;
        Ok((service, operation))
    }

    /// Reads the name of an operation or event: quoted, or the words up to the first condition.
    ///
    /// The texts say what is expected at the end of the line, and before a condition.
    fn name(&mut self, expected: &'static str, unquoted: &'static str) -> Result<Pattern> {
        self.skip_spaces();
        if let Some(name) = self.quoted_name()? {
            return Ok(name);
        }
        let rest = self.rest();
        let mut end = 0;
        while !self.is_end() && !starts_condition(self.rest()) {
            self.at += self.word().len();
            end = rest.len() - self.rest().len();
        }
        if end > 0 {
            return Ok(Pattern::Is(rest[..end].to_owned()));
        }
        if self.is_end() { self.expected(expected) } else { self.expected(unquoted) }
    }

    fn quoted_name(&mut self) -> Result<Option<Pattern>> {
        if self.rest().starts_with("~\"") {
            self.at += 1;
            return self.pattern().map(Some);
        }
        if self.rest().starts_with('"') { Ok(Some(Pattern::Is(self.quoted()?))) } else { Ok(None) }
    }

    fn attribute(
        &mut self,
        keys: &mut Keys,
        expected: &'static str,
    ) -> Result<(String, Requirement)> {
        let start = self.at;
        let absent = self.eat("!");
        let key = if self.rest().starts_with('"') {
            self.quoted()?
        } else {
            let key = self.word().split(['=', '~', '"']).next().unwrap_or_default();
            self.at += key.len();
            if key.is_empty() {
                self.at = start;
                return self.expected(expected);
            }
            key.to_owned()
        };
        let requirement = if absent {
            Requirement::Absent
        } else if self.eat("=*") {
            Requirement::Present
        } else if self.eat("=") {
            Requirement::Is(self.value()?)
        } else if self.eat("~") {
            Requirement::Like(self.pattern()?)
        } else {
            self.at = start;
            return self.expected(expected);
        };
        if keys.contradict(&key, absent) {
            return Err(self.error_from(start, ParseErrorKind::Contradiction));
        }
        Ok((key, requirement))
    }

    fn value(&mut self) -> Result<Value> {
        if self.rest().starts_with('"') {
            return self.quoted().map(Value::Text);
        }
        if self.rest().starts_with("base64\"") {
            self.at += "base64".len();
            return self.quoted().map(Value::Bytes);
        }
        let word = self.word();
        let digits = word.strip_prefix('-').unwrap_or(word);
        let value = if let Ok(yes) = word.parse() {
            Value::Bool(yes)
        } else if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            Value::Int(word.parse().map_err(|_| self.error(ParseErrorKind::Number))?)
        } else if let Some(number) = self.float()? {
            Value::Float(number)
        } else {
            return self.expected("a value: \"text\", a number, true, false, or * for any");
        };
        self.at += word.len();
        Ok(value)
    }

    /// The number that is next, with infinity and NaN only as a value prints.
    fn float(&self) -> Result<Option<f64>> {
        let word = self.word();
        match word.parse::<f64>() {
            Ok(number) if number.is_finite() || matches!(word, "NaN" | "inf" | "-inf") => {
                Ok(Some(number))
            }
            Ok(_) if word.contains(|c: char| c.is_ascii_digit()) => {
                Err(self.error(ParseErrorKind::Number))
            }
            _ => Ok(None),
        }
    }

    /// Reads a text in quotes.
    fn quoted(&mut self) -> Result<String> {
        Ok(self.pieces(false)?.pop().unwrap_or_default())
    }

    /// Reads a text with wildcards, behind the `~`.
    fn pattern(&mut self) -> Result<Pattern> {
        if !self.rest().starts_with('"') {
            return self.expected("a text in quotes after `~`");
        }
        self.pieces(true).map(Pattern::Like)
    }

    /// Reads a text in quotes, in pieces if `*` is a wildcard.
    fn pieces(&mut self, wildcards: bool) -> Result<Vec<String>> {
        let mut pieces = Vec::new();
        let mut piece = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    pieces.push(piece);
                    return Ok(pieces);
                }
                '*' if wildcards => pieces.push(std::mem::take(&mut piece)),
                '\\' => match read_escape(&mut chars) {
                    Some(c) => piece.push(c),
                    None => {
                        self.at += at;
                        return self.expected("an escape: \\\" \\\\ \\n \\r \\t \\* or \\u{1b}");
                    }
                },
                c => piece.push(c),
            }
        }
        self.at = self.text.len();
        self.expected("a closing quote")
    }

    /// Reads a count, behind the `×`.
    fn count(&mut self) -> Result<Count> {
        self.skip_spaces();
        let word = self.word();
        let Some(count) = Count::read(word) else {
            return self.expected("a count: 3, 2.., ..4 or 2..4");
        };
        self.at += word.len();
        Ok(count)
    }

    /// Reads `50ms`, behind `<` or `>`.
    fn duration(&mut self) -> Result<Duration> {
        const EXPECTED: &str = "a duration such as 50ms, with the unit ns, us, ms or s";
        self.skip_spaces();
        let word = self.word();
        let (number, unit) = word
            .split_at(word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len()));
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            _ => return self.expected(EXPECTED),
        };
        let Ok(number) = number.parse::<f64>() else { return self.expected(EXPECTED) };
        let duration = Duration::try_from_secs_f64(number * unit)
            .map_err(|_| self.error(ParseErrorKind::Number))?;
        self.at += word.len();
        Ok(duration)
    }
}

/// Reads an escape, behind the `\`.
fn read_escape(chars: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    match chars.next()?.1 {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        c @ ('"' | '\\' | '*') => Some(c),
        'u' => {
            let hex: String = chars.map(|(_, c)| c).take_while(|&c| c != '}').collect();
            char::from_u32(u32::from_str_radix(hex.strip_prefix('{')?, 16).ok()?)
        }
        _ => None,
    }
}
