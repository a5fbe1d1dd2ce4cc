//! Prometheus's text format, version 0.0.4: two lines of comment for each metric, then one line for
//! each set of labels.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write as _};

use crate::server::histogram::Histogram;

/// The content type.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label and what it says.
pub(super) type Label<'a> = (&'a str, &'a str);

/// A text that is being written.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// A number that only grows; its name ends in `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Metric<'_> {
        self.metric(name, help, "counter")
    }

    /// A number that can go up and down.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Metric<'_> {
        self.metric(name, help, "gauge")
    }

    /// How long something took, for each set of labels.
    pub(super) fn histogram(&mut self, name: &str, help: &str, of: &[(&[Label<'_>], &Histogram)]) {
        let mut metric = self.metric(name, help, "histogram");
        for (labels, times) in of {
            let (buckets, sum) = times.snapshot();
            let count = buckets.last().map_or(0, |(_, count)| *count);
            for (limit, count) in buckets {
                metric.line("_bucket", &[labels, &[("le", limit)][..]].concat(), count);
            }
            metric.line("_sum", labels, sum);
            metric.line("_count", labels, count);
        }
    }

    fn metric(&mut self, name: &str, help: &str, kind: &str) -> Metric<'_> {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Metric { text: &mut self.0, name: name.to_owned() }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A metric whose values follow.
#[derive(Debug)]
pub(super) struct Metric<'a> {
    text: &'a mut String,
    name: String,
}

impl Metric<'_> {
    /// Adds a value. Labels here need no escapes.
    pub(super) fn value(&mut self, labels: &[Label<'_>], value: u64) {
        self.line("", labels, value);
    }

    fn line(&mut self, ending: &str, labels: &[Label<'_>], value: impl Display) {
        self.text.push_str(&self.name);
        self.text.push_str(ending);
        for (place, (label, said)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{label}=\"{said}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_named_explained_and_typed() {
        let mut text = Exposition::default();
        let mut doors = text.counter("spans_total", "Spans.");
        doors.value(&[("door", "a"), ("reason", "b")], 1);
        doors.value(&[("door", "c")], 2);
        text.gauge("held", "Held.").value(&[], 3);
        assert_eq!(
            text.finish(),
            "# HELP spans_total Spans.\n# TYPE spans_total counter\n\
             spans_total{door=\"a\",reason=\"b\"} 1\nspans_total{door=\"c\"} 2\n\
             # HELP held Held.\n# TYPE held gauge\nheld 3\n"
        );
    }
}
