//! Which lines siblings get: what matches is folded, and spans that are too many are counted.

use super::Writer;
use crate::compare::has_names;
use crate::expectation::{Siblings, SpanPattern};
use crate::matches::Step;

/// With more spans than this, those that match are folded.
const FOLD_FROM: usize = 25;
/// A fold stands for at least this many spans.
const LEAST_FOLD: usize = 3;

/// What becomes of siblings in the text.
pub(super) enum Entry {
    Step(Step, Option<usize>),
    Matching(usize),
    Others(usize),
    /// A pattern that may take fewer spans than there are.
    TooMany {
        pattern: usize,
        found: u64,
    },
    /// The first extra span that has the names of a pattern which may take no more, but differs.
    Surplus {
        pattern: usize,
        span: usize,
    },
}

impl Writer<'_> {
    /// Counts a span that the pattern before it would take if it could take more, instead of showing it as extra.
    /// `counted` is the last such pattern, and the place of its entry.
    fn add_to_count(
        &mut self,
        siblings: &Siblings,
        last: Option<usize>,
        span: usize,
        entries: &mut Vec<Entry>,
        counted: &mut Option<(usize, usize)>,
    ) -> bool {
        let Some(pattern) = last else { return false };
        let it = &siblings.spans[pattern];
        let Some(most) = it.count.most.filter(|&most| most > 1) else { return false };
        if self.matcher.pair(it, span) > 0 {
            return false;
        }
        let is_pair = |entry: &Entry| matches!(entry, Entry::Step(Step::Pair { pattern: it, .. }, _) if *it == pattern);
        if let Some((_, at)) = counted.filter(|(it, _)| *it == pattern) {
            if let Entry::TooMany { found, .. } = &mut entries[at] {
                *found += 1;
            }
            return true;
        }
        let is_before = |entry: &Entry| is_pair(entry) || matches!(entry, Entry::Matching(_));
        let end = entries.iter().rposition(is_before).map_or(0, |at| at + 1);
        let mut start = end;
        while start > 0 && self.is_matching(&entries[start - 1], it, is_pair) {
            start -= 1;
        }
        entries.splice(start..end, [Entry::TooMany { pattern, found: most + 1 }]);
        *counted = Some((pattern, start));
        true
    }

    /// The pattern before an extra span, if it has its names and may take no more.
    fn full_pattern(&self, siblings: &Siblings, last: Option<usize>, span: usize) -> Option<usize> {
        let it = &siblings.spans[last?];
        let is_full = it.count.most.is_some_and(|most| most > 1);
        last.filter(|_| is_full && has_names(it, self.trace.get(span)))
    }

    /// Whether an entry is a pair, as said by `is_pair`, in which nothing differs.
    fn is_matching(
        &mut self,
        entry: &Entry,
        pattern: &SpanPattern,
        is_pair: impl Fn(&Entry) -> bool,
    ) -> bool {
        is_pair(entry)
            && matches!(entry, Entry::Step(Step::Pair { span, .. }, _) if self.matcher.pair(pattern, *span) == 0)
    }

    /// Aligns siblings, and folds what needs no line of its own.
    pub(super) fn entries(&mut self, expected: &Siblings, actual: &[usize]) -> Vec<Entry> {
        let steps = self.matcher.align(expected, actual);
        let mut entries = Vec::new();
        let (mut run, mut run_start, mut others) = (0, 0, 0);
        let (mut previous, mut last) = (None, None);
        // What is said of too many spans already.
        let (mut counted, mut surplus) = (None, None);
        for step in steps {
            match step {
                Step::Pair { pattern, span } => {
                    last = Some(pattern);
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
                    self.hidden.push(span);
                    continue;
                }
                Step::Extra { span }
                    if self.add_to_count(expected, last, span, &mut entries, &mut counted) =>
                {
                    self.extra.push(span);
                    (run, run_start) = (0, entries.len());
                }
                Step::Extra { span } => {
                    (run, run_start) = (0, entries.len() + 1);
                    let full = self.full_pattern(expected, last, span);
                    let is_known = full == surplus || full == counted.map(|(pattern, _)| pattern);
                    entries.push(match full.filter(|_| !is_known) {
                        Some(pattern) => Entry::Surplus { pattern, span },
                        None => Entry::Step(step, previous),
                    });
                    surplus = full.or(surplus);
                }
                Step::Missing { .. } => {
                    // Its line says how many were found; those that match need none of their own.
                    if let Step::Missing { pattern, found } = step
                        && run >= usize::try_from(found).unwrap_or(usize::MAX)
                    {
                        let is_it = |entry: &mut Entry| matches!(entry, Entry::Step(Step::Pair { pattern: it, .. }, _) if *it == pattern);
                        while entries.pop_if(is_it).is_some() {}
                    }
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
}
