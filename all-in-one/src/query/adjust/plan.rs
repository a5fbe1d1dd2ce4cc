//! The changes to a trace's spans that depend on the other spans.

use std::time::Duration;

use super::clock_skew;
use super::dedupe::dedupe;
use super::outline::{Change, Outlines};
use super::version::Version;
use super::view::View;

/// The changes in the order of the spans, and the largest skew that is corrected, in nanoseconds.
#[derive(Debug, Default)]
pub(in crate::query) struct Plan {
    changes: Vec<Change>,
    limit: i128,
}

impl Plan {
    pub(in crate::query) fn of(trace: Outlines, max_clock_skew: Duration) -> Self {
        let limit = i128::try_from(max_clock_skew.as_nanos()).unwrap_or(i128::MAX);
        let mut trace = trace.into_vec();
        dedupe(&mut trace);
        clock_skew::adjust(&mut trace, limit);
        let mut changes = Vec::new();
        changes.extend(trace.iter().map(|span| span.change).filter(Change::is_any));
        changes.shrink_to_fit();
        Plan { changes, limit }
    }

    /// Changes some of the spans; `first` is the number of the first of them.
    pub(super) fn apply(&self, views: &mut [View], first: usize, api: Version) {
        let begin = self.changes.partition_point(|change| (change.number as usize) < first);
        for change in &self.changes[begin..] {
            match views.get_mut(change.number as usize - first) {
                Some(view) => self.change(view, change, api),
                None => return,
            }
        }
    }

    fn change(&self, view: &mut View, change: &Change, api: Version) {
        if change.has_new_parent {
            view.set_parent(change.parent);
        }
        if change.has_new_id {
            view.span_id = change.span_id;
        }
        view.warnings.extend(change.misfit.map(|misfit| misfit.warning(change.parent, api)));
        clock_skew::shift(view, change.skew, self.limit);
    }
}
