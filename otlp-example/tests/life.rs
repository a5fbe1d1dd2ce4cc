//! Whatever is broken around the program: it does its work, ends in time, and says what was wrong.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::net::UdpSocket;
use std::time::Duration;

use testbed::{Answer, Finished, Httpbin, Jaeger, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_otlp-example");
const SERVICE: &str = "otlp-example";

fn program(jaeger: &Jaeger, url: &str) -> Program {
    Program::new(PROGRAM)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
        .env("HTTPBIN_URL", url)
}

/// The tag of the only span of that name, if it has one.
fn tag(traces: &serde_json::Value, span: &str, key: &str) -> Option<String> {
    let traces = traces["data"].as_array().unwrap();
    let mut spans = traces.iter().flat_map(|trace| trace["spans"].as_array().unwrap());
    let span = spans.find(|it| it["operationName"] == span).unwrap();
    let tags = span["tags"].as_array().unwrap();
    Some(tags.iter().find(|tag| tag["key"] == key)?["value"].to_string())
}

#[test]
fn every_span_is_out_when_the_program_has_ended() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    for run in 1..=20 {
        let finished = program(&jaeger, &httpbin.url()).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        jaeger.traces(SERVICE, 3 * run).unwrap();
    }
}

#[test]
fn interrupted_during_the_request_it_still_reports() {
    for (interrupt, code) in [(true, 130), (false, 143)] {
        let httpbin = Httpbin::start(Answer::Silence).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let running = program(&jaeger, &httpbin.url()).start().unwrap();
        while httpbin.requests().is_empty() {
            std::thread::yield_now();
        }
        if interrupt { running.interrupt() } else { running.terminate() }.unwrap();

        let finished = running.finish().unwrap();
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.elapsed < Duration::from_secs(5), "{finished:?}");
        assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
        jaeger.traces(SERVICE, 3).unwrap();
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let httpbin = Httpbin::start(Answer::Silence).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, &httpbin.url()).run().unwrap();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let traces = jaeger.traces(SERVICE, 3).unwrap();
    assert_eq!(tag(&traces, "make_request", "error").as_deref(), Some("true"));
    assert!(traces.to_string().contains("operation timed out"), "{traces}");
}

#[test]
fn an_answer_with_an_error_status_is_an_answer() {
    let httpbin = Httpbin::start(Answer::Body(500, b"sorry".to_vec())).unwrap();
    let jaeger = Jaeger::start().unwrap();
    program(&jaeger, &httpbin.url()).run().unwrap();
    let traces = jaeger.traces(SERVICE, 3).unwrap();
    assert_eq!(tag(&traces, "make_request", "http.response.status_code").as_deref(), Some("500"));
    assert_eq!(tag(&traces, "make_request", "error"), None);
    assert!(traces.to_string().contains("sorry..."), "{traces}");
}

#[test]
fn odd_answers_end_in_a_trace_too() {
    let not_utf8 = Answer::Body(200, vec![0xff; 300]);
    let ten_megabytes = Answer::Body(200, vec![b'x'; 10_000_000]);
    let empty = Answer::Body(204, vec![]);
    for (answer, error) in [
        (not_utf8, None),
        (ten_megabytes, None),
        (empty, None),
        (Answer::RedirectLoop, Some("true")),
    ] {
        let httpbin = Httpbin::start(answer).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let finished = program(&jaeger, &httpbin.url()).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let traces = jaeger.traces(SERVICE, 3).unwrap();
        assert_eq!(tag(&traces, "make_request", "error").as_deref(), error);
    }
}

#[test]
fn an_endpoint_that_takes_nothing_is_a_warning() {
    let page = Httpbin::start(Answer::Get).unwrap();
    let silent = Httpbin::start(Answer::Silence).unwrap();
    let refusing = Httpbin::start(Answer::Body(400, b"no".to_vec())).unwrap();
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = format!("http://localhost:{closed}");
    let cases = [
        ("http/protobuf", closed.as_str()),
        ("grpc", &closed),
        ("http/protobuf", "http://no.such.host.invalid:4318"),
        ("grpc", "http://no.such.host.invalid:4317"),
        ("http/protobuf", &refusing.url()),
        ("http/protobuf", &silent.url()),
        ("grpc", &silent.url()),
    ];
    for (protocol, endpoint) in cases {
        let finished = Program::new(PROGRAM)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("HTTPBIN_URL", &page.url())
            .run()
            .unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.elapsed < Duration::from_secs(5), "{protocol} {endpoint} {finished:?}");
        let warning = format!("Nobody takes OTLP at {endpoint}");
        assert!(finished.stderr.contains(&warning), "{protocol} {finished:?}");
        assert!(finished.stderr.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{finished:?}");
        assert_eq!(finished.stdout, "", "a link to a trace that nobody has");
    }
    assert_eq!(page.requests().len(), cases.len(), "the work was done all the same");
}

#[test]
fn a_value_that_cannot_be_used_ends_the_program_before_any_work() {
    let run = |name: &str, value: &str| -> Finished {
        Program::new(PROGRAM).env(name, value).run().unwrap()
    };
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "udp"),
        ("OTEL_PROPAGATORS", "b3"),
        ("HTTPBIN_URL", "nonsense"),
    ] {
        let finished = run(name, value);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        assert!(finished.stderr.contains(name), "{finished:?}");
        assert!(finished.stderr.contains(&format!("{value:?}")), "{finished:?}");
        assert_eq!(finished.stdout, "");
    }
}

#[test]
fn help_names_every_setting() {
    let finished = Program::new(PROGRAM).arg("--help").run().unwrap();
    assert_eq!(finished.code, Some(0));
    for setting in [
        "--url",
        "HTTPBIN_URL",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_PROPAGATORS",
        "4318",
    ] {
        assert!(finished.stdout.contains(setting), "{setting} in {}", finished.stdout);
    }
}
