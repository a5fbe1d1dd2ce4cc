//! Where a trace differs from an expectation, as text.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{self, Write};

use crate::compare::{Mismatch, Short, events, mismatches, values};
use crate::display::Names;
use crate::expectation::{Expectation, Pattern, Requirement, Siblings, SpanPattern};
use crate::matches::{Matcher, Step};
use crate::span::Span;
use crate::text::{Escaped, Key, Operation, Quoted, Service};
use crate::trace::Trace;
use crate::value::Value;

/// Longer texts are cut: nobody reads them, and a log has its limits.
const MOST_LINES: usize = 300;
/// With more spans than this, those that match are folded.
const FOLD_FROM: usize = 25;
/// A fold stands for at least this many spans.
const LEAST_FOLD: usize = 3;

/// Where a trace differs from an expectation.
///
/// It prints as the two trees in one: `-` stands before what is expected, `+` before what is there
/// instead, and nothing before what they share.
#[derive(Clone, Debug)]
pub struct Difference {
    lines: Vec<Line>,
    count: usize,
    notes: Vec<String>,
    link: Option<String>,
}

#[derive(Clone, Debug)]
struct Line {
    sign: Sign,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sign {
    Both,
    Expected,
    Found,
    Note,
}

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
        };
        writer.siblings(&self.roots, trace.root_indexes(), "", true);
        writer.note_moved();
        let notes = unknown_services(&self.roots, trace).into_iter();
        let notes = notes.chain(trace.note().map(|note| Escaped(note).to_string())).collect();
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
}

/// A span that is missing, alone or below another.
struct MissingSpan<'a> {
    pattern: &'a SpanPattern,
    /// The number of the difference, the same for all below one missing span.
    tree: usize,
    line: usize,
    /// What stands before the lines below it.
    below: String,
}

/// What becomes of siblings in the text.
enum Entry {
    Step(Step, Option<usize>),
    Matching(usize),
    Others(usize),
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
        is_root: bool,
    ) {
        let entries = self.entries(expected, actual);
        for (place, entry) in entries.iter().enumerate() {
            let last = place + 1 == entries.len();
            let (branch, trunk) = match (is_root, last) {
                (true, _) => ("", ""),
                (false, true) => ("└─ ", "   "),
                (false, false) => ("├─ ", "│  "),
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
                Entry::Step(Step::Missing { pattern, found }, _) => {
                    let pattern = &expected.spans[pattern];
                    self.count += 1;
                    self.missing_tree(pattern, &before, &below);
                    if found > 0 || pattern.count.least > 1 {
                        self.line(Sign::Note, format_args!("{below}^ found {found} of them"));
                    }
                }
                Entry::Step(Step::Extra { span }, _) => {
                    self.count += 1;
                    self.extra.push(span);
                    self.extra_tree(span, &before, &below);
                }
            }
        }
    }

    /// Aligns siblings, and folds what needs no line of its own.
    fn entries(&mut self, expected: &Siblings, actual: &[usize]) -> Vec<Entry> {
        let steps = self.matcher.align(expected, actual);
        let mut entries = Vec::new();
        let (mut run, mut run_start, mut others, mut previous) = (0, 0, 0, None);
        for step in steps {
            match step {
                Step::Pair { pattern, span } => {
                    let pattern = &expected.spans[pattern];
                    let matches = self.matcher.pair(pattern, span) == 0;
                    if matches && self.matcher.is_timing_met(pattern, previous, span) {
                        run += self.trace.size(span);
                    } else {
                        (run, run_start) = (0, entries.len() + 1);
                    }
                    entries.push(Entry::Step(step, previous));
                    previous = Some(span);
                }
                Step::Extra { span } if expected.is_open() => {
                    others += self.trace.size(span);
                    continue;
                }
                _ => {
                    (run, run_start) = (0, entries.len() + 1);
                    entries.push(Entry::Step(step, previous));
                }
            }
            if run >= LEAST_FOLD && self.trace.len() > FOLD_FROM {
                entries.truncate(run_start);
                entries.push(Entry::Matching(run));
            }
        }
        if others > 0 {
            entries.push(Entry::Others(others));
        }
        entries
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
        if let Some(timing) =
            pattern.timing.filter(|timing| !timing.is_met(previous.map(|at| trace.get(at)), span))
        {
            differing.push(Mismatch::Timing(timing));
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
                self.line(Sign::Note, format_args!("{below}^ {mismatch}"));
            }
        }
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
                let names: BTreeSet<String> =
                    span.events.iter().map(|event| Quoted(&event.name).to_string()).collect();
                let there = if names.is_empty() { "none".to_owned() } else { list(names) };
                self.line(
                    Sign::Note,
                    format_args!("{below}  ^ no such event; events of the span: {there}"),
                );
            }
            for mismatch in &event.mismatches {
                self.line(Sign::Note, format_args!("{below}  ^ {mismatch}"));
            }
        }
        self.siblings(&pattern.below, trace.child_indexes(index), below, false);
    }

    fn missing_tree(&mut self, pattern: &'a SpanPattern, before: &str, below: &str) {
        let (tree, line) = (self.count, self.lines.len());
        self.missing.push(MissingSpan { pattern, tree, line, below: below.to_owned() });
        self.line(Sign::Expected, format_args!("{before}{pattern}{}", pattern.count));
        for (place, child) in pattern.below.spans.iter().enumerate() {
            let last = place + 1 == pattern.below.spans.len();
            let (branch, trunk) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.missing_tree(child, &format!("{below}{branch}"), &format!("{below}{trunk}"));
        }
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

    /// Says where a missing span is instead, if it is among the extra ones.
    fn note_moved(&mut self) {
        const MOST_SPANS: usize = 10_000;
        let trace = self.trace;
        let extra =
            self.extra.iter().flat_map(|&span| span..span + trace.size(span)).take(MOST_SPANS);
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
            let Some(&span) = extra.iter().find(|&&span| fits(trace.get(span))) else {
                continue;
            };
            let place = match trace.parent_index(span).map(|parent| trace.get(parent)) {
                Some(parent) => {
                    let (service, operation) =
                        (Service(&parent.service), Operation(&parent.operation));
                    format!("it is below `{service}: {operation}`")
                }
                None => "it is a root".to_owned(),
            };
            let text = format!("{}^ {place}", missing.below);
            notes.push((missing.line + 1, Line { sign: Sign::Note, text }));
            noted = Some((missing.tree, missing.below.len()));
        }
        // From the last, because each note moves the lines behind it.
        for (line, note) in notes.into_iter().rev() {
            self.lines.insert(line, note);
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

/// At most ten names.
fn list(names: BTreeSet<String>) -> String {
    let more = names.len().saturating_sub(10);
    let mut text = names.into_iter().take(10).collect::<Vec<_>>().join(", ");
    if more > 0 {
        _ = write!(text, " and {more} more");
    }
    text
}

impl Difference {
    /// The number of spans and events that differ.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The text for a terminal: what is expected in red, what is there in green.
    pub fn to_colored_string(&self) -> String {
        self.render(|sign| match sign {
            Sign::Both => ("", ""),
            Sign::Expected => ("\x1b[31m", "\x1b[0m"),
            Sign::Found => ("\x1b[32m", "\x1b[0m"),
            Sign::Note => ("\x1b[33m", "\x1b[0m"),
        })
    }

    fn render(&self, color: impl Fn(Sign) -> (&'static str, &'static str)) -> String {
        let places = if self.count == 1 { "1 place" } else { &format!("{} places", self.count) };
        let mut text = format!("the trace differs in {places} (- expected, + found)\n\n");
        for line in &self.lines {
            let sign = match line.sign {
                Sign::Both | Sign::Note => ' ',
                Sign::Expected => '-',
                Sign::Found => '+',
            };
            let (on, off) = color(line.sign);
            text += &format!("{on}{sign} {}{off}\n", line.text);
        }
        for note in &self.notes {
            text += &format!("\nnote: {note}\n");
        }
        if let Some(link) = &self.link {
            text += &format!("\nsee it: {}\n", Escaped(link));
        }
        text
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(|_| ("", "")))
    }
}

impl Error for Difference {}
