//! A long time at a steady rate over UDP, where nothing slows the sender down: no span may be lost,
//! and memory must stay flat once the store is full.

use std::error::Error;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde::Serialize;
use serde_json::Value;

use crate::measure::load;
use crate::payload::{HIGH, PER_TRACE, compact_high, trace_id};
use crate::server::{ADMIN, Program, QUERY, Server, UDP};

/// Packets that are sent round after round, each time with other trace ids: a trace each.
const PACKETS: usize = 10_000;
/// How often the server is looked at.
const SAMPLE: Duration = Duration::from_secs(10);
/// How many packets are sent before the clock is looked at.
const BURST: usize = 20;
/// How many packets ago the trace was sent that is read back: it has arrived, and is still there.
const BEHIND: usize = 20_000;
/// Memory is flat if its last quarter has at most so much more than its second: 2 percent.
const FLAT: f64 = 1.02;

/// What was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Soaked {
    seconds: u64,
    spans_per_second: f64,
    sent: usize,
    /// How many of them the server counted.
    taken: usize,
    /// How often a trace was read back, and found whole.
    looked_up: usize,
    found: usize,
    /// What the server takes for a million spans, in seconds.
    cpu_seconds_per_million: f64,
    samples: Vec<Sample>,
}

#[derive(Debug, Serialize)]
struct Sample {
    seconds: f64,
    resident_bytes: u64,
    spans_per_second: f64,
}

impl Soaked {
    /// # Errors
    ///
    /// When spans were lost, or memory grew.
    pub(crate) fn check(&self) -> Result<(), Box<dyn Error>> {
        let Soaked { sent, taken, looked_up, found, .. } = self;
        if taken < sent || found < looked_up {
            let why = format!("{taken} of {sent} spans taken, {found} of {looked_up} traces found");
            return Err(why.into());
        }
        let quarter = self.samples.len() / 4;
        let most = |samples: &[Sample]| samples.iter().map(|s| s.resident_bytes).max();
        let second = most(self.samples.get(quarter..2 * quarter).unwrap_or_default());
        let last = most(self.samples.get(3 * quarter..).unwrap_or_default());
        match second.zip(last) {
            Some((second, last)) if last as f64 > second as f64 * FLAT => {
                Err(format!("memory grew from {second} to {last} bytes").into())
            }
            _ => Ok(()),
        }
    }
}

/// Sends so many spans a second for so long, and looks at the server meanwhile.
pub(crate) fn soak(program: &Program, time: Duration, rate: u64) -> Result<Soaked, Box<dyn Error>> {
    let server = program.start()?;
    let load = load(false)?;
    let packets: Vec<Packet> =
        (0..PACKETS).map(|trace| Packet::of(load.compact(trace, 1))).collect();
    let sent = AtomicUsize::new(0);
    let (samples, looks, took) = thread::scope(|scope| -> Result<_, Box<dyn Error>> {
        let sender =
            scope.spawn(|| send(&server, packets, time, rate, &sent).map_err(|e| e.to_string()));
        let watched = watch(&server, time, &sent);
        let took = sender.join().map_err(|_| "the sender panicked")??;
        let (samples, looks) = watched?;
        Ok((samples, looks, took))
    })?;
    server.settle()?;
    let sent = sent.into_inner() * PER_TRACE;
    Ok(Soaked {
        seconds: took.as_secs(),
        spans_per_second: sent as f64 / took.as_secs_f64(),
        sent,
        taken: taken(&server)?,
        looked_up: looks.len(),
        found: looks.iter().filter(|found| **found).count(),
        cpu_seconds_per_million: server.cpu()?.as_secs_f64() * 1e6 / sent as f64,
        samples,
    })
}

/// A packet, and where the high halves of its trace ids lie.
struct Packet {
    bytes: Vec<u8>,
    highs: Vec<usize>,
}

impl Packet {
    fn of(bytes: Vec<u8>) -> Self {
        let high = compact_high(0);
        let highs = bytes.windows(high.len()).enumerate().filter(|(_, part)| *part == high);
        let highs = highs.map(|(at, _)| at).collect();
        Packet { bytes, highs }
    }

    /// The packet with the trace ids of a round.
    fn of_round(&mut self, round: u64) -> &[u8] {
        let high = compact_high(round);
        for at in &self.highs {
            self.bytes[*at..at + high.len()].copy_from_slice(&high);
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
    let (begin, each) = (Instant::now(), PER_TRACE as f64 / rate as f64);
    let (mut number, mut round) = (0, 0);
    while begin.elapsed() < time {
        let due = Duration::from_secs_f64(number as f64 * each);
        thread::sleep(due.saturating_sub(begin.elapsed()));
        for _ in 0..BURST {
            socket.send(packets[number % PACKETS].of_round(round))?;
            number += 1;
            if number % PACKETS == 0 {
                round += 1;
            }
        }
        sent.store(number, Ordering::Relaxed);
    }
    Ok(begin.elapsed())
}

/// Notes the memory and the rate at times, and whether a trace that was sent before is there.
fn watch(
    server: &Server,
    time: Duration,
    sent: &AtomicUsize,
) -> Result<(Vec<Sample>, Vec<bool>), Box<dyn Error>> {
    let (mut samples, mut looks) = (Vec::new(), Vec::new());
    let (begin, client) = (Instant::now(), Client::new());
    let mut before = (0.0, 0);
    while begin.elapsed() + SAMPLE < time {
        thread::sleep(SAMPLE);
        let (seconds, packets) = (begin.elapsed().as_secs_f64(), sent.load(Ordering::Relaxed));
        let spans = (packets - before.1) * PER_TRACE;
        let sample = Sample {
            seconds,
            resident_bytes: server.resident()?,
            spans_per_second: spans as f64 / (seconds - before.0),
        };
        before = (seconds, packets);
        let look = packets.checked_sub(BEHIND).map(|packet| is_whole(server, &client, packet));
        looks.extend(look.transpose()?);
        eprintln!(
            "  {seconds:.0} s: {:.0} spans/s, {:.1} MiB",
            sample.spans_per_second,
            sample.resident_bytes as f64 / f64::from(1 << 20),
        );
        samples.push(sample);
    }
    Ok((samples, looks))
}

/// Whether the server has all spans of the trace in a packet.
fn is_whole(server: &Server, client: &Client, packet: usize) -> Result<bool, Box<dyn Error>> {
    let id = trace_id(packet % PACKETS, HIGH + (packet / PACKETS) as u64);
    let url = format!("http://{}/api/traces/{id}", server.address(QUERY));
    let answer: Value = serde_json::from_slice(&client.get(url).send()?.bytes()?)?;
    Ok(answer["data"][0]["spans"].as_array().is_some_and(|spans| spans.len() == PER_TRACE))
}

/// How many spans the server says that it took over UDP.
fn taken(server: &Server) -> Result<usize, Box<dyn Error>> {
    let url = format!("http://{}/metrics", server.address(ADMIN));
    let metrics = reqwest::blocking::get(url)?.text()?;
    let line = metrics.lines().find_map(|line| line.strip_prefix(TAKEN));
    Ok(line.ok_or("/metrics does not count spans by door")?.trim().parse()?)
}

const TAKEN: &str = "jaeger_door_spans_total{door=\"udp-compact\"}";
