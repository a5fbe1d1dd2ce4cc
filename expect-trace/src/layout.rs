//! The lines of an expectation in a file: which belong together, and how they are indented.

use crate::expectation::{Expectation, SpanPattern};
use crate::line::Cursor;

/// A span of a file that is written, with what stands above it and below it.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Comments and empty lines, as they are.
    pub(crate) above: Vec<String>,
    pub(crate) text: String,
    /// Events and links, with the comments above each.
    pub(crate) details: Vec<(Vec<String>, String)>,
    pub(crate) children: Vec<Node>,
}

/// The lines of the file as it is.
pub(crate) struct Source<'a> {
    lines: Vec<&'a str>,
    /// The first line that is neither empty nor a comment, and the line after the last.
    first: usize,
    end: usize,
    style: Style,
}

/// How a file shows what is below what.
#[derive(Clone, Copy, Debug)]
enum Style {
    Drawn,
    /// By this many spaces for a child, and for an event.
    Spaces(usize, usize),
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str, expected: &Expectation) -> Self {
        let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
        let first = lines.iter().position(|line| is_content(line)).unwrap_or(lines.len());
        let end = lines.iter().rposition(|line| is_content(line)).map_or(first, |last| last + 1);
        let style = style(&lines, expected);
        Self { lines, first, end, style }
    }

    /// The comments and empty lines above a line, except for those at the beginning of the file.
    pub(crate) fn above(&self, line: usize) -> Vec<String> {
        let start = self.lines[..line].iter().rposition(|line| is_content(line));
        start.map_or(Vec::new(), |start| owned(&self.lines[start + 1..line]))
    }

    /// A line without its indentation.
    pub(crate) fn content(&self, line: usize) -> &'a str {
        content(self.lines[line]).trim_end()
    }

    /// The comment at the end of a line, with the spaces before it.
    pub(crate) fn comment(&self, line: usize) -> &'a str {
        let content = self.content(line);
        let mut cursor = Cursor::new(content, line + 1);
        _ = cursor.content();
        let before = &content[..content.len() - cursor.rest().len()];
        &content[before.trim_end().len()..]
    }

    /// The whole file.
    pub(crate) fn print(&self, roots: &[Node]) -> String {
        let mut out = owned(&self.lines[..self.first]);
        for root in roots {
            self.print_node(root, "", "", &mut out);
        }
        out.extend(owned(&self.lines[self.end..]));
        out.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// Recurses as deep as an expectation may be.
    fn print_node(&self, node: &Node, before: &str, below: &str, out: &mut Vec<String>) {
        out.extend_from_slice(&node.above);
        out.push(format!("{before}{}", node.text));
        let detail = match self.style {
            Style::Drawn => below.to_owned(),
            Style::Spaces(_, width) => format!("{below}{}", " ".repeat(width)),
        };
        for (above, text) in &node.details {
            out.extend_from_slice(above);
            out.push(format!("{detail}{text}"));
        }
        for (place, child) in node.children.iter().enumerate() {
            let (branch, trunk) = match self.style {
                Style::Drawn if place + 1 == node.children.len() => ("└─ ", "   "),
                Style::Drawn => ("├─ ", "│  "),
                Style::Spaces(width, _) => (&*" ".repeat(width), &*" ".repeat(width)),
            };
            let (before, below) = (format!("{below}{branch}"), format!("{below}{trunk}"));
            self.print_node(child, &before, &below, out);
        }
    }
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

fn content(line: &str) -> &str {
    let mut cursor = Cursor::new(line, 1);
    _ = cursor.skip_indentation();
    cursor.rest()
}

fn is_content(line: &str) -> bool {
    let content = content(line).trim_start();
    !content.is_empty() && !content.starts_with('#')
}

/// The style of the first lines that show one.
fn style(lines: &[&str], expected: &Expectation) -> Style {
    let column = |line: usize| lines[line].chars().count() - content(lines[line]).chars().count();
    let (mut child, mut event) = (None, None);
    let mut rest: Vec<&SpanPattern> = expected.roots.spans.iter().rev().collect();
    while let Some(span) = rest.pop() {
        let below = span.below.spans.iter().map(|child| child.line);
        let below = below.chain(span.below.others.iter().copied()).min();
        child = child.or(below.map(|line| (line, column(line) - column(span.line))));
        let detail = span.events.first().map(|event| event.line);
        let detail = detail.or(span.links.first().map(|link| link.line));
        event = event.or(detail.map(|line| column(line) - column(span.line)));
        rest.extend(span.below.spans.iter().rev());
    }
    match child {
        Some((line, width)) if lines[line].trim_start().starts_with(content(lines[line])) => {
            Style::Spaces(width, event.unwrap_or(0))
        }
        None if event.is_some_and(|width| width > 0) => Style::Spaces(2, event.unwrap_or(0)),
        _ => Style::Drawn,
    }
}
