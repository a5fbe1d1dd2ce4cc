//! Measures one server.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::blocking::Client;
use serde::Serialize;

use crate::payload::{Load, SPANS_PER_TRACE, TRACE_ID_HIGH, splitmix64, trace_id};
use crate::send::{self, CONNECTIONS};
use crate::server::{OTLP_GRPC, OTLP_HTTP, Program, QUERY, Server, THRIFT, UDP};

/// How often a start and each search are measured.
const REPETITIONS: usize = 11;
/// How long a new server is idle before its memory is measured.
const IDLE: Duration = Duration::from_secs(3);
/// The first UDP rate, in spans per second. It doubles until spans are lost.
const FIRST_RATE: f64 = 20_000.0;
/// Spans per datagram, and per request.
const SPANS_PER_DATAGRAM: usize = 10;
const SPANS_PER_REQUEST: usize = 100;
/// How many spans are stored at a time when the rate is not measured, and the pause after them.
const FILL: usize = 1_000;
const FILL_PAUSE: Duration = Duration::from_millis(40);
/// How many trace ids one query asks for.
const IDS_PER_QUERY: usize = 40;
/// The age of the traces in microseconds: one hour. Searches look back two days.
const TRACE_AGE: u64 = 3_600_000_000;

/// The figures of one server. Memory is in bytes; times are in milliseconds unless their names say
/// otherwise.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) spans: usize,
    pub(crate) connections: usize,
    pub(crate) binary_bytes: u64,
    pub(crate) start_ms: f64,
    pub(crate) idle_bytes: u64,
    pub(crate) bytes_per_span: f64,
    pub(crate) udp: Option<Rate>,
    pub(crate) http_thrift: Rate,
    pub(crate) otlp_grpc: Rate,
    pub(crate) otlp_http: Rate,
    pub(crate) searches: Vec<Latency>,
}

/// How fast a server receives spans in one format.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) spans_per_second: f64,
    /// The server's CPU time for a million spans, in seconds.
    pub(crate) cpu_seconds_per_million: f64,
    /// How many of the sent spans could not be read back.
    pub(crate) lost: usize,
}

/// How long a search takes: the median and the maximum.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) what: &'static str,
    pub(crate) stored: usize,
    pub(crate) median_ms: f64,
    pub(crate) most_ms: f64,
}

/// Measures everything with this many spans.
pub(crate) fn all(program: &Program, spans: usize) -> Result<Figures, Box<dyn Error>> {
    let mut starts = Vec::new();
    for _ in 0..REPETITIONS {
        starts.push(program.start()?.opened.as_secs_f64() * 1e3);
    }
    let (idle_bytes, bytes_per_span) = memory(program, spans)?;
    let traces = spans / SPANS_PER_TRACE;
    let thrift = batches(load(false)?, traces, SPANS_PER_REQUEST, Load::binary);
    let http_thrift = best_rate(program, traces, |server| {
        send::http(server.address(THRIFT), "/api/traces", "application/x-thrift", &thrift)
    })?;
    drop(thrift);
    let otlp = otlp_requests(spans)?;
    let otlp_grpc =
        best_rate(program, traces, |server| send::grpc(server.address(OTLP_GRPC), &otlp))?;
    let otlp_http = best_rate(program, traces, |server| {
        send::http(server.address(OTLP_HTTP), "/v1/traces", "application/x-protobuf", &otlp)
    })?;
    drop(otlp);
    Ok(Figures {
        name: program.name,
        spans,
        connections: CONNECTIONS,
        binary_bytes: std::fs::metadata(&program.path)?.len(),
        start_ms: median(&mut starts),
        idle_bytes,
        bytes_per_span,
        udp: udp(program, traces)?,
        http_thrift,
        otlp_grpc,
        otlp_http,
        searches: searches(program, spans)?,
    })
}

/// The spans as OTLP requests.
pub(crate) fn otlp_requests(spans: usize) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    Ok(batches(load(false)?, spans / SPANS_PER_TRACE, SPANS_PER_REQUEST, Load::otlp))
}

/// Traces that started an hour ago.
pub(crate) fn load(one_service: bool) -> Result<Load, Box<dyn Error>> {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    Ok(Load { start: now - TRACE_AGE, one_service })
}

fn batches(
    load: Load,
    traces: usize,
    spans: usize,
    encode: fn(Load, usize, usize) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let each = spans / SPANS_PER_TRACE;
    let requests = (0..traces).step_by(each);
    requests.map(|first| encode(load, first, each.min(traces - first))).collect()
}

/// The memory of an idle server, and the memory that each stored span adds.
fn memory(program: &Program, spans: usize) -> Result<(u64, f64), Box<dyn Error>> {
    let server = program.start()?;
    std::thread::sleep(IDLE);
    let idle = server.resident()?;
    fill(&server, load(false)?, 0, spans)?;
    let filled = server.resident()?;
    Ok((idle, filled.saturating_sub(idle) as f64 / spans as f64))
}

/// Stores spans from index `first` on, and checks that none is lost.
fn fill(server: &Server, load: Load, first: usize, spans: usize) -> Result<(), Box<dyn Error>> {
    let each = SPANS_PER_REQUEST / SPANS_PER_TRACE;
    let traces = first / SPANS_PER_TRACE..(first + spans) / SPANS_PER_TRACE;
    let bodies: Vec<_> = traces.clone().step_by(each).map(|first| load.otlp(first, each)).collect();
    // The real Jaeger drops spans that its queue of 2,000 spans cannot hold.
    for bodies in bodies.chunks(FILL / SPANS_PER_REQUEST) {
        send::http(server.address(OTLP_HTTP), "/v1/traces", "application/x-protobuf", bodies)?;
        std::thread::sleep(FILL_PAUSE);
    }
    server.wait_until_idle()?;
    let lost = traces.len() * SPANS_PER_TRACE - count_found(server, traces)?;
    if lost > 0 { Err(format!("{lost} spans were lost while filling").into()) } else { Ok(()) }
}

/// The fastest of three runs.
fn best_rate(
    program: &Program,
    traces: usize,
    send: impl Fn(&Server) -> Result<Duration, Box<dyn Error>>,
) -> Result<Rate, Box<dyn Error>> {
    best_of_three(|| run_once(program, traces, &send))
}

/// The fastest of three runs.
pub(crate) fn best_of_three(
    run: impl Fn() -> Result<Rate, Box<dyn Error>>,
) -> Result<Rate, Box<dyn Error>> {
    let mut best = run()?;
    for _ in 1..3 {
        let now = run()?;
        if now.spans_per_second > best.spans_per_second {
            best = now;
        }
    }
    Ok(best)
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
fn udp(program: &Program, traces: usize) -> Result<Option<Rate>, Box<dyn Error>> {
    let packets = batches(load(false)?, traces, SPANS_PER_DATAGRAM, Load::compact);
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
        eprintln!("  UDP at {next:.0} spans/s: {} lost", now.lost);
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

/// How many spans of these traces can be read back.
fn count_found(server: &Server, traces: std::ops::Range<usize>) -> Result<usize, Box<dyn Error>> {
    let client = client()?;
    let (mut found, all) = (0, traces.collect::<Vec<_>>());
    for group in all.chunks(IDS_PER_QUERY) {
        let ids: Vec<_> =
            group.iter().map(|t| format!("traceID={}", trace_id(*t, TRACE_ID_HIGH))).collect();
        let answer = query(&client, server, &format!("/api/traces?{}", ids.join("&")))?;
        found += String::from_utf8_lossy(&answer).matches("\"operationName\":").count();
    }
    Ok(found)
}

/// Measures searches in stores of two sizes, and in one where all spans have the same service.
fn searches(program: &Program, spans: usize) -> Result<Vec<Latency>, Box<dyn Error>> {
    let mut latencies = Vec::new();
    let server = program.start()?;
    let (few, load) = (spans / 20, load(false)?);
    fill(&server, load, 0, few)?;
    latencies.push(search(&server, few, SERVICE)?);
    fill(&server, load, few, spans - few)?;
    for search_kind in [SERVICE, TAG, NO_MATCH] {
        latencies.push(search(&server, spans, search_kind)?);
    }
    drop(server);
    let server = program.start()?;
    fill(&server, Load { one_service: true, ..load }, 0, spans)?;
    latencies.push(search(&server, spans, ONE_SERVICE)?);
    Ok(latencies)
}

/// A search: its title and its parameters, in which `{n}` becomes a different number each time.
type Search = (&'static str, &'static str);

const SERVICE: Search = ("20 traces of one of ten services", "service=load-{n}&limit=20");
const ONE_SERVICE: Search = ("20 traces, all of one service", "service=load-0&limit=20");
const TAG: Search =
    ("20 traces by a tag", "service=load-{n}&limit=20&tags=%7B%22user%22%3A%22user-{n}%22%7D");
const NO_MATCH: Search =
    ("by a tag that no span has", "service=load-{n}&limit=20&tags=%7B%22user%22%3A%22nobody%22%7D");

fn search(server: &Server, stored: usize, kind: Search) -> Result<Latency, Box<dyn Error>> {
    let client = client()?;
    let mut times = Vec::new();
    for number in 0..REPETITIONS {
        let path = kind.1.replace("{n}", &(splitmix64(number as u64) % 10).to_string());
        let begin = Instant::now();
        query(&client, server, &format!("/api/traces?{path}"))?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let median_ms = median(&mut times);
    let most_ms = times.last().copied().unwrap_or(f64::NAN);
    Ok(Latency { what: kind.0, stored, median_ms, most_ms })
}

fn client() -> Result<Client, Box<dyn Error>> {
    // Compression would take longer than everything else that is measured.
    Ok(Client::builder().no_gzip().no_deflate().no_proxy().build()?)
}

fn query(client: &Client, server: &Server, path: &str) -> Result<Bytes, Box<dyn Error>> {
    let url = format!("http://{}{path}", server.address(QUERY));
    Ok(client.get(url).send()?.error_for_status()?.bytes()?)
}

/// Sorts the figures and returns their median.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
