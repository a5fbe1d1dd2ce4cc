//! `run` and `check`: commands with a Jaeger of their own, and expected traces.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::program::{Running, program};
use support::{exchange, goldens};

const OTLP: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"buy","kind":2,"attributes":[{"key":"sku","value":{"stringValue":"A-1"}}]},{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000c","parentSpanId":"000000000000000b","name":"pay"}]}]}]}"#;
const TREE: &str = "shop: buy [server] sku=\"A-1\"\n└─ shop: pay\n";

/// A folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("run-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("write");
        self.path(name)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `run` with these options and this test as the command: it calls [`send`], which sends in this way.
fn run(options: &[&str], how: &str) -> Command {
    let mut command = program();
    let this = std::env::current_exe().expect("this test");
    command.arg("run").args(options).arg("--").arg(this);
    command.args(["--exact", "send", "--ignored", "--nocapture"]).env("SEND", how);
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

/// The command of the other tests, a client that finds its Jaeger in the environment.
#[test]
#[ignore = "the command of the other tests"]
fn send() {
    let Ok(how) = std::env::var("SEND") else { return };
    let variable = |name: &str| std::env::var(name).expect(name);
    let url = |name: &str| -> SocketAddr {
        let url = variable(name);
        let host = url.trim_start_matches("http://").split('/').next();
        host.and_then(|host| host.parse().ok()).expect("an address")
    };
    let post = |name: &str, path: &str, kind: &str, body: &[u8]| {
        let answer = exchange(url(name), "POST", path, &[("Content-Type", kind)], body);
        assert!(answer.status < 300, "{}", answer.text());
    };
    let packet = |case: &str| fs::read(goldens().join(case).join("packet-01.bin")).expect(case);
    match &*how {
        "nothing" => {}
        "http" => {
            post("OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces", "application/json", OTLP.as_bytes());
        }
        "orphan" => {
            let orphan = OTLP
                .replace("parentSpanId\":\"000000000000000b", "parentSpanId\":\"00000000000000ff");
            post(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "/v1/traces",
                "application/json",
                orphan.as_bytes(),
            );
        }
        "grpc" => {
            let method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
            let message = packet("go-otel-otlp-grpc");
            support::grpc::call(url("OTEL_EXPORTER_OTLP_ENDPOINT"), method, &message)
                .expect("taken");
        }
        "udp" => {
            let (host, port) = (variable("JAEGER_AGENT_HOST"), variable("JAEGER_AGENT_PORT"));
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let packet = packet("py-jaeger-client-ok");
            socket.send_to(&packet, format!("{host}:{port}")).expect("sent");
        }
        "zipkin" => {
            let span = br#"[{"traceId":"000000000000000a","id":"000000000000000b","name":"buy"}]"#;
            post("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "/api/v2/spans", "application/json", span);
        }
        "environment" => {
            for (name, value) in std::env::vars() {
                println!("{name}={value}");
            }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn every_client_finds_it_in_its_environment() {
    for (how, part) in [
        ("http", "  shop: buy  0.0 ms  [server]\n  └─ shop: pay"),
        ("grpc", "go-otel-shop: POST /order"),
        ("udp", "jaeger-example: make_request"),
        ("zipkin", "unknown-service-name: buy"),
    ] {
        let (code, stdout, stderr) = output(&mut run(&["--timeout", "300ms"], how));
        assert_eq!(code, Some(0), "{how}: {stderr}");
        assert!(stderr.starts_with("trace ") && stderr.contains(part), "{how}: {stderr}");
        assert!(stdout.contains("1 passed") && !stdout.contains("trace "), "{how}: {stdout}");
    }
}

#[test]
fn what_the_environment_has_already_stays_unless_it_leads_elsewhere() {
    let mut command = run(&[], "environment");
    command.env("OTEL_BSP_SCHEDULE_DELAY", "7").env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://elsewhere:1");
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://elsewhere:1").env("http_proxy", "x:1");
    command.env("NO_PROXY", "example.org");
    let (_, stdout, _) = output(&mut command);
    for line in [
        "OTEL_BSP_SCHEDULE_DELAY=7",
        "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        "OTEL_METRICS_EXPORTER=none",
        "JAEGER_SAMPLER_TYPE=const",
        "NO_PROXY=example.org,127.0.0.1,localhost",
    ] {
        assert!(stdout.lines().any(|it| it == line), "{line}: {stdout}");
    }
    assert!(!stdout.contains("elsewhere"), "{stdout}");
    let (_, stdout, _) = output(&mut run(&[], "environment"));
    assert!(stdout.contains("OTEL_BSP_SCHEDULE_DELAY=100"), "{stdout}");
    assert!(!stdout.contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "the SDK's default works: {stdout}");
}

#[test]
fn an_expected_trace_passes_and_another_fails_with_the_difference() {
    let folder = Folder::new("expect");
    let right = folder.file("right.trace", TREE);
    let (code, _, stderr) = output(&mut run(&["--expect", &right], "http"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("right.trace: as expected"), "{stderr}");
    let wrong = folder.file("wrong.trace", &TREE.replace("pay", "refund"));
    let (code, _, stderr) = output(&mut run(&["--expect", &right, "--expect", &wrong], "http"));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("wrong.trace: there is no trace for it"),
        "one trace, one file: {stderr}"
    );
    let (code, _, stderr) = output(&mut run(&["--expect", &wrong], "http"));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("- └─ shop: refund") && stderr.contains("+ └─ shop: pay"), "{stderr}");
    let service = ["--service", "payments", "--expect", &right];
    let (code, _, stderr) = output(&mut run(&service, "http"));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("no spans of the service \"payments\" arrived"), "{stderr}");
}

#[test]
fn an_update_writes_the_file() {
    let folder = Folder::new("update");
    let new = folder.path("new.trace");
    let (code, _, stderr) = output(run(&["--expect", &new], "http").env("UPDATE_EXPECT", "1"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("new.trace: written from the trace"), "{stderr}");
    assert_eq!(fs::read_to_string(&new).expect("read"), TREE);
    let (code, _, stderr) = output(&mut run(&["--expect", &folder.path("none.trace")], "http"));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("none.trace: no such file; UPDATE_EXPECT=1"), "{stderr}");
    let (code, stdout, _) =
        output(&mut run(&["--expect", &folder.path("none.trace")], "environment"));
    assert_eq!((code, &*stdout), (Some(2), ""), "the command does not run");
}

#[test]
fn what_was_sent_is_saved() {
    let folder = Folder::new("save");
    let file = folder.path("traces.jsonl");
    let (code, _, stderr) = output(&mut run(&["--save", &file], "http"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(fs::read_to_string(file).expect("read").contains("\"stringValue\":\"A-1\""));
}

#[test]
fn it_waits_for_a_missing_parent_and_says_so_in_the_end() {
    let begin = Instant::now();
    let (code, _, stderr) = output(&mut run(&["--timeout", "400ms"], "orphan"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("shop: pay  0.0 ms  (parent missing)"), "{stderr}");
    assert!(begin.elapsed() >= Duration::from_millis(400));
}

#[test]
fn the_exit_code_is_the_command_s() {
    let shell = |script: &str| {
        let (code, _, stderr) = output(program().args(["run", "--", "/bin/sh", "-c", script]));
        assert!(stderr.contains("no spans arrived"), "{stderr}");
        code
    };
    assert_eq!(shell("exit 7"), Some(7));
    assert_eq!(shell("kill -KILL $$"), Some(128 + 9));
    let folder = Folder::new("code");
    let wrong = folder.file("wrong.trace", "shop: else\n");
    let (code, ..) =
        output(program().args(["run", "--expect", &wrong, "--", "/bin/sh", "-c", "exit 7"]));
    assert_eq!(code, Some(7), "the command's, where it is not 0");
}

#[test]
fn a_command_that_cannot_be_started_is_said_as_by_a_shell() {
    let folder = Folder::new("start");
    let text = folder.file("text", "no program");
    for (command, want) in [("/no/such/command", 127), (&*text, 126)] {
        let (code, _, stderr) = output(program().args(["run", "--", command]));
        assert_eq!((code, stderr.lines().count()), (Some(want), 1), "{stderr}");
        assert!(stderr.starts_with(&format!("error: cannot run {command}: ")), "{stderr}");
    }
    let (code, _, stderr) = output(program().arg("run"));
    assert_eq!((code, stderr.lines().count()), (Some(2), 1), "{stderr}");
    assert!(stderr.contains("run [OPTIONS] -- COMMAND"), "{stderr}");
}

#[test]
fn a_signal_reaches_the_command_and_its_traces_are_still_printed() {
    let script = "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let mut command = program();
    command.args(["run", "--", "/bin/sh", "-c", script]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("start");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    assert_eq!(lines.next().expect("a line").expect("text"), "caught");
    assert_eq!(child.wait().expect("the end").code(), Some(3));
}

#[test]
fn arguments_of_the_command_are_its_own() {
    let script = "echo \"$1 $2\"";
    let command = ["run", "--", "/bin/sh", "-c", script, "sh", "-save=x", "--expect"];
    let (code, stdout, _) = output(program().args(command));
    assert_eq!((code, stdout.as_str()), (Some(0), "-save=x --expect\n"));
}

#[test]
fn a_running_jaeger_is_checked() {
    let folder = Folder::new("check");
    let [traces, right, wrong] = [
        folder.file("traces.json", OTLP),
        folder.file("right.trace", TREE),
        folder.file("wrong.trace", &TREE.replace("A-1", "A-2")),
    ];
    let running = Running::start(program().arg(format!("--load={traces}")));
    let check = |arguments: &[&str]| {
        output(program().arg("check").args(arguments).args(["--url", &running.url]))
    };
    for arguments in [
        &[&*right][..],
        &[&right, "--service", "shop"],
        &[&right, "--trace", "a", "--timeout", "0s"],
    ] {
        let (code, _, stderr) = check(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
        assert!(stderr.contains("right.trace: as expected"), "{stderr}");
    }
    let (code, _, stderr) = check(&[&wrong, "--timeout=0s"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("sku: expected the text \"A-2\""), "{stderr}");
    assert!(stderr.contains(&format!("{}/trace/", running.url)), "{stderr}");
    for (other, line) in [
        (&["--service", "shpo"][..], "did you mean \"shop\"?"),
        (&["--trace", "b"], "there is no trace 000000000000000b on "),
    ] {
        let (code, _, stderr) = check(&[&[&*right, "--timeout=0s"][..], other].concat());
        assert!(stderr.contains(line), "{stderr}");
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("there is no trace for it"), "{stderr}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", closed.local_addr().expect("its address"));
    drop(closed);
    for url in [&*url, "https://localhost", "localhost:1"] {
        let (code, _, stderr) = output(program().args(["check", &right, "--url", url]));
        assert_eq!((code, stderr.lines().count()), (Some(1), 1), "{stderr}");
        assert!(stderr.contains(&format!("no Jaeger answers on {url}")), "{stderr}");
    }
}

/// A program whose stdout, or stderr, goes to a device that is always full.
fn full(command: &mut Command, stderr: bool) -> Output {
    let full = || fs::File::options().write(true).open("/dev/full").expect("a full device");
    let command = if stderr { command.stderr(full()) } else { command.stdout(full()) };
    command.output().expect("run")
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_is_an_error_and_no_panic() {
    let mut command = program();
    let output = full(command.args(["run", "--", "/bin/sh", "-c", "exit 3"]), true);
    assert_eq!(output.status.code(), Some(3));
    let folder = Folder::new("full");
    let right = folder.file("right.trace", TREE);
    let mut command = run(&["--expect", &right], "http");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    assert_eq!(command.stderr(writer).status().expect("run").code(), Some(0));
    for argument in ["version", "env", "--help", "--version"] {
        let output = full(program().arg(argument), false);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{argument}: {stderr}");
        assert!(stderr.starts_with("error: cannot write to stdout: "), "{argument}: {stderr}");
    }
    assert_eq!(full(program().arg("--no-such-flag"), true).status.code(), Some(2));
    let running = Running::start(&mut program());
    let address = running.address().to_string();
    for argument in ["status", "tree"] {
        let mut command = program();
        command.arg(argument).env("QUERY_HTTP_SERVER_HOST_PORT", &address);
        assert_eq!(full(&mut command, false).status.code(), Some(1), "{argument}");
    }
}

#[test]
fn a_signal_ends_the_wait_for_missing_spans() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130), ("-HUP", 129)] {
        let mut command = run(&["--timeout", "60s"], "orphan");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let mut text = String::new();
        // The command has ended, since it has closed its stdout: only our own handle is open.
        while !text.contains("test result") && stdout.read_line(&mut text).expect("read") > 0 {}
        let id = child.id().to_string();
        let begin = Instant::now();
        // Until the command has ended, it gets the signal instead.
        while child.try_wait().expect("a state").is_none() {
            assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
            assert!(begin.elapsed() < Duration::from_secs(20), "{signal} does not end it");
            std::thread::sleep(Duration::from_millis(50));
        }
        let output = child.wait_with_output().expect("the end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains("(parent missing)"), "{stderr}");
    }
}

#[test]
fn a_signal_ends_what_keeps_it_open() {
    let folder = Folder::new("keep");
    let wrong = folder.file("wrong.trace", "shop: else\n");
    let mut command = run(&["--expect", &wrong], "http");
    command.env("KEEP_JAEGER", "60").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut text = String::new();
    while !text.contains("ctrl-c") && stderr.read_line(&mut text).expect("read") > 0 {}
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    assert_eq!(child.wait().expect("the end").code(), Some(130));
}

#[test]
fn a_file_that_cannot_be_saved_is_said_before_the_command_runs() {
    let folder = Folder::new("unsaved");
    let path = folder.path("missing/traces.jsonl");
    let (code, stdout, stderr) = output(&mut run(&["--save", &path], "environment"));
    assert_eq!((code, &*stdout), (Some(2), ""), "{stderr}");
    assert!(stderr.starts_with("error: --save cannot be "), "{stderr}");
    let folder_of = folder.path("gone");
    fs::create_dir(&folder_of).expect("a folder");
    let script = format!("rm -r {folder_of}; exit 3");
    let path = format!("{folder_of}/traces.jsonl");
    let (code, _, stderr) = output(
        program()
            .args(["run", "--save", &path, "--", "/bin/sh", "-c", &script])
            .env("PATH", std::env::var_os("PATH").unwrap_or_default()),
    );
    assert_eq!(code, Some(3), "the command's: {stderr}");
    assert!(stderr.contains("no spans arrived") && stderr.contains("cannot save to "), "{stderr}");
}

#[test]
fn an_expected_missing_parent_is_not_waited_for() {
    let folder = Folder::new("orphan");
    let file =
        folder.file("orphan.trace", "shop: buy [server] sku=\"A-1\"\nshop: pay (parent missing)\n");
    let begin = Instant::now();
    let (code, _, stderr) = output(&mut run(&["--timeout", "60s", "--expect", &file], "orphan"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_service_without_spans_fails_and_the_others_are_named() {
    let (code, _, stderr) = output(&mut run(&["--service", "shpo"], "http"));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("the services are \"shop\"; did you mean \"shop\"?"), "{stderr}");
}

#[test]
fn what_never_ends_is_no_expectation() {
    for arguments in [&["check", "/dev/zero"][..], &["run", "--expect", "/dev/zero", "--", "true"]]
    {
        let (code, _, stderr) = output(program().args(arguments));
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("/dev/zero: not a regular file"), "{stderr}");
    }
}
