//! Quantiles of the durations in each window: of a share `q` of the spans, the longest one.

use super::family::Values;
use super::series::Series;
use super::window::Window;
use crate::store::{Operation, ScanVisitor};

/// How many durations are kept: 6 MiB. Of more, a random half is kept, then a quarter, and so on.
const MOST: usize = 1 << 18;

/// A span, and the windows that it is in.
#[derive(Clone, Copy, Debug)]
struct Sample {
    series: u32,
    first: u32,
    last: u32,
    duration: u64,
}

#[derive(Debug)]
pub(super) struct Quantiles {
    window: Window,
    series: Series,
    samples: Vec<Sample>,
    most: usize,
    /// One span in 2^halvings is kept.
    halvings: u32,
    random: u64,
}

impl Quantiles {
    pub(super) fn new(window: Window, series: Series) -> Self {
        // Any seed but 0.
        let random = 0x9e37_79b9_7f4a_7c15;
        Quantiles { window, series, samples: Vec::new(), most: MOST, halvings: 0, random }
    }

    /// A random number (Marsaglia: Xorshift RNGs, 2003).
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn halve(&mut self) {
        let mut samples = std::mem::take(&mut self.samples);
        samples.retain(|_| self.random() >> 63 == 0);
        self.samples = samples;
        self.halvings += 1;
    }

    /// The values in milliseconds; not a number where a window has no span.
    pub(super) fn values(self, quantile: f64) -> Values {
        let Quantiles { window, series, mut samples, .. } = self;
        samples.sort_unstable_by_key(|sample| (sample.series, sample.duration));
        let values = |number: usize| {
            let from = samples.partition_point(|sample| (sample.series as usize) < number);
            let to = samples.partition_point(|sample| sample.series as usize <= number);
            of_series(&samples[from..to], &window, quantile)
        };
        series.sorted().into_iter().map(|(name, number)| (name, values(number))).collect()
    }
}

impl ScanVisitor for Quantiles {
    fn class(&mut self, service: &str, operation: &Operation) -> Option<usize> {
        self.series.number(service, operation)
    }

    fn span(&mut self, class: usize, end: u64, duration: u64, _failed: bool) {
        let Some((first, last)) = self.window.around(end) else { return };
        if self.halvings > 0 && self.random() >> (64 - self.halvings) != 0 {
            return;
        }
        let (series, first, last) = (class as u32, first as u32, last as u32);
        self.samples.push(Sample { series, first, last, duration });
        if self.samples.len() >= self.most {
            self.halve();
        }
    }
}

/// The values of one series, whose samples are sorted by duration.
fn of_series(samples: &[Sample], window: &Window, quantile: f64) -> Vec<(usize, f64)> {
    let [mut coming, mut going] = [(); 2].map(|()| (0..samples.len()).collect::<Vec<_>>());
    coming.sort_unstable_by_key(|sample| samples[*sample].first);
    going.sort_unstable_by_key(|sample| samples[*sample].last);
    let (mut coming, mut going) = (coming.into_iter().peekable(), going.into_iter().peekable());
    let mut within = Counts::new(samples.len());
    let (mut values, mut began) = (Vec::new(), false);
    for point in 0..window.points() {
        while let Some(sample) = coming.next_if(|sample| samples[*sample].first as usize <= point) {
            within.add(sample, 1);
        }
        while let Some(sample) = going.next_if(|sample| (samples[*sample].last as usize) < point) {
            within.add(sample, -1);
        }
        began = began || within.total > 0;
        if began && window.seconds(point).is_some() {
            let found = within.at(quantile).and_then(|sample| samples.get(sample));
            let millis = found.map_or(f64::NAN, |sample| sample.duration as f64 / 1e3);
            values.push((point, millis));
        }
    }
    values
}

/// Which samples are in a window: a binary indexed tree (Fenwick: A New Data Structure for
/// Cumulative Frequency Tables, 1994).
struct Counts {
    tree: Vec<i32>,
    total: i32,
}

impl Counts {
    fn new(length: usize) -> Self {
        Counts { tree: vec![0; length + 1], total: 0 }
    }

    fn add(&mut self, sample: usize, count: i32) {
        self.total += count;
        let mut at = sample + 1;
        while let Some(node) = self.tree.get_mut(at) {
            *node += count;
            at += at & at.wrapping_neg();
        }
    }

    /// The first sample up to which a share of all lies.
    fn at(&self, quantile: f64) -> Option<usize> {
        if self.total <= 0 {
            return None;
        }
        let wanted = (quantile.clamp(0.0, 1.0) * f64::from(self.total)).ceil() as i32;
        let mut left = wanted.clamp(1, self.total);
        let (mut at, mut stride) = (0, self.tree.len().next_power_of_two());
        while stride > 0 {
            if let Some(node) = self.tree.get(at + stride).filter(|node| **node < left) {
                left -= node;
                at += stride;
            }
            stride /= 2;
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::form::Form;

    #[test]
    fn a_quantile_is_the_one_of_the_sorted_durations_in_the_window() {
        let form = Form::parse("endTs=100000&lookback=99000&step=1000&ratePer=7000");
        let window = Window::parse(&form, 0).expect("a window");
        let mut quantiles = Quantiles::new(window, Series::new(false, vec![], 100));
        let mut spans = Vec::new();
        for _ in 0..3_000 {
            let end = quantiles.random() % 90_000_000;
            spans.push((end, quantiles.random() % 1_000));
        }
        for (end, duration) in &spans {
            quantiles.span(0, *end, *duration * 1_000, false);
        }
        quantiles.samples.sort_by_key(|sample| sample.duration);
        for quantile in [0.0, 0.3, 0.5, 0.95, 1.0, f64::NAN] {
            for (point, value) in of_series(&quantiles.samples, &window, quantile) {
                let at = window.at(point) as u64;
                let is_in = |end: u64| end <= at && end + 7_000_000 > at;
                let mut within: Vec<u64> =
                    spans.iter().filter(|(end, _)| is_in(*end)).map(|span| span.1).collect();
                within.sort_unstable();
                let rank = (quantile * within.len() as f64).ceil() as usize;
                let right = within.get(rank.max(1) - 1).map_or(f64::NAN, |value| *value as f64);
                assert!(value == right || value.is_nan() && right.is_nan(), "{quantile} {point}");
            }
        }
    }

    #[test]
    fn of_too_many_spans_a_random_part_is_kept() {
        let window = Window::parse(&Form::parse("endTs=1000"), 0).expect("a window");
        let mut quantiles = Quantiles::new(window, Series::new(false, vec![], 1));
        quantiles.most = 1_000;
        for n in 0..100_000 {
            quantiles.span(0, 1, n, false);
            assert!(quantiles.samples.len() < 1_000);
        }
        let mut durations: Vec<_> = quantiles.samples.iter().map(|one| one.duration).collect();
        durations.sort_unstable();
        let median = durations[durations.len() / 2];
        assert!((40_000..60_000).contains(&median), "{median}");
    }
}
