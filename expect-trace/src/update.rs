//! Writes an expectation again so that it matches a trace, and keeps what matches already.

use std::collections::HashMap;
use std::ptr;

mod conditions;

use self::conditions::{Bounds, changed_event, conditions};
use crate::MAX_DEPTH;
use crate::compare::{EventComparison, events};
use crate::expectation::{Count, Expectation, LinkPattern, Siblings, SpanPattern};
use crate::layout::{Node, Source};
use crate::matches::{Matcher, Step};
use crate::span::{Event, Link, Span};
use crate::trace::Trace;
use crate::written;

/// Spans are looked for among this many missing ones.
const MOST_MISSING: usize = 200;

/// The text of an expectation that matches the trace, as near to this text as possible.
///
/// `expected` is what the text says; both are empty for a new file.
pub(crate) fn update(text: &str, expected: &Expectation, trace: &Trace) -> String {
    let mut updater = Updater {
        trace,
        matcher: Matcher::new(trace),
        source: Source::new(text, expected),
        missing: Vec::new(),
        used: HashMap::new(),
    };
    updater.find_missing(&expected.roots, trace.root_indexes());
    updater.matcher.refill();
    let roots = updater.siblings(&expected.roots, trace.root_indexes(), 0);
    let text_now = updater.source.print(&roots);
    if text.contains("\r\n") { text_now.replace('\n', "\r\n") } else { text_now }
}

struct Updater<'a> {
    trace: &'a Trace,
    matcher: Matcher<'a>,
    source: Source<'a>,
    /// Spans that are not where they are expected: they may be elsewhere.
    missing: Vec<&'a SpanPattern>,
    /// Their ids, and whether they are written already.
    used: HashMap<usize, bool>,
}

/// What stands between siblings, in order. Patterns and spans are given by their indexes.
enum Slot {
    /// Spans in a row that one pattern takes.
    Taken(usize, Vec<usize>),
    /// An optional pattern without a span.
    Unmatched(usize),
    /// The line of a `…`.
    Others(usize),
    New(usize),
}

/// Spans in a row that one line stands for.
struct Run<'a> {
    node: Node,
    /// The conditions, if they are no longer those of the pattern.
    conditions: Option<SpanPattern>,
    says: Says<'a>,
    spans: u64,
}

enum Says<'a> {
    /// The same as the pattern.
    Same,
    /// Something new, that the next span may match as well.
    New(Box<(Expectation, Matcher<'a>)>),
    /// Something new, for one span.
    NewForOne,
}

impl Run<'_> {
    /// Whether the next span matches as well. `fits` says whether it matches the pattern.
    fn takes(&mut self, fits: bool, previous: Option<usize>, span: usize) -> bool {
        match &mut self.says {
            Says::Same => fits,
            Says::New(new) => {
                let (expected, matcher) = &mut **new;
                expected.roots.spans.first().is_some_and(|pattern| {
                    matcher.pair(pattern, span) == 0
                        && matcher.is_timing_met(pattern, previous, span)
                })
            }
            Says::NewForOne => false,
        }
    }
}

impl<'a> Updater<'a> {
    fn find_missing(&mut self, expected: &'a Siblings, actual: &'a [usize]) {
        for step in self.matcher.align(expected, actual) {
            match step {
                Step::Pair { pattern, span }
                    if self.matcher.pair(&expected.spans[pattern], span) > 0 =>
                {
                    self.find_missing(
                        &expected.spans[pattern].below,
                        self.trace.child_indexes(span),
                    );
                }
                Step::Missing { pattern, found: 0 } => {
                    let mut rest = vec![&expected.spans[pattern]];
                    while let Some(pattern) =
                        rest.pop().filter(|_| self.missing.len() < MOST_MISSING)
                    {
                        self.missing.push(pattern);
                        self.used.insert(pattern.id, false);
                        rest.extend(pattern.below.spans.iter().rev());
                    }
                }
                _ => {}
            }
        }
    }

    fn mark(&mut self, pattern: &SpanPattern) {
        self.used.entry(pattern.id).and_modify(|used| *used = true);
    }

    fn is_used(&self, pattern: &SpanPattern) -> bool {
        self.used.get(&pattern.id) == Some(&true)
    }

    /// Recurses as deep as an expectation may be.
    fn siblings(&mut self, expected: &'a Siblings, actual: &'a [usize], depth: usize) -> Vec<Node> {
        if depth == MAX_DEPTH {
            let others = |_: &usize| Node { text: "…".to_owned(), ..Node::default() };
            return actual.first().map(others).into_iter().collect();
        }
        let slots = self.slots(expected, actual);
        let mut taken = vec![0; expected.spans.len()];
        for slot in &slots {
            if let Slot::Taken(place, spans) = slot {
                taken[*place] += spans.len();
            }
        }
        let mut nodes = Vec::new();
        let mut previous = None;
        for slot in &slots {
            match slot {
                // It was moved before what is around it.
                Slot::Taken(place, spans) if self.is_used(&expected.spans[*place]) => {
                    for &span in spans {
                        nodes.extend(self.moved_or_new(span, previous, depth));
                        previous = Some(span);
                    }
                }
                Slot::Taken(place, spans) => {
                    let is_whole = spans.len() == taken[*place];
                    let pattern = &expected.spans[*place];
                    nodes.extend(self.taken(pattern, spans, is_whole, previous, depth));
                    previous = spans.last().copied();
                }
                Slot::Unmatched(place) => nodes.push(self.kept(&expected.spans[*place])),
                Slot::Others(line) => nodes.push(self.line(*line)),
                Slot::New(span) => {
                    nodes.extend(self.moved_or_new(*span, previous, depth));
                    previous = Some(*span);
                }
            }
        }
        nodes
    }

    fn slots(&mut self, expected: &'a Siblings, actual: &'a [usize]) -> Vec<Slot> {
        let mut slots = Vec::new();
        let mut others = expected.others.iter().copied().peekable();
        // The first pattern that is not in the slots.
        let mut next = 0;
        let mut advance = |to: usize, next: &mut usize, slots: &mut Vec<Slot>| {
            for place in *next..to {
                let line = expected.spans[place].line;
                slots.extend(
                    std::iter::from_fn(|| others.next_if(|&other| other < line)).map(Slot::Others),
                );
                slots.push(Slot::Unmatched(place));
            }
            *next = to.max(*next);
            let line = expected.spans.get(to).map_or(usize::MAX, |pattern| pattern.line);
            slots.extend(
                std::iter::from_fn(|| others.next_if(|&other| other < line)).map(Slot::Others),
            );
        };
        for step in self.matcher.align(expected, actual) {
            match step {
                Step::Pair { pattern, span } => match slots.last_mut() {
                    Some(Slot::Taken(last, spans)) if *last == pattern => spans.push(span),
                    _ => {
                        if pattern >= next {
                            advance(pattern, &mut next, &mut slots);
                            next = pattern + 1;
                        }
                        slots.push(Slot::Taken(pattern, vec![span]));
                    }
                },
                Step::Missing { pattern, found: 0 } => {
                    advance(pattern, &mut next, &mut slots);
                    next = pattern + 1;
                }
                Step::Missing { .. } => {}
                Step::Extra { .. } if expected.is_open() => {}
                Step::Extra { span } => match slots.last_mut() {
                    Some(Slot::Taken(last, spans))
                        if expected.spans[*last].is_repeated() && self.is_same(spans, span) =>
                    {
                        spans.push(span);
                    }
                    _ => slots.push(Slot::New(span)),
                },
            }
        }
        advance(expected.spans.len(), &mut next, &mut slots);
        slots
    }

    /// Whether a span has the names of the last of these.
    fn is_same(&self, spans: &[usize], span: usize) -> bool {
        let span = self.trace.get(span);
        spans.last().map(|&last| self.trace.get(last)).is_some_and(|last| {
            (&last.service, &last.operation) == (&span.service, &span.operation)
        })
    }

    /// The lines for spans that one pattern takes: a line that matches is kept.
    ///
    /// `is_whole` says that they are all of them; then the count is as free as it was.
    fn taken(
        &mut self,
        pattern: &'a SpanPattern,
        spans: &[usize],
        is_whole: bool,
        mut previous: Option<usize>,
        depth: usize,
    ) -> Vec<Node> {
        self.mark(pattern);
        let trace = self.trace;
        let bounds = Bounds::around(pattern, spans.iter().map(|&span| trace.get(span).duration));
        let is_moved = bounds != Bounds::of(pattern);
        let mut runs: Vec<Run<'a>> = Vec::new();
        for &span in spans {
            let fits = !is_moved
                && self.matcher.pair(pattern, span) == 0
                && self.matcher.is_timing_met(pattern, previous, span);
            match runs.last_mut().and_then(|run| run.takes(fits, previous, span).then_some(run)) {
                Some(run) => run.spans += 1,
                None if fits => {
                    let node = self.kept(pattern);
                    let says = Says::Same;
                    runs.push(Run { node, conditions: None, says, spans: 1 });
                }
                None => {
                    let is_repeated = spans.len() > 1;
                    let run = self.rewritten(pattern, span, previous, bounds, depth, is_repeated);
                    runs.push(run);
                }
            }
            previous = Some(span);
        }
        let is_one = is_whole && runs.len() == 1;
        let mut nodes = Vec::new();
        for run in runs {
            let is_first = nodes.is_empty();
            let mut node = run.node;
            let count =
                if is_one { pattern.count.with(run.spans) } else { Count::exactly(run.spans) };
            if run.conditions.is_some() || count != pattern.count || !is_first {
                let comment = if is_first { self.source.comment(pattern.line) } else { "" };
                let conditions = run.conditions.as_ref().unwrap_or(pattern);
                node.text = format!("{conditions}{count}{comment}");
            }
            if !is_first {
                node.above.clear();
            }
            nodes.push(node);
        }
        nodes
    }

    /// A pattern with all that is below it, as it is.
    fn kept(&mut self, pattern: &'a SpanPattern) -> Node {
        self.mark(pattern);
        let details = pattern.events.iter().map(|event| event.line);
        let mut details: Vec<usize> =
            details.chain(pattern.links.iter().map(|link| link.line)).collect();
        details.sort_unstable();
        let details = details.into_iter().map(|line| self.detail(line)).collect();
        let below = &pattern.below;
        let spans = below.spans.iter().map(|child| (child.line, Some(child)));
        let mut children: Vec<_> =
            spans.chain(below.others.iter().map(|&line| (line, None))).collect();
        children.sort_unstable_by_key(|(line, _)| *line);
        let child = |(line, child): (usize, Option<&'a SpanPattern>)| match child {
            Some(child) => self.kept(child),
            None => self.line(line),
        };
        Node {
            children: children.into_iter().map(child).collect(),
            details,
            ..self.line(pattern.line)
        }
    }

    fn detail(&self, line: usize) -> (Vec<String>, String) {
        (self.source.above(line), self.source.content(line).to_owned())
    }

    fn line(&self, line: usize) -> Node {
        let (above, text) = self.detail(line);
        Node { above, text, ..Node::default() }
    }

    /// A pattern that does not match: what differs is taken from the span.
    fn rewritten(
        &mut self,
        pattern: &'a SpanPattern,
        index: usize,
        previous: Option<usize>,
        bounds: Bounds,
        depth: usize,
        is_repeated: bool,
    ) -> Run<'a> {
        let span = self.trace.get(index);
        let conditions =
            conditions(pattern, span, previous.map(|previous| self.trace.get(previous)), bounds);
        let mut node = self.line(pattern.line);
        if let Some(conditions) = &conditions {
            node.text = conditions.to_string();
        }
        node.details = self.events(pattern, span);
        node.details.extend(self.links(pattern, span));
        node.children = self.siblings(&pattern.below, self.trace.child_indexes(index), depth + 1);
        let text = is_repeated.then(|| self.source.print(std::slice::from_ref(&node)));
        let says = match text.map(|text| text.parse()) {
            Some(Ok(expected)) => Says::New(Box::new((expected, Matcher::new(self.trace)))),
            _ => Says::NewForOne,
        };
        Run { node, conditions, says, spans: 1 }
    }

    /// The events of a pattern, in the order in which the span has them.
    fn events(&self, pattern: &SpanPattern, span: &Span) -> Vec<(Vec<String>, String)> {
        let there = &span.events;
        let compared = events(pattern, span);
        let place = |event: &Event| there.iter().position(|other| ptr::eq(other, event));
        let is_met = |event: &EventComparison<'_>| event.weight() == 0;
        let mut places: Vec<Option<usize>> = compared
            .iter()
            .map(|event| event.nearest.filter(|_| is_met(event)).and_then(place))
            .collect();
        for at in 0..compared.len() {
            if places[at].is_some() {
                continue;
            }
            let start = places[..at].iter().flatten().max().map_or(0, |last| last + 1);
            let end = places[at..].iter().flatten().min().copied().unwrap_or(there.len());
            let is_free = |place: &usize| !places.contains(&Some(*place));
            let named = |place: &usize| compared[at].expected.name.matches(&there[*place].name);
            places[at] = (start..end)
                .filter(is_free)
                .find(named)
                .or_else(|| (0..there.len()).filter(is_free).find(named))
                .or_else(|| (start..end).find(is_free));
        }
        let mut details: Vec<(usize, (Vec<String>, String))> = Vec::new();
        for (event, place) in pattern.events.iter().zip(places) {
            let Some(place) = place else { continue };
            let (above, mut text) = self.detail(event.line);
            if let Some(new) = changed_event(event, &there[place]) {
                text = format!("{new}{}", self.source.comment(event.line));
            }
            details.push((place, (above, text)));
        }
        details.sort_by_key(|(place, _)| *place);
        details.into_iter().map(|(_, detail)| detail).collect()
    }

    /// The links of a pattern. One that is not there gives its line to one that no line mentions.
    fn links(&self, pattern: &SpanPattern, span: &Span) -> Vec<(Vec<String>, String)> {
        let is_there = |link: &LinkPattern| span.links.iter().any(|there| link.matches(there));
        let is_new = |there: &&Link| !pattern.links.iter().any(|link| link.matches(there));
        let mut new = span.links.iter().filter(is_new);
        let mut details = Vec::new();
        for link in &pattern.links {
            let (above, text) = self.detail(link.line);
            if is_there(link) {
                details.push((above, text));
            } else if let Some(there) = new.next() {
                let comment = self.source.comment(link.line);
                details.push((above, format!("→ {}{comment}", written::link(there))));
            }
        }
        details
    }

    /// A span that no pattern stands for here: with the conditions of one that is missing elsewhere,
    /// if it has the same names, else as a new one.
    fn moved_or_new(&mut self, index: usize, previous: Option<usize>, depth: usize) -> Vec<Node> {
        let span = self.trace.get(index);
        let has_names = |pattern: &&&SpanPattern| {
            !self.is_used(pattern)
                && pattern.service.matches(&span.service)
                && pattern.operation.matches(&span.operation)
        };
        match self.missing.iter().find(has_names).copied() {
            Some(pattern) => self.taken(pattern, &[index], true, previous, depth),
            None => vec![self.new_node(index, depth)],
        }
    }

    /// Recurses as deep as an expectation may be.
    fn new_node(&mut self, index: usize, depth: usize) -> Node {
        let span = self.trace.get(index);
        let events = span.events.iter().map(|event| format!("• {}", written::event(event)));
        let links = span.links.iter().map(|link| format!("→ {}", written::link(link)));
        Node {
            above: Vec::new(),
            text: written::pattern(span).to_string(),
            details: events.chain(links).map(|text| (Vec::new(), text)).collect(),
            children: self.siblings(&NONE, self.trace.child_indexes(index), depth + 1),
        }
    }
}

/// No siblings are expected.
static NONE: Siblings = Siblings { spans: Vec::new(), others: Vec::new() };

#[cfg(test)]
mod tests;
