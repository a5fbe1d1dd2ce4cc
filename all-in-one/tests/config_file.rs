//! `--config-file`: what is read of it, in which order settings count, and what is refused.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::program::{Running, program};

/// A file that is removed at the end.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str, content: &str) -> Self {
        let file = std::env::temp_dir().join(format!("config-{}-{name}", std::process::id()));
        fs::write(&file, content).expect("write");
        Temp(file)
    }

    /// The program with this file.
    fn program(&self) -> Command {
        let mut command = program();
        command.arg("--config-file").arg(&self.0).stderr(Stdio::piped());
        command
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The path under which the pages are.
fn base(command: &mut Command) -> String {
    let url = Running::start(command).url.clone();
    let path = url.trim_start_matches("http://").split_once('/').map(|(_, path)| path.to_owned());
    path.unwrap_or_default()
}

#[test]
fn a_flag_counts_before_a_variable_and_a_variable_before_the_file() {
    for (name, content) in [
        ("nested.yaml", "query:\n  base-path: /file\n"),
        ("flat.yml", "query.base-path: /file\n"),
        ("file.json", r#"{"query": {"base-path": "/file"}}"#),
        ("none", "query: {base-path: /file}\n"),
    ] {
        let file = Temp::new(name, content);
        assert_eq!(base(&mut file.program()), "file", "{name}");
        assert_eq!(
            base(file.program().env("QUERY_BASE_PATH", "")),
            "file",
            "an empty one is unset"
        );
        assert_eq!(base(file.program().env("QUERY_BASE_PATH", "/variable")), "variable");
        let mut both = file.program();
        both.env("QUERY_BASE_PATH", "/variable").arg("--query.base-path=/flag");
        assert_eq!(base(&mut both), "flag");
        assert_eq!(base(file.program().args(["-query.base-path", "/flag"])), "flag");
        assert_eq!(base(program().env("CONFIG_FILE", &file.0)), "file", "the file by a variable");
    }
}

#[test]
fn lists_and_booleans_are_read_and_a_flag_replaces_a_list() {
    let file = Temp::new(
        "lists.yaml",
        "any-port: true\nquery:\n  additional-headers:\n  - 'X-A: 1'\n  - 'X-B: 2'\ncollector.otlp.enabled: false\n",
    );
    let headers = |command: &mut Command| {
        let running = Running::start(command);
        assert!(!running.banner.contains("OTLP"), "{}", running.banner);
        let answer = support::get(running.address(), "/api/services");
        ["X-A", "X-B", "X-C"].map(|name| answer.header(name).map(str::to_owned))
    };
    let one = |text: &str| Some(text.to_owned());
    assert_eq!(headers(&mut file.program()), [one("1"), one("2"), None]);
    let flag = "--query.additional-headers=X-C: 3";
    assert_eq!(headers(file.program().arg(flag)), [None, None, one("3")]);
}

#[test]
fn a_setting_that_cannot_be_used_is_one_line_with_its_place_and_code_2() {
    for (content, place, part) in [
        (
            "memory:\n  max-traces: many\n",
            "line 2, column 3",
            "--memory.max-traces (MEMORY_MAX_TRACES) cannot be \"many\"",
        ),
        ("collector.otlp.enabled: maybe\n", "line 1, column 1", "maybe"),
        ("query.base-path: [/a, /b]\n", "line 1, column 1", "must be one value, not a list"),
        ("memory:\n  max-trace: 5\n", "line 2, column 3", "did you mean memory.max-traces?"),
        (
            "query.htp.tls.enabled: true\n",
            "line 1, column 1",
            "did you mean query.http.tls.enabled?",
        ),
        (
            "memory: 5\n",
            "line 1, column 1",
            "memory needs settings below it, such as memory.max-traces",
        ),
        ("span-storage:\n  type: badger\n", "line 2, column 3", "cannot be \"badger\" here"),
        ("badger.ephemeral: false\n", "line 1, column 1", "another store"),
        ("collector.tags: a=b\n", "line 1, column 1", "cannot be \"a=b\" here"),
        ("any-port: perhaps\n", "line 1, column 1", "perhaps"),
        ("config-file: other.yaml\n", "line 1, column 1", "there is no setting config-file"),
        ("a: b: c\n", "line 1", "no valid YAML"),
    ] {
        let file = Temp::new("bad.yaml", content);
        let run = file.program().output().expect("run");
        let text = String::from_utf8_lossy(&run.stderr);
        assert_eq!((run.status.code(), text.lines().count()), (Some(2), 1), "{content}: {text}");
        assert!(text.contains(&format!("bad.yaml, {place}")), "{content}: {text}");
        assert!(text.contains(part), "{content}: {text}");
    }
    let large = Temp::new("large.yaml", &"#\n".repeat(200_000));
    let toml = Temp::new("a.toml", "[memory]\n");
    let binary = Temp::new("binary.yaml", "");
    fs::write(&binary.0, b"a: \xff\n").expect("write");
    for (file, part) in [
        (&*large.0, "larger than 256 KiB"),
        (&toml.0, "only YAML and JSON"),
        (&binary.0, "not UTF-8"),
        (Path::new("/no/such/file.yaml"), "cannot be read"),
        (Path::new("/dev/zero"), "larger than"),
    ] {
        let run = program().arg("--config-file").arg(file).output().expect("run");
        let text = String::from_utf8_lossy(&run.stderr);
        assert_eq!((run.status.code(), text.lines().count()), (Some(2), 1), "{text}");
        assert!(text.starts_with("error: --config-file (CONFIG_FILE) cannot be"), "{text}");
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn what_changes_nothing_is_a_warning_and_tls_is_tls() {
    let file = Temp::new(
        "warn.yaml",
        "collector:\n  queue-size: 5\nspan-storage.type: memory\nmetrics-backend: prometheus\n",
    );
    let text = Running::start(&mut file.program()).stop_and_read_log();
    for name in ["line 2, column 3: collector.queue-size", "span-storage.type", "metrics-backend"] {
        assert_eq!(text.matches(name).count(), 1, "{name}: {text}");
    }
    let asked = ["--query.http.tls.enabled", "--query.http.tls.cert=c", "--query.http.tls.key=k"];
    let run = program().arg("status").args(asked).output().expect("run");
    let text = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{text}");
    assert!(text.contains("https://") && text.contains("does not speak TLS"), "{text}");
    let file = Temp::new("tls.yaml", "collector: {grpc: {tls: {enabled: true}}}\n");
    let run = file.program().output().expect("run");
    let text = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{text}");
    assert!(
        text.contains("--collector.grpc.tls.enabled needs --collector.grpc.tls.cert"),
        "{text}"
    );
}

#[test]
fn the_commands_that_ask_a_jaeger_read_the_file_too() {
    let running = Running::start(&mut program());
    let content = format!(
        "query.http-server.host-port: '{}'\ncollector.queue-size: 5\nsave: /none/file\n",
        running.address()
    );
    let file = Temp::new("status.yaml", &content);
    let ask = |arguments: &[&str]| {
        let mut command = program();
        command.env_remove("QUERY_HTTP_SERVER_HOST_PORT").env("CONFIG_FILE", &file.0);
        let run = command.args(arguments).output().expect("run");
        (run.status.code(), String::from_utf8_lossy(&run.stdout).into_owned())
    };
    let (code, text) = ask(&["status"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&running.url), "{text}");
    assert_eq!(ask(&["tree"]).0, Some(0));
    assert_eq!(ask(&["version"]).0, Some(0), "it has no settings");
}
