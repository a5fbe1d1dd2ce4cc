//! Measures servers side by side.

use std::error::Error;
use std::time::Duration;

use serde::Serialize;

use crate::eviction::{self, Eviction};
use crate::fill;
use crate::payload::{Load, SPANS_PER_TRACE, Shape};
use crate::rates::{self, Rates};
use crate::searches::{self, Latency};
use crate::send::CONNECTIONS;
use crate::server::Program;

/// How often a start is measured.
const STARTS: usize = 11;
/// How long a new server is idle before its memory is measured.
const IDLE: Duration = Duration::from_secs(3);

/// The figures of one server. Memory is in bytes; times are in milliseconds unless their names say
/// otherwise.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: String,
    pub(crate) spans: usize,
    connections: usize,
    pub(crate) binary_bytes: u64,
    pub(crate) start_ms: f64,
    pub(crate) idle_bytes: u64,
    pub(crate) bytes_per_span: f64,
    pub(crate) peak: Peak,
    #[serde(flatten)]
    pub(crate) rates: Rates,
    pub(crate) searches: Vec<Latency>,
    pub(crate) eviction: Option<Eviction>,
}

/// The most memory that a server needs while it receives spans as fast as it answers.
#[derive(Debug, Serialize)]
pub(crate) struct Peak {
    pub(crate) spans: usize,
    pub(crate) bytes: u64,
}

/// Measures everything, each rate with this many spans.
pub(crate) fn all(programs: &[Program], spans: usize) -> Result<Vec<Figures>, Box<dyn Error>> {
    let rates = rates::all(programs, spans)?;
    programs.iter().zip(rates).map(|(program, rates)| figures(program, spans, rates)).collect()
}

fn figures(program: &Program, spans: usize, rates: Rates) -> Result<Figures, Box<dyn Error>> {
    eprintln!("  {}: start, memory, searches", program.name);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(program.start()?.opened.as_secs_f64() * 1e3);
    }
    let (idle_bytes, bytes_per_span) = memory(program, spans)?;
    Ok(Figures {
        name: program.name.clone(),
        spans,
        connections: CONNECTIONS,
        binary_bytes: std::fs::metadata(&program.path)?.len(),
        start_ms: median(&mut starts),
        idle_bytes,
        bytes_per_span,
        peak: peak(program, 2 * spans)?,
        rates,
        searches: searches::all(program, spans)?,
        eviction: eviction::measure(program, spans * 3 / 2)?,
    })
}

/// The memory of an idle server, and the memory that each stored span adds.
fn memory(program: &Program, spans: usize) -> Result<(u64, f64), Box<dyn Error>> {
    let server = program.start()?;
    std::thread::sleep(IDLE);
    let idle = server.resident()?;
    fill::store_slowly(&server, Load::now(Shape::Services)?, 0..spans / SPANS_PER_TRACE)?;
    let filled = server.resident()?;
    Ok((idle, filled.saturating_sub(idle) as f64 / spans as f64))
}

fn peak(program: &Program, spans: usize) -> Result<Peak, Box<dyn Error>> {
    let server = program.start()?;
    fill::store(&server, Load::now(Shape::Services)?, 0..spans / SPANS_PER_TRACE)?;
    server.wait_until_idle()?;
    Ok(Peak { spans, bytes: server.peak()? })
}

/// Sorts the figures and returns their median.
pub(crate) fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
