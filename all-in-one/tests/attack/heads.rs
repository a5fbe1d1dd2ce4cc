//! Request heads that are too large, contradict themselves or name another host, at every HTTP
//! port.

use std::net::SocketAddr;

use jaeger_all_in_one::{AllInOne, Config, Port};

use crate::support::{Open, get, request, send_raw};

fn http_ports(jaeger: &AllInOne) -> [SocketAddr; 6] {
    [
        jaeger.at(Port::Query),
        jaeger.at(Port::Admin),
        jaeger.at(Port::Sampling),
        jaeger.at(Port::Collector),
        jaeger.at(Port::OtlpHttp),
        jaeger.at(Port::Zipkin),
    ]
}

/// The status of the answer to these bytes, or `None` where the connection was closed.
fn status(address: SocketAddr, bytes: &[u8]) -> Option<u16> {
    let line = String::from_utf8_lossy(&send_raw(address, bytes)).into_owned();
    line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

#[test]
fn heads_beyond_the_limit_are_refused() {
    let jaeger = AllInOne::start().expect("start");
    let huge = format!(
        "GET / HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n{}\r\n",
        "X: x\r\n".repeat(10_000)
    );
    let long = format!(
        "GET /{} HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\r\n",
        "x".repeat(100_000)
    );
    for port in http_ports(&jaeger) {
        for (what, head) in
            [("a huge header", &huge), ("10,000 headers", &many), ("a long path", &long)]
        {
            let status = status(port, head.as_bytes());
            assert!(status.is_none_or(|status| matches!(status, 400..500)), "{what}: {status:?}");
        }
    }
    assert_eq!(get(jaeger.at(Port::Query), "/api/services").status, 200);
}

#[test]
fn a_request_cannot_hide_within_another() {
    let jaeger = AllInOne::start().expect("start");
    for (what, head) in [
        ("two lengths", "Content-Length: 0\r\nContent-Length: 30\r\n"),
        ("a length that is none", "Content-Length: +3\r\n"),
        ("a negative length", "Content-Length: -1\r\n"),
        ("a list of lengths", "Content-Length: 0, 30\r\n"),
        ("an unknown coding", "Transfer-Encoding: chunked, x\r\n"),
        ("a folded line", "X: a\r\n b\r\n"),
        ("a space before the colon", "Content-Length : 3\r\n"),
    ] {
        for port in http_ports(&jaeger) {
            let request = format!(
                "POST /api/traces HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n{head}\r\n"
            );
            let status = status(port, request.as_bytes());
            assert!(status.is_none_or(|status| status == 400), "{what} at {port}: {status:?}");
        }
    }
}

#[test]
fn a_foreign_host_reads_nothing() {
    let jaeger = AllInOne::start().expect("start");
    let reading = [jaeger.at(Port::Query), jaeger.at(Port::Admin)];
    for port in http_ports(&jaeger) {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", ""] {
            let answer = request(port, "GET", "/", &[("Host", host)]);
            // A port for spans has nothing to read, and clients use any name of it.
            assert_eq!(answer.status == 403, reading.contains(&port), "{host} at {port}");
        }
        for host in ["localhost", "jaeger.localhost:1", "0.0.0.0", "10.0.0.1:80", "[::1]"] {
            let own = request(port, "GET", "/", &[("Host", host)]);
            assert_ne!(own.status, 403, "{host} at {port}");
        }
    }
    let why = request(reading[0], "GET", "/", &[("Host", "evil.example:80")]).text();
    for part in ["\"evil.example\"", "--allowed-hosts", "JAEGER_ALLOWED_HOSTS"] {
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn further_names_are_a_setting() {
    let config = Config::ephemeral().allowed_hosts(["jaeger.test", "*.example.com"]);
    let jaeger = AllInOne::start_with(config).expect("start");
    for port in [Port::Query, Port::Admin] {
        for (host, status) in
            [("Jaeger.test:80", 200), ("a.b.example.com", 200), ("example.com", 403)]
        {
            let answer = request(jaeger.at(port), "GET", "/metrics", &[("Host", host)]);
            assert_eq!(answer.status, status, "{host} at {port}");
        }
    }
}

#[test]
fn no_port_lets_the_pages_of_others_read() {
    let jaeger = AllInOne::start().expect("start");
    for port in http_ports(&jaeger) {
        if port == jaeger.at(Port::Zipkin) {
            continue; // every page may send to it, as in Jaeger, and nothing is there to read
        }
        for method in ["GET", "OPTIONS", "POST"] {
            let headers =
                [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")];
            let answer = request(port, method, "/api/services", &headers);
            let allowed = answer
                .headers
                .iter()
                .find(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-allow"));
            assert_eq!(allowed, None, "{method} at {port}");
        }
    }
}
