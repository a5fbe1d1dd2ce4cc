//! Whatever fails around it, the program does its work, ends in time and reports the error.

use testbed::robustness::{END_LIMIT, Example, Phase, closed_port};
use testbed::{Answer, Httpbin, Jaeger, Program};

const EXAMPLE: Example = Example {
    program: env!("CARGO_BIN_EXE_otlp-example"),
    service: "otlp-example",
    spans: 3,
    links: 1,
    status_tag: "http.response.status_code",
    endpoint_variable: |endpoints| ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoints.otlp_url.clone()),
};

#[test]
fn every_span_is_exported_before_exit() {
    EXAMPLE.every_span_is_exported_before_exit();
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_before_the_request() {
    EXAMPLE.a_signal_still_exports_the_spans(Phase::BeforeTheRequest);
}

#[test]
fn a_signal_during_the_request() {
    EXAMPLE.a_signal_still_exports_the_spans(Phase::DuringTheRequest);
}

#[test]
fn a_signal_after_the_request() {
    EXAMPLE.a_signal_still_exports_the_spans(Phase::AfterTheRequest);
}

#[test]
fn a_silent_server_times_out() {
    EXAMPLE.a_silent_server_times_out();
}

#[test]
fn a_refused_connection_is_recorded() {
    EXAMPLE.a_refused_connection_is_recorded();
}

#[test]
fn an_http_error_status_is_not_a_failure() {
    EXAMPLE.an_http_error_status_is_not_a_failure();
}

#[test]
fn odd_responses_are_traced() {
    EXAMPLE.odd_responses_are_traced();
}

#[test]
fn a_late_jaeger_gets_every_span() {
    EXAMPLE.a_late_jaeger_gets_every_span();
}

#[test]
fn only_the_work_is_traced() {
    EXAMPLE.only_the_work_is_traced();
}

#[test]
fn unread_output_loses_no_span() {
    EXAMPLE.unread_output_loses_no_span();
}

#[test]
fn a_span_too_large_for_a_datagram() {
    // This span fits a datagram, but not the agent's buffer.
    EXAMPLE.run_with_url_length(65_400, &[], 1);
    // reqwest rejects this URL, so every span holds it in an error.
    EXAMPLE.run_with_url_length(70_000, &[], 1);
}

/// The log gives the cause of a failed export, in the words of the library that reported it.
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
        assert_eq!(finished.stdout, "", "a link to a trace that was not sent");
    }
    assert_eq!(page.requests().len(), cases.len(), "the work was done");
}

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
fn a_black_hole_does_not_delay_exit() {
    for protocol in ["http/protobuf", "grpc"] {
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        let finished = EXAMPLE.a_black_hole_does_not_delay_exit(&[protocol]);
        assert!(finished.stderr.contains("spans are lost: "), "{protocol:?} {finished:?}");
        assert_eq!(finished.stdout, "", "a link to a trace that was not sent");
    }
}

#[test]
fn an_invalid_setting_ends_the_program_before_any_work() {
    EXAMPLE.an_invalid_setting_ends_the_program_before_any_work(&[
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
fn a_password_is_never_shown() {
    EXAMPLE.a_password_is_never_shown();
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
