//! Matches a trace with an expectation so that as little as possible differs.

use std::collections::HashMap;

use crate::compare::{events, has_names, is_alike, mismatches};
use crate::expectation::{Siblings, SpanPattern};
use crate::trace::Trace;

/// How many states the best matches may take. What is left when they are used up is paired in its
/// order: a hostile or huge trace must not take hours.
const BUDGET: usize = 2_000_000;

/// A span that is missing or extra counts as much as this, times the number of spans below it.
const WHOLE_SPAN: u64 = 5;

/// Where extra spans are allowed, leaving a span out costs nothing. So a missing span counts this much more there:
/// a span with the right name is taken before it counts as missing, whatever else differs.
const OPEN: u64 = 1 << 20;

/// What happens to one expected or actual span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// The place of the pattern among its siblings, and the index of the span in the trace.
    Pair {
        pattern: usize,
        span: usize,
    },
    Missing {
        pattern: usize,
        found: u64,
    },
    Extra {
        span: usize,
    },
}

/// Matches siblings with siblings, and remembers how well each pair of subtrees fits.
pub(crate) struct Matcher<'a> {
    trace: &'a Trace,
    known: HashMap<(usize, usize), u64>,
    left: usize,
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(trace: &'a Trace) -> Self {
        Self { trace, known: HashMap::new(), left: BUDGET }
    }

    /// Allows as many states again.
    pub(crate) fn refill(&mut self) {
        self.left = BUDGET;
    }

    /// How much differs between siblings, with everything below them; 0 if they match.
    pub(crate) fn difference(&mut self, expected: &Siblings, actual: &[usize]) -> u64 {
        let mut previous = None;
        let mut sum = 0_u64;
        for step in self.align(expected, actual) {
            sum = sum.saturating_add(match step {
                Step::Pair { pattern, span } => {
                    let pattern = &expected.spans[pattern];
                    let timing = self.is_timing_met(pattern, previous, span);
                    previous = Some(span);
                    self.pair(pattern, span) + u64::from(!timing)
                }
                Step::Missing { pattern, found } => missing(&expected.spans[pattern], found),
                Step::Extra { span } => self.extra(span, expected.is_open()),
            });
        }
        sum
    }

    /// How much differs between a span and its pattern, with everything below them.
    ///
    /// It recurses as deep as the parser lets an expectation be.
    pub(crate) fn pair(&mut self, pattern: &SpanPattern, index: usize) -> u64 {
        if let Some(&known) = self.known.get(&(pattern.id, index)) {
            return known;
        }
        let trace = self.trace;
        let span = trace.get(index);
        let own: u64 = mismatches(pattern, span).iter().map(|mismatch| mismatch.weight()).sum();
        let events: u64 = events(pattern, span).iter().map(|event| event.weight()).sum();
        let sum = (own + events)
            .saturating_add(self.difference(&pattern.below, trace.child_indexes(index)));
        self.known.insert((pattern.id, index), sum);
        sum
    }

    pub(crate) fn is_timing_met(
        &self,
        pattern: &SpanPattern,
        previous: Option<usize>,
        span: usize,
    ) -> bool {
        let get = |index| self.trace.get(index);
        pattern.timing.is_none_or(|timing| timing.is_met(previous.map(get), get(span)))
    }

    fn extra(&self, span: usize, open: bool) -> u64 {
        if open { 0 } else { WHOLE_SPAN * self.trace.size(span) as u64 }
    }

    /// What a pair costs in the search for the best alignment.
    ///
    /// `is_claimed` says that one of the patterns has the names of the span: then it is not another one, renamed.
    fn pair_cost(
        &mut self,
        pattern: &SpanPattern,
        span: usize,
        open: bool,
        is_claimed: bool,
    ) -> u64 {
        let pair = self.pair(pattern, span);
        if pair == 0 {
            return 0;
        }
        let missing = pattern.size.saturating_mul(WHOLE_SPAN).saturating_add(1);
        if open && !is_alike(pattern, self.trace.get(span)) {
            return pair.saturating_add(missing.saturating_mul(OPEN));
        }
        if !open && is_claimed && !has_names(pattern, self.trace.get(span)) {
            return pair.max(missing.saturating_add(self.extra(span, open)));
        }
        pair
    }

    /// Pairs siblings in their order.
    pub(crate) fn align(&mut self, expected: &Siblings, actual: &[usize]) -> Vec<Step> {
        // What fits exactly at the beginning needs no search, and most of a trace does.
        let mut steps = Vec::new();
        let mut start = 0;
        while let (Some(pattern), Some(&span)) = (expected.spans.get(start), actual.get(start)) {
            if (pattern.count.least, pattern.count.most) != (1, Some(1))
                || self.pair(pattern, span) > 0
            {
                break;
            }
            steps.push(Step::Pair { pattern: start, span });
            start += 1;
        }
        let actual = &actual[start..];
        let counts =
            expected.spans[start..].iter().map(|pattern| count_states(pattern, actual.len()));
        let rows = counts.fold(1, usize::saturating_add);
        let states = rows.saturating_mul(actual.len() + 1);
        if states > self.left {
            self.align_in_order(expected, start, actual, &mut steps);
        } else {
            self.left -= states;
            self.align_best(expected, start, actual, rows, &mut steps);
        }
        steps
    }

    /// Finds the alignment in which least differs: the edit distance, where a pattern may take several spans.
    ///
    /// A state is a pattern, how many spans it has taken, and how many spans are used.
    fn align_best(
        &mut self,
        expected: &Siblings,
        start: usize,
        actual: &[usize],
        rows: usize,
        steps: &mut Vec<Step>,
    ) {
        let patterns = &expected.spans[start..];
        let width = actual.len() + 1;
        let mut first_row = Vec::with_capacity(patterns.len() + 1);
        first_row.push(0);
        for pattern in patterns {
            first_row.push(first_row[first_row.len() - 1] + count_states(pattern, actual.len()));
        }

        let open = expected.is_open();
        let is_claimed = |&span: &usize| {
            let span = self.trace.get(span);
            !open && expected.spans.iter().any(|it| it.is_literal() && has_names(it, span))
        };
        let claimed: Vec<bool> = actual.iter().map(is_claimed).collect();

        let mut best = vec![0_u64; rows * width];
        for used in (0..actual.len()).rev() {
            let row = (rows - 1) * width;
            best[row + used] = best[row + used + 1].saturating_add(self.extra(actual[used], open));
        }
        for (place, pattern) in patterns.iter().enumerate().rev() {
            let next = first_row[place + 1] * width;
            let pairs: Vec<u64> = actual
                .iter()
                .zip(&claimed)
                .map(|(&span, &is_claimed)| self.pair_cost(pattern, span, open, is_claimed))
                .collect();
            for taken in (0..count_states(pattern, actual.len())).rev() {
                let row = (first_row[place] + taken) * width;
                let lacking = missing_cost(pattern, taken as u64, open);
                for used in (0..width).rev() {
                    let mut least = best[next + used].saturating_add(lacking);
                    if used < actual.len() {
                        let extra = self.extra(actual[used], open);
                        least = least.min(best[row + used + 1].saturating_add(extra));
                        if let Some(more) = more_states(pattern, taken, actual.len()) {
                            let row = (first_row[place] + more) * width;
                            least = least.min(best[row + used + 1].saturating_add(pairs[used]));
                        }
                    }
                    best[row + used] = least;
                }
            }
        }

        let (mut place, mut taken, mut used) = (0, 0, 0);
        while place < patterns.len() {
            let pattern = &patterns[place];
            let row = (first_row[place] + taken) * width;
            let least = best[row + used];
            if let (Some(more), Some(&span)) =
                (more_states(pattern, taken, actual.len()), actual.get(used))
            {
                let row = (first_row[place] + more) * width;
                let pair = self.pair_cost(pattern, span, open, claimed[used]);
                if best[row + used + 1].saturating_add(pair) == least {
                    steps.push(Step::Pair { pattern: start + place, span });
                    (taken, used) = (more, used + 1);
                    continue;
                }
            }
            let next = first_row[place + 1] * width;
            let lacking = missing_cost(pattern, taken as u64, open);
            if best[next + used].saturating_add(lacking) == least {
                if lacking > 0 {
                    steps.push(Step::Missing { pattern: start + place, found: taken as u64 });
                }
                (place, taken) = (place + 1, 0);
                continue;
            }
            steps.push(Step::Extra { span: actual[used] });
            used += 1;
        }
        steps.extend(actual[used..].iter().map(|&span| Step::Extra { span }));
    }

    /// Gives each pattern the spans that fit it and are next.
    fn align_in_order(
        &mut self,
        expected: &Siblings,
        start: usize,
        actual: &[usize],
        steps: &mut Vec<Step>,
    ) {
        let mut used = 0;
        for (place, pattern) in expected.spans.iter().enumerate().skip(start) {
            let mut found = 0;
            while used < actual.len() && pattern.count.most.is_none_or(|most| found < most) {
                let fits = self.pair(pattern, actual[used]) == 0;
                let needed = found < pattern.count.least;
                if fits || needed && !expected.is_open() {
                    steps.push(Step::Pair { pattern: place, span: actual[used] });
                    found += 1;
                } else if needed {
                    steps.push(Step::Extra { span: actual[used] });
                } else {
                    break;
                }
                used += 1;
            }
            if found < pattern.count.least {
                steps.push(Step::Missing { pattern: place, found });
            }
        }
        steps.extend(actual[used..].iter().map(|&span| Step::Extra { span }));
    }
}

/// How many numbers of taken spans need to be told apart, among at most `most` spans.
fn count_states(pattern: &SpanPattern, most: usize) -> usize {
    let counted = pattern.count.most.unwrap_or(pattern.count.least);
    usize::try_from(counted).unwrap_or(usize::MAX).min(most) + 1
}

/// The state after one more span, if the pattern may take one.
fn more_states(pattern: &SpanPattern, taken: usize, most: usize) -> Option<usize> {
    let full = pattern.count.most.is_some_and(|most| taken as u64 >= most);
    (!full).then(|| (taken + 1).min(count_states(pattern, most) - 1))
}

/// What missing spans cost in the search for the best alignment.
fn missing_cost(pattern: &SpanPattern, found: u64, open: bool) -> u64 {
    missing(pattern, found).saturating_mul(if open { OPEN } else { 1 })
}

fn missing(pattern: &SpanPattern, found: u64) -> u64 {
    let lacking = pattern.count.least.saturating_sub(found);
    lacking.saturating_mul(pattern.size).saturating_mul(WHOLE_SPAN)
}
