//! Errors of requests, with Jaeger's statuses.

use std::io;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::{Answer, Problem};
use crate::go_format::json;
use crate::server::http::text;

/// The text for an unknown trace.
pub(super) const TRACE_NOT_FOUND: &str = "trace not found";

/// A request that is answered with an error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    /// Whether it is answered in the form of `/api/v3`.
    is_v3: bool,
}

impl ApiError {
    pub(super) fn bad_request(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn is_bad_request(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
    }

    pub(super) fn new(status: StatusCode, message: impl ToString) -> Self {
        ApiError { status, message: message.to_string(), is_v3: false }
    }

    pub(super) fn internal(error: impl ToString) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error)
    }

    pub(super) fn trace_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, TRACE_NOT_FOUND)
    }

    /// The same error for `/api/v3`.
    pub(super) fn v3(self) -> Self {
        ApiError { is_v3: true, ..self }
    }

    /// A parameter has an invalid value.
    pub(super) fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self::bad_request(format!("unable to parse param '{name}': {why}"))
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        Self::internal(error)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.is_v3 {
            let error = json!({ "httpCode": self.status.as_u16(), "message": self.message });
            return text(self.status, format!("{}\n", json!({ "error": error })));
        }
        let problem = Problem { code: self.status.as_u16(), msg: self.message, trace_id: None };
        let answer: Answer<()> = Answer { errors: Some(vec![problem]), ..Answer::default() };
        let mut body = json::write(&answer, json::Style::default()).unwrap_or_default();
        body.push(b'\n');
        text(self.status, body)
    }
}
