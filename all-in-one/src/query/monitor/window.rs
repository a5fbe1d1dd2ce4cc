//! The points in time that are asked for, and the window before each.

use super::super::errors::ApiError;
use super::super::params;
use crate::go_format::numbers::parse_int;
use crate::server::form::Form;

/// Prometheus's limit.
const MOST_POINTS: i64 = 11_000;
/// The longest time, in milliseconds: a hundred years.
const LONGEST: i64 = 100 * 366 * 24 * 3600 * 1_000;
/// Jaeger's defaults, in milliseconds.
const LOOKBACK: i64 = 3_600_000;
const STEP: i64 = 5_000;
const RATE_PER: i64 = 600_000;

/// Points in time; all in microseconds, since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    start: i64,
    step: i64,
    points: usize,
    /// The length of the window before each point.
    length: i64,
    /// No span that ended later was evicted.
    complete_since: i64,
}

impl Window {
    pub(super) fn parse(form: &Form, complete_since: u64) -> Result<Self, ApiError> {
        let end = params::time(form, "endTs", 1_000_000, params::now)?;
        let lookback = millis(form, "lookback", LOOKBACK, 0)?;
        let step = millis(form, "step", STEP, 1)?;
        let length = millis(form, "ratePer", RATE_PER, 1)?;
        let points = lookback / step + 1;
        if points > MOST_POINTS {
            let why = format!("more than {MOST_POINTS} points: ask for less, or for longer steps");
            return Err(ApiError::parameter("step", why));
        }
        Ok(Window {
            start: end.saturating_sub(lookback),
            step,
            points: points as usize,
            length,
            complete_since: i64::try_from(complete_since).unwrap_or(i64::MAX),
        })
    }

    pub(super) fn points(&self) -> usize {
        self.points
    }

    /// The time of a point.
    pub(super) fn at(&self, point: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(point as i64))
    }

    /// The earliest and the latest end of a span that is in a window.
    pub(super) fn ends(&self) -> (u64, u64) {
        let after = self.start.saturating_sub(self.length).max(self.complete_since);
        let not_before_0 = |time: i64| u64::try_from(time).unwrap_or(0);
        (not_before_0(after.saturating_add(1)), not_before_0(self.at(self.points - 1)))
    }

    /// The first and the last point whose windows have a span with this end.
    pub(super) fn around(&self, end: u64) -> Option<(usize, usize)> {
        let end = i64::try_from(end).unwrap_or(i64::MAX);
        let since = end.saturating_sub(self.start);
        let first = since.saturating_add(self.step - 1).div_euclid(self.step).max(0);
        let last = since.saturating_add(self.length - 1).div_euclid(self.step);
        let last = last.min(self.points as i64 - 1);
        (first <= last).then_some((first as usize, last as usize))
    }

    /// The seconds of a point's window in which no span was evicted; `None` if they are too few.
    pub(super) fn seconds(&self, point: usize) -> Option<f64> {
        let held = self.at(point).saturating_sub(self.complete_since).min(self.length);
        (held >= self.step.min(self.length) / 2).then_some(held as f64 / 1e6)
    }
}

/// A parameter in milliseconds, as microseconds.
fn millis(form: &Form, name: &str, default: i64, least: i64) -> Result<i64, ApiError> {
    let millis = match form.get(name) {
        "" => default,
        text => parse_int(text, 64).map_err(|why| ApiError::parameter(name, why))?,
    };
    match millis {
        _ if millis < least => Err(ApiError::parameter(name, format!("less than {least}"))),
        _ if millis > LONGEST => Err(ApiError::parameter(name, "longer than a hundred years")),
        _ => Ok(millis * 1_000),
    }
}
