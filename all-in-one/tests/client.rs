//! `status`, `tree` and `check` against a Jaeger that has only `/api/v3`, as 2.21 and later.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output;

use support::program::program;

const TRACE: &str = r#"{"result":{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{},"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"buy","kind":2,"startTimeUnixNano":"1000000","endTimeUnixNano":"3500000","status":{}}]}]}]}}"#;

/// A server that knows these paths, up to the query.
fn serve(paths: &'static [(&'static str, u16, &'static str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            answer(client, paths);
        }
    });
    address
}

fn answer(mut client: TcpStream, paths: &[(&str, u16, &str)]) {
    let mut lines = BufReader::new(&client).lines().map_while(Result::ok);
    let target = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = target.split([' ', '?']).nth(1).unwrap_or_default();
    let known = paths.iter().find(|(known, ..)| *known == path);
    let (_, status, body) = known.unwrap_or(&("", 404, "404 page not found\n"));
    let _ = write!(client, "HTTP/1.0 {status} X\r\nContent-Type: application/json\r\n\r\n{body}");
}

fn ask(address: SocketAddr, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = program();
    command.env("QUERY_HTTP_SERVER_HOST_PORT", address.to_string()).args(arguments);
    let Output { status, stdout, stderr } = command.output().expect("run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_jaeger_with_only_v3_is_found_and_asked() {
    let address = serve(&[
        ("/api/v3/services", 200, r#"{"services":["shop"]}"#),
        ("/api/v3/traces", 200, TRACE),
        ("/api/v3/traces/000000000000000a", 200, TRACE),
    ]);
    assert_eq!(ask(address, &["status"]).1, format!("A Jaeger answers on http://{address}\n"));
    let (code, tree, _) = ask(address, &["tree", "a"]);
    let line = "  shop: buy  2.5 ms  [server]\n";
    assert_eq!((code, tree), (Some(0), format!("http://{address}/trace/000000000000000a\n{line}")));
    let (_, list, _) = ask(address, &["tree"]);
    assert!(list.contains("shop: buy  1 span  2.5 ms"), "{list}");
    let (_, json, _) = ask(address, &["tree", "a", "--json"]);
    assert!(json.starts_with(r#"{"data":[{"traceID":"000000000000000a","spans":[{"#), "{json}");
    let file = std::env::temp_dir().join(format!("client-{}.trace", std::process::id()));
    std::fs::write(&file, "shop: buy [server]\n").expect("write");
    let (code, _, said) = ask(address, &["check", file.to_str().expect("a path")]);
    assert!(code == Some(0) && said.contains("as expected (000000000000000a)"), "{said}");
    std::fs::remove_file(file).expect("remove");
}

#[test]
fn a_jaeger_without_traces_has_none() {
    let address = serve(&[
        ("/api/v3/services", 200, r#"{"services":["shop"]}"#),
        ("/api/v3/traces", 404, r#"{"error":{"httpCode":404,"message":"No traces found"}}"#),
    ]);
    assert_eq!(ask(address, &["tree"]).1, format!("no traces yet on http://{address}\n"));
}

#[test]
fn another_server_is_none() {
    const PAGE: &str = "<!doctype html>";
    const PAGES: &[(&str, u16, &str)] =
        &[("/api/services", 200, PAGE), ("/api/v3/services", 200, PAGE)];
    let address = serve(PAGES);
    for arguments in [&["status"][..], &["tree"], &["tree", "a"]] {
        let (code, _, error) = ask(address, arguments);
        assert_eq!((code, error.lines().count()), (Some(1), 1), "{arguments:?}: {error}");
        assert!(error.contains("the server there is not Jaeger"), "{error}");
    }
}
