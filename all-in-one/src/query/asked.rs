//! Counts what the store was asked, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::errors::ApiError;
use crate::server::histogram::Histogram;

/// A question to the store, as Jaeger tells them apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question {
    FindTraces,
    GetOperations,
    GetServices,
    GetTrace,
}

impl Question {
    pub(crate) const ALL: [(Question, &'static str); 4] = [
        (Question::FindTraces, "find_traces"),
        (Question::GetOperations, "get_operations"),
        (Question::GetServices, "get_services"),
        (Question::GetTrace, "get_trace"),
    ];
}

/// The questions of the Monitor page, with the last part of their paths.
pub(crate) const MONITOR: [(&str, &str); 4] = [
    ("calls", "get_call_rates"),
    ("errors", "get_error_rates"),
    ("latencies", "get_latencies"),
    ("minstep", "get_min_step_duration"),
];

/// The counts of a question.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    requests: [AtomicU64; 2],
    latency: [Histogram; 2],
    /// How many results there were: like Jaeger, in nanoseconds of a histogram.
    pub(crate) responses: Histogram,
}

impl Asked {
    /// How often it was answered well or badly, and how long that took.
    pub(crate) fn answered(&self, good: bool) -> (u64, &Histogram) {
        let good = usize::from(good);
        (self.requests[good].load(Ordering::Relaxed), &self.latency[good])
    }

    fn count(&self, good: bool, took: Duration) {
        self.requests[usize::from(good)].fetch_add(1, Ordering::Relaxed);
        self.latency[usize::from(good)].record(1, took);
    }
}

/// The counts of all questions.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    store: [Asked; Question::ALL.len()],
    monitor: [Asked; MONITOR.len()],
}

impl Questions {
    /// The counts of a question.
    pub(crate) fn of(&self, question: Question) -> &Asked {
        &self.store[question as usize]
    }

    /// The counts of the Monitor page's questions, in the order of [`MONITOR`].
    pub(crate) fn monitor(&self) -> &[Asked] {
        &self.monitor
    }

    /// Asks the store. `results` says how many there are, or `None` if the answer is an error.
    pub(super) fn ask<T>(
        &self,
        question: Question,
        ask: impl FnOnce() -> T,
        results: impl FnOnce(&T) -> Option<usize>,
    ) -> T {
        let started = Instant::now();
        let answer = ask();
        let (counts, took, results) = (self.of(question), started.elapsed(), results(&answer));
        counts.count(results.is_some(), took);
        if let Some(results) = results {
            counts.responses.record(1, Duration::from_nanos(results as u64));
        }
        answer
    }

    /// Answers a question of the Monitor page. Like in Jaeger, one that is malformed is not counted.
    pub(super) fn monitored(
        &self,
        name: &str,
        answer: impl FnOnce() -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let started = Instant::now();
        let answer = answer();
        let place = MONITOR.iter().position(|(path, _)| *path == name);
        let is_counted = !answer.as_ref().is_err_and(ApiError::is_bad_request);
        if let Some(place) = place.filter(|_| is_counted) {
            self.monitor[place].count(answer.is_ok(), started.elapsed());
        }
        answer
    }
}
