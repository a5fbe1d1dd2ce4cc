//! The JSON of an answer: a metric family of OpenMetrics, as Go's `jsonpb` writes it.

use std::time::{Duration, UNIX_EPOCH};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::series::Name;
use super::window::Window;
use crate::go_format::times::rfc3339;

/// The series, and the values of each, by the number of the point.
pub(super) type Values = Vec<(Name, Vec<(usize, f64)>)>;

#[derive(Serialize)]
pub(super) struct Family {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    help: String,
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
struct Metric {
    labels: Vec<Label>,
    #[serde(rename = "metricPoints")]
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Label {
    name: &'static str,
    value: String,
}

/// A time in microseconds since the Unix epoch, and the value at it.
struct Point {
    at: i64,
    value: f64,
}

impl Family {
    pub(super) fn new(
        (name, help): (&str, String),
        by_operation: bool,
        window: &Window,
        values: Values,
    ) -> Self {
        let metrics = values
            .into_iter()
            .map(|(name, values)| Metric {
                labels: labels(&name),
                points: values
                    .into_iter()
                    .map(|(point, value)| Point { at: window.at(point), value })
                    .collect(),
            })
            .filter(|metric: &Metric| !metric.points.is_empty())
            .collect();
        let (of, and) = match by_operation {
            true => ("service_operation", " & operation"),
            false => ("service", ""),
        };
        let (name, help) = (format!("{of}_{name}"), format!("{help}{and}"));
        Family { name, kind: "GAUGE", help, metrics }
    }
}

fn labels(name: &Name) -> Vec<Label> {
    // The page takes the first label for the service.
    let mut labels = vec![Label { name: "service_name", value: name.service.to_string() }];
    if let Some(operation) = &name.operation {
        labels.push(Label { name: "operation", value: operation.to_string() });
    }
    labels
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut point = serializer.serialize_map(Some(2))?;
        point.serialize_entry("gaugeValue", &Gauge { value: self.value })?;
        point.serialize_entry("timestamp", &timestamp(self.at))?;
        point.end()
    }
}

#[derive(Serialize)]
struct Gauge {
    #[serde(rename = "doubleValue", serialize_with = "double")]
    value: f64,
}

fn double<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match value.is_nan() {
        true => serializer.serialize_str("NaN"),
        false => serializer.serialize_f64(*value),
    }
}

/// `jsonpb` writes no digits of a fraction, or three.
fn timestamp(micros: i64) -> String {
    let millis = u64::try_from(micros).unwrap_or(0) / 1_000;
    let whole = rfc3339(UNIX_EPOCH + Duration::from_secs(millis / 1_000));
    match millis % 1_000 {
        0 => whole,
        fraction => format!("{}.{fraction:03}Z", whole.trim_end_matches('Z')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_values_are_written_as_jsonpb_does() {
        assert_eq!(timestamp(1_700_000_000_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(timestamp(1_700_000_000_120_999), "2023-11-14T22:13:20.120Z");
        let json = |value| serde_json::to_string(&Point { at: 0, value }).expect("JSON");
        assert_eq!(
            json(f64::NAN),
            r#"{"gaugeValue":{"doubleValue":"NaN"},"timestamp":"1970-01-01T00:00:00Z"}"#
        );
        assert!(json(0.0).contains(r#"{"doubleValue":0.0}"#));
    }
}
