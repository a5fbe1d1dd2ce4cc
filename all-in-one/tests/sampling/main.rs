//! Sampling strategies, compared with the recorded answers of Jaeger 1.35 to the same files.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use jaeger_all_in_one::{AllInOne, Config, Port, StartError};
use support::grpc::call;
use support::program::{Running, program};
use support::{Open, Target, get};
use testbed::Real;

const METHOD: &str = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";
/// The files in this folder, each with the answers to it.
const FILES: [&str; 3] = ["operations", "no-default", "rate-limited"];
const EVERY_TRACE: &str =
    r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1}}"#;

/// What each place answers, by its name; the gRPC message in hexadecimal.
type Answers = BTreeMap<String, String>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sampling")
}

fn recorded(name: &str) -> BTreeMap<String, Answers> {
    let text = fs::read_to_string(folder().join(format!("{name}.answers.json")));
    serde_json::from_str(&text.expect("the answers")).expect("JSON")
}

fn answers(target: &impl Target, service: &str) -> Answers {
    let ask = |door, path| get(target.address(door), &format!("{path}?service={service}")).text();
    let mut message = vec![1 << 3 | 2, u8::try_from(service.len()).expect("a short name")];
    message.extend(service.as_bytes());
    let message = call(target.address("grpc-jaeger"), METHOD, &message).expect("a strategy");
    let message = message.iter().map(|byte| format!("{byte:02x}")).collect();
    Answers::from([
        ("collector".to_owned(), ask("http-thrift", "/api/sampling")),
        ("agent".to_owned(), ask("http-sampling", "/sampling")),
        ("agent by number".to_owned(), ask("http-sampling", "/")),
        ("message".to_owned(), message),
    ])
}

fn compare(target: &impl Target, name: &str) {
    for (service, expected) in recorded(name) {
        assert_eq!(answers(target, &service), expected, "{name}: {service}");
    }
}

fn start_with(file: &Path) -> AllInOne {
    AllInOne::start_with(Config::ephemeral().strategies_file(file)).expect("start")
}

#[test]
fn every_trace_is_sampled_without_a_file() {
    let jaeger = AllInOne::start().expect("start");
    let told = answers(&jaeger, "shop");
    assert_eq!(told["collector"], EVERY_TRACE);
    assert_eq!(told["agent"], EVERY_TRACE);
    assert_eq!(told["agent by number"], EVERY_TRACE.replace("\"PROBABILISTIC\"", "0"));
    assert_eq!(told["message"], "120909000000000000f03f");
}

#[test]
fn files_mean_what_they_mean_in_jaeger() {
    for name in FILES {
        compare(&start_with(&folder().join(format!("{name}.json"))), name);
    }
}

/// `make test-real` starts it with the first file.
#[test]
#[ignore = "needs the binary of Jaeger 1.35 in JAEGER_ALL_IN_ONE"]
fn the_recorded_answers_are_jaeger_s() {
    let binary = std::env::var_os("JAEGER_ALL_IN_ONE").expect("JAEGER_ALL_IN_ONE");
    compare(&Real::start(&binary).expect("start"), FILES[0]);
}

#[test]
fn a_rate_that_clients_cannot_read_is_the_largest() {
    let file = Temp::new("rate", r#"{"default_strategy": {"type": "ratelimiting", "param": 4e4}}"#);
    let told = answers(&start_with(&file.0), "shop");
    assert!(told["agent"].contains(r#""maxTracesPerSecond":32767"#), "{told:?}");
}

#[test]
fn a_message_that_is_none_is_refused() {
    let jaeger = AllInOne::start().expect("start");
    let error = call(jaeger.at(Port::CollectorGrpc), METHOD, &[0x0a, 5]).expect_err("it is cut");
    assert_eq!(error.code(), tonic::Code::Internal, "{error}");
}

#[test]
fn a_file_that_cannot_be_used_is_one_line_and_exit_code_2() {
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 20));
    for (content, why) in [
        (Some("{\n \"default_strategy\": 5}"), "line 2, column 22: invalid type: integer `5`"),
        (Some(&large), "it has more than 1 MiB"),
        (Some(""), "line 1, column 0: EOF"),
        (None, "No such file"),
    ] {
        let file = Temp::new("bad", content.unwrap_or_default());
        if content.is_none() {
            fs::remove_file(&file.0).expect("remove");
        }
        let run = program().env("SAMPLING_STRATEGIES_FILE", &file.0).output().expect("run");
        let text = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("--sampling.strategies-file") && text.contains(why), "{text}");
        let config = Config::ephemeral().strategies_file(&file.0);
        let error = AllInOne::start_with(config).expect_err("it cannot be used");
        assert!(matches!(error, StartError::Strategies { .. }), "{error}");
    }
    let run = program().arg("--sampling.strategies-file=http://localhost/s.json").output();
    let text = String::from_utf8_lossy(&run.expect("run").stderr).into_owned();
    assert!(text.contains("it is a URL: download it"), "{text}");
}

#[test]
fn a_changed_file_is_read_again_and_a_bad_one_is_logged_once() {
    let strategy = |probability: f64| {
        format!(r#"{{"default_strategy": {{"type": "probabilistic", "param": {probability}}}}}"#)
    };
    let file = Temp::new("reload", &strategy(0.25));
    let mut command = program();
    command.arg("--sampling.strategies-reload-interval=10ms").stderr(Stdio::piped());
    command.arg("--sampling.strategies-file").arg(&file.0);
    let mut running = Running::start(&mut command);
    let mut log = BufReader::new(running.child.stderr.take().expect("stderr is piped")).lines();
    let mut next = || log.next().expect("a line").expect("text");
    let agent = running.door("sampling strategies");
    let rate = || get(agent, "/sampling?service=a").json()["probabilisticSampling"].to_string();
    let wait_for = |expected: &str| {
        let start = Instant::now();
        while rate() != expected {
            assert!(start.elapsed() < Duration::from_secs(20), "{} is not {expected}", rate());
        }
    };
    wait_for(r#"{"samplingRate":0.25}"#);
    file.write("{");
    let line = next();
    assert!(line.contains("line 1, column 1: EOF") && line.contains("stay as they were"), "{line}");
    assert_eq!(rate(), r#"{"samplingRate":0.25}"#);
    file.write(&strategy(0.75));
    let line = next();
    assert!(line.contains("were read again"), "{line}");
    wait_for(r#"{"samplingRate":0.75}"#);
    file.write(r#"{"default_strategy": {"type": "sometimes"}}"#);
    let line = next();
    assert!(line.contains("default_strategy: its type is neither probabilistic"), "{line}");
    wait_for(r#"{"samplingRate":0.001}"#);
}

/// A file in the system's folder for them, removed at the end.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str, content: &str) -> Self {
        let id = std::process::id();
        let file = Temp(std::env::temp_dir().join(format!("strategies-{name}-{id}.json")));
        file.write(content);
        file
    }

    /// Replaces it as a whole: the program never reads a half.
    fn write(&self, content: &str) {
        let new = self.0.with_extension("new");
        fs::write(&new, content).expect("write");
        fs::rename(&new, &self.0).expect("rename");
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
