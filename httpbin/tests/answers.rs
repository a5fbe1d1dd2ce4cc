//! Tests the pages that the examples use, and the program that serves them.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use testbed::{Jaeger, Program};

/// Starts an untraced server and passes its URL to the test.
fn with_server(test: impl FnOnce(&str)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bind = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = runtime.block_on(bind).unwrap();
    let address = listener.local_addr().unwrap();
    let app = httpbin::app().into_make_service_with_connect_info::<SocketAddr>();
    runtime.spawn(async move { axum::serve(listener, app).await });
    test(&format!("http://{address}"));
}

fn get(url: &str) -> (u16, String) {
    let request = httpbin::http_client().unwrap().get(url).header("accept-encoding", "identity");
    let answer = request.send().unwrap();
    (answer.status().as_u16(), answer.text().unwrap())
}

#[test]
fn get_describes_the_request() {
    with_server(|server| {
        let (status, text) = get(&format!("{server}/get?b=2&a=1&b=3"));
        assert_eq!(status, 200);
        let host = server.trim_start_matches("http://");
        let expected = format!(
            "{{\n  \"args\": {{\n    \"a\": \"1\",\n    \"b\": [\n      \"2\",\n      \"3\"\n    ]\n  }},\n  \
             \"headers\": {{\n    \"Accept\": \"*/*\",\n    \"Accept-Encoding\": \"identity\",\n    \"Host\": \"{host}\"\n  }},\n  \
             \"origin\": \"127.0.0.1\",\n  \"url\": \"{server}/get?b=2&a=1&b=3\"\n}}\n"
        );
        assert_eq!(text, expected);
    });
}

#[test]
fn status_returns_the_requested_code() {
    with_server(|server| {
        for (code, status) in [
            ("200", 200),
            ("418", 418),
            ("503", 503),
            ("100", 400), // not a final response
            ("99", 400),
            ("600", 400),
            ("x", 400),
            ("-1", 400),
        ] {
            assert_eq!(get(&format!("{server}/status/{code}")).0, status, "{code}");
        }
        assert_eq!(get(&format!("{server}/elsewhere")).0, 404);
    });
}

#[test]
fn delay_waits() {
    with_server(|server| {
        let started = std::time::Instant::now();
        let (status, text) = get(&format!("{server}/delay/0.05"));
        assert_eq!(status, 200);
        assert!(text.contains("/delay/0.05"), "{text}");
        assert!(started.elapsed().as_millis() >= 50);
        for nonsense in ["x", "-1", "NaN", "inf"] {
            assert_eq!(get(&format!("{server}/delay/{nonsense}")).0, 400, "{nonsense}");
        }
    });
}

#[test]
fn sigterm_flushes_the_spans() {
    let jaeger = Jaeger::start().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_httpbin"))
        .args(["--listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().nth(1).unwrap();
    assert_eq!(get(url).0, 200);
    let address = url.trim_start_matches("http://").trim_end_matches("/get");
    let status = || Program::new(env!("CARGO_BIN_EXE_httpbin")).arg("status").arg("--listen");
    assert_eq!(status().arg(address).run().unwrap().code, Some(0));

    let terminate = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(terminate.unwrap().success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let traces = jaeger.read_all("httpbin", 2).unwrap();
    assert!(traces.iter().any(|trace| trace.span("GET /get").is_some()), "{traces:#?}");

    let finished = status().arg(address).run().unwrap();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("no httpbin answers at"), "{finished:?}");
}

#[test]
fn invalid_settings_are_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let program = || Program::new(env!("CARGO_BIN_EXE_httpbin"));
    let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    for (program, code, text) in [
        (program().arg("--listen").arg(&address), 1, format!("cannot listen on {address}")),
        (
            program().env("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            2,
            "OTEL_EXPORTER_OTLP_COMPRESSION".to_owned(),
        ),
        (program().env(endpoint, "x"), 2, endpoint.to_owned()),
    ] {
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
        assert!(finished.stderr.contains(&text), "{finished:?}");
    }
}
