//! The figures of one server.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::blocking::Client;
use serde::Serialize;

use crate::payload::{HIGH, Load, PER_TRACE, mix, trace_id};
use crate::send::{self, CONNECTIONS};
use crate::server::{OTLP_GRPC, OTLP_HTTP, Program, QUERY, Server, THRIFT, UDP};

/// How often a start is measured, and each search.
const TIMES: usize = 11;
/// How long a server that was just started is left alone before its memory is measured.
const IDLE: Duration = Duration::from_secs(3);
/// The first rate by UDP, in spans a second: it doubles until spans are lost.
const FIRST_RATE: f64 = 20_000.0;
/// Spans in a datagram, and in a request.
const DATAGRAM: usize = 10;
const REQUEST: usize = 100;
/// How many spans are stored at a time where their rate does not matter, and the pause after them.
const FILL: usize = 1_000;
const FILL_PAUSE: Duration = Duration::from_millis(40);
/// How many traces are asked for by id at a time.
const GROUP: usize = 40;
/// How far back the traces lie: an hour, in microseconds. Searches look back two days.
const AN_HOUR: u64 = 3_600_000_000;

/// What was measured. Memory is in bytes, times are in milliseconds unless they say otherwise.
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

/// How fast spans are taken through a door.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) spans_per_second: f64,
    /// What the server takes for a million spans, in seconds.
    pub(crate) cpu_seconds_per_million: f64,
    /// How many of all that were sent could not be read back.
    pub(crate) lost: usize,
}

/// How long a search takes: the median, and the longest.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) what: &'static str,
    pub(crate) stored: usize,
    pub(crate) median_ms: f64,
    pub(crate) most_ms: f64,
}

/// Measures everything, with so many spans.
pub(crate) fn all(program: &Program, spans: usize) -> Result<Figures, Box<dyn Error>> {
    let mut starts = Vec::new();
    for _ in 0..TIMES {
        starts.push(program.start()?.opened.as_secs_f64() * 1e3);
    }
    let (idle_bytes, bytes_per_span) = memory(program, spans)?;
    let traces = spans / PER_TRACE;
    let thrift = batches(load(false)?, traces, REQUEST, Load::binary);
    let http_thrift = rate(program, traces, |server| {
        send::http(server.address(THRIFT), "/api/traces", "application/x-thrift", &thrift)
    })?;
    drop(thrift);
    let otlp = otlp_requests(spans)?;
    let otlp_grpc = rate(program, traces, |server| send::grpc(server.address(OTLP_GRPC), &otlp))?;
    let otlp_http = rate(program, traces, |server| {
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

/// The spans as requests of OTLP.
pub(crate) fn otlp_requests(spans: usize) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    Ok(batches(load(false)?, spans / PER_TRACE, REQUEST, Load::otlp))
}

/// Traces that began an hour ago.
pub(crate) fn load(one_service: bool) -> Result<Load, Box<dyn Error>> {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    Ok(Load { start: now - AN_HOUR, one_service })
}

fn batches(
    load: Load,
    traces: usize,
    spans: usize,
    encode: fn(Load, usize, usize) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let each = spans / PER_TRACE;
    let requests = (0..traces).step_by(each);
    requests.map(|first| encode(load, first, each.min(traces - first))).collect()
}

/// The memory of a server that has nothing to do, and what each stored span adds.
fn memory(program: &Program, spans: usize) -> Result<(u64, f64), Box<dyn Error>> {
    let server = program.start()?;
    std::thread::sleep(IDLE);
    let idle = server.resident()?;
    fill(&server, load(false)?, 0, spans)?;
    let filled = server.resident()?;
    Ok((idle, filled.saturating_sub(idle) as f64 / spans as f64))
}

/// Stores spans, from this one on, and sees that they are there.
fn fill(server: &Server, load: Load, first: usize, spans: usize) -> Result<(), Box<dyn Error>> {
    let each = REQUEST / PER_TRACE;
    let traces = first / PER_TRACE..(first + spans) / PER_TRACE;
    let bodies: Vec<_> = traces.clone().step_by(each).map(|first| load.otlp(first, each)).collect();
    // The real one drops what its queue of 2,000 spans does not hold.
    for bodies in bodies.chunks(FILL / REQUEST) {
        send::http(server.address(OTLP_HTTP), "/v1/traces", "application/x-protobuf", bodies)?;
        std::thread::sleep(FILL_PAUSE);
    }
    server.settle()?;
    let lost = traces.len() * PER_TRACE - found(server, traces)?;
    if lost > 0 { Err(format!("{lost} spans were lost while filling").into()) } else { Ok(()) }
}

/// The best of three runs by the time that they take.
fn rate(
    program: &Program,
    traces: usize,
    send: impl Fn(&Server) -> Result<Duration, Box<dyn Error>>,
) -> Result<Rate, Box<dyn Error>> {
    best(|| once(program, traces, &send))
}

/// The best of three runs.
pub(crate) fn best(run: impl Fn() -> Result<Rate, Box<dyn Error>>) -> Result<Rate, Box<dyn Error>> {
    let mut best = run()?;
    for _ in 1..3 {
        let now = run()?;
        if now.spans_per_second > best.spans_per_second {
            best = now;
        }
    }
    Ok(best)
}

fn once(
    program: &Program,
    traces: usize,
    send: impl Fn(&Server) -> Result<Duration, Box<dyn Error>>,
) -> Result<Rate, Box<dyn Error>> {
    let server = program.start()?;
    let spans = traces * PER_TRACE;
    let taken = taken(&server, spans, || send(&server))?;
    Ok(Rate { lost: spans - found(&server, 0..traces)?, ..taken })
}

/// How fast a server takes so many spans, and what that costs it.
pub(crate) fn taken(
    server: &Server,
    spans: usize,
    send: impl Fn() -> Result<Duration, Box<dyn Error>>,
) -> Result<Rate, Box<dyn Error>> {
    let before = server.cpu()?;
    let took = send()?;
    server.settle()?;
    let cpu = server.cpu()? - before;
    Ok(Rate {
        spans_per_second: spans as f64 / took.as_secs_f64(),
        cpu_seconds_per_million: cpu.as_secs_f64() * 1e6 / spans as f64,
        lost: 0,
    })
}

/// The highest rate at which no span is lost: it doubles until one is, then the distance is
/// halved twice.
fn udp(program: &Program, traces: usize) -> Result<Option<Rate>, Box<dyn Error>> {
    let packets = batches(load(false)?, traces, DATAGRAM, Load::compact);
    let at = |rate: f64| {
        once(program, traces, |server| {
            send::udp(server.address(UDP), &packets, rate / DATAGRAM as f64)
        })
    };
    let (mut best, mut step): (Option<Rate>, _) = (None, FIRST_RATE);
    let mut next = FIRST_RATE;
    let mut halvings = 0;
    while halvings < 3 {
        let now = at(next)?;
        let kept_up = now.spans_per_second > 0.9 * next;
        let fine = now.lost == 0 && kept_up;
        eprintln!("  UDP at {next:.0} spans/s: {} lost", now.lost);
        if fine {
            if halvings == 0 {
                step = next;
            }
            best = Some(now);
        }
        halvings += usize::from(!fine || halvings > 0);
        if halvings > 0 {
            step /= 2.0;
        }
        next = if fine { next + step } else { next - step };
    }
    Ok(best)
}

/// How many spans of these traces can be read back.
fn found(server: &Server, traces: std::ops::Range<usize>) -> Result<usize, Box<dyn Error>> {
    let client = client()?;
    let (mut found, all) = (0, traces.collect::<Vec<_>>());
    for group in all.chunks(GROUP) {
        let ids: Vec<_> = group.iter().map(|t| format!("traceID={}", trace_id(*t, HIGH))).collect();
        let answer = ask(&client, server, &format!("/api/traces?{}", ids.join("&")))?;
        found += String::from_utf8_lossy(&answer).matches("\"operationName\":").count();
    }
    Ok(found)
}

/// Searches in stores of two sizes, and where all spans are of one service.
fn searches(program: &Program, spans: usize) -> Result<Vec<Latency>, Box<dyn Error>> {
    let mut found = Vec::new();
    let server = program.start()?;
    let (few, load) = (spans / 20, load(false)?);
    fill(&server, load, 0, few)?;
    found.push(search(&server, few, SERVICE)?);
    fill(&server, load, few, spans - few)?;
    for what in [SERVICE, TAG, NOTHING] {
        found.push(search(&server, spans, what)?);
    }
    drop(server);
    let server = program.start()?;
    fill(&server, Load { one_service: true, ..load }, 0, spans)?;
    found.push(search(&server, spans, ONE_SERVICE)?);
    Ok(found)
}

/// What is searched for: a title, and the query, in which `{n}` is another number each time.
type Query = (&'static str, &'static str);

const SERVICE: Query = ("20 traces of one of ten services", "service=load-{n}&limit=20");
const ONE_SERVICE: Query = ("20 traces, all of one service", "service=load-0&limit=20");
const TAG: Query =
    ("20 traces by a tag", "service=load-{n}&limit=20&tags=%7B%22user%22%3A%22user-{n}%22%7D");
const NOTHING: Query =
    ("by a tag that no span has", "service=load-{n}&limit=20&tags=%7B%22user%22%3A%22nobody%22%7D");

fn search(server: &Server, stored: usize, query: Query) -> Result<Latency, Box<dyn Error>> {
    let client = client()?;
    let mut took = Vec::new();
    for number in 0..TIMES {
        let path = query.1.replace("{n}", &(mix(number as u64) % 10).to_string());
        let begin = Instant::now();
        ask(&client, server, &format!("/api/traces?{path}"))?;
        took.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let median_ms = median(&mut took);
    let most_ms = took.last().copied().unwrap_or(f64::NAN);
    Ok(Latency { what: query.0, stored, median_ms, most_ms })
}

fn client() -> Result<Client, Box<dyn Error>> {
    // Compression would cost more than all else that is measured.
    Ok(Client::builder().no_gzip().no_deflate().no_proxy().build()?)
}

fn ask(client: &Client, server: &Server, path: &str) -> Result<Bytes, Box<dyn Error>> {
    let url = format!("http://{}{path}", server.address(QUERY));
    Ok(client.get(url).send()?.error_for_status()?.bytes()?)
}

/// Sorts the figures, and gives the middle one.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
