//! Measures the example programs from start to end, side by side in one run.
//!
//! ```text
//! make bench
//! PYTHON_JAEGER='venv/bin/python jaeger_example.py' PYTHON_OTEL='…' make bench
//! ```
//!
//! Each round runs every program once, so that a slow period of the machine affects all of them.
//! The Python originals request httpbin.org, which is far away. For a fair comparison, change them
//! to request `os.environ["HTTPBIN_URL"]`, which is set to the page of the other programs.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use testbed::{Answer, Httpbin, Jaeger};
use wait4::Wait4;

/// How often each program runs, unless `BENCH_ROUNDS` is set.
const ROUNDS: usize = 15;

/// The argument with which this program starts itself to measure another. The kernel counts the
/// peak memory of the parent process as the program's own, so the parent must be a small process.
const MEASURE: &str = "--measure";

/// How long each program sleeps to simulate work.
const SIMULATED_WORK: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let result = match arguments.next().as_deref() {
        Some(MEASURE) => measure(&arguments.collect::<Vec<_>>()),
        _ => run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let rounds = match env::var("BENCH_ROUNDS") {
        Ok(rounds) => {
            rounds.parse().map_err(|_| format!("BENCH_ROUNDS: {rounds:?} is not a number"))?
        }
        Err(_) => ROUNDS,
    };
    let programs = programs()?;
    let mut samples = vec![Vec::new(); programs.len()];
    let httpbin = Httpbin::start(Answer::Get)?;
    for round in 0..=rounds {
        for (program, samples) in programs.iter().zip(&mut samples) {
            let sample = program.measure(&httpbin.url())?;
            if round > 0 {
                samples.push(sample); // the first round only warms the caches
            }
        }
        eprint!("\rround {round} of {rounds}");
    }
    eprintln!();
    print(&programs, &samples);
    Ok(())
}

/// A program to measure.
struct Program {
    name: &'static str,
    /// The service of its traces; `None` if they cannot be read back.
    service: Option<&'static str>,
    command: Vec<String>,
}

/// The programs in this program's folder, and the originals whose commands are in the environment.
fn programs() -> Result<Vec<Program>, Box<dyn Error>> {
    let folder = env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
    let built = |name: &'static str, service| {
        let path = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
        Program { name, service: Some(service), command: vec![path.display().to_string()] }
    };
    let mut programs = vec![
        built("jaeger-example", "jaeger-example"),
        built("otel-example", "opentelemetry-example"),
        built("otlp-example", "otlp-example"),
    ];
    for (name, variable) in
        [("jaeger_example.py", "PYTHON_JAEGER"), ("opentelemetry_example.py", "PYTHON_OTEL")]
    {
        match env::var(variable) {
            Ok(command) if !command.trim().is_empty() => {
                let command = command.split_whitespace().map(ToOwned::to_owned).collect();
                programs.push(Program { name, service: None, command });
            }
            _ => eprintln!("{name}: not measured, because {variable} is not set"),
        }
    }
    Ok(programs)
}

/// The measurements of one run.
#[derive(Clone, Copy)]
struct Sample {
    /// From start to end.
    wall: Duration,
    /// The duration of the span `make_request`, if it can be read.
    request: Option<Duration>,
    /// In user and kernel mode.
    cpu: Duration,
    /// The peak resident memory, in bytes.
    memory: u64,
}

impl Program {
    fn measure(&self, url: &str) -> Result<Sample, Box<dyn Error>> {
        let jaeger = Jaeger::start()?;
        let port = jaeger.agent_port().to_string();
        let measured = Command::new(env::current_exe()?)
            .arg(MEASURE)
            .args(&self.command)
            .env("HTTPBIN_URL", url)
            .env("JAEGER_AGENT_PORT", &port)
            .env("OTEL_EXPORTER_JAEGER_AGENT_PORT", &port)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
            .stderr(Stdio::inherit())
            .output()?;
        let figures = String::from_utf8(measured.stdout)?;
        let figures: Vec<u64> = figures.split_whitespace().flat_map(str::parse).collect();
        let [wall, cpu, memory] = figures[..] else {
            return Err(format!("{} could not be measured", self.name).into());
        };
        let (wall, cpu) = (Duration::from_micros(wall), Duration::from_micros(cpu));
        let request = self.service.map(|service| request(&jaeger, service)).transpose()?;
        Ok(Sample { wall, request, cpu, memory })
    }

    /// The size of the stripped binary in bytes; `None` for a script.
    fn size(&self) -> Option<u64> {
        let path = PathBuf::from(&self.command[0]);
        let own = path.file_stem() == Some(OsStr::new(self.name));
        own.then(|| fs::metadata(path).ok()).flatten().map(|metadata| metadata.len())
    }
}

/// Runs a command and prints its wall time and CPU time in µs and its peak memory in bytes.
fn measure(command: &[String]) -> Result<(), Box<dyn Error>> {
    let [program, arguments @ ..] = command else { return Err("no command to measure".into()) };
    let started = Instant::now();
    let usage = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?
        .wait4()?;
    let wall = started.elapsed();
    if !usage.status.success() {
        return Err(format!("{program} ended with {}", usage.status).into());
    }
    let cpu = usage.rusage.utime + usage.rusage.stime;
    println!("{} {} {}", wall.as_micros(), cpu.as_micros(), usage.rusage.maxrss);
    Ok(())
}

/// The duration of the program's request, from its trace.
fn request(jaeger: &Jaeger, service: &str) -> Result<Duration, Box<dyn Error>> {
    let traces = jaeger.traces(service, 2)?;
    let spans = traces["data"].as_array().into_iter().flatten();
    let mut spans = spans.flat_map(|trace| trace["spans"].as_array().into_iter().flatten());
    let span = spans.find(|span| span["operationName"] == "make_request");
    let micros = span.and_then(|span| span["duration"].as_u64());
    Ok(Duration::from_micros(micros.ok_or("no span make_request with a duration")?))
}

fn print(programs: &[Program], samples: &[Vec<Sample>]) {
    let requests = samples.iter().flatten().filter_map(|it| it.request).map(millis).collect();
    let request = Spread::of(requests).median;
    println!("median of {} runs (minimum to maximum)", samples.first().map_or(0, Vec::len));
    println!("overhead: wall time beyond 200 ms of simulated work and the request (for a Python");
    println!("original {request:.1} ms, the median request of the others)\n");
    println!(
        "{:<26}{:>28}{:>24}{:>26}{:>10}",
        "program", "overhead, ms", "memory, MB", "CPU, ms", "size, MB"
    );
    for (program, samples) in programs.iter().zip(samples) {
        let overhead = |it: &Sample| {
            millis(it.wall) - millis(SIMULATED_WORK) - it.request.map_or(request, millis)
        };
        println!(
            "{:<26}{:>28}{:>24}{:>26}{:>10}",
            program.name,
            Spread::of(samples.iter().map(overhead).collect()).to_string(),
            Spread::of(samples.iter().map(|it| it.memory as f64 / 1e6).collect()).to_string(),
            Spread::of(samples.iter().map(|it| millis(it.cpu)).collect()).to_string(),
            program.size().map_or("-".to_owned(), |size| format!("{:.1}", size as f64 / 1e6)),
        );
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The median of some figures, their minimum and their maximum.
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        let last = figures.len().saturating_sub(1);
        Self { min: at(0), median: at(figures.len() / 2), max: at(last) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} ({:.1} to {:.1})", self.median, self.min, self.max)
    }
}
