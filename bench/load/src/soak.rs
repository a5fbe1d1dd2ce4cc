//! Sends spans by UDP at a steady rate for a long time. UDP does not slow the sender down, so this
//! shows lost spans; memory must stay flat once the store is full.

use std::error::Error;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde::Serialize;
use serde_json::Value;

use crate::payload::{Load, SPANS_PER_TRACE, Shape, TRACE_ID_HIGH, compact_high, trace_id};
use crate::server::{Program, QUERY, Server, UDP};

/// The number of packets, one trace each. They are sent in rounds, with new trace ids in each
/// round.
const PACKETS: usize = 10_000;
/// How often the server is sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);
/// How many packets are sent between two looks at the clock.
const BURST: usize = 20;
/// The trace that is read back was sent this many packets ago: it has arrived and is still stored.
const LOOKUP_DELAY: usize = 20_000;
/// Memory is flat if the maximum of the last quarter is at most 2 percent above that of the second.
const MAX_GROWTH: f64 = 1.02;

/// The result of a soak.
#[derive(Debug, Serialize)]
pub(crate) struct SoakResult {
    seconds: u64,
    spans_per_second: f64,
    sent: usize,
    /// How many of them the server received.
    taken: usize,
    /// How many traces were read back, and how many of them were complete.
    looked_up: usize,
    found: usize,
    /// The server's CPU time for a million spans, in seconds.
    cpu_seconds_per_million: f64,
    samples: Vec<Sample>,
}

#[derive(Debug, Serialize)]
struct Sample {
    seconds: f64,
    resident_bytes: u64,
    spans_per_second: f64,
}

impl SoakResult {
    /// # Errors
    ///
    /// If spans were lost or memory grew.
    pub(crate) fn check(&self) -> Result<(), Box<dyn Error>> {
        let SoakResult { sent, taken, looked_up, found, .. } = self;
        if taken < sent || found < looked_up {
            let why =
                format!("{taken} of {sent} spans received, {found} of {looked_up} traces found");
            return Err(why.into());
        }
        let quarter = self.samples.len() / 4;
        let most = |samples: &[Sample]| samples.iter().map(|s| s.resident_bytes).max();
        let second = most(self.samples.get(quarter..2 * quarter).unwrap_or_default());
        let last = most(self.samples.get(3 * quarter..).unwrap_or_default());
        match second.zip(last) {
            Some((second, last)) if last as f64 > second as f64 * MAX_GROWTH => {
                Err(format!("memory grew from {second} to {last} bytes").into())
            }
            _ => Ok(()),
        }
    }
}

/// Sends `rate` spans per second for this time, and samples the server meanwhile.
pub(crate) fn soak(
    program: &Program,
    time: Duration,
    rate: u64,
) -> Result<SoakResult, Box<dyn Error>> {
    let server = program.start()?;
    let load = Load::now(Shape::Services)?;
    let packets: Vec<Packet> =
        (0..PACKETS).map(|trace| Packet::new(load.compact(trace, 1))).collect();
    let sent = AtomicUsize::new(0);
    let (samples, lookups, elapsed) = thread::scope(|scope| -> Result<_, Box<dyn Error>> {
        let sender =
            scope.spawn(|| send(&server, packets, time, rate, &sent).map_err(|e| e.to_string()));
        let watched = watch(&server, time, &sent);
        let elapsed = sender.join().map_err(|_| "the sender panicked")??;
        let (samples, lookups) = watched?;
        Ok((samples, lookups, elapsed))
    })?;
    server.wait_until_idle()?;
    let sent = sent.into_inner() * SPANS_PER_TRACE;
    Ok(SoakResult {
        seconds: elapsed.as_secs(),
        spans_per_second: sent as f64 / elapsed.as_secs_f64(),
        sent,
        taken: server.counter(SPANS_METRIC)?,
        looked_up: lookups.len(),
        found: lookups.iter().filter(|found| **found).count(),
        cpu_seconds_per_million: server.cpu()?.as_secs_f64() * 1e6 / sent as f64,
        samples,
    })
}

/// A packet, and the offsets of the upper 64 bits of its trace ids.
struct Packet {
    bytes: Vec<u8>,
    upper_offsets: Vec<usize>,
}

impl Packet {
    fn new(bytes: Vec<u8>) -> Self {
        let upper = compact_high(0);
        let upper_offsets =
            bytes.windows(upper.len()).enumerate().filter(|(_, part)| *part == upper);
        let upper_offsets = upper_offsets.map(|(at, _)| at).collect();
        Packet { bytes, upper_offsets }
    }

    /// The packet with the trace ids of this round.
    fn in_round(&mut self, round: u64) -> &[u8] {
        let upper = compact_high(round);
        for at in &self.upper_offsets {
            self.bytes[*at..at + upper.len()].copy_from_slice(&upper);
        }
        &self.bytes
    }
}

fn send(
    server: &Server,
    mut packets: Vec<Packet>,
    time: Duration,
    rate: u64,
    sent: &AtomicUsize,
) -> Result<Duration, Box<dyn Error>> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.connect(server.address(UDP))?;
    let (begin, each) = (Instant::now(), SPANS_PER_TRACE as f64 / rate as f64);
    let (mut number, mut round) = (0, 0);
    while begin.elapsed() < time {
        let due = Duration::from_secs_f64(number as f64 * each);
        thread::sleep(due.saturating_sub(begin.elapsed()));
        for _ in 0..BURST {
            socket.send(packets[number % PACKETS].in_round(round))?;
            number += 1;
            if number % PACKETS == 0 {
                round += 1;
            }
        }
        sent.store(number, Ordering::Relaxed);
    }
    Ok(begin.elapsed())
}

/// Samples memory and rate, and checks each time that an earlier trace is complete.
fn watch(
    server: &Server,
    time: Duration,
    sent: &AtomicUsize,
) -> Result<(Vec<Sample>, Vec<bool>), Box<dyn Error>> {
    let (mut samples, mut lookups) = (Vec::new(), Vec::new());
    let (begin, client) = (Instant::now(), Client::new());
    let mut before = (0.0, 0);
    while begin.elapsed() + SAMPLE_INTERVAL < time {
        thread::sleep(SAMPLE_INTERVAL);
        let (seconds, packets) = (begin.elapsed().as_secs_f64(), sent.load(Ordering::Relaxed));
        let spans = (packets - before.1) * SPANS_PER_TRACE;
        let sample = Sample {
            seconds,
            resident_bytes: server.resident()?,
            spans_per_second: spans as f64 / (seconds - before.0),
        };
        before = (seconds, packets);
        let lookup =
            packets.checked_sub(LOOKUP_DELAY).map(|packet| is_complete(server, &client, packet));
        lookups.extend(lookup.transpose()?);
        eprintln!(
            "  {seconds:.0} s: {:.0} spans/s, {:.1} MiB",
            sample.spans_per_second,
            sample.resident_bytes as f64 / f64::from(1 << 20),
        );
        samples.push(sample);
    }
    Ok((samples, lookups))
}

/// Whether the server has all spans of a packet's trace.
fn is_complete(server: &Server, client: &Client, packet: usize) -> Result<bool, Box<dyn Error>> {
    let id = trace_id(packet % PACKETS, TRACE_ID_HIGH + (packet / PACKETS) as u64);
    let url = format!("http://{}/api/traces/{id}", server.address(QUERY));
    let answer: Value = serde_json::from_slice(&client.get(url).send()?.bytes()?)?;
    Ok(answer["data"][0]["spans"].as_array().is_some_and(|spans| spans.len() == SPANS_PER_TRACE))
}

/// The counter of the spans that arrived over UDP.
const SPANS_METRIC: &str = "jaeger_door_spans_total{door=\"udp-compact\"}";
