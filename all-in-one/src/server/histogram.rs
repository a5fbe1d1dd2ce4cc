//! How long something took, in the buckets of Prometheus's clients.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper limits of the buckets, in nanoseconds, and as `/metrics` writes them. One more bucket
/// has no limit.
const LIMITS: [(u64, &str); 11] = [
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];

/// Counts of durations.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; LIMITS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    /// Counts `count` things that took `all` together.
    pub(crate) fn record(&self, count: u64, all: Duration) {
        let nanos = u64::try_from(all.as_nanos()).unwrap_or(u64::MAX);
        let Some(each) = nanos.checked_div(count) else { return };
        let bucket = LIMITS.partition_point(|(limit, _)| *limit < each);
        self.buckets[bucket].fetch_add(count, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// For each limit in text, how many were at or below it; and the sum in seconds.
    pub(crate) fn snapshot(&self) -> (Vec<(&'static str, u64)>, f64) {
        let limits = LIMITS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        let counts = self.buckets.iter().scan(0, |sum, bucket| {
            *sum += bucket.load(Ordering::Relaxed);
            Some(*sum)
        });
        (limits.zip(counts).collect(), self.nanos.load(Ordering::Relaxed) as f64 / 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_includes_its_limit_and_those_before() {
        let times = Histogram::default();
        times.record(2, Duration::from_millis(10));
        times.record(1, Duration::from_nanos(5_000_001));
        times.record(1, Duration::from_secs(100));
        times.record(0, Duration::from_secs(100));
        let (buckets, sum) = times.snapshot();
        assert_eq!(buckets[0], ("0.005", 2));
        assert_eq!(buckets[1], ("0.01", 3));
        assert_eq!(buckets[10], ("10", 3));
        assert_eq!(buckets[11], ("+Inf", 4));
        assert!((sum - 100.015_000_001).abs() < 1e-6, "{sum}");
    }
}
