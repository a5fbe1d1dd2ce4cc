//! `/api/metrics/*`, which the Monitor page reads: request rates, error rates and latencies, counted
//! from the stored spans. Jaeger asks Prometheus for them.
//!
//! A point in time has the value of the spans that ended in the `ratePer` before it. A window that
//! reaches to a time before which spans were evicted counts from that time on.

mod family;
mod quantiles;
mod rates;
mod series;
mod window;

use super::answer::Answer;
use super::api::{Api, ok};
use super::errors::ApiError;
use super::stream::AnswerWriter;
use crate::go_format::numbers::{parse_bool, parse_float};
use crate::server::form::Form;
use crate::store::Scan;
use family::Family;
use quantiles::Quantiles;
use rates::Rates;
use series::Series;
use window::Window;

const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
/// More services are not asked for at a time.
const MOST_SERVICES: usize = 100;

/// Answers `latencies`, `calls`, `errors` and `minstep`.
pub(super) fn metrics(
    api: &Api,
    name: &str,
    form: &Form,
    out: &mut AnswerWriter<'_>,
) -> Result<(), ApiError> {
    if name == "minstep" {
        return ok(form, out, &Answer::of(1));
    }
    let quantile = match name {
        "latencies" => {
            parse_float(form.get("quantile")).map_err(|why| ApiError::parameter("quantile", why))?
        }
        _ => 0.0,
    };
    let (mut scan, by_operation, kinds) = scan(form)?;
    let window = Window::parse(form, api.store.complete_since())?;
    scan.ends = window.ends();
    scan.with_failures = name == "errors";
    let series = Series::new(by_operation, kinds, window.points());
    let (family, values) = match name {
        "latencies" => {
            let mut quantiles = Quantiles::new(window, series);
            api.store.scan(&scan, &mut quantiles);
            let help = format!("{quantile:.2}th quantile latency, grouped by service");
            (("latencies", help), quantiles.values(quantile))
        }
        "calls" => {
            let mut rates = Rates::new(window, series);
            api.store.scan(&scan, &mut rates);
            (("call_rate", "calls/sec, grouped by service".to_owned()), rates.calls())
        }
        _ => {
            let mut rates = Rates::new(window, series);
            api.store.scan(&scan, &mut rates);
            let help = "error rate, computed as a fraction of errors/sec over calls/sec, grouped by service";
            (("error_rate", help.to_owned()), rates.errors())
        }
    };
    ok(form, out, &Family::new(family, by_operation, &window, values))
}

/// Reads the question: the spans to scan, whether to group them by operation, and their kinds.
fn scan(form: &Form) -> Result<(Scan, bool, Vec<String>), ApiError> {
    let services: Vec<_> = form.all("service").map(str::to_owned).collect();
    if !form.has("service") {
        return Err(ApiError::parameter("service", "please provide at least one service name"));
    }
    if services.len() > MOST_SERVICES {
        return Err(ApiError::parameter("service", format!("more than {MOST_SERVICES} services")));
    }
    let by_operation = match form.get("groupByOperation") {
        "" => false,
        text => parse_bool(text).map_err(|why| ApiError::parameter("groupByOperation", why))?,
    };
    if let Some(kind) = form.all("spanKind").find(|kind| !KINDS.contains(kind)) {
        let why = format!("unsupported span kind: '{kind}'");
        return Err(ApiError::parameter("spanKind", why));
    }
    let tag = |kind| if kind == "unspecified" { "" } else { kind };
    let mut kinds: Vec<_> = form.all("spanKind").map(|kind| tag(kind).to_owned()).collect();
    if kinds.is_empty() {
        kinds.push("server".to_owned());
    }
    Ok((Scan { services, ends: (0, 0), with_failures: false }, by_operation, kinds))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::model::{KeyValue, Process, Span, SpanId, TraceId};
    use crate::store::{Limits, Store};
    use crate::ui::WebPages;

    const NOW: u64 = 1_700_000_000_000_000;
    const SECOND: u64 = 1_000_000;

    fn span(number: u64, operation: &str, end: u64, millis: u64, failed: bool) -> Span {
        let tag = |key: &str, value: crate::model::Value| KeyValue { key: key.into(), value };
        let mut tags = vec![tag("span.kind", crate::model::Value::String("server".into()))];
        tags.push(tag("error", crate::model::Value::Bool(failed)));
        Span {
            trace_id: TraceId { high: 0, low: number },
            span_id: SpanId(number),
            operation: operation.into(),
            start: end - millis * 1_000,
            duration: millis * 1_000,
            tags: tags.into(),
            process: Arc::new(Process { service: "shop".into(), tags: [].into() }),
            references: [].into(),
            flags: 0,
            nanos: crate::model::Nanos::default(),
            logs: [].into(),
            warnings: [].into(),
        }
    }

    fn api(limits: Limits) -> Arc<Api> {
        let store = Arc::new(Store::new(limits));
        Api::new(store, WebPages::new(""), Duration::ZERO, String::new())
    }

    fn ask(api: &Api, name: &str, query: &str) -> Result<Value, ApiError> {
        let mut all = Vec::new();
        let mut send = |part: Vec<u8>| {
            all.extend(part);
            Ok(())
        };
        let mut out = AnswerWriter::new(&mut send);
        metrics(api, name, &Form::parse(query), &mut out)?;
        let last = out.end();
        all.extend(last);
        Ok(serde_json::from_slice(&all).expect("JSON"))
    }

    /// The values of a series, the earliest first.
    fn values(answer: &Value, series: usize) -> Vec<Value> {
        let points = answer["metrics"][series]["metricPoints"].as_array().expect("points");
        let value = |point: &Value| match &point["gaugeValue"]["doubleValue"] {
            // Go writes no point in a whole number.
            Value::Number(number) => number.as_f64().into(),
            other => other.clone(),
        };
        points.iter().map(value).collect()
    }

    const ASKED: &str = "service=shop&endTs=1700000000000&lookback=40000&step=10000&ratePer=20000";

    #[test]
    fn rates_errors_and_latencies_are_those_of_the_spans_in_the_window() {
        let api = api(Limits { traces: 0, bytes: 1 << 24 });
        let before = |seconds: u64| NOW - seconds * SECOND;
        api.store.insert(&[
            span(1, "buy", before(25), 10, false),
            span(2, "buy", before(25), 30, true),
            span(3, "sell", before(10), 20, false),
            // It ended before the first window.
            span(4, "buy", before(61), 1, true),
        ]);
        let calls = ask(&api, "calls", ASKED).expect("calls");
        assert_eq!(calls["name"], "service_call_rate");
        assert_eq!(calls["type"], "GAUGE");
        assert_eq!(
            calls["metrics"][0]["labels"],
            serde_json::json!([{ "name": "service_name", "value": "shop" }])
        );
        // At 20, 10 and 0 seconds before now: the series begins with its first span.
        assert_eq!(values(&calls, 0), [0.1, 0.15, 0.05].map(Value::from));
        let first = &calls["metrics"][0]["metricPoints"][0];
        assert_eq!(first["timestamp"], "2023-11-14T22:13:00Z");
        let errors = ask(&api, "errors", ASKED).expect("errors");
        let third = 1.0 / 3.0;
        assert_eq!(values(&errors, 0), [0.5, third, 0.0].map(Value::from));
        for (quantile, expected) in [(0.5, [10.0, 20.0, 20.0]), (0.95, [30.0, 30.0, 20.0])] {
            let asked = format!("{ASKED}&quantile={quantile}");
            let latencies = ask(&api, "latencies", &asked).expect("latencies");
            assert_eq!(values(&latencies, 0), expected.map(Value::from), "{quantile}");
        }
    }

    #[test]
    fn a_window_without_calls_has_no_error_rate_and_no_latency() {
        let api = api(Limits { traces: 0, bytes: 1 << 24 });
        api.store.insert(&[span(1, "buy", NOW - 35 * SECOND, 10, true)]);
        let asked = format!("{ASKED}&quantile=1&groupByOperation=true");
        for (name, first, last) in [
            ("calls", Value::from(0.05), Value::from(0.0)),
            ("errors", 1.0.into(), "NaN".into()),
            ("latencies", 10.0.into(), "NaN".into()),
        ] {
            let answer = ask(&api, name, &asked).expect("an answer");
            let points = values(&answer, 0);
            assert_eq!((&points[0], &points[points.len() - 1]), (&first, &last), "{name}");
            assert_eq!(answer["metrics"][0]["labels"][1]["value"], "buy");
        }
    }

    #[test]
    fn operations_kinds_and_services_are_told_apart() {
        let api = api(Limits { traces: 0, bytes: 1 << 24 });
        let spans: Vec<_> =
            (0..2_000).map(|n| span(n + 1, ["a", "b"][n as usize % 2], NOW, n, false)).collect();
        api.store.insert(&spans);
        let by_operation = ask(&api, "calls", &format!("{ASKED}&groupByOperation=true"));
        let by_operation = by_operation.expect("calls");
        for series in 0..2 {
            assert_eq!(values(&by_operation, series), [Value::from(50.0)]);
        }
        for query in ["&spanKind=client", "&spanKind=unspecified"] {
            let none = ask(&api, "calls", &format!("{ASKED}{query}")).expect("calls");
            // The page reads the list without asking whether it is there.
            assert_eq!(none["metrics"], serde_json::json!([]), "{query}");
        }
        let other = ASKED.replace("shop", "other");
        assert_eq!(ask(&api, "calls", &other).expect("calls")["metrics"], serde_json::json!([]));
        let both = format!("{other}&service=shop&spanKind=client&spanKind=server");
        assert_eq!(values(&ask(&api, "calls", &both).expect("calls"), 0), [Value::from(100.0)]);
    }

    #[test]
    fn after_an_eviction_only_the_held_part_of_a_window_counts() {
        let api = api(Limits { traces: 100, bytes: 1 << 24 });
        // Ten a second for forty seconds; the last ten seconds are held.
        let spans: Vec<_> =
            (0..400).map(|n| span(n + 1, "buy", NOW - (399 - n) * SECOND / 10, 0, false)).collect();
        api.store.insert(&spans);
        let calls = ask(&api, "calls", &ASKED.replace("step=10000", "step=5000")).expect("calls");
        // Five seconds and the whole ten of a window of twenty: neither is diluted.
        assert_eq!(values(&calls, 0), [10.0, 10.0].map(Value::from));
    }

    #[test]
    fn a_bad_parameter_is_refused() {
        let api = api(Limits { traces: 0, bytes: 1 << 20 });
        for (name, query) in [
            ("latencies", "service=a"),
            ("latencies", "service=a&quantile=x"),
            ("calls", ""),
            ("calls", "service=a&spanKind=x"),
            ("calls", "service=a&step=x"),
            ("calls", "service=a&step=0"),
            ("calls", "service=a&step=-5"),
            ("calls", "service=a&ratePer=0"),
            ("calls", "service=a&lookback=-1"),
            ("calls", "service=a&lookback=9223372036854775807"),
            ("calls", "service=a&step=1&lookback=11000"),
        ] {
            let error = ask(&api, name, query).expect_err(query);
            assert_ne!(error, ApiError::bad_request(""), "{query}");
        }
        for query in ["service=", "service=a&endTs=-1", "service=a&step=1&lookback=10999"] {
            ask(&api, "calls", query).expect(query);
        }
        assert_eq!(ask(&api, "minstep", "").expect("it")["data"], 1);
    }

    #[test]
    fn any_number_of_operations_and_spans_takes_bounded_memory() {
        let api = api(Limits { traces: 0, bytes: 1 << 28 });
        let spans: Vec<_> =
            (0..3_000).map(|n| span(n + 1, &format!("operation-{n}"), NOW, n, false)).collect();
        api.store.insert(&spans);
        let asked = "service=shop&endTs=1700000000000&groupByOperation=true&step=3600000";
        let calls = ask(&api, "calls", asked).expect("calls");
        let series = calls["metrics"].as_array().expect("series");
        assert_eq!(series.len(), series::MOST + 1);
        let last = series.last().expect("the last");
        let is_other = |one: &&Value| one["labels"][1]["value"] == series::OTHER;
        assert!(series.iter().any(|one| is_other(&one)), "{last}");
    }
}
