//! How many spans ended in each window, and how many of them failed.

use super::family::Values;
use super::series::Series;
use super::window::Window;
use crate::store::{Operation, ScanVisitor};

/// The changes from the point before to a point.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    calls: i32,
    failed: i32,
}

#[derive(Debug)]
pub(super) struct Rates {
    window: Window,
    series: Series,
    changes: Vec<Vec<Change>>,
}

impl Rates {
    pub(super) fn new(window: Window, series: Series) -> Self {
        Rates { window, series, changes: Vec::new() }
    }

    /// The calls in a second.
    pub(super) fn calls(self) -> Values {
        self.values(|calls, _, seconds| f64::from(calls) / seconds)
    }

    /// The share of calls that failed; not a number without calls.
    pub(super) fn errors(self) -> Values {
        self.values(|calls, failed, _| f64::from(failed) / f64::from(calls))
    }

    fn values(self, value: impl Fn(i32, i32, f64) -> f64) -> Values {
        let Rates { window, series, changes } = self;
        let values = |number: usize| {
            let (mut calls, mut failed, mut began) = (0, 0, false);
            let mut values = Vec::new();
            for (point, change) in changes[number].iter().take(window.points()).enumerate() {
                (calls, failed) = (calls + change.calls, failed + change.failed);
                began = began || calls > 0;
                if let Some(seconds) = window.seconds(point).filter(|_| began) {
                    values.push((point, value(calls, failed, seconds)));
                }
            }
            values
        };
        series.sorted().into_iter().map(|(name, number)| (name, values(number))).collect()
    }
}

impl ScanVisitor for Rates {
    fn class(&mut self, service: &str, operation: &Operation) -> Option<usize> {
        let number = self.series.number(service, operation);
        let empty = || vec![Change::default(); self.window.points() + 1];
        self.changes.resize_with(self.series.len(), empty);
        number
    }

    fn span(&mut self, class: usize, end: u64, _duration: u64, failed: bool) {
        let Some((first, last)) = self.window.around(end) else { return };
        let failed = i32::from(failed);
        for (point, sign) in [(first, 1), (last + 1, -1)] {
            let change = &mut self.changes[class][point];
            change.calls += sign;
            change.failed += sign * failed;
        }
    }
}
