//! Whatever is broken around the program: it does its work, ends in time, and says what was wrong.

use testbed::life::{END_LIMIT, Example, Phase, closed_port};
use testbed::{Answer, Httpbin, Program};

const EXAMPLE: Example = Example {
    program: env!("CARGO_BIN_EXE_otlp-example"),
    service: "otlp-example",
    spans: 3,
    links: 1,
    status_tag: "http.response.status_code",
    target: |doors| ("OTEL_EXPORTER_OTLP_ENDPOINT", doors.otlp_url.clone()),
};

#[test]
fn every_span_is_out_when_the_program_has_ended() {
    EXAMPLE.every_span_is_out_when_it_has_ended();
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_before_the_request() {
    EXAMPLE.a_signal_ends_the_work_and_not_the_tracing(Phase::BeforeTheRequest);
}

#[test]
fn a_signal_during_the_request() {
    EXAMPLE.a_signal_ends_the_work_and_not_the_tracing(Phase::DuringTheRequest);
}

#[test]
fn a_signal_after_the_request() {
    EXAMPLE.a_signal_ends_the_work_and_not_the_tracing(Phase::AfterTheRequest);
}

#[test]
fn a_silent_server_is_given_up() {
    EXAMPLE.a_silent_server_is_given_up();
}

#[test]
fn a_refusing_server_is_passed_over() {
    EXAMPLE.a_refusing_server_is_passed_over();
}

#[test]
fn an_answer_with_an_error_status_is_an_answer() {
    EXAMPLE.an_answer_with_an_error_status_is_an_answer();
}

#[test]
fn odd_answers_end_in_a_trace_too() {
    EXAMPLE.odd_answers_end_in_a_trace_too();
}

#[test]
fn a_late_jaeger_gets_every_span() {
    EXAMPLE.a_late_jaeger_gets_every_span();
}

#[test]
fn nothing_is_traced_but_the_work() {
    EXAMPLE.nothing_is_traced_but_the_work();
}

#[test]
fn unread_it_traces_all_the_same() {
    EXAMPLE.unread_it_traces_all_the_same();
}

#[test]
fn a_span_that_is_too_large_for_a_datagram() {
    EXAMPLE.a_url_of(65_400, &[], 1); // the kernel would send it
    EXAMPLE.a_url_of(70_000, &[], 1); // no client takes such a URL: all spans tell of it
}

#[test]
fn an_endpoint_that_takes_nothing_is_a_warning() {
    let page = Httpbin::start(Answer::Get).unwrap();
    let silent = Httpbin::start(Answer::Silence).unwrap();
    let refusing = Httpbin::start(Answer::Body(400, b"no".to_vec())).unwrap();
    let closed = format!("http://localhost:{}", closed_port());
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
        let finished = Program::new(EXAMPLE.program)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("HTTPBIN_URL", &page.url())
            .run()
            .unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.elapsed < END_LIMIT, "{protocol} {endpoint} {finished:?}");
        let warning = format!("Nobody takes OTLP at {endpoint}");
        assert!(finished.stderr.contains(&warning), "{protocol} {finished:?}");
        assert!(finished.stderr.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{finished:?}");
        assert_eq!(finished.stdout, "", "a link to a trace that nobody has");
    }
    assert_eq!(page.requests().len(), cases.len(), "the work was done all the same");
}

#[test]
#[cfg(target_os = "linux")]
fn a_route_that_swallows_everything() {
    for protocol in ["http/protobuf", "grpc"] {
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        let finished = EXAMPLE.a_route_that_swallows_everything(&[protocol]);
        assert!(finished.stderr.contains("Nobody takes OTLP at "), "{protocol:?} {finished:?}");
        assert_eq!(finished.stdout, "", "a link to a trace that nobody has");
    }
}

#[test]
fn a_setting_that_leaves_no_exporter_is_a_warning() {
    let page = Httpbin::start(Answer::Get).unwrap();
    let finished = Program::new(EXAMPLE.program)
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd")
        .env("HTTPBIN_URL", &page.url())
        .run()
        .unwrap();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("WARNING:otlp-example:No span is sent: "), "{finished:?}");
    assert_eq!(finished.stderr.matches("WARNING").count(), 1, "{finished:?}");
    assert_eq!(finished.stdout, "", "a link to a trace that nobody has");
}

#[test]
fn a_value_that_cannot_be_used_ends_the_program_before_any_work() {
    EXAMPLE.a_value_that_cannot_be_used_ends_it_before_any_work(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "udp"),
        ("OTEL_PROPAGATORS", "b3"),
    ]);
}

#[test]
fn help_names_every_setting() {
    EXAMPLE.help_names(&[
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_PROPAGATORS",
        "4318",
    ]);
}
