//! Measures how long an insert waits while a very large trace is evicted.

use std::error::Error;
use std::time::Duration;

use serde::Serialize;

use crate::fill;
use crate::measure::median;
use crate::payload::{Load, SPANS_PER_TRACE, Shape};
use crate::send;
use crate::server::{Kind, OTLP_HTTP, Program};

/// How often it is measured.
const RUNS: usize = 3;
/// How many requests are sent before the eviction, and how many from its start on. Each has a new
/// trace of ten spans.
const REQUESTS: usize = 1_000;
const INTERVAL: Duration = Duration::from_millis(1);
/// Room for the large trace and the first requests.
const LIMITS: &[&str] = &["--memory.max-bytes=16GiB", "--memory.max-traces=1001"];
const EVICTED: &str = "jaeger_memory_evicted_spans_total";

/// The longest wait of a client that sends a small request each millisecond: medians of several runs.
#[derive(Debug, Serialize)]
pub(crate) struct Eviction {
    pub(crate) spans: usize,
    /// Before the eviction: what the machine and the connection need.
    pub(crate) quiet_ms: f64,
    pub(crate) evicting_ms: f64,
}

/// Measures the embedded Jaeger. In the real ones a queue hides it from the client.
pub(crate) fn measure(program: &Program, spans: usize) -> Result<Option<Eviction>, Box<dyn Error>> {
    if program.kind != Kind::Embedded {
        return Ok(None);
    }
    let program = Program { arguments: LIMITS, ..program.clone() };
    let (mut quiet, mut evicting) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let waits = run_once(&program, spans)?;
        quiet.push(waits.0);
        evicting.push(waits.1);
    }
    let (quiet_ms, evicting_ms) = (median(&mut quiet), median(&mut evicting));
    Ok(Some(Eviction { spans, quiet_ms, evicting_ms }))
}

/// The longest waits in milliseconds: before the eviction, and from its start on.
fn run_once(program: &Program, spans: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let server = program.start()?;
    fill::store(&server, Load::now(Shape::OneTrace)?, 0..spans / SPANS_PER_TRACE)?;
    server.wait_until_idle()?;
    let requests =
        Load::now(Shape::Services)?.requests(0..2 * REQUESTS, SPANS_PER_TRACE, Load::otlp);
    let waits = send::otlp_http_paced(server.address(OTLP_HTTP), &requests, INTERVAL)?;
    let evicted = server.counter(EVICTED)?;
    if evicted < spans {
        return Err(format!("only {evicted} spans were evicted").into());
    }
    let longest =
        |waits: &[Duration]| waits.iter().max().map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3);
    let (before, after) = waits.split_at(REQUESTS);
    Ok((longest(before), longest(after)))
}
