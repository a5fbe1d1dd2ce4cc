//! Malformed packets: nothing panics, and the next valid packet is accepted.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use jaeger_all_in_one::{AllInOne, MAX_PACKET, Port, Reason};
use support::{Open, Packet, UdpSender, packets};

/// A valid packet after the malformed ones arrives, and everything still works.
fn assert_alive(jaeger: &AllInOne, sender: &mut UdpSender) {
    sender.send_and_wait(&Packet::of("alive").span(0xa11fe, 1, "alive", 1).build());
    assert_eq!(jaeger.stored("alive").len(), 1);
    assert_eq!(support::get(jaeger.at(Port::Query), "/api/services").status, 200);
}

fn recorded() -> Vec<Vec<u8>> {
    let cases = [
        "py-jaeger-client-ok",
        "rust-otel-jaeger",
        "rust-rustracing-compact",
        "py-jaeger-client-shared",
        "synth-references",
    ];
    let first = |case: &&str| packets(case).into_iter().next();
    cases.iter().filter_map(first).collect()
}

#[test]
fn every_truncation_of_a_real_packet_is_survived() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    let mut cut = 0;
    for packet in recorded() {
        // Without the last byte, which ends the arguments, the packet is incomplete too.
        for length in 0..packet.len() {
            sender.send(&packet[..length]);
            cut += 1;
        }
    }
    sender.wait();
    let stats = jaeger.agent_stats();
    assert_eq!(stats.refused(Reason::Malformed) + stats.refused(Reason::Empty), cut, "{stats:?}");
    assert_eq!(stats.spans, 0, "half a packet is no packet");
    assert_alive(&jaeger, &mut sender);
}

#[test]
fn every_bit_flip_of_a_real_packet_is_survived() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for packet in recorded().into_iter().filter(|packet| packet.len() < 1_000) {
        for bit in 0..packet.len() * 8 {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            sender.send(&flipped);
        }
    }
    sender.wait();
    assert_alive(&jaeger, &mut sender);
    // Everything that was stored can be shown.
    let services = jaeger.store().services();
    let ids: BTreeSet<_> =
        services.iter().flat_map(|service| jaeger.stored(service)).map(|t| t.id).collect();
    assert!(ids.len() > 100, "flips of the ids alone make more traces than {}", ids.len());
    for id in ids {
        let path = format!("/api/traces/{id}");
        assert_eq!(support::get(jaeger.at(Port::Query), &path).status, 200, "{path}");
    }
}

#[test]
fn the_largest_packet_is_taken_and_a_larger_one_is_counted() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    // The length of the name is a varint of three bytes; the rest of the packet is measured.
    let around = Packet::of("large").span(1, 1, &"x".repeat(20_000), 1).build().len() - 20_000;
    let sized = |size: usize| {
        let packet = Packet::of("large").span(1, 1, &"x".repeat(size - around), 1).build();
        assert_eq!(packet.len(), size);
        packet
    };
    sender.send_and_wait(&sized(MAX_PACKET));
    assert_eq!(jaeger.agent_stats().spans, 1);
    sender.send_and_wait(&sized(MAX_PACKET + 1));
    sender.send_and_wait(&sized(65_507));
    let stats = jaeger.agent_stats();
    assert_eq!(
        (stats.spans, stats.refused(Reason::TooLarge), stats.refused(Reason::Malformed)),
        (1, 2, 0)
    );
    assert_alive(&jaeger, &mut sender);
}

#[test]
fn nothing_and_no_spans_are_no_errors() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    sender.send_and_wait(b"");
    sender.send_and_wait(&Packet::of("none").build());
    let stats = jaeger.agent_stats();
    assert_eq!(
        (stats.packets, stats.refused(Reason::Empty), stats.refused(Reason::Malformed)),
        (2, 1, 0)
    );
    assert!(jaeger.store().services().is_empty());
    assert_alive(&jaeger, &mut sender);
}

#[test]
fn deep_nesting_and_large_claims_are_refused() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    let head = b"\x82\x81\x00\x09emitBatch";
    let bodies: [Vec<u8>; 8] = [
        [0x5c].repeat(60_000),                                 // structs in structs
        [b"\x59".to_vec(), [0x19].repeat(60_000)].concat(),    // lists in lists
        [b"\x5b".to_vec(), [1, 0xbb].repeat(30_000)].concat(), // maps in maps
        b"\x1c\x29\xfc\xff\xff\xff\xff\x07".to_vec(),          // 2^31 - 1 spans
        b"\x1c\x1c\x18\xff\xff\xff\xff\x0f".to_vec(),          // a name of 2^32 - 1 bytes
        b"\x1c\x1c\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(), // of -1
        b"\x5b\xff\xff\xff\xff\x0f\x88".to_vec(),              // a map of 2^32 - 1 entries
        b"\x1c\x1c\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80".to_vec(), // an endless varint
    ];
    let count = bodies.len() as u64;
    for body in bodies {
        sender.send_and_wait(&[&head[..], &body].concat());
    }
    assert_eq!(jaeger.agent_stats().refused(Reason::Malformed), count);
    assert_alive(&jaeger, &mut sender);
}

#[test]
fn an_invalid_service_name_is_survived() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    let mut packet = Packet::of("svc?").span(0x43, 1, "op", 1_000_000).build();
    let at = packet.iter().position(|byte| *byte == b'?').expect("the mark");
    packet[at] = 0xff;
    sender.send_and_wait(&packet);
    assert_eq!(jaeger.stored("svc\u{fffd}").len(), 1);
    assert_alive(&jaeger, &mut sender);
}

#[tokio::test]
async fn the_packets_before_a_stop_are_not_lost() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    sender.send(&Packet::of("last").span(1, 1, "words", 1).build());
    let (store, agent) = (std::sync::Arc::clone(jaeger.store()), jaeger.at(Port::AgentCompact));
    jaeger.shutdown().await;
    assert_eq!(store.span_count("last"), 1);
    assert!(std::net::UdpSocket::bind(agent).is_ok(), "the port is free again");
}
