//! How names and texts are written: bare where that is unambiguous, else in quotes.

use std::fmt::{self, Write};

use crate::expectation::Count;

/// Writes a text in quotes, on one line.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        escape(self.0, f)?;
        f.write_char('"')
    }
}

/// Writes a text on one line, without what would control a terminal.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, f)
    }
}

/// Writes the inside of a quoted text.
pub(crate) fn escape(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if is_invisible(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

/// Whether a line starts as in a list or in a difference: its writer means no service with this name.
pub(crate) fn is_bullet(line: &str) -> bool {
    line.starts_with("- ") || line.starts_with("+ ")
}

/// Whether what follows starts a condition: by its first word, or as `x 3`, which needs two.
pub(crate) fn starts_condition(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let word = words.next().unwrap_or_default();
    is_condition(word) || word == "x" && words.next().is_some_and(|it| Count::read(it).is_some())
}

/// Whether a word after a name starts what is said about it, rather than being part of the name.
fn is_condition(word: &str) -> bool {
    word.contains(['=', '"'])
        || word.starts_with(['[', '!', '#', '<', '>', '×'])
        || word.starts_with("(parent")
        || matches!(word, "?" | "error" | "ok" | "overlaps" | "after")
}

/// Writes the name of an operation or event.
pub(crate) struct Operation<'a>(pub(crate) &'a str);

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = is_clean(self.0)
            && !starts_condition(self.0)
            && !self.0.match_indices(' ').any(|(at, _)| starts_condition(&self.0[at + 1..]));
        if bare { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// Writes the name of a service.
pub(crate) struct Service<'a>(pub(crate) &'a str);

impl fmt::Display for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = is_clean(self.0)
            && !self.0.contains(": ")
            && !self.0.contains('"')
            && !self.0.starts_with(['├', '│', '└', '─', '#', '•', '*', '→', '…', '~', '('])
            && !is_bullet(self.0)
            && !self.0.starts_with("->")
            && !self.0.starts_with("...");
        if bare { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// Writes the key of an attribute.
pub(crate) struct Key<'a>(pub(crate) &'a str);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = is_clean(self.0)
            && !self.0.contains([' ', '=', '~', '"'])
            && !self.0.starts_with(['[', '!', '#', '<', '>', '×', '?', '(']);
        if bare { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// Whether a name has no characters that need an escape, and no spaces that would be lost.
fn is_clean(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(' ')
        && !name.ends_with(' ')
        && !name.chars().any(|c| is_invisible(c) || (c.is_whitespace() && c != ' '))
}

/// Characters that control a terminal or editor, reverse the direction of the text, or have no width.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Whether two names differ in one place, by at most two characters: a typing mistake, probably.
pub(crate) fn is_near(a: &str, b: &str) -> bool {
    let longer = a.len().max(b.len());
    longer > 3 && common(a, b) + 2 >= longer
}

/// Whether two names share half of their characters, at both ends.
pub(crate) fn is_similar(a: &str, b: &str) -> bool {
    let longer = a.len().max(b.len());
    longer > 3 && common(a, b) * 2 >= longer
}

/// How many bytes two texts share at their ends.
fn common(a: &str, b: &str) -> usize {
    let prefix = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let rest = (a.len().min(b.len())) - prefix;
    let suffix = a.bytes().rev().zip(b.bytes().rev()).take(rest).take_while(|(a, b)| a == b);
    prefix + suffix.count()
}
