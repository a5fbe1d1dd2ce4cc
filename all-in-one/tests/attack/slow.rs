//! Slow clients and idle connections: others are still served.

use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

use jaeger_all_in_one::{AllInOne, Port};

#[cfg(unix)]
use crate::support::program::{Running, program};
use crate::support::{Open, PATIENCE, exchange, get, grpc};

/// Opens `each` connections to each TCP port, and sends these bytes on each.
fn open(jaeger: &AllInOne, each: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let doors = jaeger.doors().iter().filter(|door| !door.port.is_udp()).map(|door| door.address);
    let ports = doors.chain([jaeger.at(Port::Query), jaeger.at(Port::Admin)]);
    let mut open = Vec::new();
    for port in ports {
        for _ in 0..each {
            let mut stream = TcpStream::connect(port).expect("connect");
            stream.write_all(bytes).expect("send");
            open.push(stream);
        }
    }
    open
}

/// Every request is answered soon.
fn assert_served(jaeger: &AllInOne) {
    let begin = Instant::now();
    assert_eq!(get(jaeger.at(Port::Query), "/api/services").status, 200);
    assert_eq!(get(jaeger.at(Port::Admin), "/metrics").status, 200);
    assert_eq!(get(jaeger.at(Port::Sampling), "/sampling?service=a").status, 200);
    let json = [("Content-Type", "application/json")];
    for (port, path, body) in [
        (jaeger.at(Port::OtlpHttp), "/v1/traces", &b"{}"[..]),
        (jaeger.at(Port::Zipkin), "/api/v2/spans", b"[]"),
    ] {
        let status = exchange(port, "POST", path, &json, body).status;
        assert!(matches!(status, 200 | 202), "{path}: {status}");
    }
    let post = "/jaeger.api_v2.CollectorService/PostSpans";
    grpc::call(jaeger.at(Port::CollectorGrpc), post, b"").expect("an answer");
    let export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    grpc::call(jaeger.at(Port::OtlpGrpc), export, b"").expect("an answer");
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
}

/// Half of the connections end in another process: a process may often have 1,024 files.
#[cfg(unix)]
#[test]
fn five_hundred_idle_connections_do_not_stop_a_good_one() {
    let running = Running::start(&mut program());
    let ports = ["query API", "Thrift over HTTP", "OTLP/HTTP", "OTLP/gRPC", "Jaeger's gRPC"];
    let mut open = Vec::new();
    for port in ports.map(|takes| running.door(takes)) {
        open.extend((0..100).map(|_| TcpStream::connect(port).expect("connect")));
    }
    let begin = Instant::now();
    assert_eq!(get(running.address(), "/api/services").status, 200);
    let export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    grpc::call(running.door("OTLP/gRPC"), export, b"").expect("an answer");
    let json = [("Content-Type", "application/json")];
    let otlp = running.door("OTLP/HTTP");
    assert_eq!(exchange(otlp, "POST", "/v1/traces", &json, b"{}").status, 200);
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    drop(open);
}

#[test]
fn idle_connections_to_every_port_do_not_stop_others() {
    let jaeger = AllInOne::start().expect("start");
    let open = open(&jaeger, 20, b"");
    assert_served(&jaeger);
    drop(open);
}

#[test]
fn half_a_request_does_not_stop_a_whole_one() {
    let jaeger = AllInOne::start().expect("start");
    let http = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    let open: Vec<_> =
        [&http[..30], http, b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
            .iter()
            .flat_map(|bytes| open(&jaeger, 10, bytes))
            .collect();
    assert_served(&jaeger);
    drop(open);
}

#[tokio::test]
async fn slow_connections_do_not_hold_up_the_end() {
    let jaeger = AllInOne::start().expect("start");
    let open = open(&jaeger, 5, b"PRI * HTTP/2.0\r\n");
    let begin = Instant::now();
    jaeger.shutdown().await;
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    drop(open);
}
