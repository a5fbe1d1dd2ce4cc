//! Whatever is broken around the program: it does its work, ends in time, and says what was wrong.

use testbed::life::{Example, Phase};

const EXAMPLE: Example = Example {
    program: env!("CARGO_BIN_EXE_jaeger-example"),
    service: "jaeger-example",
    spans: 2,
    links: 2,
    status_tag: "http.status_code",
    target: |doors| ("JAEGER_AGENT_PORT", doors.agent_port.to_string()),
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
    EXAMPLE.a_url_of(65_400, &["make_request"], 1); // the kernel would send it
    EXAMPLE.a_url_of(70_000, &["make_request", "main_process"], 0); // no client takes such a URL: all spans tell of it
}

#[test]
fn an_agent_that_is_not_there_is_a_warning() {
    EXAMPLE.an_agent_that_is_not_there_is_a_warning("JAEGER_AGENT_HOST", "JAEGER_AGENT_PORT");
}

#[test]
#[cfg(target_os = "linux")]
fn a_route_that_swallows_everything() {
    let finished = EXAMPLE.a_route_that_swallows_everything(&[]);
    assert!(!finished.stderr.contains("WARNING"), "UDP does not tell: {finished:?}");
}

#[test]
fn an_agent_is_found_on_ipv6_too() {
    EXAMPLE.an_agent_is_found_on_ipv6_too("JAEGER_AGENT_HOST");
}

#[test]
fn a_value_that_cannot_be_used_ends_the_program_before_any_work() {
    EXAMPLE.a_value_that_cannot_be_used_ends_it_before_any_work(&[
        ("JAEGER_AGENT_PORT", "abc"),
        ("JAEGER_AGENT_PORT", "70000"),
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
    EXAMPLE.help_names(&["--one-trace", "JAEGER_AGENT_HOST", "JAEGER_AGENT_PORT", "6831"]);
}
