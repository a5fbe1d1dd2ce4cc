//! `jaeger-all-in-one tree ID`: prints a trace of this Jaeger or the real one as a tree.

use std::thread;
use std::time::{Duration, Instant};

use super::api::{self, Found};
use super::error::ClientError;
use super::http::Server;
use crate::config::Config;
use crate::draw::draw;
use crate::model::TraceId;

/// How long to wait for the spans: exporters keep them for some seconds.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// How often to ask while they have not arrived.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How traces are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// A line for each span.
    #[default]
    Spans,
    /// Also a line for each tag and log.
    Tags,
    /// Jaeger's JSON.
    Json,
}

/// Asks the query API at the configured address for a trace until it has `wanted` spans, at most
/// ten seconds. Returns the link to the trace's page, and its spans as a tree; or its JSON.
///
/// # Errors
///
/// [`ClientError::NoAnswer`] when nothing answers there, [`ClientError::Timeout`] when the spans do not arrive.
pub fn tree(
    config: &Config,
    id: TraceId,
    wanted: usize,
    style: Style,
) -> Result<String, ClientError> {
    let server = Server::of(config)?;
    let found = wait(&server, id, wanted)?;
    if style == Style::Json {
        return Ok(found.into_json() + "\n");
    }
    let trace = found.store.trace(id);
    let tree = trace.map(|trace| draw(&trace, style == Style::Tags)).unwrap_or_default();
    Ok(format!("{}/trace/{id}\n{tree}", server.url))
}

fn wait(server: &Server, id: TraceId, wanted: usize) -> Result<Found, ClientError> {
    let start = Instant::now();
    loop {
        let found = api::trace(server, id);
        let answer =
            found.map_err(|source| ClientError::NoAnswer { url: server.url.clone(), source })?;
        let found = answer.store.usage().spans;
        if found >= wanted.max(1) {
            return Ok(answer);
        }
        if start.elapsed() >= ARRIVAL_LIMIT {
            return Err(ClientError::Timeout { id, wanted, found, waited: ARRIVAL_LIMIT });
        }
        thread::sleep(POLL_INTERVAL);
    }
}
