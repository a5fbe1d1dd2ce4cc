//! Measures how fast servers receive spans in each format.

use std::error::Error;
use std::time::Duration;

use serde::Serialize;

use crate::fill::{SPANS_PER_REQUEST, count_found};
use crate::payload::{Load, SPANS_PER_TRACE, Shape};
use crate::send;
use crate::server::{OTLP_GRPC, OTLP_HTTP, Program, Server, THRIFT, UDP};

/// How often each rate is measured.
const RUNS: usize = 3;
/// The first UDP rate, in spans per second. It doubles until spans are lost.
const FIRST_RATE: f64 = 20_000.0;
const SPANS_PER_DATAGRAM: usize = 10;

/// The rates of one server.
#[derive(Debug, Serialize)]
pub(crate) struct Rates {
    pub(crate) udp: Option<Rate>,
    pub(crate) http_thrift: Rate,
    pub(crate) otlp_http: Rate,
    pub(crate) otlp_grpc: Rate,
}

/// How fast a server receives spans in one format.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) spans_per_second: f64,
    /// The server's CPU time for a million spans, in seconds.
    pub(crate) cpu_seconds_per_million: f64,
    /// How many of the sent spans could not be read back.
    pub(crate) lost: usize,
}

/// Measures each server. The servers take turns at each door, so that a slow period of the machine
/// affects all of them.
pub(crate) fn all(programs: &[Program], spans: usize) -> Result<Vec<Rates>, Box<dyn Error>> {
    let traces = spans / SPANS_PER_TRACE;
    let load = Load::now(Shape::Services)?;
    let thrift = load.requests(0..traces, SPANS_PER_REQUEST, Load::binary);
    let http_thrift = in_turn(programs, "HTTP 14268", traces, |server| {
        send::http(server.address(THRIFT), "/api/traces", "application/x-thrift", &thrift)
    })?;
    drop(thrift);
    let otlp = otlp_requests(spans)?;
    let otlp_http = in_turn(programs, "OTLP HTTP", traces, |server| {
        send::otlp_http(server.address(OTLP_HTTP), &otlp)
    })?;
    let otlp_grpc = in_turn(programs, "OTLP gRPC", traces, |server| {
        send::grpc(server.address(OTLP_GRPC), &otlp)
    })?;
    drop(otlp);
    // A server that loses spans at each rate has none.
    let udp = turns(programs, |program| udp(program, load, traces))?;
    let udp = udp.into_iter().map(|runs| median(runs).ok());
    let all = udp.zip(http_thrift).zip(otlp_http).zip(otlp_grpc);
    let rates = all.map(|(((udp, http_thrift), otlp_http), otlp_grpc)| Rates {
        udp,
        http_thrift,
        otlp_http,
        otlp_grpc,
    });
    Ok(rates.collect())
}

/// The spans as OTLP requests.
pub(crate) fn otlp_requests(spans: usize) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let traces = 0..spans / SPANS_PER_TRACE;
    Ok(Load::now(Shape::Services)?.requests(traces, SPANS_PER_REQUEST, Load::otlp))
}

/// The median rate of each server.
fn in_turn(
    programs: &[Program],
    door: &str,
    traces: usize,
    send: impl Fn(&Server) -> Result<Duration, Box<dyn Error>>,
) -> Result<Vec<Rate>, Box<dyn Error>> {
    let runs = turns(programs, |program| {
        let rate = run_once(program, traces, &send)?;
        let Rate { spans_per_second, cpu_seconds_per_million, .. } = rate;
        eprintln!(
            "  {door}, {}: {spans_per_second:.0} spans/s, {cpu_seconds_per_million:.2} s of CPU a million",
            program.name
        );
        Ok(Some(rate))
    })?;
    runs.into_iter().map(median).collect()
}

/// The rates of each server, which take turns; a run may find none.
fn turns(
    programs: &[Program],
    run: impl Fn(&Program) -> Result<Option<Rate>, Box<dyn Error>>,
) -> Result<Vec<Vec<Rate>>, Box<dyn Error>> {
    let mut rates: Vec<Vec<Rate>> = programs.iter().map(|_| Vec::new()).collect();
    for _ in 0..RUNS {
        for (program, rates) in programs.iter().zip(&mut rates) {
            rates.extend(run(program)?);
        }
    }
    Ok(rates)
}

/// The median of several runs.
pub(crate) fn median_of(
    run: impl Fn() -> Result<Rate, Box<dyn Error>>,
) -> Result<Rate, Box<dyn Error>> {
    median((0..RUNS).map(|_| run()).collect::<Result<_, _>>()?)
}

/// The run with the median rate, with the median CPU time of all runs.
fn median(mut runs: Vec<Rate>) -> Result<Rate, Box<dyn Error>> {
    let middle = runs.len() / 2;
    runs.sort_by(|a, b| a.cpu_seconds_per_million.total_cmp(&b.cpu_seconds_per_million));
    let cpu = runs.get(middle).map(|rate| rate.cpu_seconds_per_million);
    runs.sort_by(|a, b| a.spans_per_second.total_cmp(&b.spans_per_second));
    let rate = runs.into_iter().nth(middle).zip(cpu).ok_or("no run")?;
    Ok(Rate { cpu_seconds_per_million: rate.1, ..rate.0 })
}

fn run_once(
    program: &Program,
    traces: usize,
    send: impl Fn(&Server) -> Result<Duration, Box<dyn Error>>,
) -> Result<Rate, Box<dyn Error>> {
    let server = program.start()?;
    let spans = traces * SPANS_PER_TRACE;
    let rate = measure_once(&server, spans, || send(&server))?;
    Ok(Rate { lost: spans - count_found(&server, 0..traces)?, ..rate })
}

/// Measures how fast a server receives this many spans, and its CPU time. Does not count lost
/// spans.
pub(crate) fn measure_once(
    server: &Server,
    spans: usize,
    send: impl Fn() -> Result<Duration, Box<dyn Error>>,
) -> Result<Rate, Box<dyn Error>> {
    let before = server.cpu()?;
    let elapsed = send()?;
    server.wait_until_idle()?;
    let cpu = server.cpu()? - before;
    Ok(Rate {
        spans_per_second: spans as f64 / elapsed.as_secs_f64(),
        cpu_seconds_per_million: cpu.as_secs_f64() * 1e6 / spans as f64,
        lost: 0,
    })
}

/// The highest rate at which no span is lost. The rate doubles until spans are lost; then the step
/// is halved twice.
fn udp(program: &Program, load: Load, traces: usize) -> Result<Option<Rate>, Box<dyn Error>> {
    let packets = load.requests(0..traces, SPANS_PER_DATAGRAM, Load::compact);
    let at = |rate: f64| {
        run_once(program, traces, |server| {
            send::udp(server.address(UDP), &packets, rate / SPANS_PER_DATAGRAM as f64)
        })
    };
    let (mut best, mut step): (Option<Rate>, _) = (None, FIRST_RATE);
    let mut next = FIRST_RATE;
    let mut halvings = 0;
    while halvings < 3 {
        let now = at(next)?;
        let kept_up = now.spans_per_second > 0.9 * next;
        let passed = now.lost == 0 && kept_up;
        eprintln!("  UDP, {}: at {next:.0} spans/s {} lost", program.name, now.lost);
        if passed {
            if halvings == 0 {
                step = next;
            }
            best = Some(now);
        }
        halvings += usize::from(!passed || halvings > 0);
        if halvings > 0 {
            step /= 2.0;
        }
        next = if passed { next + step } else { next - step };
    }
    Ok(best)
}
