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
use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::Config;
use crate::error::StartError;
use crate::server::form;
use crate::server::http::text;
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

/// A file that is read again when it changes.
#[derive(Debug)]
pub(crate) struct Reload {
    path: PathBuf,
    interval: Duration,
    /// The bytes that were read last.
    last: Vec<u8>,
    /// The last error, so that each is logged once.
    failed: Option<String>,
}

impl Strategies {
    /// Reads the file that the settings name. The second value is there if it is to be read again.
    ///
    /// # Errors
    /// If the file cannot be read, or is invalid.
    pub(crate) fn load(config: &Config) -> Result<(Self, Option<Reload>), StartError> {
        let strategies = Strategies::default();
        let Some(path) = &config.strategies_file else { return Ok((strategies, None)) };
        let bytes = file::read(path)
            .and_then(|bytes| strategies.replace(path, &bytes).map(|()| bytes))
            .map_err(|reason| StartError::Strategies { file: path.clone(), reason })?;
        let interval = config.strategies_reload_interval;
        let reload = (!interval.is_zero()).then(|| Reload {
            path: path.clone(),
            interval: interval.max(SHORTEST_INTERVAL),
            last: bytes,
            failed: None,
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

impl Reload {
    /// Reads the file again and again until `stop`. While it is invalid, the last strategies stay.
    pub(crate) async fn run(
        mut self,
        strategies: Arc<Strategies>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.interval) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let strategies = Arc::clone(&strategies);
            let read = tokio::task::spawn_blocking(move || {
                self.read(&strategies);
                self
            });
            let Ok(read) = read.await else { return };
            self = read;
        }
    }

    fn read(&mut self, strategies: &Strategies) {
        let file = self.path.display();
        let bytes = file::read(&self.path);
        let changed = match bytes {
            Ok(bytes) if bytes == self.last => Ok(false),
            Ok(bytes) => strategies.replace(&self.path, &bytes).map(|()| {
                self.last = bytes;
                true
            }),
            Err(error) => Err(error),
        };
        match changed {
            Ok(changed) => {
                if changed {
                    info!("{file}: the sampling strategies were read again");
                }
                self.failed = None;
            }
            Err(error) if self.failed.as_ref() == Some(&error) => {}
            Err(error) => {
                warn!("{file}: {error}; the sampling strategies stay as they were");
                self.failed = Some(error);
            }
        }
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
