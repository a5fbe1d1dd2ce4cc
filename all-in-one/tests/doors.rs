//! The doors other than compact Thrift over UDP: what each accepts and refuses, and that malformed
//! input does no harm.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Instant;

use jaeger_all_in_one::{AllInOne, Config, Door, MAX_BODY, MAX_MESSAGE, Port, Reason};
use support::{Open, Packet, exchange, get, packets, until};
use tonic::Code;

const POST_SPANS: &str = "/jaeger.api_v2.CollectorService/PostSpans";
const THRIFT: &[(&str, &str)] = &[("Content-Type", "application/x-thrift")];

fn door<'a>(jaeger: &'a AllInOne, name: &str) -> &'a Door {
    jaeger.door(support::named(name)).unwrap_or_else(|| panic!("no door {name}"))
}

/// Sends a datagram and waits until it was received: UDP itself would lose some of many.
fn send(door: &Door, packet: &[u8]) {
    let before = door.stats().packets;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.send_to(packet, door.address).expect("send");
    until("the packet was taken", || door.stats().packets > before);
}

fn spans(jaeger: &AllInOne) -> u64 {
    jaeger.doors().iter().map(|door| door.stats().spans).sum()
}

/// Every copy of the bytes with one bit flipped.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

/// Everything that was stored can be shown.
fn assert_shown(jaeger: &AllInOne) {
    for service in jaeger.store().services() {
        for trace in jaeger.stored(&service) {
            let path = format!("/api/traces/{}", trace.id);
            assert_eq!(get(jaeger.at(Port::Query), &path).status, 200, "{path}");
        }
    }
}

#[test]
fn binary_packets_survive_truncations_and_bit_flips() {
    let jaeger = AllInOne::start().expect("start");
    let door = door(&jaeger, "udp-binary");
    let [packet, other] = &packets("node-jaeger-client-udp")[..] else { panic!("two packets") };
    // Without the last byte, which ends the arguments, the packet is incomplete too.
    for length in (1..packet.len()).step_by(17).chain(packet.len() - 64..packet.len()) {
        send(door, &packet[..length]);
    }
    assert_eq!(door.stats().spans, 0, "half a packet is no packet");
    for flipped in flips(&packet[..packet.len().min(600)]).step_by(11) {
        send(door, &[&flipped, &packet[flipped.len()..]].concat());
    }
    assert_shown(&jaeger);
    let before = door.stats().spans;
    send(door, other);
    assert!(door.stats().spans > before, "the next good packet is taken");
}

#[test]
fn a_packet_at_the_wrong_door_is_counted_as_such() {
    let jaeger = AllInOne::start().expect("start");
    let compact = Packet::of("wrong").span(1, 1, "op", 1).build();
    let binary = packets("node-jaeger-client-udp").remove(0);
    let http = b"POST /api/traces HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let json = br#"{"resourceSpans":[]}"#;
    for (name, wrong) in [("udp-compact", &binary), ("udp-binary", &compact)] {
        let door = door(&jaeger, name);
        for packet in [&wrong[..], http, json, b"\x16\x03\x01hello, world"] {
            send(door, packet);
        }
        let stats = door.stats();
        assert_eq!((stats.refused(Reason::Unsupported), stats.spans), (4, 0), "{name}: {stats:?}");
    }
}

#[test]
fn every_port_of_the_agent_takes_zipkin_s_spans_and_jaeger_s() {
    let jaeger = AllInOne::start().expect("start");
    let door = door(&jaeger, "udp-zipkin");
    assert_eq!(door.address, jaeger.at(Port::AgentZipkin));
    send(door, b"\x82\x81\x00\x0femitZipkinBatch\x19\x0c\x00"); // an empty list
    send(door, b"\x82\x81\x00\x0femitZipkinBatch\x00");
    let stats = door.stats();
    assert_eq!((stats.packets, stats.refused(Reason::Malformed)), (2, 1), "{stats:?}");
    send(door, &Packet::of("old").span(1, 1, "op", 1).build());
    assert_eq!(jaeger.stored("old").len(), 1);
}

#[test]
fn a_method_that_the_agent_does_not_have_is_counted() {
    let jaeger = AllInOne::start().expect("start");
    let door = door(&jaeger, "udp-compact");
    send(door, b"\x82\x81\x00\x04ping\x00");
    send(door, b"\x82\x41\x00\x09emitBatch\x00"); // a reply
    let stats = door.stats();
    let refused = (stats.refused(Reason::Unsupported), stats.refused(Reason::Malformed));
    assert_eq!(refused, (1, 1), "{stats:?}");
}

#[test]
fn a_body_beyond_the_limit_is_refused_and_the_next_taken() {
    let jaeger = AllInOne::start().expect("start");
    let address = jaeger.at(Port::Collector);
    let good = packets("synth-malformed-http").remove(0);
    let padded = |size| [&good[..], &vec![0; size - good.len()]].concat();
    let at_the_limit = padded(MAX_BODY);
    assert_eq!(exchange(address, "POST", "/api/traces", THRIFT, &at_the_limit).status, 202);
    let beyond = format!("{}", MAX_BODY + 1);
    assert_eq!(announced(address, &beyond, &padded(MAX_BODY + 1)), "413");
    assert_eq!(exchange(address, "POST", "/api/traces", THRIFT, &good).status, 202);
    let stats = door(&jaeger, "http-thrift").stats();
    assert_eq!((stats.spans, stats.refused(Reason::TooLarge)), (2, 1), "{stats:?}");
}

/// The status of the answer to a body of this length, read while the body is still being sent.
fn announced(address: SocketAddr, length: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(support::PATIENCE)).expect("timeout");
    let head = format!(
        "POST /api/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-thrift\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("send");
    let mut writer = stream.try_clone().expect("a second handle");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = writer.write_all(body);
        });
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("an answer");
        String::from_utf8_lossy(&status[9..]).into_owned()
    })
}

#[test]
fn spans_are_taken_under_any_name() {
    let jaeger = AllInOne::start().expect("start");
    // As Envoy sends them, and a machine whose /etc/hosts names 127.0.0.1.
    let headers = [("Host", "zipkin"), ("Content-Type", "application/x-thrift")];
    let good = packets("synth-malformed-http").remove(0);
    let answer = exchange(jaeger.at(Port::Collector), "POST", "/api/traces", &headers, &good);
    assert_eq!(answer.status, 202);
    assert!(spans(&jaeger) > 0);
    let zipkin = br#"[{"traceId": "00000000000000aa", "id": "00000000000000bb", "name": "buy"}]"#;
    let headers = [("Host", "zipkin"), ("Content-Type", "application/json")];
    let answer = exchange(jaeger.at(Port::Zipkin), "POST", "/api/v2/spans", &headers, zipkin);
    assert_eq!(answer.status, 202);
    let sampling = jaeger.at(Port::Sampling);
    assert_eq!(exchange(sampling, "GET", "/sampling?service=a", &headers, b"").status, 200);
}

#[test]
fn bodies_survive_truncations_and_bit_flips() {
    let jaeger = AllInOne::start().expect("start");
    let address = jaeger.at(Port::Collector);
    let good = packets("synth-malformed-http").remove(0);
    for length in 0..good.len() {
        let answer = exchange(address, "POST", "/api/traces", THRIFT, &good[..length]);
        assert_eq!(answer.status, 400, "{length}: {}", answer.text());
        assert!(answer.text().starts_with("Unable to process request body: "), "{}", answer.text());
    }
    for flipped in flips(&good) {
        let status = exchange(address, "POST", "/api/traces", THRIFT, &flipped).status;
        assert!(matches!(status, 202 | 400), "{status}");
    }
    assert_shown(&jaeger);
    let before = spans(&jaeger);
    assert_eq!(exchange(address, "POST", "/api/traces", THRIFT, &good).status, 202);
    assert_eq!(spans(&jaeger), before + 1);
}

#[test]
fn what_the_answer_repeats_of_a_request_is_escaped() {
    let jaeger = AllInOne::start().expect("start");
    let kind = [("Content-Type", "a'&b/c")];
    let answer = exchange(jaeger.at(Port::Collector), "POST", "/api/traces", &kind, b"");
    assert_eq!(answer.text(), "Unsupported Content-Type: a&#39;&amp;b/c\n");
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
}

#[tokio::test]
async fn a_message_beyond_the_limit_leaves_the_connection_usable() {
    let jaeger = AllInOne::start().expect("start");
    let mut client = support::grpc::connect(jaeger.at(Port::CollectorGrpc)).await;
    let good = packets("py-otel-jaeger-proto-grpc").remove(0);
    // An unknown field fills the message up to the limit, or one byte beyond it.
    let filled = |size: usize| {
        let mut message = good.clone();
        let fill = size - good.len() - 5;
        message.extend([0x7a, fill as u8 | 0x80, (fill >> 7) as u8 | 0x80]);
        message.extend([(fill >> 14) as u8 | 0x80, (fill >> 21) as u8]);
        message.resize(size, 0);
        message
    };
    for (size, code) in [
        (MAX_MESSAGE, Code::Ok),
        (MAX_MESSAGE + 1, Code::ResourceExhausted),
        (good.len() + 5, Code::Ok),
    ] {
        let answer = support::grpc::unary(&mut client, POST_SPANS, &filled(size)).await;
        assert_eq!(answer.map_or_else(|status| status.code(), |_| Code::Ok), code, "{size}");
    }
    let stats = door(&jaeger, "grpc-jaeger").stats();
    assert_eq!((stats.packets, stats.refused(Reason::TooLarge)), (3, 1), "{stats:?}");
    jaeger.shutdown().await;
}

#[tokio::test]
async fn messages_survive_truncations_and_bit_flips() {
    let jaeger = AllInOne::start().expect("start");
    let mut client = support::grpc::connect(jaeger.at(Port::CollectorGrpc)).await;
    let good = packets("py-otel-jaeger-proto-grpc").remove(1);
    let cut = (1..good.len()).step_by(5).map(|length| good[..length].to_vec());
    for message in cut.chain(flips(&good).step_by(37)) {
        let answer = support::grpc::unary(&mut client, POST_SPANS, &message).await;
        if let Err(status) = answer {
            assert_eq!(status.code(), Code::Internal, "{status}");
            assert!(status.message().len() <= 200, "{status}");
        }
    }
    assert_shown(&jaeger);
    let before = spans(&jaeger);
    support::grpc::unary(&mut client, POST_SPANS, &good).await.expect("the next good message");
    assert!(spans(&jaeger) > before);
}

#[test]
fn a_call_of_something_else_says_that_it_is_not_there() {
    let jaeger = AllInOne::start().expect("start");
    for (method, text) in [
        ("/jaeger.api_v2.QueryService/GetTrace", "unknown service jaeger.api_v2.QueryService"),
        (
            "/jaeger.api_v2.CollectorService/GetSpans",
            "unknown method GetSpans for service jaeger.api_v2.CollectorService",
        ),
    ] {
        let status = support::grpc::call(jaeger.at(Port::CollectorGrpc), method, b"");
        let status = status.expect_err(method);
        assert_eq!((status.code(), status.message()), (Code::Unimplemented, text));
    }
}

#[tokio::test]
async fn open_connections_do_not_hold_up_the_end() {
    let jaeger = AllInOne::start().expect("start");
    let client = support::grpc::connect(jaeger.at(Port::CollectorGrpc)).await;
    let idle = TcpStream::connect(jaeger.at(Port::Collector)).expect("connect");
    let mut half = TcpStream::connect(jaeger.at(Port::Collector)).expect("connect");
    half.write_all(b"POST /api/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        .expect("send");
    let begin = Instant::now();
    jaeger.shutdown().await;
    assert!(begin.elapsed() < support::PATIENCE / 2, "{:?}", begin.elapsed());
    drop((client, idle, half));
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let first = AllInOne::start().expect("start");
    for port in Port::ALL {
        let config = Config::ephemeral().listen(port, first.at(port).port());
        let error = AllInOne::start_with(config).expect_err(port.flag()).to_string();
        assert!(error.contains("is in use") && error.contains(port.flag()), "{error}");
    }
}

/// A field in binary Thrift.
fn field(kind: u8, id: u8, value: &[u8]) -> Vec<u8> {
    [&[kind, 0, id], value].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

#[test]
fn a_large_body_is_taken_whole_or_not_at_all() {
    const COUNT: u32 = 20_000;
    let jaeger = AllInOne::start().expect("start");
    let post = |body: &[u8]| {
        exchange(jaeger.at(Port::Collector), "POST", "/api/traces", THRIFT, body).status
    };
    let tag = [field(11, 1, &text("key")), field(8, 2, &[0; 4]), field(11, 3, &text("value"))];
    let tags = [&[12, 0, 0, 0, 1][..], &tag.concat(), &[0]].concat();
    let process = [field(11, 1, &text("many")), field(15, 2, &tags), vec![0]].concat();
    let mut spans = [&[12][..], &COUNT.to_be_bytes()].concat();
    for id in 0..u64::from(COUNT) {
        let id = (id + 1).to_be_bytes();
        for number in [1, 2, 3, 4] {
            spans.extend(field(10, number, if number == 3 { &id } else { &[7; 8] }));
        }
        spans.extend([field(11, 5, &text("op")), field(8, 7, &[0; 4])].concat());
        spans.extend([field(10, 8, &[0; 8]), field(10, 9, &[0; 8]), vec![0]].concat());
    }
    let (process, spans) = (field(12, 1, &process), field(15, 2, &spans));
    // The process may follow its spans.
    for (number, body) in [[&*process, &spans, &[0]], [&*spans, &process, &[0]]].iter().enumerate()
    {
        let body = body.concat();
        let before = number * COUNT as usize;
        assert_eq!(post(&body[..body.len() - 10]), 400);
        assert_eq!(jaeger.usage().spans, before, "its end is missing");
        assert_eq!(post(&body), 202);
        assert_eq!(jaeger.usage().spans, before + COUNT as usize);
    }
    let trace = jaeger.stored("many").remove(0);
    assert_eq!(trace.spans.len(), 2 * COUNT as usize);
    assert!(trace.spans.iter().all(|span| span.process.tag("key").is_some()));
}
