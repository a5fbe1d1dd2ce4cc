//! Stores spans whose rate is not measured, and reads spans back.

use std::error::Error;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};

use crate::payload::{Load, SPANS_PER_TRACE, TRACE_ID_HIGH, trace_id};
use crate::send;
use crate::server::{OTLP_HTTP, QUERY, Server};

/// Spans per request of each TCP door.
pub(crate) const SPANS_PER_REQUEST: usize = 100;
/// How many traces are stored at a time, and the pause after them. The real Jaeger drops spans that
/// its queue of 2,000 spans cannot hold.
const TRACES: usize = 100;
const PAUSE: Duration = Duration::from_millis(40);
/// How many trace ids one query asks for.
const IDS_PER_QUERY: usize = 40;

/// Stores the spans of these traces as fast as the server answers.
pub(crate) fn store(
    server: &Server,
    load: Load,
    traces: Range<usize>,
) -> Result<(), Box<dyn Error>> {
    let bodies = load.requests(traces, SPANS_PER_REQUEST, Load::otlp);
    send::otlp_http(server.address(OTLP_HTTP), &bodies)?;
    Ok(())
}

/// Stores the spans of these traces slowly, and checks that none is lost.
pub(crate) fn store_slowly(
    server: &Server,
    load: Load,
    traces: Range<usize>,
) -> Result<(), Box<dyn Error>> {
    for first in traces.clone().step_by(TRACES) {
        store(server, load, first..traces.end.min(first + TRACES))?;
        thread::sleep(PAUSE);
    }
    server.wait_until_idle()?;
    let lost = traces.len() * SPANS_PER_TRACE - count_found(server, traces)?;
    if lost > 0 { Err(format!("{lost} spans were lost while filling").into()) } else { Ok(()) }
}

/// How many spans of these traces can be read back.
pub(crate) fn count_found(server: &Server, traces: Range<usize>) -> Result<usize, Box<dyn Error>> {
    let client = Client::new()?;
    let (mut found, all) = (0, traces.collect::<Vec<_>>());
    for group in all.chunks(IDS_PER_QUERY) {
        let ids: Vec<_> =
            group.iter().map(|t| format!("traceID={}", trace_id(*t, TRACE_ID_HIGH))).collect();
        let answer = client.query(server, &format!("/api/traces?{}", ids.join("&")))?;
        found += occurrences(&answer, "\"operationName\":");
    }
    Ok(found)
}

/// How often a text occurs in an answer.
pub(crate) fn occurrences(answer: &[u8], text: &str) -> usize {
    String::from_utf8_lossy(answer).matches(text).count()
}

/// Asks one server, on the thread that waits: waking another for each query would be part of the time.
pub(crate) struct Client {
    runtime: Runtime,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        // Compression would take longer than everything else that is measured.
        let http = reqwest::Client::builder().no_gzip().no_deflate().no_proxy().build()?;
        Ok(Client { runtime: Builder::new_current_thread().enable_all().build()?, http })
    }

    pub(crate) fn query(&self, server: &Server, path: &str) -> Result<Bytes, Box<dyn Error>> {
        let url = format!("http://{}{path}", server.address(QUERY));
        let answer = self
            .runtime
            .block_on(async { self.http.get(url).send().await?.error_for_status()?.bytes().await });
        Ok(answer?)
    }
}
