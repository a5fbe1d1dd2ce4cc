//! Whatever is broken around the program: it does its work, ends in time, and says what was wrong.

use testbed::life::{END_LIMIT, Example, Phase, closed_port};
use testbed::{Answer, Httpbin, Jaeger, Program};

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

/// The log says why an export failed: each cause in the words of the library that met it.
#[test]
fn a_failed_export_is_logged_with_its_cause() {
    let page = Httpbin::start(Answer::Get).unwrap();
    let silent = Httpbin::start(Answer::Silence).unwrap();
    let refusing = Httpbin::start(Answer::Body(400, b"no".to_vec())).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let closed = format!("http://localhost:{}", closed_port());
    let (http, grpc) = ("http/protobuf", "grpc");
    let cases = [
        (http, closed.as_str(), "Connection refused"),
        (grpc, &closed, "Connection refused"),
        (http, "http://no.such.host.invalid:4318", "failed to lookup address information"),
        (grpc, "http://no.such.host.invalid:4317", "failed to lookup address information"),
        (http, &refusing.url(), "client error (400"),
        (http, &format!("{}/nope", jaeger.otlp_url()), "404 Not Found"),
        (http, jaeger.otlp_grpc_url(), "client error (SendRequest)"),
        (grpc, jaeger.otlp_url(), "transport error"),
        (http, &closed.replace("http", "https"), "Connection refused"),
        (http, &jaeger.otlp_url().replace("http", "https"), "InvalidContentType"),
        (grpc, &jaeger.otlp_grpc_url().replace("http", "https"), "InvalidContentType"),
        (http, &silent.url(), "spans are lost: Operation failed: Shutdown errors: [Timeout(3s)]"),
        (grpc, &silent.url(), "spans are lost: Operation failed: Shutdown errors: [Timeout(3s)]"),
    ];
    for (protocol, endpoint, cause) in &cases {
        let finished = Program::new(EXAMPLE.program)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("HTTPBIN_URL", &page.url())
            .run()
            .unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.elapsed < END_LIMIT, "{protocol} {endpoint} {finished:?}");
        let errors: Vec<_> = finished.stderr.lines().filter(|it| it.contains("ERROR")).collect();
        assert!(errors.iter().any(|it| it.contains(cause)), "{cause} {protocol} {finished:?}");
        assert_eq!(finished.stdout, "", "a link to a trace that nobody has");
    }
    assert_eq!(page.requests().len(), cases.len(), "the work was done all the same");
}

/// Nor is a password in the endpoint shown.
#[test]
fn a_password_in_the_endpoint_is_not_logged() {
    for protocol in ["http/protobuf", "grpc"] {
        let endpoint = format!("http://ada:s3cret@127.0.0.1:{}", closed_port());
        let finished = Program::new(EXAMPLE.program)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("HTTPBIN_URL", "http://127.0.0.1:1/get")
            .run()
            .unwrap();
        assert!(finished.stderr.contains("Connection refused"), "{finished:?}");
        assert!(!finished.stderr.contains("s3cret"), "{finished:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_route_that_swallows_everything() {
    for protocol in ["http/protobuf", "grpc"] {
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        let finished = EXAMPLE.a_route_that_swallows_everything(&[protocol]);
        assert!(finished.stderr.contains("spans are lost: "), "{protocol:?} {finished:?}");
        assert_eq!(finished.stdout, "", "a link to a trace that nobody has");
    }
}

#[test]
fn a_value_that_cannot_be_used_ends_the_program_before_any_work() {
    EXAMPLE.a_value_that_cannot_be_used_ends_it_before_any_work(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "udp"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1s"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", ""),
    ]);
}

#[test]
fn an_argument_overrides_its_variable() {
    EXAMPLE.an_argument_overrides_its_variable();
}

#[test]
fn a_password_is_shown_nowhere() {
    EXAMPLE.a_password_is_shown_nowhere();
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
