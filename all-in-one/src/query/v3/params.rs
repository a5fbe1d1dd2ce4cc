//! The parameters, checked in the order and with the words of Jaeger.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::super::errors::ApiError;
use crate::go_format::durations::parse_duration;
use crate::go_format::numbers::parse_bool;
use crate::go_format::times::parse_rfc3339;
use crate::model::{InvalidId, TraceId};
use crate::server::form::Form;

/// The default number of traces.
const DEFAULT_DEPTH: usize = 100;
/// The largest number of traces: what Jaeger's memory holds by default.
pub(in crate::query) const MAX_DEPTH: usize = 100_000;
/// The most characters of an id in base64.
const MAX_BASE64: usize = 24;

const START_MIN: &[&str] = &["query.startTimeMin", "query.start_time_min"];
const START_MAX: &[&str] = &["query.startTimeMax", "query.start_time_max"];
const DEPTH: &[&str] = &["query.searchDepth", "query.search_depth", "query.num_traces"];
const DURATION_MIN: &[&str] = &["query.durationMin", "query.duration_min"];
const DURATION_MAX: &[&str] = &["query.durationMax", "query.duration_max"];

/// A search.
#[derive(Debug)]
pub(in crate::query) struct Query {
    /// Empty for all.
    pub(in crate::query) service: String,
    /// Empty for all.
    pub(in crate::query) operation: String,
    /// The keys with their values as text.
    pub(in crate::query) attributes: Vec<(String, String)>,
    /// The earliest and the latest start, inclusive, in nanoseconds since the Unix epoch.
    pub(in crate::query) starts: (i128, i128),
    /// The shortest duration, inclusive, in nanoseconds.
    pub(in crate::query) shortest: Option<i64>,
    /// The longest duration, inclusive, in nanoseconds.
    pub(in crate::query) longest: Option<i64>,
    /// The number of traces.
    pub(in crate::query) depth: usize,
    /// Whether the traces are shown as they were sent.
    pub(in crate::query) raw: bool,
}

impl Query {
    pub(super) fn parse(form: &Form) -> Result<Self, ApiError> {
        let attributes = attributes(form)?;
        refuse_filter(form)?;
        let (_, min) = first(form, START_MIN);
        let (_, max) = first(form, START_MAX);
        if min.is_empty() || max.is_empty() {
            let why = "query.startTimeMin and query.startTimeMax are required";
            return Err(ApiError::bad_request(why));
        }
        let [min, max] =
            [time(form, START_MIN)?, time(form, START_MAX)?].map(Option::unwrap_or_default);
        if min >= max {
            let why = "query.startTimeMin must be before query.startTimeMax";
            return Err(ApiError::bad_request(why));
        }
        let depth = depth(form)?;
        let [shortest, longest] = [duration(form, DURATION_MIN)?, duration(form, DURATION_MAX)?];
        let raw = flag(form, &["query.rawTraces", "query.raw_traces"])?;
        let depth = usize::try_from(depth).ok().filter(|depth| (1..=MAX_DEPTH).contains(depth));
        let depth = depth.ok_or_else(|| {
            let why = "search depth must be greater than 0 and less than max traces";
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, why)
        })?;
        let text = |names: &[&'static str]| first(form, names).1.to_owned();
        Ok(Query {
            service: text(&["query.serviceName", "query.service_name"]),
            operation: text(&["query.operationName", "query.operation_name"]),
            attributes,
            starts: (min, max),
            shortest,
            longest,
            depth,
            raw,
        })
    }
}

/// One trace.
#[derive(Debug)]
pub(super) struct SingleTrace {
    pub(super) id: TraceId,
    pub(super) raw: bool,
}

impl SingleTrace {
    /// The times are checked, and then ignored, as in Jaeger's memory.
    pub(super) fn parse(id: &str, form: &Form) -> Result<Self, ApiError> {
        let id = trace_id(id).map_err(|why| malformed("trace_id", why))?;
        time(form, &["startTime", "start_time"])?;
        time(form, &["endTime", "end_time"])?;
        let raw = flag(form, &["rawTraces", "raw_traces"])?;
        Ok(SingleTrace { id, raw })
    }
}

/// The first of a parameter's spellings that is there, with its value; an empty value is as good as
/// none.
pub(super) fn first<'f>(form: &'f Form, names: &[&'static str]) -> (&'static str, &'f str) {
    let mut given = names.iter().map(|name| (*name, form.get(name)));
    given.find(|(_, value)| !value.is_empty()).unwrap_or_default()
}

fn malformed(name: &str, why: impl std::fmt::Display) -> ApiError {
    ApiError::bad_request(format!("malformed parameter {name}: {why}"))
}

fn time(form: &Form, names: &[&'static str]) -> Result<Option<i128>, ApiError> {
    match first(form, names) {
        (_, "") => Ok(None),
        (name, text) => parse_rfc3339(text).map(Some).map_err(|why| malformed(name, why)),
    }
}

/// Zero is no limit.
fn duration(form: &Form, names: &[&'static str]) -> Result<Option<i64>, ApiError> {
    match first(form, names) {
        (_, "") => Ok(None),
        (name, text) => match parse_duration(text) {
            Ok(nanos) => Ok(Some(nanos).filter(|nanos| *nanos != 0)),
            Err(why) => Err(malformed(name, format!("time: {why}"))),
        },
    }
}

fn depth(form: &Form) -> Result<i64, ApiError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    match first(form, DEPTH) {
        (_, "") => Ok(DEFAULT_DEPTH as i64),
        (name, text) => text.parse().map_err(|error: std::num::ParseIntError| {
            let is_large = matches!(error.kind(), PosOverflow | NegOverflow);
            let why = if is_large { "value out of range" } else { "invalid syntax" };
            malformed(name, format!("strconv.Atoi: parsing {text:?}: {why}"))
        }),
    }
}

fn flag(form: &Form, names: &[&'static str]) -> Result<bool, ApiError> {
    match first(form, names) {
        (_, "") => Ok(false),
        (name, text) => parse_bool(text).map_err(|_| {
            malformed(name, format!("strconv.ParseBool: parsing {text:?}: invalid syntax"))
        }),
    }
}

/// A JSON object of texts, or null.
fn attributes(form: &Form) -> Result<Vec<(String, String)>, ApiError> {
    const NAME: &str = "query.attributes";
    let json = match form.get(NAME) {
        "" => return Ok(Vec::new()),
        text => serde_json::from_str(text).map_err(|why| malformed(NAME, why))?,
    };
    let unlike = |what: &str, wanted: &str| {
        malformed(NAME, format!("json: cannot unmarshal {what} into Go value of type {wanted}"))
    };
    let pairs = match json {
        Value::Null => return Ok(Vec::new()),
        Value::Object(pairs) => pairs,
        other => return Err(unlike(type_name(&other), "map[string]string")),
    };
    let pair = |(key, value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Null => Ok((key, String::new())),
        other => Err(unlike(type_name(&other), "string")),
    };
    pairs.into_iter().map(pair).collect()
}

/// The name that Go's decoder has for a type of JSON.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Jaeger has a language for filters, which is off by default.
fn refuse_filter(form: &Form) -> Result<(), ApiError> {
    const NAME: &str = "query.filter";
    match form.get(NAME) {
        "" => Ok(()),
        text => Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Err(why) => malformed(NAME, why),
            Ok(_) => ApiError::bad_request(
                "the structured query filter is disabled: use query.attributes and the other parameters",
            ),
        }),
    }
}

/// An id of 1 to 32 hexadecimal digits, or of 8 or 16 bytes in base64.
fn trace_id(text: &str) -> Result<TraceId, String> {
    let error = match text.parse::<TraceId>() {
        Ok(id) => return Ok(id),
        Err(error) => error,
    };
    let bytes = Some(text).filter(|text| text.len() <= MAX_BASE64).and_then(base64);
    match bytes.map(|bytes| (bytes.len(), bytes)) {
        Some((8 | 16, bytes)) => {
            let id = bytes.iter().fold(0_u128, |id, byte| id << 8 | u128::from(*byte));
            Ok(id.into())
        }
        Some(_) => Err("invalid length for TraceID".to_owned()),
        None if matches!(error, InvalidId::TooLong(_)) => Err(error.to_string()),
        None => Err(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")),
    }
}

/// Bytes in either alphabet of base64, padded or not.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let engine = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    engine.decode(text.replace('-', "+").replace('_', "/")).ok()
}
