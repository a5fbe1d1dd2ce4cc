//! The parameters of a search, checked in Jaeger's order.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::errors::ApiError;
use crate::go_format::durations::parse_duration;
use crate::go_format::numbers::parse_int;
use crate::model::TraceId;
use crate::server::form::Form;
use crate::store::Search;

/// The default lookback: two days, in microseconds.
const DEFAULT_LOOKBACK: i64 = 2 * 24 * 3600 * 1_000_000;
/// The default number of traces.
const DEFAULT_LIMIT: i64 = 100;

/// What a request to `/api/traces` asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// Traces by their ids.
    ByIds(Vec<TraceId>),
    /// Traces that match a search.
    Search(Search),
}

impl Request {
    pub(super) fn parse(form: &Form) -> Result<Self, ApiError> {
        let earliest = time(form, "start", 1_000, || now() - DEFAULT_LOOKBACK)?;
        let latest = time(form, "end", 1_000, now)?;
        let tags = all_tags(form)?;
        let limit = limit(form)?;
        let shortest = duration(form, "minDuration")?;
        let longest = duration(form, "maxDuration")?;
        let ids = trace_ids(form)?;
        let service = form.get("service").to_owned();
        if ids.is_empty() && service.is_empty() {
            return Err(service_required());
        }
        if let (Some(shortest), Some(longest)) = (shortest, longest)
            && longest < shortest
        {
            return Err(ApiError::bad_request(
                "'maxDuration' should be greater than 'minDuration'",
            ));
        }
        if !ids.is_empty() {
            return Ok(Request::ByIds(ids));
        }
        Ok(Request::Search(Search {
            service,
            operation: form.get("operation").to_owned(),
            tags,
            earliest,
            latest,
            shortest,
            longest,
            limit,
        }))
    }
}

pub(super) fn service_required() -> ApiError {
    ApiError::bad_request("parameter 'service' is required")
}

/// A time in units of `nanos` nanoseconds, as microseconds since the Unix epoch. Go multiplies
/// without a check, so a time beyond the year 2262 overflows here as it does there.
pub(super) fn time(
    form: &Form,
    name: &str,
    nanos: i64,
    default: impl FnOnce() -> i64,
) -> Result<i64, ApiError> {
    match form.get(name) {
        "" => Ok(default()),
        text => {
            let value = parse_int(text, 64).map_err(|why| ApiError::parameter(name, why))?;
            Ok(value.wrapping_mul(nanos).div_euclid(1_000))
        }
    }
}

/// Microseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Zero counts as absent, as in Jaeger.
fn duration(form: &Form, name: &str) -> Result<Option<i64>, ApiError> {
    match form.get(name) {
        "" => Ok(None),
        text => match parse_duration(text).map_err(|why| ApiError::parameter(name, why))? {
            0 => Ok(None),
            nanos => Ok(Some(nanos)),
        },
    }
}

/// Zero and less mean no limit.
fn limit(form: &Form) -> Result<Option<usize>, ApiError> {
    let limit = match form.get("limit") {
        "" => DEFAULT_LIMIT,
        text => parse_int(text, 32).map_err(ApiError::bad_request)?,
    };
    Ok(usize::try_from(limit).ok().filter(|limit| *limit > 0))
}

fn trace_ids(form: &Form) -> Result<Vec<TraceId>, ApiError> {
    let parse = |id: &str| {
        id.parse()
            .map_err(|why| ApiError::bad_request(format!("cannot parse traceID param: {why}")))
    };
    form.all("traceID").map(parse).collect()
}

/// `tag=key:value` and `tags={"key":"value"}`; of a repeated key the last value counts.
fn all_tags(form: &Form) -> Result<Vec<(String, String)>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in form.all("tag") {
        let (key, value) = tag.split_once(':').ok_or_else(|| {
            ApiError::bad_request(format!(
                "malformed 'tag' parameter, expecting key:value, received: {tag}"
            ))
        })?;
        tags.insert(key.to_owned(), Some(value.to_owned()));
    }
    for json in form.all("tags") {
        let object: Option<BTreeMap<String, Option<String>>> =
            serde_json::from_str(json).map_err(|why| {
                let wanted = "expecting a JSON object of strings";
                ApiError::bad_request(format!("malformed 'tags' parameter, {wanted}: {why}"))
            })?;
        tags.extend(object.into_iter().flatten());
    }
    Ok(tags.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect())
}
