//! Finds where a trace differs from an expectation, line by line.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

mod entries;

use self::entries::Entry;
use crate::compare::{Mismatch, Short, events, mismatches, values};
use crate::difference::{Difference, Line, Sign};
use crate::display::{Names, ServiceAndOperation};
use crate::expectation::{Count, Expectation, Pattern, Requirement, Siblings, SpanPattern};
use crate::hints::{may_be_meant, other_form, swallowed_conditions};
use crate::matches::{Matcher, Step};
use crate::span::Span;
use crate::text::{Escaped, Key, Operation, Quoted};
use crate::trace::Trace;
use crate::value::Value;

/// Longer texts are cut: nobody reads them, and a log has its limits.
const MOST_LINES: usize = 300;

impl Expectation {
    /// Compares a trace with the expectation.
    ///
    /// # Errors
    ///
    /// The differences, if there are any.
    ///
    /// ```
    /// use expect_trace::{Expectation, Record, Span, Trace};
    ///
    /// let record = Record { id: "1".into(), parent: None, span: Span::new("shop", "buy") };
    /// let trace = Trace::from_records(vec![record]);
    ///
    /// assert!("shop: buy".parse::<Expectation>()?.check(&trace).is_ok());
    /// let difference = "shop: sell".parse::<Expectation>()?.check(&trace).unwrap_err();
    /// assert!(difference.to_string().contains("operation: expected \"sell\", found \"buy\""));
    /// # Ok::<(), expect_trace::ParseError>(())
    /// ```
    pub fn check(&self, trace: &Trace) -> Result<(), Difference> {
        let mut matcher = Matcher::new(trace);
        if matcher.difference(&self.roots, trace.root_indexes()) == 0 {
            return Ok(());
        }
        matcher.refill();
        let mut writer = Writer {
            trace,
            matcher,
            lines: Vec::new(),
            count: 0,
            missing: Vec::new(),
            extra: Vec::new(),
            hidden: Vec::new(),
        };
        writer.siblings(&self.roots, trace.root_indexes(), "", None);
        writer.note_moved();
        let notes = unknown_services(&self.roots, trace).into_iter();
        let notes = notes.chain(swallowed_conditions(&self.roots, trace));
        let notes = notes.chain(trace.notes().iter().map(|note| Escaped(note).to_string()));
        let notes = notes.collect();
        let link = trace.link().map(str::to_owned);
        Err(Difference { lines: writer.lines, count: writer.count, notes, link })
    }
}

struct Writer<'a> {
    trace: &'a Trace,
    matcher: Matcher<'a>,
    lines: Vec<Line>,
    /// The number of differences.
    count: usize,
    missing: Vec<MissingSpan<'a>>,
    extra: Vec<usize>,
    /// Spans that are allowed as others, and have no lines.
    hidden: Vec<usize>,
}

/// A span that is missing, alone or below another.
struct MissingSpan<'a> {
    pattern: &'a SpanPattern,
    /// The span below which it is missing, unless that is missing too.
    parent: Option<Option<usize>>,
    /// The number of the difference, the same for all below one missing span.
    tree: usize,
    line: usize,
    /// What stands before the lines below it.
    below: String,
}

impl<'a> Writer<'a> {
    fn line(&mut self, sign: Sign, text: impl fmt::Display) {
        if self.lines.len() < MOST_LINES {
            self.lines.push(Line { sign, text: text.to_string() });
        } else if self.lines.len() == MOST_LINES {
            self.lines.push(Line { sign: Sign::Note, text: "… and more".to_owned() });
        }
    }

    fn siblings(
        &mut self,
        expected: &'a Siblings,
        actual: &'a [usize],
        below: &str,
        parent: Option<usize>,
    ) {
        let entries = self.entries(expected, actual);
        for (place, entry) in entries.iter().enumerate() {
            let last = place + 1 == entries.len();
            let (branch, trunk) = match (parent, last) {
                (None, _) => ("", ""),
                (Some(_), true) => ("└─ ", "   "),
                (Some(_), false) => ("├─ ", "│  "),
            };
            let (before, below) = (format!("{below}{branch}"), format!("{below}{trunk}"));
            match *entry {
                Entry::Matching(spans) => {
                    self.line(Sign::Both, format_args!("{before}… {spans} spans that match"))
                }
                Entry::Others(spans) => {
                    self.line(Sign::Both, format_args!("{before}… {spans} more, as allowed"))
                }
                Entry::Step(Step::Pair { pattern, span }, previous) => {
                    self.pair(&expected.spans[pattern], span, previous, &before, &below);
                }
                Entry::Step(Step::Missing { pattern, found: 0 }, _) => {
                    self.count += 1;
                    self.missing_span(&expected.spans[pattern], Some(parent), &before, &below);
                }
                Entry::Step(Step::Missing { pattern, found }, _) => {
                    self.wrong_count(&expected.spans[pattern], found, &before, &below);
                }
                Entry::TooMany { pattern, found } => {
                    self.wrong_count(&expected.spans[pattern], found, &before, &below);
                }
                Entry::Step(Step::Extra { span }, _) => self.extra_span(span, &before, &below),
                Entry::Surplus { pattern, span } => {
                    self.extra_span(span, &before, &below);
                    let count = expected.spans[pattern].count;
                    self.line(
                        Sign::Note,
                        format_args!("{below}^ count: expected{count}, found more"),
                    );
                }
            }
        }
    }

    fn wrong_count(&mut self, pattern: &SpanPattern, found: u64, before: &str, below: &str) {
        let expected = pattern.count;
        self.count += 1;
        self.line(Sign::Expected, format_args!("{before}{pattern}{expected}"));
        self.line(Sign::Found, format_args!("{before}{pattern}{}", Count::exactly(found)));
        self.line(Sign::Note, format_args!("{below}^ count: expected{expected}, found {found}"));
    }

    fn pair(
        &mut self,
        pattern: &'a SpanPattern,
        index: usize,
        previous: Option<usize>,
        before: &str,
        below: &str,
    ) {
        let trace = self.trace;
        let span = trace.get(index);
        let mut differing = mismatches(pattern, span);
        differing.retain(|mismatch| !matches!(mismatch, Mismatch::Link(_)));
        let previous = previous.map(|at| trace.get(at));
        if let Some(timing) = pattern.timing.filter(|timing| !timing.is_met(previous, span)) {
            differing.push(Mismatch::Timing(timing, span, previous));
        }
        if differing.is_empty() {
            self.line(Sign::Both, format_args!("{before}{pattern}"));
        } else {
            self.count += 1;
            self.line(Sign::Expected, format_args!("{before}{pattern}"));
            self.line(
                Sign::Found,
                format_args!(
                    "{before}{}{}",
                    Names(span),
                    Asked(&pattern.attributes, &span.attributes)
                ),
            );
            for mismatch in &differing {
                let form = other_form(mismatch).map_or(String::new(), |form| format!("; {form}"));
                self.line(Sign::Note, format_args!("{below}^ {mismatch}{form}"));
            }
        }
        self.events(pattern, span, below);
        self.links(pattern, span, below);
        self.siblings(&pattern.below, trace.child_indexes(index), below, Some(index));
    }

    fn events(&mut self, pattern: &SpanPattern, span: &Span, below: &str) {
        for event in events(pattern, span) {
            let expected = event.expected;
            if event.weight() == 0 {
                self.line(Sign::Both, format_args!("{below}• {expected}"));
                continue;
            }
            self.count += 1;
            self.line(Sign::Expected, format_args!("{below}• {expected}"));
            if let Some(nearest) = event.nearest {
                let attributes = Asked(&expected.attributes, &nearest.attributes);
                self.line(
                    Sign::Found,
                    format_args!("{below}• {}{attributes}", Operation(&nearest.name)),
                );
            } else {
                let there = names(span.events.iter().map(|event| Quoted(&event.name).to_string()));
                self.line(
                    Sign::Note,
                    format_args!("{below}  ^ no such event; events of the span: {there}"),
                );
            }
            for mismatch in &event.mismatches {
                self.line(Sign::Note, format_args!("{below}  ^ {mismatch}"));
            }
        }
    }

    fn links(&mut self, pattern: &SpanPattern, span: &Span, below: &str) {
        for link in &pattern.links {
            if span.links.iter().any(|there| link.matches(there)) {
                self.line(Sign::Both, format_args!("{below}→ {link}"));
                continue;
            }
            self.count += 1;
            self.line(Sign::Expected, format_args!("{below}→ {link}"));
            let there = names(span.links.iter().map(|link| format!("`{link}`")));
            let note = format_args!("{below}  ^ no such link; links of the span: {there}");
            self.line(Sign::Note, note);
        }
    }

    fn missing_span(
        &mut self,
        pattern: &'a SpanPattern,
        parent: Option<Option<usize>>,
        before: &str,
        below: &str,
    ) {
        let (tree, line) = (self.count, self.lines.len());
        self.missing.push(MissingSpan { pattern, parent, tree, line, below: below.to_owned() });
        self.line(Sign::Expected, format_args!("{before}{pattern}{}", pattern.count));
        for (place, child) in pattern.below.spans.iter().enumerate() {
            let last = place + 1 == pattern.below.spans.len();
            let (branch, trunk) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let (before, below) = (format!("{below}{branch}"), format!("{below}{trunk}"));
            self.missing_span(child, None, &before, &below);
        }
    }

    fn extra_span(&mut self, span: usize, before: &str, below: &str) {
        self.count += 1;
        self.extra.push(span);
        self.extra_tree(span, before, below);
    }

    fn extra_tree(&mut self, span: usize, before: &str, below: &str) {
        const MOST: usize = 12;
        let trace = self.trace;
        self.line(Sign::Found, format_args!("{before}{}", Names(trace.get(span))));
        let size = trace.size(span);
        if size > MOST {
            self.line(Sign::Found, format_args!("{below}└─ … {} spans below it", size - 1));
            return;
        }
        let children = trace.child_indexes(span);
        for (place, &child) in children.iter().enumerate() {
            let (branch, trunk) =
                if place + 1 == children.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.extra_tree(child, &format!("{below}{branch}"), &format!("{below}{trunk}"));
        }
    }

    /// Says where a missing span is instead, if it is among the extra ones or the others, or which of the
    /// others may be meant.
    fn note_moved(&mut self) {
        const MOST_SPANS: usize = 10_000;
        let trace = self.trace;
        let elsewhere = self.extra.iter().chain(&self.hidden);
        let extra = elsewhere.flat_map(|&span| span..span + trace.size(span)).take(MOST_SPANS);
        let extra: Vec<usize> = extra.collect();
        let mut notes = Vec::new();
        let mut noted: Option<(usize, usize)> = None;
        for missing in self.missing.iter().filter(|missing| missing.line < MOST_LINES) {
            // What is below a moved span has moved with it.
            if noted
                .is_some_and(|(tree, depth)| tree == missing.tree && missing.below.len() > depth)
            {
                continue;
            }
            let pattern = missing.pattern;
            let fits = |span: &Span| {
                pattern.service.matches(&span.service) && pattern.operation.matches(&span.operation)
            };
            let found = extra.iter().find(|&&span| fits(trace.get(span)));
            let place = found.map(|&span| self.place(span, missing.parent));
            let Some(place) = place.or_else(|| self.near(missing)) else { continue };
            let text = format!("{}^ {place}", missing.below);
            notes.push((missing.line + 1, Line { sign: Sign::Note, text }));
            noted = Some((missing.tree, missing.below.len()));
        }
        // From the last, because each note moves the lines behind it.
        for (line, note) in notes.into_iter().rev() {
            self.lines.insert(line, note);
        }
    }

    /// Which of the others may be meant by a missing span.
    fn near(&self, missing: &MissingSpan<'_>) -> Option<String> {
        let parent = missing.parent?;
        let siblings = self.hidden.iter().filter(|&&span| self.trace.parent_index(span) == parent);
        let mut siblings = siblings.map(|&span| self.trace.get(span));
        let near = siblings.find(|span| may_be_meant(missing.pattern, span))?;
        Some(format!("near it, among the others: `{}`", ServiceAndOperation(near)))
    }

    /// Where a span was found that was expected below `expected`.
    fn place(&self, span: usize, expected: Option<Option<usize>>) -> String {
        let trace = self.trace;
        let parent = trace.parent_index(span);
        let siblings = parent.map_or(trace.root_indexes(), |parent| trace.child_indexes(parent));
        match (parent.map(|parent| trace.get(parent)), siblings.iter().position(|&it| it == span)) {
            (_, Some(0)) if expected == Some(parent) => "found before its siblings".to_owned(),
            (_, Some(at)) if expected == Some(parent) => {
                let previous = ServiceAndOperation(trace.get(siblings[at - 1]));
                format!("found later, after `{previous}`")
            }
            (Some(parent), _) => format!("found below `{}`", ServiceAndOperation(parent)),
            (None, _) => "found as a root".to_owned(),
        }
    }
}

/// Those attributes that a pattern asks for.
struct Asked<'a>(&'a [(String, Requirement)], &'a [(String, Value)]);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, _) in self.0 {
            if let Some((_, value)) = values(self.1, key).first() {
                write!(f, " {}={}", Key(key), Short(value, 40))?;
            }
        }
        Ok(())
    }
}

/// Says which expected services the trace does not have at all: typing mistakes, often.
fn unknown_services(roots: &Siblings, trace: &Trace) -> Option<String> {
    let there: BTreeSet<&str> = trace.spans().map(|span| span.service()).collect();
    let mut unknown = BTreeSet::new();
    let mut rest: Vec<&SpanPattern> = roots.spans.iter().collect();
    while let Some(pattern) = rest.pop() {
        rest.extend(&pattern.below.spans);
        if let Pattern::Is(service) = &pattern.service
            && pattern.count.least > 0
            && !there.contains(service.as_str())
        {
            unknown.insert(service.as_str());
        }
    }
    if there.is_empty() {
        return Some("the trace has no spans".to_owned());
    }
    let quoted = |names: BTreeSet<&str>| {
        list(names.into_iter().map(|name| Quoted(name).to_string()).collect())
    };
    (!unknown.is_empty())
        .then(|| format!("the trace has no service {}; it has {}", quoted(unknown), quoted(there)))
}

fn names(names: impl Iterator<Item = String>) -> String {
    let names: BTreeSet<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { list(names) }
}

/// At most ten names.
fn list(names: BTreeSet<String>) -> String {
    let more = names.len().saturating_sub(10);
    let mut text = names.into_iter().take(10).collect::<Vec<_>>().join(", ");
    if more > 0 {
        _ = write!(text, " and {more} more");
    }
    text
}
