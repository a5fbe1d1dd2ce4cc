//! Whatever fails around it, the program does its work, ends in time and reports the error.

use testbed::robustness::{Example, Phase};

const EXAMPLE: Example = Example {
    program: env!("CARGO_BIN_EXE_jaeger-example"),
    service: "jaeger-example",
    spans: 2,
    links: 2,
    status_tag: "http.status_code",
    endpoint_variable: |endpoints| ("JAEGER_AGENT_PORT", endpoints.agent_port.to_string()),
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
    EXAMPLE.run_with_url_length(65_400, &["make_request"], 1);
    // reqwest rejects this URL, so every span holds it in an error.
    EXAMPLE.run_with_url_length(70_000, &["make_request", "main_process"], 0);
}

#[test]
fn an_unreachable_agent_is_a_warning() {
    EXAMPLE.an_unreachable_agent_is_a_warning("JAEGER_AGENT_HOST", "JAEGER_AGENT_PORT");
}

#[test]
#[cfg(target_os = "linux")]
fn a_black_hole_does_not_delay_exit() {
    let finished = EXAMPLE.a_black_hole_does_not_delay_exit(&[]);
    assert!(!finished.stderr.contains("WARNING"), "UDP reports no failure: {finished:?}");
}

#[test]
fn an_ipv6_agent_is_reached() {
    EXAMPLE.an_ipv6_agent_is_reached("JAEGER_AGENT_HOST");
}

#[test]
fn an_invalid_setting_ends_the_program_before_any_work() {
    EXAMPLE.an_invalid_setting_ends_the_program_before_any_work(&[
        ("JAEGER_AGENT_PORT", "abc"),
        ("JAEGER_AGENT_PORT", "70000"),
        ("JAEGER_AGENT_PORT", "0"),
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
    EXAMPLE.help_names(&["--one-trace", "JAEGER_AGENT_HOST", "JAEGER_AGENT_PORT", "6831"]);
}
