//! Packets that claim more than they hold or nest too deep, at every Thrift door: refused and
//! counted, and the next valid one is accepted.

use std::net::UdpSocket;

use jaeger_all_in_one::{AllInOne, Door, Port, Reason};

use crate::support::{Answer, Open, exchange, packets, until};

/// Lengths that no packet of a few bytes can have; the last two are -1 and the smallest integer.
const CLAIMS: [u32; 4] = [0x7fff_ffff, 0x0fff_ffff, 0xffff_ffff, 0x8000_0000];

fn varint(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Compact packets whose text, list, set or map claims this length.
fn compact(claim: u32) -> Vec<Vec<u8>> {
    let head = b"\x82\x81\x00\x09emitBatch".to_vec();
    let claim = varint(claim);
    let bodies = [
        [&b"\x1c\x1c\x18"[..], &claim],                  // the service's name
        [&b"\x1c\x29\xfc"[..], &claim],                  // the list of spans
        [&b"\x1c\x1c\x18\x01a\x19\xfc"[..], &claim],     // the process's tags
        [&b"\x58"[..], &claim],                          // an unknown text
        [&b"\x5a\xf8"[..], &claim],                      // an unknown set
        [&b"\x5b"[..], &[&claim[..], b"\x88"].concat()], // an unknown map
    ];
    bodies.iter().map(|body| [&head[..], &body.concat()].concat()).collect()
}

/// The same for a `Batch` in binary Thrift.
fn binary(claim: u32) -> Vec<Vec<u8>> {
    let claim = claim.to_be_bytes();
    let bodies = [
        &b"\x0c\x00\x01\x0b\x00\x01"[..], // the service's name
        b"\x0f\x00\x02\x0c",              // the list of spans
        b"\x0c\x00\x01\x0f\x00\x02\x0c",  // the process's tags
        b"\x0b\x00\x63",                  // an unknown text
        b"\x0e\x00\x63\x0b",              // an unknown set
        b"\x0d\x00\x63\x0b\x0b",          // an unknown map
    ];
    bodies.iter().map(|body| [body, &claim[..]].concat()).collect()
}

/// Nesting of each kind, so deep that unbounded recursion would overflow the stack.
fn deep_binary() -> [Vec<u8>; 3] {
    [
        (0x0c, &[0x0c, 0, 0x63][..]),      // a struct whose field is a struct
        (0x0f, &[0x0f, 0, 0, 0, 1]),       // a list of a list
        (0x0d, &[3, 0x0d, 0, 0, 0, 1, 7]), // a map from a byte to a map
    ]
    .map(|(kind, level)| [&[kind, 0, 0x63][..], &level.repeat(300_000)].concat())
}

/// The same for a list of Zipkin's spans.
fn zipkin(claim: u32) -> Vec<Vec<u8>> {
    let claim = claim.to_be_bytes();
    let bodies = [
        &b"\x0c"[..],                        // the list of spans
        b"\x0c\0\0\0\x01\x0b\0\x03",         // a name
        b"\x0c\0\0\0\x01\x0f\0\x06\x0c",     // its annotations
        b"\x0c\0\0\0\x01\x0f\0\x08\x0c",     // its tags
        b"\x0c\0\0\0\x01\x0d\0\x63\x0b\x0b", // an unknown map
    ];
    bodies.iter().map(|body| [body, &claim[..]].concat()).collect()
}

fn post_zipkin(jaeger: &AllInOne, body: &[u8]) -> Answer {
    let headers = [("Content-Type", "application/x-thrift")];
    exchange(jaeger.at(Port::Zipkin), "POST", "/api/v1/spans", &headers, body)
}

#[test]
fn claims_in_zipkin_s_thrift_are_refused() {
    let jaeger = AllInOne::start().expect("start");
    let by_udp = jaeger.door(Port::AgentBinary).expect("the door");
    let mut sent = 0;
    for body in CLAIMS.into_iter().flat_map(zipkin) {
        sent += 1;
        assert_eq!(post_zipkin(&jaeger, &body).status, 400);
        let head = b"\x80\x01\x00\x04\x00\x00\x00\x0femitZipkinBatch\x00\x00\x00\x00\x0f\x00\x01";
        send(by_udp, &[&head[..], &body].concat());
    }
    let [span, nested] = [b"\x0c\0\0\0\x01".to_vec(), b"\x0c\0\x63".repeat(300_000)];
    assert_eq!(post_zipkin(&jaeger, &[span, nested].concat()).status, 400);
    let by_http = jaeger.door(Port::Zipkin).expect("the door");
    assert_eq!(by_http.stats().refused(Reason::Malformed), sent + 1);
    assert_eq!(by_udp.stats().refused(Reason::Malformed), sent);
    let good = packets("zipkin-v1-thrift").remove(0);
    assert_eq!(post_zipkin(&jaeger, &good).status, 202);
}

fn message(batch: &[u8]) -> Vec<u8> {
    [&b"\x80\x01\x00\x04\x00\x00\x00\x09emitBatch\x00\x00\x00\x00\x0c\x00\x01"[..], batch].concat()
}

fn send(door: &Door, packet: &[u8]) {
    let before = door.stats().packets;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.send_to(packet, door.address).expect("send");
    until("the packet was taken", || door.stats().packets > before);
}

fn post(jaeger: &AllInOne, body: &[u8]) -> Answer {
    let headers = [("Content-Type", "application/x-thrift")];
    exchange(jaeger.at(Port::Collector), "POST", "/api/traces", &headers, body)
}

#[test]
fn claims_beyond_the_bytes_that_are_there_are_refused() {
    let jaeger = AllInOne::start().expect("start");
    let mut sent = 0;
    let [by_udp, by_udp_binary, by_http] = ["udp-compact", "udp-binary", "http-thrift"]
        .map(|name| jaeger.door(crate::support::named(name)).expect("the door"));
    for claim in CLAIMS {
        for packet in compact(claim) {
            send(by_udp, &packet);
        }
        for batch in binary(claim) {
            sent += 1;
            send(by_udp_binary, &message(&batch));
            assert_eq!(post(&jaeger, &batch).status, 400);
        }
    }
    for door in [by_udp, by_udp_binary, by_http] {
        assert_eq!(door.stats().refused(Reason::Malformed), sent, "{door:?}");
    }
    let good = packets("synth-malformed-http").remove(0);
    assert_eq!(post(&jaeger, &good).status, 202);
}

#[test]
fn nesting_without_end_is_refused_at_each_door() {
    let jaeger = AllInOne::start().expect("start");
    let by_udp = jaeger.door(Port::AgentBinary).expect("the door");
    for batch in deep_binary() {
        let answer = post(&jaeger, &batch);
        assert_eq!(answer.status, 400, "{}", answer.text());
        send(by_udp, &message(&batch[..60_000]));
    }
    assert_eq!(by_udp.stats().refused(Reason::Malformed), 3);
    let good = packets("synth-malformed-http").remove(0);
    assert_eq!(post(&jaeger, &good).status, 202);
}
