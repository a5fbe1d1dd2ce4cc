//! The query API of a Jaeger: of 1.x at `/api`, of 2.x at `/api/v3` too, where some versions have
//! nothing else.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::http::{Server, escaped, unexpected};
use crate::model::{Span, TraceId};
use crate::query::api::Api;
use crate::store::{Limits, Store};
use crate::ui::WebPages;
use crate::{files, query};

/// The limits of an answer.
const LIMITS: Limits = Limits { traces: 0, bytes: 512 << 20 };

/// The parameters for a search over all times. Jaeger 1.x counts microseconds.
const ALL_TIMES: &str = "start=0&end=4200000000000000";
const ALL_TIMES_V3: &str =
    "query.startTimeMin=1970-01-01T00:00:00Z&query.startTimeMax=2100-01-01T00:00:00Z";

/// Some traces of a Jaeger.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) store: Arc<Store>,
    /// The answer, where it is Jaeger's own JSON.
    json: Option<String>,
}

impl Found {
    fn empty() -> Self {
        Found { store: Arc::new(Store::new(LIMITS)), json: None }
    }

    fn read(json: String) -> io::Result<Self> {
        let found = Found::empty();
        files::read(&found.store, json.as_bytes()).map_err(io::Error::other)?;
        Ok(Found { json: json.starts_with("{\"data\"").then_some(json), ..found })
    }

    /// Jaeger's JSON.
    pub(super) fn into_json(self) -> String {
        self.json.unwrap_or_else(|| all(self.store))
    }
}

/// Spans as Jaeger's JSON.
pub(super) fn json(spans: &[Span]) -> String {
    let store = Store::new(LIMITS);
    store.insert(spans);
    all(Arc::new(store))
}

/// The traces of a store as Jaeger's JSON.
fn all(store: Arc<Store>) -> String {
    let ids = store.ids();
    query::json(&Api::new(store, WebPages::new(""), Duration::ZERO, String::new()), &ids)
}

/// The names of all services.
///
/// # Errors
/// Where the server does not answer, or is not Jaeger.
pub(super) fn services(server: &Server) -> io::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Services {
        #[serde(alias = "services")]
        data: Option<Vec<String>>,
    }
    let mut last = 0;
    for path in ["/api/services", "/api/v3/services"] {
        let (status, body) = server.get(path)?;
        // A server that has only one of the two answers 404 to the other.
        last = if status == 404 && last != 0 { last } else { status };
        let services = serde_json::from_str::<Services>(&body);
        if let (200, Ok(services)) = (status, services) {
            return Ok(services.data.unwrap_or_default());
        }
    }
    Err(unexpected(last))
}

/// The trace with this id; without spans if there is none.
///
/// # Errors
/// Where the server does not answer, or is not Jaeger.
pub(super) fn trace(server: &Server, id: TraceId) -> io::Result<Found> {
    ask(server, [&format!("/api/traces/{id}"), &format!("/api/v3/traces/{id}")])
}

/// The newest traces of a service.
///
/// # Errors
/// Where the server does not answer, or is not Jaeger.
pub(super) fn newest(server: &Server, service: &str, limit: usize) -> io::Result<Found> {
    let service = escaped(service);
    ask(
        server,
        [
            &format!("/api/traces?service={service}&limit={limit}&{ALL_TIMES}"),
            &format!(
                "/api/v3/traces?query.serviceName={service}&query.searchDepth={limit}&{ALL_TIMES_V3}"
            ),
        ],
    )
}

/// Gets the first path at which a Jaeger answers.
fn ask(server: &Server, paths: [&str; 2]) -> io::Result<Found> {
    let mut last = 0;
    for path in paths {
        let (status, body) = server.get(path)?;
        match (status, kind(&body)) {
            (200, Some(Kind::Traces)) => return Found::read(body),
            (404, Some(Kind::Error)) => return Ok(Found::empty()),
            (_, Some(Kind::Error)) => {
                let body: String = body.trim().chars().take(200).collect();
                return Err(io::Error::other(format!("it answers {status}: {body}")));
            }
            _ => last = if status == 404 && last != 0 { last } else { status },
        }
    }
    Err(unexpected(last))
}

enum Kind {
    Traces,
    Error,
}

/// What an answer of Jaeger's is; another server has other members.
fn kind(body: &str) -> Option<Kind> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        data: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        result: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow, alias = "error")]
        errors: Option<&'a serde_json::value::RawValue>,
    }
    let answer: Answer<'_> = serde_json::from_str(body).ok()?;
    match answer {
        Answer { data: Some(_), .. } | Answer { result: Some(_), .. } => Some(Kind::Traces),
        Answer { errors: Some(_), .. } => Some(Kind::Error),
        _ => None,
    }
}
