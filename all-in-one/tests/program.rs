//! The program, started as from a shell.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::net::UdpSocket;
use std::process::{Command, Output, Stdio};

use jaeger_all_in_one::{AllInOne, Port};
use support::Open;
use support::program::{Running, program};

fn refused(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().expect("run");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_signal_stops_it_cleanly() {
    for signal in ["-TERM", "-INT"] {
        let mut running = Running::start(&mut program());
        let address = running.address();
        assert_eq!(support::get(address, "/api/services").status, 200);
        assert_eq!(running.stop(signal), Some(0), "{signal}");
        let banner = &running.banner;
        assert!(banner.contains("/udp"), "the banner lists the agent's door: {banner}");
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}

/// The log after these packets, each sent to the door that the banner describes so.
fn log_after(packets: &[(&str, &[u8])]) -> String {
    let running = Running::start(program().stderr(Stdio::piped()));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for (takes, packet) in packets {
        socket.send_to(packet, running.door(takes)).expect("send");
    }
    // What arrived before the signal is still stored.
    running.stop_and_read_log()
}

#[test]
fn the_log_says_what_came_to_the_wrong_door() {
    let retired = ("zipkin.thrift", &b"\x82\x81\x00\x0femitZipkinBatch\x19\x0c\x00"[..]);
    let text = log_after(&[
        ("Thrift compact", b"\x80\x01\x00\x04\x00\x00\x00\x09emitBatch"),
        ("Thrift binary", b"\x82\x81\x00\x09emitBatch"),
        retired,
        retired,
        retired,
    ]);
    for part in ["binary Thrift, which goes to port 6832", "goes to port 6831"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(text.matches("zipkin.thrift").count(), 1, "said once: {text}");
}

#[test]
fn the_log_says_once_that_http_came_to_a_door_for_packets() {
    let http = ("Thrift compact", &b"POST / HTTP/1.1\r\n\r\n"[..]);
    let text = log_after(&[http, http, http, http]);
    assert_eq!(text.matches("HTTP").count(), 1, "said once: {text}");
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let mut command = program();
    command.env("JAEGER_LISTEN_HOST", "").env("MEMORY_MAX_TRACES", "").env("QUERY_BASE_PATH", "");
    let running = Running::start(&mut command);
    assert!(running.url.starts_with("http://127.0.0.1:"), "{}", running.url);
}

#[test]
fn a_bad_value_is_one_line_and_code_2() {
    let (code, text) = refused(program().env("MEMORY_MAX_TRACES", "many"));
    assert_eq!(code, Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("MEMORY_MAX_TRACES") && text.contains("many"), "{text}");
    let (code, text) = refused(program().arg("--query.http-server.host-port=:99999"));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--query.http-server.host-port") && text.contains(":99999"), "{text}");
    let (code, text) = refused(program().arg("--no-such-flag"));
    assert_eq!((code, text.lines().count()), (Some(2), 1), "{text}");
}

#[test]
fn a_port_in_use_is_one_line_and_code_1() {
    let other = AllInOne::start().expect("start");
    let port = other.at(Port::Query).port();
    let (code, text) = refused(program().arg(format!("--query.http-server.host-port=:{port}")));
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(&format!("port {port} is in use")), "{text}");
}

#[test]
fn a_variable_without_effect_is_said_and_no_more() {
    let mut command = program();
    command.env("COLLECTOR_QUEUE_SIZE", "5").env("SPAN_STORAGE_TYPE", "cassandra");
    let running = Running::start(command.stderr(Stdio::piped()));
    assert_eq!(support::get(running.address(), "/api/services").status, 200);
    let text = running.stop_and_read_log();
    for name in ["COLLECTOR_QUEUE_SIZE", "SPAN_STORAGE_TYPE"] {
        assert_eq!(text.matches(name).count(), 1, "{text}");
    }
}

#[test]
fn a_flag_of_jaeger_s_that_has_no_effect_is_refused() {
    let (code, text) = refused(program().arg("--collector.queue-size=5"));
    assert_eq!((code, text.lines().count()), (Some(2), 1), "{text}");
    assert!(text.contains("--collector.queue-size") && text.contains("not supported"), "{text}");
}

#[test]
fn help_says_the_defaults_and_the_variables() {
    let output = program().arg("help").output().expect("run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["[default: :16686]", "[default: 100000]", "QUERY_BASE_PATH"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for flag in ["--help", "--version", "help", "version", "env"] {
        let output = program().arg(flag).output().expect("run");
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty());
    }
}
