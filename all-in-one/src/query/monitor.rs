//! `/api/metrics/*`: checks the parameters, then answers that there are no metrics. The Monitor
//! page explains itself on that answer.

use axum::http::StatusCode;

use super::errors::ApiError;
use crate::go_format::numbers::{parse_bool, parse_float, parse_int};
use crate::server::form::Form;

const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/// Answers `latencies`, `calls`, `errors` and `minstep`.
pub(super) fn metrics(name: &str, form: &Form) -> Result<(), ApiError> {
    if name == "latencies" {
        parse_float(form.get("quantile")).map_err(|why| ApiError::parameter("quantile", why))?;
    }
    if name != "minstep" {
        check(form)?;
    }
    Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "metrics querying is currently disabled"))
}

fn check(form: &Form) -> Result<(), ApiError> {
    if !form.has("service") {
        return Err(ApiError::parameter("service", "please provide at least one service name"));
    }
    let group = form.get("groupByOperation");
    if !group.is_empty() {
        parse_bool(group).map_err(|why| ApiError::parameter("groupByOperation", why))?;
    }
    if let Some(kind) = form.all("spanKind").find(|kind| !KINDS.contains(kind)) {
        let why = format!("unsupported span kind: '{kind}'");
        return Err(ApiError::parameter("spanKind", why));
    }
    for name in ["endTs", "lookback", "step", "ratePer"] {
        let text = form.get(name);
        if !text.is_empty() {
            parse_int(text, 64).map_err(|why| ApiError::parameter(name, why))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_parameter_comes_before_no_metrics() {
        let refused = |name, query: &str| metrics(name, &Form::parse(query)).expect_err("an error");
        let disabled = refused("minstep", "");
        assert_eq!(refused("calls", "service=a"), disabled);
        assert_ne!(refused("latencies", "service=a"), disabled);
        assert_ne!(refused("calls", ""), disabled);
        assert_ne!(refused("calls", "service=a&spanKind=x"), disabled);
        assert_ne!(refused("calls", "service=a&step=x"), disabled);
    }
}
