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
    let json = ("Zipkin Thrift", &b"[{\"traceId\":\"a\"}]"[..]);
    let text = log_after(&[
        ("Thrift compact", b"\x80\x01\x00\x04\x00\x00\x00\x09emitBatch"),
        ("Thrift binary", b"\x82\x81\x00\x09emitBatch"),
        json,
        json,
        json,
    ]);
    for part in ["binary Thrift, which goes to port 6832", "goes to port 6831"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(text.matches("looks like JSON").count(), 1, "said once: {text}");
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
fn what_changes_nothing_is_said_once() {
    let mut command = program();
    command.env("COLLECTOR_QUEUE_SIZE", "5").env("REPORTER_GRPC_TLS_ENABLED", "true");
    command.args(["--metrics-backend=prometheus", "--span-storage.type", "memory"]);
    let running = Running::start(command.stderr(Stdio::piped()));
    assert_eq!(support::get(running.address(), "/api/services").status, 200);
    let text = running.stop_and_read_log();
    for name in [
        "COLLECTOR_QUEUE_SIZE",
        "REPORTER_GRPC_TLS_ENABLED",
        "--metrics-backend",
        "--span-storage.type",
    ] {
        assert_eq!(text.matches(name).count(), 1, "{text}");
    }
}

#[test]
fn it_does_not_start_without_what_would_be_lost_or_exposed() {
    for (name, value) in [("SPAN_STORAGE_TYPE", "badger"), ("COLLECTOR_TAGS", "a=b")] {
        let (code, text) = refused(program().env(name, value));
        assert_eq!((code, text.lines().count()), (Some(2), 1), "{text}");
        assert!(text.starts_with(&format!("error: {name} cannot be \"{value}\" here: ")), "{text}");
    }
    for flag in
        ["--span-storage.type=cassandra", "--query.http.tls.enabled", "--config-file=a.yaml"]
    {
        let (code, text) = refused(program().arg(flag));
        assert_eq!((code, text.lines().count()), (Some(2), 1), "{text}");
        assert!(text.contains(flag.split('=').next().expect("a name")), "{text}");
    }
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

/// A path of this test's own.
fn scratch(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("program-{}-{name}", std::process::id()))
}

const SPAN: &str = r#"[{"traceId":"000000000000000a","id":"000000000000000b","parentId":"000000000000000c","name":"buy","timestamp":1000000,"duration":1500,"kind":"SERVER","localEndpoint":{"serviceName":"shop"},"tags":{"sku":"A-1"}}]"#;

#[test]
fn traces_outlive_a_restart() {
    let [traces, kept] = [scratch("traces.json"), scratch("kept.jsonl")];
    std::fs::write(&traces, SPAN).expect("write");
    let flag = |name: &str, path: &std::path::Path| format!("--{name}={}", path.display());
    let mut running = Running::start(program().args([
        flag("load", &traces),
        flag("load", &kept),
        flag("save", &kept),
    ]));
    let path = "/api/traces/a";
    let before = support::get(running.address(), path).text();
    assert!(before.contains("\"operationName\":\"buy\""), "{before}");
    assert_eq!(running.stop("-TERM"), Some(0));
    let again = Running::start(program().arg(flag("load", &kept)));
    assert_eq!(support::get(again.address(), path).text(), before);
    for file in [traces, kept] {
        std::fs::remove_file(file).expect("remove");
    }
}

#[test]
fn a_signal_saves() {
    let kept = scratch("now.jsonl");
    let running = Running::start(program().arg(format!("--save={}", kept.display())));
    let zipkin = program()
        .arg("status")
        .env("QUERY_HTTP_SERVER_HOST_PORT", running.address().to_string())
        .status();
    assert!(zipkin.expect("run").success());
    let id = running.child.id().to_string();
    assert!(Command::new("kill").args(["-USR1", &id]).status().expect("kill").success());
    support::until("the file is there", || kept.exists());
    std::fs::remove_file(kept).expect("remove");
    drop(running);
}

#[test]
fn a_file_that_cannot_be_used_is_an_error_before_the_start() {
    let file = scratch("wrong.json");
    std::fs::write(&file, "\n{\"a\": 1}\n").expect("write");
    let (code, text) = refused(program().arg(format!("--load={}", file.display())));
    assert_eq!(code, Some(1), "{text}");
    let last = text.lines().last().expect("an error");
    assert!(last.starts_with("error: ") && last.contains("wrong.json:2: "), "{text}");
    let (code, text) = refused(program().arg(format!("--save={}/traces", file.display())));
    assert_eq!((code, text.lines().count()), (Some(2), 1), "{text}");
    assert!(text.contains("--save"), "{text}");
    std::fs::remove_file(file).expect("remove");
}

/// What a command prints about a running program.
fn ask(running: &Running, arguments: &[&str]) -> String {
    let mut command = program();
    command.env("QUERY_HTTP_SERVER_HOST_PORT", running.address().to_string()).args(arguments);
    let output = command.output().expect("run");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn tree_prints_a_trace_or_lists_the_newest() {
    let traces = scratch("tree.json");
    let running = Running::start(&mut program());
    let none = ask(&running, &["tree"]);
    assert_eq!(none, format!("no traces yet on {}\n", running.url));
    drop(running);
    std::fs::write(&traces, SPAN).expect("write");
    let running = Running::start(program().arg(format!("--load={}", traces.display())));
    let line = "  shop: buy  1.5 ms  [server]  (parent missing)\n";
    let link = format!("{}/trace/000000000000000a\n", running.url);
    assert_eq!(ask(&running, &["tree", "a"]), format!("{link}{line}"));
    let with_tags = ask(&running, &["tree", "a", "--tags"]);
    assert!(with_tags.starts_with(&format!("{link}{line}     sku = \"A-1\"\n")), "{with_tags}");
    let json: serde_json::Value =
        serde_json::from_str(&ask(&running, &["tree", "a", "--json"])).expect("JSON");
    assert_eq!(json["data"][0]["spans"][0]["operationName"], "buy");
    let list = ask(&running, &["tree"]);
    let row = list.lines().nth(1).expect("a trace");
    for part in ["000000000000000a", "days ago", "shop: buy", "1 span", "1.5 ms"] {
        assert!(row.contains(part), "{list}");
    }
    let json = ask(&running, &["tree", "--json"]);
    assert!(json.starts_with("{\"data\":[{\"traceID\":\"000000000000000a\""), "{json}");
    std::fs::remove_file(traces).expect("remove");
}

#[test]
fn every_command_has_its_help() {
    for name in ["status", "tree"] {
        let output = program().args([name, "--help"]).output().expect("run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && text.contains(&format!("jaeger-all-in-one {name}")),
            "{text}"
        );
    }
}

#[test]
fn a_file_with_content_is_not_overwritten() {
    let kept = scratch("content.jsonl");
    let line =
        |id: u32| format!(r#"[{{"traceId":"{id:016x}","id":"00000000000000bb","name":"buy"}}]"#);
    let old: String = (1..=3).map(|id| line(id) + "\n").collect();
    std::fs::write(&kept, &old).expect("write");
    let (code, text) = refused(program().arg(format!("--save={}", kept.display())));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("the file has content") && text.contains("--load"), "{text}");

    let file = kept.display();
    let mut command = program();
    command.args([format!("--load={file}"), format!("--save={file}")]).arg("--memory.max-traces=2");
    let mut running = Running::start(&mut command);
    let id = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    assert!(running.child.wait().expect("the end").success());
    assert_eq!(std::fs::read_to_string(&kept).expect("read"), old, "it stays as it is");
    let beside = scratch("content.jsonl.1");
    assert_eq!(std::fs::read_to_string(&beside).expect("read").lines().count(), 2);
    for file in [kept, beside] {
        std::fs::remove_file(file).expect("remove");
    }
}

#[test]
#[cfg(unix)]
fn what_never_ends_is_not_loaded() {
    let (code, text) = refused(program().arg("--load=/dev/zero"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("not a regular file"), "{text}");
}
