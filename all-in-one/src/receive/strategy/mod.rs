//! Sampling strategies, as the collector and the agent serve them: from a file, or else every trace
//! of every service.
//!
//! Jaeger's container has a file that says the same; Jaeger's bare binary samples one trace in a
//! thousand.
//!
//! Source: sampling.thrift and sampling.proto in <https://github.com/jaegertracing/jaeger-idl>; the
//! rules and the JSON are those of Jaeger 1.35.

pub(crate) mod file;
mod json;
mod message;
mod resolve;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use parking_lot::RwLock;
use tracing::warn;

use crate::config::Config;
use crate::error::StartError;
use crate::server::form;
use crate::server::http::text;
use crate::server::reload::{Reload, Source};
use file::Document;
pub(crate) use json::Form;

/// The shortest time between two reads of the file.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// The strategies that are served now.
#[derive(Debug)]
pub(crate) struct Strategies(RwLock<Arc<Document>>);

impl Default for Strategies {
    fn default() -> Self {
        Strategies(RwLock::new(Arc::new(Document::sample_all())))
    }
}

/// The file that they come from.
#[derive(Debug)]
pub(crate) struct StrategiesFile {
    path: PathBuf,
    strategies: Arc<Strategies>,
}

impl Strategies {
    /// Reads the file that the settings name. The second value is there if it is to be read again.
    ///
    /// # Errors
    /// If the file cannot be read, or is invalid.
    pub(crate) fn load(
        config: &Config,
    ) -> Result<(Arc<Self>, Option<Reload<StrategiesFile>>), StartError> {
        let strategies = Arc::new(Strategies::default());
        let Some(path) = &config.strategies_file else { return Ok((strategies, None)) };
        let bytes = file::read(path)
            .and_then(|bytes| strategies.replace(path, &bytes).map(|()| bytes))
            .map_err(|reason| StartError::Strategies { file: path.clone(), reason })?;
        let interval = config.strategies_reload_interval;
        let reload = (!interval.is_zero()).then(|| {
            let file = StrategiesFile { path: path.clone(), strategies: Arc::clone(&strategies) };
            Reload::new(file, interval.max(SHORTEST_INTERVAL), bytes)
        });
        Ok((strategies, reload))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        let document = Document::parse(bytes)?;
        for warning in document.warnings() {
            warn!("{}: {warning}", path.display());
        }
        *self.0.write() = Arc::new(document);
        Ok(())
    }

    /// The answer over HTTP, for the service in the query.
    pub(crate) fn answer(&self, query: &str, form: Form) -> Response {
        for_service(query, |service| {
            let document = Arc::clone(&self.0.read());
            let body = json::json(&document.strategy(service), form).unwrap_or_default();
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        })
    }

    /// The answer over gRPC.
    pub(crate) fn message(&self, service: &str) -> Bytes {
        let document = Arc::clone(&self.0.read());
        message::message(&document.strategy(service)).into()
    }
}

impl Source for StrategiesFile {
    type Content = Vec<u8>;

    fn files(&self) -> String {
        self.path.display().to_string()
    }

    fn what(&self) -> &str {
        "the sampling strategies"
    }

    fn read(&self) -> Result<Vec<u8>, String> {
        file::read(&self.path)
    }

    fn apply(&self, bytes: &Vec<u8>) -> Result<(), String> {
        self.strategies.replace(&self.path, bytes)
    }
}

/// Baggage restrictions: Jaeger has none and answers an error, with `why`.
pub(crate) fn baggage(query: &str, why: &str) -> Response {
    for_service(query, |_| {
        text(StatusCode::INTERNAL_SERVER_ERROR, format!("collector error: {why}\n"))
    })
}

fn for_service(query: &str, answer: impl FnOnce(&str) -> Response) -> Response {
    let form = form::Form::parse(query);
    let mut services = form.all("service");
    match (services.next(), services.next()) {
        (Some(service), None) => answer(service),
        _ => text(StatusCode::BAD_REQUEST, "'service' parameter must be provided once\n"),
    }
}
