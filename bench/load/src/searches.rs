//! Measures how long searches take.

use std::error::Error;
use std::time::Instant;

use serde::Serialize;

use crate::fill::{self, Client};
use crate::measure::median;
use crate::payload::{Load, SPANS_PER_TRACE, Shape, splitmix64};
use crate::server::{Kind, Program, Server};

/// How often each search is measured.
const REPETITIONS: usize = 11;

/// How long a search takes: the median and the maximum.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) what: &'static str,
    pub(crate) stored: usize,
    pub(crate) median_ms: f64,
    most_ms: f64,
    pub(crate) goal_ms: Option<f64>,
}

/// A kind of search.
#[derive(Clone, Copy)]
struct Search {
    what: &'static str,
    /// Its parameters. `{n}` becomes a different number each time.
    parameters: &'static str,
    /// How many traces it finds, if that is the same each time.
    finds: Option<usize>,
    goal_ms: Option<f64>,
}

const SERVICE: Search = Search {
    what: "20 traces of a service",
    parameters: "service=load-{n}&limit=20",
    finds: Some(20),
    goal_ms: Some(1.0),
};
const TAG: Search = Search {
    what: "by a tag",
    parameters: "service=load-{n}&limit=20&tags=%7B%22user%22%3A%22user-{n}%22%7D",
    finds: None,
    goal_ms: Some(1.0),
};
/// `{"span.kind":"client","sampled":"true"}`: half of the spans have the one, half have the other.
const NEVER: Search = Search {
    what: "by two common tags, never on one span",
    parameters: "service=load-{n}&limit=20&tags=%7B%22span.kind%22%3A%22client%22%2C%22sampled%22%3A%22true%22%7D",
    finds: Some(0),
    goal_ms: Some(5.0),
};
const NO_SPAN: Search = Search {
    what: "by a tag that no span has",
    parameters: "service=load-{n}&limit=20&tags=%7B%22user%22%3A%22nobody%22%7D",
    finds: Some(0),
    goal_ms: None,
};
const ONE_SERVICE: Search = Search {
    what: "20 traces, all spans of one service",
    parameters: "service=load-0&limit=20",
    finds: Some(20),
    goal_ms: None,
};

/// Measures searches in stores of three sizes, and in one where all spans have the same service. The
/// real Jaegers are spared the largest, for which they need 6 GB.
pub(crate) fn all(program: &Program, spans: usize) -> Result<Vec<Latency>, Box<dyn Error>> {
    let server = program.start()?;
    let load = Load::now(Shape::Services)?;
    let (mut latencies, mut traces) = (Vec::new(), 0);
    for stored in [spans / 20, spans, spans * 5] {
        if stored > spans && program.kind != Kind::Embedded {
            break;
        }
        let more = traces..stored / SPANS_PER_TRACE;
        traces = more.end;
        fill::store_slowly(&server, load, more)?;
        for kind in [SERVICE, TAG, NEVER, NO_SPAN] {
            latencies.push(search(&server, stored, kind)?);
        }
    }
    drop(server);
    let server = program.start()?;
    fill::store_slowly(&server, Load::now(Shape::OneService)?, 0..spans / SPANS_PER_TRACE)?;
    latencies.push(search(&server, spans, ONE_SERVICE)?);
    Ok(latencies)
}

fn search(server: &Server, stored: usize, kind: Search) -> Result<Latency, Box<dyn Error>> {
    let client = Client::new()?;
    let mut times = Vec::new();
    for number in 0..REPETITIONS {
        let parameters =
            kind.parameters.replace("{n}", &(splitmix64(number as u64) % 10).to_string());
        let begin = Instant::now();
        let answer = client.query(server, &format!("/api/traces?{parameters}"))?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
        let found = fill::occurrences(&answer, "\"processes\":");
        if kind.finds.is_some_and(|finds| finds != found) {
            return Err(format!("the search {parameters} found {found} traces").into());
        }
    }
    let median_ms = median(&mut times);
    let most_ms = times.last().copied().unwrap_or(f64::NAN);
    Ok(Latency { what: kind.what, stored, median_ms, most_ms, goal_ms: kind.goal_ms })
}
